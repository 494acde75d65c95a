"""Gates, first match, drop, the implicit accept, names, and what can't be known."""

from __future__ import annotations

from typing import Any

import pytest

from proccli.agent.first_match import mask_safe_key
from proccli.model.process import Environment, FieldError, Process
from tests.build import NOW_S, UNKNOWN_TAGS, Machine, config, host, process, rule, tag_table


def decided(item: Process, *rules: Any, **fields: Any) -> tuple[str, str, str | None]:
    """Status, reason and name of a process under some rules."""
    outcome = Machine([item], config(*rules, **fields)).outcome(item.pid)
    return outcome.status, outcome.reason, outcome.gprocess


PYTHON = process(7, "/usr/bin/python3", "/opt/shop/app.py", "--port", "80")


def test_without_a_hit_the_agents_own_last_rule_accepts() -> None:
    assert decided(PYTHON, ("nginx",)) == ("accepted", "implicit-accept", "python3")


def test_the_first_rule_that_hits_decides() -> None:
    machine = Machine([PYTHON], config(("nginx",), ("python", "cmdline", "drop"), ("python3",)))

    outcome = machine.outcome(7)

    assert (outcome.status, outcome.reason, outcome.hits) == ("dropped", "rule", (2,))
    assert outcome.gprocess is None


def test_a_rewrite_keeps_what_stands_around_the_match() -> None:
    rules = (r"python3 (.*)\.py", "cmdline", "accept", "$1-py-script")

    assert decided(PYTHON, rules)[2] == "/usr/bin//opt/shop/app-py-script --port 80"


def test_a_rewrite_replaces_every_match() -> None:
    assert decided(process(1, "aXbX"), ("X", "process_name", "accept", "-"))[2] == "a-b-"


def test_the_rewritten_name_may_be_empty() -> None:
    assert decided(process(1, "nginx"), (".*", "", "accept", "$9"))[2] == ""


def test_a_cmdline_hit_without_rewrite_keeps_the_process_name() -> None:
    assert decided(PYTHON, (r"app\.py", "cmdline"))[2] == "python3"


@pytest.mark.parametrize("match_type", ["parent_process_name", "tag"])
def test_rewrite_name_is_ignored_for_parents_and_tags(match_type: str) -> None:
    processes = [process(1, "init"), process(7, "shop", ppid=1)]
    machine = Machine(
        processes,
        config((".", match_type, "accept", "other")),
        tags=tag_table({7: [("owner", "alice")]}),
    )

    assert machine.outcome(7).gprocess == "shop"
    assert machine.outcome(7).reason == "rule"


def test_ancestors_are_tried_by_their_own_names_at_any_depth() -> None:
    processes = [process(1, "nginx")]
    processes += [process(pid, "sh", ppid=pid - 1) for pid in range(2, 40)]
    rules = config(("nginx", "parent_process_name", "drop"), ("nginx", "", "accept", "renamed"))
    machine = Machine(processes, rules)

    assert machine.outcome(39).status == "dropped"
    assert machine.outcome(1).gprocess == "renamed"


def test_the_walk_ends_at_a_parent_without_a_command_line() -> None:
    processes = [process(1, "nginx"), process(2, ppid=1), process(3, "sh", ppid=2)]

    machine = Machine(processes, config(("nginx", "parent_process_name", "drop")))

    assert machine.outcome(2).reason == "no-cmdline"
    assert machine.outcome(3).status == "accepted"


def test_a_cycle_of_parents_ends_at_the_process_itself() -> None:
    circle = [process(1, "a", ppid=2), process(2, "b", ppid=1)]

    machine = Machine(circle, config(("^a$", "parent_process_name", "drop")))

    assert machine.outcome(1).status == "dropped"


def test_a_hidden_parent_is_not_an_absent_one() -> None:
    orphan = process(5, "sh", ppid=4)
    rules = config(("nginx", "parent_process_name", "drop"))

    assert Machine([orphan], rules).outcome(5).status == "accepted"
    hidden = Machine([orphan], rules, at=host(sees_all=False, privileged=False)).outcome(5)
    assert (hidden.status, hidden.reason) == ("unknown", "unreadable")


def test_a_tag_rule_sees_own_tags_only_pair_by_pair() -> None:
    processes = [process(1, "init"), process(7, "shop", ppid=1)]
    rules = config(("^owner:alice$", "tag", "drop"))
    own = tag_table({7: [("team", "x"), ("owner", "alice")]})
    inherited = tag_table({1: [("owner", "alice")]})

    assert Machine(processes, rules, tags=own).outcome(7).status == "dropped"
    assert Machine(processes, rules, tags=inherited).outcome(7).status == "accepted"


def test_a_tag_rule_without_known_tags_is_unknown_unless_an_earlier_rule_decides() -> None:
    rules = config(("sleep",), ("owner", "tag", "drop"))
    processes = [process(1, "sleep"), process(2, "shop")]
    machine = Machine(processes, rules, tags=UNKNOWN_TAGS)

    assert machine.outcome(1).status == "accepted"
    outcome = machine.outcome(2)
    assert (outcome.status, outcome.reason, outcome.rule) == ("unknown", "tags-unknown", None)


def test_a_rule_that_the_agent_throws_away_never_matches() -> None:
    broken = rule(1, "nginx(?!x)", action="drop", problem="look-around is not supported")

    assert decided(process(1, "nginx"), broken) == ("accepted", "implicit-accept", "nginx")


@pytest.mark.parametrize(
    ("age_s", "reason"),
    [(4, "implicit-accept"), (3, "implicit-accept"), (2, "min-lifetime"), (0, "min-lifetime")],
)
def test_the_minimum_lifetime_is_reached_at_its_last_second(age_s: int, reason: str) -> None:
    young = process(1, "sleep", starttime_ticks=0)

    outcome = Machine([young], config(), at=host(boot_time_s=NOW_S - age_s)).outcome(1)

    assert outcome.reason == reason
    assert outcome.uptime_s == outcome.agent_uptime_s == age_s


def test_a_start_in_the_future_is_skipped_even_with_no_minimum() -> None:
    machine = Machine(
        [process(1, "x", starttime_ticks=0)],
        config(min_lifetime_s=0),
        at=host(boot_time_s=NOW_S + 5),
    )

    outcome = machine.outcome(1)

    assert (outcome.reason, outcome.uptime_s) == ("future-start", -5)


def test_a_missing_stat_counts_as_old_enough_without_parent() -> None:
    error = FieldError(field="stat", problem="missing", detail="ENOENT")
    bare = Process(pid=3, cmdline=b"x\0", uid=0, errors=(error,))

    outcome = Machine([bare], config()).outcome(3)

    assert (outcome.status, outcome.start_s) == ("accepted", None)


@pytest.mark.parametrize(
    ("problem", "privileged", "status"),
    [
        ("gone", True, "skipped"),
        ("gone", False, "skipped"),
        ("denied", True, "skipped"),
        ("denied", False, "unknown"),
        ("malformed", False, "skipped"),
    ],
)
def test_what_root_could_read_is_unknown_and_the_rest_is_skipped(
    problem: Any, privileged: bool, status: str
) -> None:
    error = FieldError(field="cmdline", problem=problem, detail="")
    unread = Process(pid=9, uid=0, errors=(error,))

    outcome = Machine([unread], config(), at=host(privileged=privileged)).outcome(9)

    assert (outcome.status, outcome.reason) == (status, "unreadable")


@pytest.mark.parametrize(
    ("cmdline", "reason"),
    [(b"", "no-cmdline"), (b"\xff\0", "cmdline-not-utf8"), (b"/\0x\0", "no-name")],
)
def test_processes_that_the_agent_does_not_know_never_reach_a_rule(
    cmdline: bytes, reason: str
) -> None:
    outcome = Machine([process(1, cmdline=cmdline)], config((".*",))).outcome(1)

    assert (outcome.status, outcome.reason, outcome.hits) == ("skipped", reason, ())


class TestMasks:
    """Masked texts: certain where no filling could change the answer, else unknown."""

    ITEM = process(1, "shop", "--password=***", "--env=prod", masked_spans=((16, 19),))

    def test_a_hit_outside_the_mask_is_certain(self) -> None:
        assert decided(self.ITEM, ("--env=prod", "cmdline", "drop"))[0] == "dropped"

    def test_a_pattern_that_no_filling_can_satisfy_is_a_certain_miss(self) -> None:
        assert decided(self.ITEM, ("^nginx", "cmdline", "drop"))[0] == "accepted"

    def test_a_pattern_that_the_mask_could_satisfy_is_unknown(self) -> None:
        assert decided(self.ITEM, ("hunter2", "cmdline", "drop"))[:2] == ("unknown", "masked")

    def test_a_name_made_from_a_masked_text_is_unknown(self) -> None:
        rules = ("--env=(.*)", "cmdline", "accept", "$1")
        assert decided(self.ITEM, rules)[:2] == ("unknown", "masked")

    def test_what_was_proven_when_the_mask_was_made_is_certain(self) -> None:
        proof = mask_safe_key("cmdline", "hunter2", None)
        proven = self.ITEM._replace(mask_safe=frozenset({proof}))

        assert decided(proven, ("hunter2", "cmdline", "drop"))[0] == "accepted"
        assert decided(proven, ("hunter3", "cmdline", "drop"))[0] == "unknown"
        assert decided(proven, ("hunter2",))[0] == "accepted"

    def test_a_proven_rewrite_gives_the_name(self) -> None:
        rules = ("^.*--env=(.*)$", "cmdline", "accept", "$1")
        pattern = rules[0]
        matches = mask_safe_key("cmdline", pattern, None)
        rewrites = mask_safe_key("cmdline", pattern, "$1")

        assert decided(self.ITEM._replace(mask_safe=frozenset({matches})), rules)[0] == "unknown"
        both = self.ITEM._replace(mask_safe=frozenset({matches, rewrites}))
        assert decided(both, rules) == ("accepted", "rule", "prod")

    def test_the_process_name_is_not_touched(self) -> None:
        assert decided(self.ITEM, ("^shop$", "", "accept", "S"))[2] == "S"


class TestEnvironment:
    """%NAME% in rewrite-name."""

    RULES = config(("nginx", "", "accept", "$0-%HOSTNAME%"))

    def name(self, values: dict[str, str], *, complete: bool = True) -> str | None:
        environment = Environment(values=values, complete=complete, origin="a test")
        machine = Machine([process(1, "nginx")], self.RULES, environment=environment)
        outcome = machine.outcome(1)
        return outcome.gprocess if outcome.status == "accepted" else outcome.reason

    def test_a_set_name_is_put_in(self) -> None:
        assert self.name({"HOSTNAME": "web-1"}) == "nginx-web-1"

    def test_an_unset_name_is_empty(self) -> None:
        assert self.name({}) == "nginx-"

    def test_a_name_that_is_not_carried_is_unknown(self) -> None:
        assert self.name({}, complete=False) == "env-unknown"

    def test_a_value_may_name_groups(self) -> None:
        assert self.name({"HOSTNAME": "$0"}) == "nginx-nginx"

    def test_a_template_that_expands_to_nothing_rewrites_nothing(self) -> None:
        machine = Machine([process(1, "nginx")], config(("nginx", "", "accept", "%GONE%")))

        assert machine.outcome(1).gprocess == "nginx"

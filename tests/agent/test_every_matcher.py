"""Every matcher runs: who is taken, whose data are published, and what is not known."""

from __future__ import annotations

from typing import Any

import pytest

from proccli.agent.first_match import mask_safe_key
from proccli.agent.trace import trace_rules
from proccli.commands.warnings import outcome_notes
from proccli.errors import Location
from proccli.model.config import Config, Rule
from proccli.model.explanation import RuleTrace
from proccli.model.outcome import Outcome
from proccli.model.process import Environment, FieldError, Process
from tests.build import UNKNOWN_TAGS, Machine, config, host, process, tag_table
from tests.steps import growth

SENT = "proc.gprocess_info"


def matcher(index: int, match_regex: str, match_type: str = "process_name", **fields: Any) -> Rule:
    known: dict[str, Any] = {"rewrite_name": "", "enabled_features": (SENT,)}
    return Rule(
        index=index,
        at=Location("agent.yaml", 3 * index, 5),
        match_type=match_type,
        match_regex=match_regex,
        action="accept",
        **known | fields,
    )


def settings(*rules: Rule, agent: str = "7.1.8", **fields: Any) -> Config:
    return config(*rules, dialect="inputs.proc", agent=agent, feature=SENT, **fields)


def named(pid: int, name: str, *argv: str, **fields: Any) -> Process:
    known = {"status_name": name, "exe": f"/usr/bin/{name}", "cgroup": "0::/\n"}
    return process(pid, *(argv or (f"/usr/bin/{name}",)), **{"ppid": 1, **known, **fields})


INIT = named(1, "systemd", ppid=0)
SHOP = named(7, "python3", "/usr/bin/python3", "/opt/shop/app.py")


def seen(outcome: Outcome) -> tuple[str, str, bool | None, tuple[int, ...], str | None]:
    return outcome.status, outcome.reason, outcome.taken, outcome.hits, outcome.gprocess


def decided(rules: tuple[Rule, ...], *others: Process, **fields: Any) -> Outcome:
    return Machine([INIT, SHOP, *others], settings(*rules, **fields)).outcome(7)


class TestNames:
    def test_the_last_rename_names_whatever_matches_after_it(self) -> None:
        rules = (
            matcher(1, "^py", rewrite_name="first"),
            matcher(2, r"(\w+)\.py", "cmdline_with_args", rewrite_name="$1"),
            matcher(3, ".*"),
        )
        outcome = decided(rules)
        assert seen(outcome) == ("accepted", "rule", True, (1, 2, 3), "app")
        assert outcome.rule == rules[1]

    def test_a_rename_back_to_its_own_name_does_not_undo_one(self) -> None:
        rules = (matcher(1, ".*", rewrite_name="shop"), matcher(2, ".*", rewrite_name="python3"))
        assert decided(rules).gprocess == "shop"

    def test_without_a_rename_the_first_matcher_that_took_it_is_the_rule(self) -> None:
        outcome = decided((matcher(1, "^no"), matcher(2, "^py"), matcher(3, ".*")))
        assert (outcome.hits, outcome.rule and outcome.rule.index) == ((2, 3), 2)
        assert outcome.gprocess == "python3"

    @pytest.mark.parametrize(
        ("agent", "name"), [("7.0.3", "pyTHON3"), ("7.0.4", "THON"), ("7.1.8", "THON")]
    )
    def test_older_agents_keep_what_stands_around_the_match(self, agent: str, name: str) -> None:
        rules = (matcher(1, "thon", rewrite_name="THON"),)
        assert decided(rules, agent=agent).gprocess == name

    def test_an_unknown_variable_leaves_the_process_taken_and_its_name_unknown(self) -> None:
        nothing = Environment(values={}, complete=False, origin="a recording")
        rules = settings(matcher(1, ".*", rewrite_name="%APP%"))
        outcome = Machine([INIT, SHOP], rules, environment=nothing).outcome(7)
        assert seen(outcome) == ("unknown", "env-unknown", True, (1,), None)

    def test_a_later_rename_makes_an_unknown_one_irrelevant(self) -> None:
        nothing = Environment(values={}, complete=False, origin="a recording")
        rules = settings(
            matcher(1, ".*", rewrite_name="%APP%"), matcher(2, ".*", rewrite_name="shop")
        )
        outcome = Machine([INIT, SHOP], rules, environment=nothing).outcome(7)
        assert seen(outcome) == ("accepted", "rule", True, (1, 2), "shop")


class TestIgnore:
    def test_it_acts_on_later_matchers_only(self) -> None:
        first = (matcher(1, "^py", ignore=True), matcher(2, ".*"))
        assert seen(decided(first)) == ("dropped", "ignore-matcher", False, (), None)
        last = (matcher(1, ".*"), matcher(2, "^py", ignore=True), matcher(3, ".*"))
        assert seen(decided(last)) == ("accepted", "rule", True, (1,), "python3")

    def test_what_nothing_else_would_take_is_simply_not_matched(self) -> None:
        rules = (matcher(1, "^py", ignore=True), matcher(2, "^no"))
        assert decided(rules).reason == "no-match"

    def test_without_features_it_does_nothing(self) -> None:
        rules = (matcher(1, ".*", ignore=True, enabled_features=()), matcher(2, ".*"))
        assert decided(rules).status == "accepted"

    def test_older_agents_take_what_it_matches_without_renaming(self) -> None:
        rules = (matcher(1, "^py", ignore=True, rewrite_name="x"),)
        assert seen(decided(rules, agent="7.0.6")) == ("accepted", "rule", True, (1,), "python3")


class TestAncestors:
    RULES = (matcher(1, "^systemd$", "parent_process_name", rewrite_name="x"),)

    def test_the_child_is_taken_and_the_data_of_the_ancestor_are_sent(self) -> None:
        machine = Machine([INIT, SHOP, named(8, "x", ppid=7)], settings(*self.RULES))
        child, ancestor = machine.outcome(7), machine.outcome(1)
        assert seen(child) == ("skipped", "reported-as-ancestor", True, (1,), None)
        assert child.reported_pid == 1
        assert seen(ancestor) == ("accepted", "ancestor", False, (), "systemd")
        assert ancestor.stands_for == (7, 8)

    def test_one_that_its_own_matcher_takes_is_sent_too(self) -> None:
        outcome = decided((*self.RULES, matcher(2, "^py", rewrite_name="shop")))
        assert seen(outcome) == ("accepted", "rule", True, (1, 2), "shop")
        assert outcome.reported_pid is None

    def test_an_ancestor_is_sent_even_if_its_name_is_in_the_blacklist(self) -> None:
        machine = Machine([INIT, SHOP], settings(*self.RULES, blacklist=("systemd",)))
        assert machine.outcome(1).reason == "ancestor"

    def test_the_walk_ends_after_ten(self) -> None:
        chain = [named(10 + depth, f"d{depth}", ppid=9 + depth) for depth in range(1, 11)]
        machine = Machine(
            [INIT, named(10, "top"), *chain],
            settings(matcher(1, "^top$", "parent_process_name")),
        )
        assert machine.outcome(20).taken
        machine = Machine(
            [INIT, named(10, "top"), *chain, named(21, "deep", ppid=20)],
            settings(matcher(1, "^top$", "parent_process_name")),
        )
        assert machine.outcome(21).taken is False

    def test_whether_it_stands_for_hidden_processes_is_not_known(self) -> None:
        machine = Machine([INIT], settings(*self.RULES), at=host(sees_all=False))
        assert seen(machine.outcome(1))[:2] == ("unknown", "unreadable")
        other = settings(matcher(1, "^no$", "parent_process_name"))
        assert Machine([INIT], other, at=host(sees_all=False)).outcome(1).reason == "no-match"


class TestSending:
    def test_too_young_is_taken_and_not_sent(self) -> None:
        young = named(7, "python3", starttime_ticks=9_744_400)
        machine = Machine([INIT, young], settings(matcher(1, ".*")))
        assert seen(machine.outcome(7)) == ("skipped", "min-lifetime", True, (1,), None)

    def test_another_feature_sends_nothing_and_has_no_age(self) -> None:
        young = named(7, "python3", starttime_ticks=9_744_400)
        rules = settings(matcher(1, ".*", enabled_features=("proc.socket_list",)))
        machine = Machine([INIT, young], rules._replace(feature="proc.socket_list"))
        assert machine.outcome(7).status == "accepted"
        assert Machine([INIT, young], rules).outcome(7).reason == "no-match"

    @pytest.mark.parametrize(("agent", "reason"), [("7.0.9", "rule"), ("7.1.0", "no-start-time")])
    def test_a_missing_start_time_counts_from_7_1_on(self, agent: str, reason: str) -> None:
        lost = FieldError("stat", "missing", "ENOENT")
        undated = named(7, "python3", starttime_ticks=None, errors=(lost,))
        rules = settings(matcher(1, ".*"), agent=agent)
        assert Machine([INIT, undated], rules).outcome(7).reason == reason

    def test_the_blacklist_counts_from_7_1_on(self) -> None:
        rules = (matcher(1, ".*"),)
        hidden = decided(rules, blacklist=("python3",))
        assert seen(hidden) == ("skipped", "blacklisted", False, (), None)
        assert decided(rules, blacklist=("python3",), agent="7.0.9").status == "accepted"


class TestWhatIsNotKnown:
    def test_tags_decide_only_where_matchers_ask_for_them(self) -> None:
        rules = (matcher(1, ".*", only_with_tag=True), matcher(2, "^no"))
        machine = Machine([INIT, SHOP], settings(*rules), tags=UNKNOWN_TAGS)
        assert seen(machine.outcome(7)) == ("unknown", "tags-unknown", None, (), None)
        certain = Machine([INIT, SHOP], settings(*rules, matcher(3, ".*")), tags=UNKNOWN_TAGS)
        assert seen(certain.outcome(7)) == ("accepted", "rule", True, (3,), "python3")

    def test_an_ignore_matcher_that_may_hit_makes_later_takes_uncertain(self) -> None:
        rules = (matcher(1, "k:v", "tag", ignore=True), matcher(2, ".*"))
        machine = Machine([INIT, SHOP], settings(*rules), tags=UNKNOWN_TAGS)
        assert seen(machine.outcome(7))[:3] == ("unknown", "tags-unknown", None)

    def test_a_program_that_only_root_may_see(self) -> None:
        denied = FieldError("exe", "denied", "EACCES")
        mine = named(7, "python3", exe=None, errors=(denied,))
        rules = settings(matcher(1, "^python", "cmdline"))
        theirs = Machine([INIT, mine], rules, at=host(privileged=False)).outcome(7)
        assert seen(theirs)[:3] == ("unknown", "unreadable", None)
        assert Machine([INIT, mine], rules).outcome(7).reason == "no-match"

    def test_a_masked_argument(self) -> None:
        masked = named(7, "python3", "python3", "***")._replace(masked_spans=((8, 11),))
        decides = settings(matcher(1, "hunter2", "cmdline_with_args"))
        assert Machine([INIT, masked], decides).outcome(7).reason == "masked"
        harmless = settings(matcher(1, "^python3", "cmdline_with_args"))
        assert Machine([INIT, masked], harmless).outcome(7).status == "accepted"
        renames = settings(matcher(1, "^python3", "cmdline_with_args", rewrite_name="x"))
        assert Machine([INIT, masked], renames).outcome(7).reason == "masked"
        proofs = (
            mask_safe_key("cmdline", "^python3", None),
            mask_safe_key("cmdline", "^python3", "x", of_match_alone=True),
        )
        proven = masked._replace(mask_safe=frozenset(proofs))
        assert Machine([INIT, proven], renames).outcome(7).gprocess == "x"
        older = renames._replace(agent="7.0.3")
        assert Machine([INIT, proven], older).outcome(7).reason == "masked"

    def test_a_recording_without_the_name_in_status(self) -> None:
        lacking = FieldError("status", "not-recorded", "version 1 of the format")
        old = named(7, "", status_name=None, errors=(lacking,))
        outcome = Machine([INIT, old], settings(matcher(1, ".*"))).outcome(7)
        assert seen(outcome) == ("unknown", "not-recorded", None, (), None)

    def test_a_status_that_the_agent_cannot_parse(self) -> None:
        odd = FieldError("status", "malformed", "Groups")
        hidden = named(7, "", status_name=None, errors=(odd,))
        outcome = Machine([INIT, hidden], settings(matcher(1, ".*"))).outcome(7)
        assert seen(outcome) == ("skipped", "invisible", False, (), None)

    @pytest.mark.parametrize(
        ("agent", "reads"), [("6.6.8", {"cmdline"}), ("6.6.8", {"status"}), ("main", {"status"})]
    )
    def test_a_process_that_ends_while_it_is_read(self, agent: str, reads: set[str]) -> None:
        """It is not one that the agent can't read: on a live machine there are always some."""
        gone = tuple(FieldError(name, "gone", "ESRCH") for name in sorted({"stat", *reads}))
        ended = named(7, "", status_name=None, errors=gone)
        config = settings(matcher(1, ".*"), agent=agent)
        outcome = Machine([INIT, ended], config).outcome(7)

        assert seen(outcome) == ("skipped", "unreadable", False, (), None)
        assert [note.code for note in outcome_notes(config, host(), [outcome])] == ["vanished"]


def traced(*rules: Rule, **fields: Any) -> list[tuple[object, ...]]:
    machine = Machine([INIT, SHOP], settings(*rules), **fields)
    return [
        (trace.outcome, trace.effect, trace.by, trace.requirement)
        for trace in trace_rules(machine.members[7], machine.context)
    ]


class TestTrace:
    def test_each_matcher_says_what_it_does(self) -> None:
        assert traced(
            matcher(1, ".*", only_in_container=True),
            matcher(2, ".*", only_with_tag=True),
            matcher(3, "^py"),
            matcher(4, "^py", rewrite_name="first"),
            matcher(5, "^py", rewrite_name="second"),
            matcher(6, "^no"),
            matcher(7, ".*", enabled_features=("proc.socket_list",)),
            matcher(8, "^py", ignore=True),
            matcher(9, ".*"),
            matcher(10, "^no"),
        ) == [
            ("held-back", None, None, "container"),
            ("held-back", None, None, "tag"),
            ("hit", "takes", None, None),
            ("hit", "overridden", 5, None),
            ("hit", "names", None, None),
            ("no-match", None, None, None),
            ("inert", None, None, None),
            ("hit", "ignores", None, None),
            ("ignored-before", None, 8, None),
            ("no-match", None, None, None),
        ]

    def test_what_depends_on_tags_is_unknown_without_them(self) -> None:
        rules = (matcher(1, "k:v", "tag", ignore=True), matcher(2, ".*"))
        assert traced(*rules, tags=UNKNOWN_TAGS) == [("unknown", None, None, None)] * 2
        tags = tag_table({7: [("k", "v")]})
        assert [part[0] for part in traced(*rules, tags=tags)] == ["hit", "ignored-before"]

    def test_nothing_is_tried_on_a_name_in_the_blacklist(self) -> None:
        machine = Machine([INIT, SHOP], settings(matcher(1, ".*"), blacklist=("python3",)))
        (trace,) = trace_rules(machine.members[7], machine.context)
        assert (trace.outcome, trace.would_match) == ("not-reached", True)

    def test_the_rewrite_shows_the_matched_part_alone(self) -> None:
        machine = Machine([INIT, SHOP], settings(matcher(1, "t(h)o", rewrite_name="<$1>")))
        (trace,) = trace_rules(machine.members[7], machine.context)
        assert trace.rewrite is not None
        assert trace.rewrite.result == "<h>"
        assert [step.span for step in trace.rewrite.replacements] == [(2, 5)]
        older = Machine(
            [INIT, SHOP], settings(matcher(1, "t(h)o", rewrite_name="<$1>"), agent="7.0.3")
        )
        (trace,) = trace_rules(older.members[7], older.context)
        assert trace.rewrite is not None
        assert trace.rewrite.result == "py<h>n3"

    def test_a_near_miss_looks_at_the_text_of_the_match_type(self) -> None:
        machine = Machine([INIT, SHOP], settings(matcher(1, r"python3 app", "cmdline")))
        (trace,) = trace_rules(machine.members[7], machine.context)
        near: RuleTrace = trace
        assert near.near_miss is not None
        assert (near.near_miss.matched_prefix, near.near_miss.subject) == ("python3", "python3")


def test_a_start_in_the_future_is_taken_and_not_sent() -> None:
    future = named(7, "python3", starttime_ticks=10_000_000)
    outcome = Machine([INIT, future], settings(matcher(1, ".*"))).outcome(7)
    assert (outcome.taken, outcome.reason) == (True, "future-start")


def test_parent_matchers_do_not_ask_about_all_processes_for_each() -> None:
    rules = (matcher(1, "nomatch", "parent_process_name"),)

    def all_decided(count: int) -> None:
        machine = Machine(
            [named(pid, "x", ppid=pid // 2) for pid in range(1, count)], settings(*rules)
        )
        assert {machine.outcome(pid).reason for pid in range(1, count)} == {"no-match"}

    assert growth(all_decided, 100) < 2.5

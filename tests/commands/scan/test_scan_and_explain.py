"""Scan and explain over given processes: order, laziness, names, made-up processes."""

from __future__ import annotations

from typing import Any

import pytest

from proccli.agent.inputs import Inputs
from proccli.commands.explain.explain import (
    AmbiguousName,
    explain_made_up,
    explain_pids,
    find_by_name,
)
from proccli.commands.explain.text import explain_text
from proccli.commands.scan.scan import scan
from proccli.commands.warnings import incomplete
from proccli.errors import NoSuchProcess, UsageError
from proccli.model.explanation import Explanation, RuleTrace
from proccli.model.process import NO_TAGS, Environment, FieldError
from proccli.sources.made_up import MadeUp
from proccli.sources.procfs.live import LiveSource
from proccli.terminal.view import View
from proccli.terminal.warning_text import message as words_of
from tests.build import (
    NO_ENVIRONMENT,
    UNKNOWN_TAGS,
    ListSource,
    config,
    host,
    process,
    rule,
    tag_table,
)
from tests.sources.procfs.processes import running

PROCESSES = [
    process(1, "/sbin/init"),
    process(2, comm="kthreadd"),
    process(10, "nginx: master process nginx", ppid=1, comm="nginx"),
    process(11, "nginx: worker process", ppid=10, comm="nginx"),
    process(20, "/usr/bin/python3", "/opt/shop/app.py", ppid=1, uid=1000),
    process(21, "sleep", "60", ppid=20),
]
RULES = (
    ("^sleep$", "process_name", "drop"),
    (r"python3 (.*)\.py", "cmdline", "accept", "$1-py-script"),
    ("nginx", "parent_process_name"),
)


def inputs(*rules: Any, source: ListSource | None = None, **fields: Any) -> Inputs:
    return Inputs(
        config=config(*(rules or RULES), **fields),
        source=source or ListSource(PROCESSES, users={0: "root", 1000: "shop"}),
        environment=NO_ENVIRONMENT,
        tags=NO_TAGS,
        notes=(),
    )


def test_scan_counts_what_became_of_everybody() -> None:
    result = scan(inputs())

    assert [outcome.process.pid for outcome in result.outcomes] == [1, 2, 10, 11, 20, 21]
    summary = result.summary
    assert (summary.total, summary.accepted, summary.dropped, summary.skipped) == (6, 4, 1, 1)
    assert summary.reported == 4
    assert result.hits_by_rule == {0: 2, 1: 1, 2: 1, 3: 1}


def test_with_sync_disabled_nothing_is_reported_and_that_is_said() -> None:
    result = scan(inputs(sync_enabled=False))

    assert result.summary.reported == 0
    assert "sync-disabled" in [note.code for note in result.notes]


def test_users_are_known_for_dropped_and_skipped_processes_too() -> None:
    users = {outcome.process.pid: outcome.user for outcome in scan(inputs()).outcomes}

    assert users == {1: "root", 2: "root", 10: "root", 11: "root", 20: "shop", 21: "root"}


def test_explaining_a_pid_reads_it_and_its_ancestors_only() -> None:
    source = ListSource(PROCESSES)

    explain_pids(inputs(source=source), [11])

    assert set(source.was_read) == {11, 10, 1}


def test_scan_and_explain_agree() -> None:
    scanned = scan(inputs()).outcomes
    explained = explain_pids(inputs(), [outcome.process.pid for outcome in scanned])

    assert tuple(item.outcome for item in explained.explanations) == scanned


def explained(pid: int, *rules: Any, **fields: Any) -> Explanation:
    return explain_pids(inputs(*rules, **fields), [pid]).explanations[0]


def outcomes(traces: tuple[RuleTrace, ...]) -> list[tuple[str, bool | None]]:
    return [(trace.outcome, trace.would_match) for trace in traces]


def test_the_trace_tells_what_later_rules_would_have_said() -> None:
    item = explained(21, *RULES, ("sleep", "cmdline"), rule(5, "x(?=y)", problem="look-around"))

    assert outcomes(item.trace) == [
        ("hit", True),
        ("not-reached", False),
        ("not-reached", False),
        ("not-reached", True),
        ("ignored", False),
    ]
    assert item.trace[4].error == "invalid match-regex: look-around"


def test_ancestors_go_on_where_the_agents_walk_ends() -> None:
    processes = [process(1, "init"), process(2, ppid=1), process(3, "sh", ppid=2)]

    item = explained(3, source=ListSource(processes))

    assert [(above.pid, above.process_name) for above in item.ancestors] == [(2, None), (1, "init")]


def test_where_the_agents_walk_ends_is_said() -> None:
    processes = [
        process(1, "init"),
        process(2, ppid=1),
        process(3, "sh", ppid=2),
        process(4, "x", ppid=3),
    ]
    given = inputs(("init", "parent_process_name"), source=ListSource(processes))

    direct, above = (explain_text(explain_pids(given, [pid]), View()) for pid in (3, 4))

    end = "the agent stops at pid 2, which it does not keep"
    assert f"no ancestor: {end}" in direct
    assert f"none of 1 ancestor: {end}" in above


def test_a_process_before_the_rules_has_a_trace_all_the_same() -> None:
    young = process(5, "sleep", starttime_ticks=97_444 * 100)

    item = explained(5, source=ListSource([young]))

    assert item.outcome.reason == "min-lifetime"
    assert outcomes(item.trace)[0] == ("not-reached", True)


def test_a_process_without_subjects_would_match_nothing_that_is_known() -> None:
    assert outcomes(explained(2).trace) == [("not-reached", None)] * 3


def test_a_rewrite_is_told_step_by_step() -> None:
    trace = explained(20).trace[1]

    assert trace.rewrite is not None
    assert trace.rewrite.result == "/usr/bin//opt/shop/app-py-script"
    assert trace.span == (9, 33)
    assert [(group.text, group.span) for group in trace.groups] == [("/opt/shop/app", (17, 30))]
    assert [step.text for step in trace.rewrite.replacements] == ["/opt/shop/app-py-script"]


def test_missing_groups_and_unset_names_are_told() -> None:
    trace = explained(20, ("python", "", "accept", "$1_py-%HOST%")).trace[0]

    assert trace.rewrite is not None
    assert trace.rewrite.missing_groups == ("1_py",)
    assert trace.rewrite.unset_env == ("HOST",)
    assert trace.rewrite.result == "-3"


def test_a_template_of_which_nothing_is_left_rewrites_nothing() -> None:
    result = explain_pids(inputs((r"\.py", "cmdline", "accept", "%HOST%")), [20])

    (item,) = result.explanations
    rewrite = item.trace[0].rewrite
    assert rewrite is not None
    assert (rewrite.expanded, rewrite.replacements) == ("", ())
    assert rewrite.result == item.outcome.gprocess == "python3"
    shown = explain_text(result, View())
    assert "the rewrite is empty after expansion, so the agent keeps the name" in shown
    assert "not known" not in shown


def test_a_name_that_is_not_known_is_not_called_unset() -> None:
    carried = Environment(values={}, complete=False, origin="a test", unset=frozenset({"UNSET"}))
    given = inputs(("python", "", "accept", "$0-%HOST%-%UNSET%"))._replace(environment=carried)

    result = explain_pids(given, [20])

    rewrite = result.explanations[0].trace[0].rewrite
    assert rewrite is not None
    assert (rewrite.expanded, rewrite.result) == (None, None)
    assert (rewrite.unset_env, rewrite.unknown_env) == (("UNSET",), ("HOST",))
    shown = explain_text(result, View())
    assert "%HOST% is unknown (set it with --env HOST=VALUE)" in shown
    assert "%HOST% is not set" not in shown


def test_a_mismatch_shows_how_far_it_got_and_where_it_would_match() -> None:
    trace = explained(20, (r"python3 (.*):py", "cmdline"), (r"app\.py",)).trace

    assert trace[0].near_miss is not None
    assert trace[0].near_miss.matched_prefix == "python3 "
    assert trace[0].near_miss.span == (9, 17)
    assert trace[0].near_miss.expected == "(.*):py"
    assert trace[1].also_matches == ("cmdline",)


def test_a_tag_that_does_not_match_is_not_called_no_tag() -> None:
    given = inputs(("team:db", "tag"))._replace(tags=tag_table({20: [("x", "1")]}))

    shown = explain_text(explain_pids(given, [20]), View())

    assert "none of the tags that the tag command reports for it" in shown
    assert "no tag" not in shown


def test_dashes_alone_are_not_called_close() -> None:
    given = inputs(("--token=", "cmdline"), ("--port ", "cmdline"))

    shown = explain_text(explain_made_up(given, MadeUp(argv=("x", "--port=80"))), View())

    assert 'token="' not in shown
    assert 'closest: "--port" matches, but is not followed by " "' in shown


def test_after_an_undecided_rule_the_rest_is_undecided() -> None:
    given = inputs(("x:y", "tag", "drop"), ("python",))._replace(tags=UNKNOWN_TAGS)

    item = explain_pids(given, [20]).explanations[0]

    assert item.outcome.reason == "tags-unknown"
    assert outcomes(item.trace) == [("unknown", None), ("unknown", True)]


def test_a_name_finds_its_process() -> None:
    assert find_by_name(inputs(), "python3") == 20
    assert find_by_name(inputs(), "kthreadd") == 2
    assert find_by_name(inputs(), "/usr/bin//opt/shop/app-py-script") == 20


def test_an_ambiguous_name_lists_the_candidates() -> None:
    with pytest.raises(AmbiguousName) as caught:
        find_by_name(inputs(), "nginx")

    assert caught.value.pids == (10, 11)


def test_an_unknown_name_or_pid_is_no_such_process() -> None:
    with pytest.raises(NoSuchProcess):
        find_by_name(inputs(), "nobody-is-called-this")
    with pytest.raises(NoSuchProcess):
        explain_pids(inputs(), [999])


def made_up(*rules: Any, **fields: Any) -> Explanation:
    return explain_made_up(inputs(*rules), MadeUp(**fields)).explanations[0]


def test_a_made_up_process_gets_the_outcome_of_a_real_one() -> None:
    item = made_up(argv=("/usr/bin/python3", "/opt/shop/app.py"), user="shop", uptime_s=60)

    assert item.outcome.gprocess == "/usr/bin//opt/shop/app-py-script"
    assert (item.outcome.user, item.outcome.uptime_s) == ("shop", 60)


def test_a_made_up_process_has_the_parents_and_tags_it_is_given() -> None:
    item = made_up(argv=("sh",), parents=("bash", "nginx"))
    assert item.outcome.rule is not None
    assert item.outcome.rule.index == 3
    assert [above.process_name for above in item.ancestors] == ["bash", "nginx"]

    tagged = made_up(("owner:alice", "tag", "drop"), argv=("x",), tags=(("owner", "alice"),))
    assert tagged.outcome.status == "dropped"


def test_a_made_up_title_is_one_piece() -> None:
    assert made_up(title="sshd: root@pts/0").outcome.process_name == "0"


def test_a_made_up_process_can_be_too_young() -> None:
    assert made_up(argv=("x",), uptime_s=1).outcome.reason == "min-lifetime"


@pytest.mark.parametrize(
    "fields", [{"argv": ("a",), "title": "b"}, {"argv": ("a\0b",)}, {"parents": ("a\0",)}]
)
def test_an_impossible_pid_is_a_usage_error(fields: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        made_up(**fields)


def test_unreadable_processes_are_counted_once() -> None:
    hidden = [process(pid, ppid=0, cmdline=None, errors=_denied()) for pid in (30, 31)]
    source = ListSource([*PROCESSES, *hidden], at=host(privileged=False))

    result = scan(inputs(source=source))

    assert [note.code for note in result.notes] == ["unreadable-for-us"]
    assert words_of(result.notes[0]).startswith("2 processes could not be read (2 refused)")
    assert result.incomplete


def test_users_and_namespaces_that_only_root_sees_are_counted_once() -> None:
    refused = tuple(
        FieldError(field=field, problem="denied", detail="EACCES")
        for field in ("exe", "netns", "root_inode")
    )
    shown = [process(pid, "x", errors=refused) for pid in (30, 31)]

    def told(*, privileged: bool) -> tuple[list[str], bool]:
        source = ListSource([*PROCESSES, *shown], at=host(privileged=privileged))
        result = scan(inputs(source=source))
        return [words_of(note) for note in result.notes], result.incomplete

    (message,), incomplete = told(privileged=False)
    assert message.startswith("the user and the network namespace of 2 processes cannot be read")
    assert "(first: pid 30)" in message
    assert incomplete
    assert told(privileged=True) == ([], False)


def test_sockets_that_only_root_sees_leave_an_explanation_incomplete() -> None:
    refused = FieldError(field="fds", problem="denied", detail="EACCES")
    source = ListSource(PROCESSES, at=host(privileged=False), sockets={20: refused})

    assert explain_pids(inputs(source=source), [20]).incomplete
    assert not explain_pids(inputs(source=source), [10]).incomplete


def _denied() -> Any:
    return (FieldError(field="cmdline", problem="denied", detail="EACCES"),)


def test_inherited_tags_come_with_where_they_are_from() -> None:
    given = inputs()._replace(tags=tag_table({10: [("team", "web")]}))

    by_pid = {item.process.pid: item.tags for item in scan(given).outcomes}

    assert by_pid[11] is not None
    assert [(tag.name, tag.value, tag.from_pid) for tag in by_pid[11]] == [
        ("os.app.team", "web", 10)
    ]
    assert by_pid[20] == ()


def test_a_process_that_exits_while_it_is_read_is_counted_and_no_problem() -> None:
    with running(["/bin/sleep", "60"]) as pid:
        source = LiveSource()
        assert pid in source.pids()
    result = scan(inputs()._replace(source=source))

    (outcome,) = (one for one in result.outcomes if one.process.pid == pid)
    assert (outcome.status, outcome.reason) == ("skipped", "unreadable")
    (exited,) = (note for note in result.notes if note.code == "vanished")
    assert exited.number("processes") >= 1
    # Without root's rights, others' processes leave a scan incomplete, but not this one.
    assert not incomplete([exited], {"processes", "sockets", "owners"})

"""Tags over given processes: who has them, who inherits them, what arrives."""

from __future__ import annotations

from typing import Any

from proccli.agent.inputs import Inputs
from proccli.commands.tags.tags import TagRow, TagSelection, TagsResult, tags
from proccli.model.process import NO_TAGS, FieldError, TagTable
from proccli.terminal.warning_text import message as words_of
from tests.build import (
    NO_ENVIRONMENT,
    UNKNOWN_TAGS,
    ListSource,
    config,
    host,
    process,
    tag_table,
)

PROCESSES = [
    process(1, "/sbin/init"),
    process(2, comm="kthreadd"),
    process(20, "/usr/bin/python3", "/opt/shop/app.py", ppid=1, uid=1000),
    process(21, "sleep", "60", ppid=20),
    process(22, "worker", ppid=20),
    process(23, "helper", ppid=22),
    process(24, "orphan", ppid=21),
]
DROP_SLEEP = ("^sleep$", "process_name", "drop")


def asked(
    table: TagTable, *, server: str = "6.5", source: ListSource | None = None, **fields: Any
) -> TagsResult:
    inputs = Inputs(
        config=config(DROP_SLEEP, **fields),
        source=source or ListSource(PROCESSES),
        environment=NO_ENVIRONMENT,
        tags=table,
        notes=(),
    )
    return tags(inputs, server)


def of(result: TagsResult, pid: int) -> list[tuple[str, str, int, bool | None, str]]:
    """Key, value, origin, whether it is sent, and what the server makes of it."""
    return [
        (row.tag.key, row.tag.value, row.tag.from_pid, row.sent, row.arrival.outcome)
        for row in result.rows
        if row.pid == pid
    ]


def codes(result: TagsResult) -> list[str]:
    return [note.code for note in result.notes]


def test_tags_belong_to_processes_and_reach_their_children() -> None:
    result = asked(tag_table({20: [("owner", "alice")], 22: [("tier", "web")]}))

    assert of(result, 20) == [("owner", "alice", 20, True, "kept")]
    assert of(result, 22) == [
        ("tier", "web", 22, True, "kept"),
        ("owner", "alice", 20, True, "kept"),
    ]
    assert of(result, 23) == [
        ("tier", "web", 22, True, "kept"),
        ("owner", "alice", 20, True, "kept"),
    ]
    assert [row.pid for row in result.rows] == [20, 22, 22, 23, 23]


def test_a_dropped_process_sends_no_tags_and_hands_none_down() -> None:
    result = asked(tag_table({21: [("owner", "bob")]}))

    assert of(result, 21) == [("owner", "bob", 21, False, "kept")]
    assert of(result, 24) == []
    assert result.rows[0].outcome is not None
    assert result.rows[0].outcome.status == "dropped"


def test_tags_of_nobody_are_shown_and_counted() -> None:
    result = asked(tag_table({20: [("a", "1")], 999: [("b", "2")], 2**63: [("c", "3")]}))

    assert of(result, 999) == [("b", "2", 999, False, "kept")]
    assert [row.outcome is None for row in result.rows if row.pid in (999, 2**63)] == [True, True]
    message = next(words_of(n) for n in result.notes if n.code == "tags-without-process")
    assert message.startswith("2 of 3 pids are not processes here (first: 999)")


def test_a_kernel_thread_exists_and_sends_nothing() -> None:
    result = asked(tag_table({2: [("a", "1")]}))

    assert of(result, 2) == [("a", "1", 2, False, "kept")]
    assert "tags-without-process" not in codes(result)


def test_the_server_is_asked_about_the_whole_process() -> None:
    """What a child inherits may clash with its own there."""
    table = tag_table({20: [("App", "shop"), ("url", "http://x/")], 22: [("app", "web")]})
    result = asked(table)

    assert of(result, 20) == [
        ("App", "shop", 20, True, "kept"),
        ("url", "http://x/", 20, True, "kept"),
    ]
    assert of(result, 22) == [
        ("app", "web", 22, True, "lost"),
        ("App", "shop", 20, True, "lost"),
        ("url", "http://x/", 20, True, "kept"),
    ]
    later = asked(table, server="7.1")
    assert [row.arrival.outcome for row in later.rows if row.pid == 22] == ["kept", "kept", "lost"]


def test_equal_keys_of_one_process_are_both_sent_and_one_arrives() -> None:
    result = asked(tag_table({20: [("a", "1"), ("a", "2")]}))

    assert of(result, 20) == [("a", "1", 20, True, "lost"), ("a", "2", 20, True, "kept")]


def test_an_entry_without_tags_is_told() -> None:
    result = asked(tag_table({20: []}), tagged_only=True)

    assert result.rows == ()
    message = next(words_of(n) for n in result.notes if n.code == "tags-empty-entry")
    assert "first: 20" in message


def test_with_tagged_only_a_process_without_tags_inherits_none() -> None:
    result = asked(tag_table({20: [("owner", "alice")], 23: []}), tagged_only=True)

    assert of(result, 22) == []
    assert of(result, 23) == []  # the chain is broken at 22


def test_unknown_tags_are_an_incomplete_answer() -> None:
    result = asked(UNKNOWN_TAGS)

    assert result.rows == ()
    assert result.incomplete
    assert "no-tag-source" not in codes(result)


def test_no_changes_are_reported_as_such() -> None:
    result = asked(NO_TAGS)

    assert result.rows == ()
    assert not result.incomplete
    assert "no-tag-source" in codes(result)


def test_whether_the_tags_of_an_unknown_process_are_sent_is_not_known() -> None:
    denied = (FieldError(field="cmdline", problem="denied", detail="EACCES"),)
    hidden = process(30, ppid=1, cmdline=None, errors=denied)
    child = process(31, "child", ppid=30)
    source = ListSource([*PROCESSES, hidden, child], at=host(privileged=False))
    result = asked(tag_table({30: [("a", "1")], 31: [("b", "2")]}), source=source)

    assert of(result, 30) == [("a", "1", 30, None, "kept")]
    # It is accepted, and sends its own tags, whatever it inherits.
    assert of(result, 31) == [("b", "2", 31, True, "kept")]
    assert result.incomplete
    assert "inherited-tags-unknown" in codes(result)


def test_the_summary_counts_every_end_once() -> None:
    table = tag_table(
        {
            20: [("a", "1"), ("b", "x, y"), ("c:d", "e")],
            21: [("owner", "bob")],
            999: [("a", "1"), ("b", "2")],
        }
    )
    summary = asked(table).summary

    # 22 and 23 inherit three each.
    assert summary.tags == 12
    assert summary.processes == 5
    assert (summary.kept, summary.cut, summary.lost) == (3, 3, 3)
    assert (summary.not_sent, summary.unknown) == (3, 0)


# ---- what is asked for -------------------------------------------------------------------------

TABLE = tag_table({20: [("owner", "alice"), ("url", "x, y")], 21: [("owner", "bob")]})


def chosen(**which: Any) -> list[tuple[int, str]]:
    rows: tuple[TagRow, ...] = TagSelection(**which).of(asked(TABLE).rows)
    return [(row.pid, row.tag.key) for row in rows]


def test_without_a_question_all_are_shown() -> None:
    assert len(chosen()) == len(asked(TABLE).rows) == 7


def test_tags_can_be_chosen_by_pid() -> None:
    assert chosen(pids=(21, 22)) == [(21, "owner"), (22, "owner"), (22, "url")]
    assert chosen(pids=(4,)) == []


def test_tags_can_be_chosen_by_key() -> None:
    assert chosen(keys=("ur?",)) == [(20, "url"), (22, "url"), (23, "url")]
    assert chosen(keys=("os.app.owner",), pids=(20,)) == [(20, "owner")]


def test_lost_is_what_does_not_arrive_as_it_was_written() -> None:
    assert chosen(lost=True) == [(20, "url"), (21, "owner"), (22, "url"), (23, "url")]


def test_own_is_what_the_command_said() -> None:
    assert chosen(own=True) == [(20, "owner"), (20, "url"), (21, "owner")]

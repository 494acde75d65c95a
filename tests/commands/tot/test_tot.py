"""Lines of `proccli tot`: each option, or those that are alike once."""

from __future__ import annotations

from collections.abc import Sequence

from proccli.commands.tot.tot import TotRow, TotSelection, collected
from proccli.model.flows import CapturedOption, TotOption
from proccli.model.sockets import Endpoint
from proccli.terminal.warning_text import message as words_of
from tests.commands.explain.traced import ODD, WEB, traced
from tests.traffic.tot.segments import CLIENT, PUSH, SERVER, SYN, SYN_ACK


def row(flags: int = PUSH, *, seq: int = 1, backwards: bool = False, **says: int | str) -> TotRow:
    option = TotOption(version=1, **({"pid": 7} | says))  # type: ignore[arg-type]
    source, destination = (SERVER, CLIENT) if backwards else (CLIENT, SERVER)
    seen = CapturedOption(
        time_s=float(seq),
        source=source,
        destination=destination,
        flags=flags,
        seq=seq,
        option=option,
    )
    return TotRow(capture="x.pcap", seen=seen, last_s=seen.time_s)


def folded(*rows: TotRow) -> Sequence[int]:
    return [each.count for each in collected(rows, unique=True, limit=None)[0]]


def test_repeated_options_of_a_process_are_one_line() -> None:
    (one,), _ = collected([row(SYN, seq=100), row(seq=101), row(seq=205)], unique=True, limit=None)

    assert (one.count, one.seen.time_s, one.last_s) == (3, 100.0, 205.0)


def test_each_that_differs_is_a_line_of_its_own() -> None:
    assert folded(row(), row(pid=8), row(address="10.0.0.5"), row(backwards=True)) == [1, 1, 1, 1]


def test_a_syn_ack_is_not_taken_for_what_its_process_says() -> None:
    assert folded(row(SYN_ACK), row(), row(SYN_ACK), row()) == [2, 2]


def test_the_same_ports_again_are_lines_of_their_own() -> None:
    first = (row(SYN, seq=100), row(seq=101), row(seq=900, backwards=True))
    again = (row(SYN, seq=5000), row(seq=5001), row(seq=7000, backwards=True))

    assert folded(*first, *again) == [2, 1, 2, 1]


def test_a_repeated_syn_is_the_same_connection() -> None:
    assert folded(row(SYN, seq=100), row(SYN, seq=100), row(seq=101)) == [3]


def test_lines_are_limited_and_what_belongs_to_them_is_still_counted() -> None:
    rows, more = collected([row(), row(pid=8), row(), row(pid=9)], unique=True, limit=1)

    assert [each.count for each in rows] == [2]
    assert more == 2


def test_a_limit_on_each_keeps_the_first() -> None:
    rows, more = collected([row(seq=1), row(seq=2), row(seq=3)], unique=False, limit=2)

    assert [each.seen.seq for each in rows] == [1, 2]
    assert more == 1


def pids(*captures: str, **which: Sequence[int] | Sequence[str]) -> list[int]:
    selection = TotSelection(**which)  # type: ignore[arg-type]
    rows = traced(*captures, selection=selection, unique=False).rows
    return [each.seen.option.pid for each in rows]


def test_the_chosen_are_listed_and_all_are_counted() -> None:
    result = traced(selection=TotSelection(pids=(99,)))

    assert [each.seen.option.pid for each in result.rows] == [99]
    assert result.summary.options == 10


def test_pid_0_can_be_asked_for() -> None:
    assert pids(pids=(0,)) == [0, 0]


def test_an_address_is_looked_for_at_both_ends_and_before_translation() -> None:
    assert pids(WEB, ips=("10.0.0.5",)) == [4242, 4242, 4242]
    assert pids(WEB, ips=("192.0.2.1",)) == [4242, 1, 4242, 0, 0]
    assert pids(ips=("::1",)) == [4_194_304, 4_194_304, 99]


def test_a_port_is_looked_for_at_both_ends() -> None:
    assert pids(ports=(50412,)) == [4_194_304, 4_194_304, 99]
    assert pids(ports=(1,)) == []


def test_several_wishes_must_all_be_met() -> None:
    assert pids(pids=(4242,), ips=("10.0.0.5",), ports=(41000,)) == [4242, 4242, 4242]
    assert pids(pids=(99,), ports=(8080,)) == []


def test_what_is_to_be_known_is_said() -> None:
    result = traced(limit=3)

    assert [note.code for note in result.notes] == [
        "capture-damaged",
        "capture-cut",
        "capture-malformed",
        "capture-encapsulated",
        "capture-link-type",
        "tot-ambiguous",
        "tot-syn-ack",
        "tot-limit",
    ]
    assert words_of(result.notes[-1]) == (
        "6 options are not listed: there are more than 3 lines (--limit)"
    )
    assert result.incomplete


def test_a_capture_that_was_read_well_is_complete() -> None:
    assert not traced(WEB).incomplete
    assert traced(ODD).incomplete


def test_the_first_and_the_last_moment_are_those_of_all_captures() -> None:
    summary = traced().summary

    assert (summary.first_s, summary.last_s) == (
        traced(ODD).summary.first_s,
        traced(WEB).summary.last_s,
    )


def test_rows_of_ends_without_a_port_in_common_are_apart() -> None:
    other = row()
    other.seen = CapturedOption(
        time_s=1.0,
        source=Endpoint("10.0.0.5", 41001),
        destination=SERVER,
        flags=PUSH,
        seq=1,
        option=TotOption(version=1, pid=7),
    )

    assert folded(row(), other) == [1, 1]

"""What is written to a terminal turns one frame into the next, and nothing else is written."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from proccli.terminal.frame import Frame, last_first, updates, visible_lines
from proccli.terminal.view import View

VIEW = View(width=80)
LINES = st.lists(st.sampled_from(["", "a", "bb", "accepted \x1b[1mweb\x1b[0m"]), max_size=8)
_MOVE = re.compile(r"\x1b\[(\d+);1H(.*?)\x1b\[0m\x1b\[K", re.DOTALL)


def applied(screen: list[str], text: str) -> list[str]:
    """A terminal with these lines after the text was written."""
    screen = [*screen, *[""] * 20]
    for row, line in _MOVE.findall(text):
        screen[int(row) - 1] = line
    assert not _MOVE.sub("", text)
    while screen and not screen[-1]:
        screen.pop()
    return screen


@given(LINES, LINES)
def test_the_updates_lead_to_the_next_frame(before: list[str], after: list[str]) -> None:
    wanted = list(after)
    while wanted and not wanted[-1]:
        wanted.pop()
    assert applied(before, updates(before, after)) == wanted


@given(LINES)
def test_a_frame_that_stays_writes_nothing(lines: list[str]) -> None:
    assert updates(lines, lines) == ""


def test_only_the_changed_line_is_written() -> None:
    assert updates(["a", "b", "c"], ["a", "x", "c"]) == "\x1b[2;1Hx\x1b[0m\x1b[K"


@given(st.integers(0, 30), st.integers(0, 12), st.integers(0, 40))
def test_what_is_shown_fits_and_tells_what_is_not(processes: int, rows: int, first: int) -> None:
    frame = Frame(["total", ""], ["PID", *(f"line {n}" for n in range(processes))])
    shown = visible_lines(frame, rows, first, VIEW)

    assert len(shown) <= rows
    if len(frame.head) + len(frame.body) <= rows:
        assert shown == [*frame.head, *frame.body]
    elif rows > 4:
        assert shown[:3] == ["total", "", "PID"]
        assert shown[-1].endswith(f"of {processes}; arrows scroll, q quits")


def test_the_end_can_be_reached() -> None:
    frame = Frame([], ["PID", *(f"line {n}" for n in range(100))])
    shown = visible_lines(frame, 10, last_first(frame, 10), VIEW)

    assert shown[-2:] == ["line 99", "lines 93\u2013100 of 100; arrows scroll, q quits"]


def test_without_processes_there_is_a_head() -> None:
    assert visible_lines(Frame(["total"], []), 24, 0, VIEW) == ["total"]

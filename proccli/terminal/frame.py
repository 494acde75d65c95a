"""Text that fills a terminal again and again: what to write so that only changed lines change."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

from proccli.terminal.view import View

ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[2J"
"""The alternate screen, without a cursor, lines that are too long cut."""
LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l"
"""The screen as it was."""


class Frame(NamedTuple):
    """What is to be shown, of any length."""

    head: Sequence[str]
    """Lines that are always shown, at the top."""
    body: Sequence[str]
    """Lines of which as many are shown as fit, the first one included: it is the heading."""


def visible_lines(frame: Frame, rows: int, first: int, view: View) -> list[str]:
    """The lines on a terminal with so many rows, the body from its line `first` on.

    The last line tells how much of the body is not shown.
    """
    heading, rest = frame.body[:1], frame.body[1:]
    room = max(rows - len(frame.head) - len(heading), 0)
    if len(rest) <= room:
        return [*frame.head, *heading, *rest][:rows]
    room = max(room - 1, 0)
    start = min(first, last_first(frame, rows))
    shown = rest[start : start + room]
    dash = "-" if view.glyphs.ellipsis == "..." else "\u2013"
    left = (
        f"lines {start + 1:,}{dash}{start + len(shown):,} of {len(rest):,}; arrows scroll, q quits"
    )
    return [*frame.head, *heading, *shown, left][:rows]


def last_first(frame: Frame, rows: int) -> int:
    """The largest line of the body from which on the rest of it is shown."""
    room = max(rows - len(frame.head) - len(frame.body[:1]) - 1, 1)
    return max(len(frame.body) - 1 - room, 0)


def updates(before: Sequence[str], after: Sequence[str]) -> str:
    """What turns a screen with the lines `before` into one with `after`; empty for none."""
    return "".join(
        f"\x1b[{number};1H{new}\x1b[0m\x1b[K"
        for number, (old, new) in enumerate(zip_longest(before, after, fillvalue=""), start=1)
        if old != new
    )

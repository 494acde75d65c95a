"""Spans of styled text, and how to shorten them to a number of terminal cells.

Text from a process or a file is added to a line with `untrusted`, which makes control characters
visible; after that the text of a span is safe to print.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from proccli.text import visible

Span: TypeAlias = tuple[str, str]
"""Text and the name of its style (`paint.STYLES`); the empty name is plain."""

Line: TypeAlias = Sequence[Span]

COMMAND = "command"
"""The style of a command line that the user may copy."""

_WORD = r"[^ ]+ *| +"
_EXTRA = 4
"""Characters read per cell: combining characters take no cell of their own."""


_NARROW = dict.fromkeys(map(ord, "…←→·"))
"""Characters of one cell besides those of ASCII, for `str.translate`, which deletes them."""


def cell_len(text: str) -> int:
    """The width of a safe text in terminal cells; rich is loaded only for other scripts."""
    if text.isascii() or text.translate(_NARROW).isascii():
        return len(text)
    from rich.cells import cell_len as rich_cell_len

    return rich_cell_len(text)


def plain(text: str) -> Line:
    """A line of trusted text."""
    return ((text, ""),)


def untrusted(text: str, style: str = "") -> Line:
    """A line of untrusted text, made safe to print."""
    return ((visible(text), style),)


def cells(line: Line) -> int:
    """The width of a line in terminal cells."""
    return sum(cell_len(text) for text, _ in line)


def joined(parts: Iterable[Line], separator: str) -> Line:
    """The lines joined by a separator, which must be trusted text."""
    spans: list[Span] = []
    for part in parts:
        if spans:
            spans.append((separator, ""))
        spans.extend(part)
    return spans


def head(text: str, room: int) -> str:
    """The longest prefix of a safe text that fits into `room` cells."""
    if text.isascii():
        return text[: max(room, 0)]
    fitting = bisect_right(range(len(text) + 1), room, key=lambda end: cell_len(text[:end]))
    return text[: max(fitting - 1, 0)]


def tail(text: str, room: int) -> str:
    """The longest suffix of a safe text that fits into `room` cells."""
    if text.isascii():
        return text[len(text) - room :] if 0 < room < len(text) else text if room > 0 else ""
    fitting = bisect_right(
        range(len(text) + 1), room, key=lambda n: cell_len(text[len(text) - n :])
    )
    end = text[len(text) - max(fitting - 1, 0) :]
    # A combining character without its letter would combine with the ellipsis.
    while end and cell_len(end[0]) == 0:
        end = end[1:]
    return end


def shorten(text: str, room: int | None, mark: str) -> str:
    """Untrusted text, made safe and shortened in the middle to at most `room` cells."""
    if room is None:
        return visible(text)
    reach = room * _EXTRA
    if len(text) > 2 * reach:
        # A command line may be several megabytes long: read only what can be shown.
        first, last = visible(text[:reach]), visible(text[-reach:])
    else:
        first = last = visible(text)
        if cell_len(first) <= room:
            return first
    left = room - cell_len(mark)
    if left < 2:
        return head(first, room)
    return head(first, (left + 1) // 2) + mark + tail(last, left // 2)


def around(text: str, span: tuple[int, int], room: int | None, mark: str) -> tuple[str, str, str]:
    """Untrusted text before, in and after a span, made safe, in at most `room` cells together.

    The span itself is shortened last, and in its middle. `span` counts characters.
    """
    start, end = span
    if room is None:
        return visible(text[:start]), visible(text[start:end]), visible(text[end:])
    reach = room * _EXTRA
    before = visible(text[max(start - reach, 0) : start])
    after = visible(text[end : end + reach])
    width_before, width_after = cell_len(before), cell_len(after)
    context = min(width_before + width_after, max(room // 3, 2 * cell_len(mark)))
    inside = shorten(text[start:end], max(room - context, 1), mark)
    left = room - cell_len(inside)
    share_before = max(min(width_before, left // 2), left - width_after)
    share_after = max(left - min(width_before, share_before), 0)
    if width_before > share_before or start > reach:
        before = mark + tail(before, share_before - cell_len(mark))
    if width_after > share_after or len(text) - end > reach:
        after = head(after, share_after - cell_len(mark)) + mark
    return before, inside, after


def wrapped(line: Line, room: int | None) -> list[Line]:
    """The line wrapped to at most `room` cells, after a space if possible.

    Spans of the style `COMMAND` are not broken: a line break would end the command when it is
    pasted into a shell. The terminal itself wraps them.
    """
    if room is None or cells(line) <= room:
        return [line]
    room = max(room, 2)  # a wide character needs two cells
    lines: list[list[Span]] = [[]]
    left = room
    for text, style in line:
        if style == COMMAND:
            if left < room and left < cell_len(text):
                lines.append([])
            lines[-1].append((text, style))
            left = 0
            continue
        for word in re.findall(_WORD, text):
            letters = len(word.rstrip(" "))
            if left < room and left < _cells_up_to(word, 0, letters, room) <= room:
                lines.append([])
                left = room
            start = 0
            while _cells_up_to(word, start, letters, left) > left:
                piece = head(word[start : start + (left + 1) * _EXTRA], left)
                _append(lines[-1], piece, style)
                lines.append([])
                left = room
                start += len(piece)
            # Spaces that do not fit are dropped at the line break.
            rest = word[start:]
            _append(lines[-1], head(rest, left), style)
            left -= cell_len(rest)
    return list(lines)


def _cells_up_to(text: str, start: int, end: int, room: int) -> int:
    """The width of a part of a text, or any number above `room` if it is wider.

    No more of it is read than fits, so that a text of several megabytes can be cut piece by piece.
    """
    reach = start + (room + 1) * _EXTRA
    if end > reach:
        return room + 1
    return cell_len(text[start:end])


def _append(line: list[Span], text: str, style: str) -> None:
    if line and line[-1][1] == style:
        line[-1] = (line[-1][0] + text, style)
    else:
        line.append((text, style))


def padded(line: Line, width: int, *, right: bool = False) -> Line:
    """The line padded with spaces to `width` cells."""
    missing = width - cells(line)
    if missing <= 0:
        return line
    blank = (" " * missing, "")
    return [blank, *line] if right else [*line, blank]

"""Tables with headings, fitted to the width of a terminal or printed in full.

rich's own Table pads every line to the longest cell, truncates at the end only, and takes 0.6 ms
a row; here each column decides how to shorten its cells, and the last one is never padded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from proccli.terminal.lines import Line, cells, padded, shorten
from proccli.terminal.view import View

Row = TypeVar("Row")

GAP = 2
_TINY = 6
"""Minimum width in cells of a column, if nothing else helps."""
PIPED_PADDING = 60
"""Maximum padding without a terminal: a cell of several megabytes must not widen every line."""


class Column(Generic[Row]):
    """One fact about each row.

    `cell` gets the available width in cells, or None if it is unlimited.
    """

    def __init__(
        self,
        *,
        title: str,
        cell: Callable[[Row, int | None], Line],
        right: bool = False,
        least: int | None = None,
        spare: int = 0,
    ) -> None:
        self.title = title
        self.cell = cell
        self.right = right
        self.least = least
        """Minimum useful width in cells; None: it cannot be narrowed."""
        self.spare = spare
        """Order in which columns are left out of a narrow table: the highest first; 0: never."""


def grid(rows: Sequence[Row], columns: Sequence[Column[Row]], view: View) -> list[Line]:
    """A heading and one line per row; empty without rows."""
    if not rows:
        return []
    columns, table, widths = _fitted(rows, columns, view.width)
    titles: list[Line] = [((column.title, "head"),) for column in columns]
    return [_in_a_line(line, columns, widths) for line in (titles, *table)]


def host_grid(
    rows: Sequence[tuple[str | None, Row]], columns: Sequence[Column[Row]], view: View
) -> list[Line]:
    """A table of rows of several hosts, whose first column has the names of the hosts."""

    def name(row: tuple[str | None, Row], room: int | None) -> Line:
        return ((shorten(row[0] or "", room, view.glyphs.ellipsis), "dim"),)

    def inner(column: Column[Row]) -> Column[tuple[str | None, Row]]:
        return Column(
            title=column.title,
            cell=lambda row, room: column.cell(row[1], room),
            right=column.right,
            least=column.least,
            spare=column.spare,
        )

    host: Column[tuple[str | None, Row]] = Column(title="HOST", cell=name, least=8)
    return grid(rows, [host, *map(inner, columns)], view)


def _fitted(
    rows: Sequence[Row], columns: Sequence[Column[Row]], room: int | None
) -> tuple[Sequence[Column[Row]], list[list[Line]], list[int]]:
    """The columns that fit, their cells, and their widths."""
    by_column = [[column.cell(row, room) for row in rows] for column in columns]
    sizes = [[cells(cell) for cell in column] for column in by_column]
    wanted = [max(len(column.title), *size) for column, size in zip(columns, sizes, strict=True)]
    if room is None:
        kept = list(range(len(columns)))
        widths = [min(width, PIPED_PADDING) for width in wanted]
    else:
        kept = _kept(columns, wanted, room)
        widths = _narrowed(columns, wanted, kept, room)
        for index in kept:
            if widths[index] < wanted[index]:
                by_column[index] = [
                    columns[index].cell(row, widths[index]) if size > widths[index] else cell
                    for row, cell, size in zip(rows, by_column[index], sizes[index], strict=True)
                ]
    table = [list(line) for line in zip(*(by_column[index] for index in kept), strict=True)]
    return [columns[index] for index in kept], table, [widths[index] for index in kept]


def _kept(columns: Sequence[Column[Row]], wanted: Sequence[int], room: int) -> list[int]:
    """The indices of the columns that fit if all have their minimum width."""
    kept = list(range(len(columns)))

    def needed() -> int:
        smallest = (min(columns[i].least or wanted[i], wanted[i]) for i in kept)
        return sum(smallest) + GAP * (len(kept) - 1)

    for index in sorted(kept, key=lambda i: -columns[i].spare):
        if not columns[index].spare or needed() <= room:
            break
        kept.remove(index)
    return kept


def _narrowed(
    columns: Sequence[Column[Row]], wanted: Sequence[int], kept: Sequence[int], room: int
) -> list[int]:
    """Widths that fit: the widest column that can be narrowed is narrowed first."""
    widths = list(wanted)
    excess = sum(widths[i] for i in kept) + GAP * (len(kept) - 1) - room
    for floor in (max(columns[i].least or 0 for i in kept), _TINY):
        while excess > 0:
            narrowable = [
                i
                for i in kept
                if (least := columns[i].least) is not None and widths[i] > min(least, floor)
            ]
            if not narrowable:
                break
            widths[max(narrowable, key=lambda i: widths[i])] -= 1
            excess -= 1
    return widths


def _in_a_line(line: Sequence[Line], columns: Sequence[Column[Row]], widths: Sequence[int]) -> Line:
    spans = []
    last = len(columns) - 1
    for index, (cell, column, width) in enumerate(zip(line, columns, widths, strict=True)):
        if index:
            spans.append((" " * GAP, ""))
        unpadded = index == last and not column.right
        spans.extend(cell if unpadded else padded(cell, width, right=column.right))
    return spans

"""CSV and TSV records (RFC 4180): the labels are cells at the end of each row.

Like Python's csv module, a quote within a cell that does not start with a quote is an ordinary
character, and text after a closing quote belongs to the cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Final, NamedTuple

from proccli.errors import FlowsError
from proccli.model.flows import AnyFlow, Flow, FlowLabels
from proccli.traffic.flows.columns import LabelColumns
from proccli.traffic.flows.fields import FieldMap, find_fields
from proccli.traffic.flows.lines import MAX_LINE_BYTES, Lines
from proccli.traffic.flows.problems import NAME_THEM, no_addresses
from proccli.traffic.flows.record import FlowContext
from proccli.traffic.flows.values import FlowReader

DELIMITERS: Final = (",", ";", "\t")

_TO_CLOSING = re.compile(r'[^"]*(?:""[^"]*)*"(?!")')


def split_cells(text: str, delimiter: str) -> Sequence[str] | None:
    """The cells of a record, including their quotes; None: a quote is not closed.

    `text` has no line end.
    """
    if '"' not in text:
        return text.split(delimiter)
    cells: list[str] = _cells(delimiter).findall(text + delimiter)
    # A cell without a closing quote is not found, nor is its delimiter.
    return cells if sum(map(len, cells)) + len(cells) == len(text) + len(delimiter) else None


@cache
def _cells(delimiter: str) -> re.Pattern[str]:
    between = re.escape(delimiter)
    return re.compile(rf'((?:"{_TO_CLOSING.pattern}|(?!"))[^{between}]*){between}')


def quote_stays_open(line: str, delimiter: str) -> bool:
    """Whether a quote is still open after a line that starts within quotes."""
    index = 0
    while closing := _TO_CLOSING.match(line, index):
        opening = line.find(f'{delimiter}"', closing.end())
        if opening < 0:
            return False
        index = opening + 2
    return True


def unquoted(cell: str) -> str:
    """The value of a cell."""
    if not cell.startswith('"'):
        return cell
    closing = _TO_CLOSING.match(cell, 1)
    end = len(cell) + 1 if closing is None else closing.end()
    return cell[1 : end - 1].replace('""', '"') + cell[end:]


def quoted(value: str | None, delimiter: str) -> str:
    """A cell with this value: empty for None, a pair of quotes for an empty text."""
    if value is None:
        return ""
    if value and not any(char in value for char in (delimiter, '"', "\r", "\n")):
        return value
    doubled = value.replace('"', '""')
    return f'"{doubled}"'


class FlowTable:
    """The columns of a format that names them once for all rows."""

    def __init__(
        self,
        names: Sequence[str],
        labels: LabelColumns,
        context: FlowContext,
        *,
        delimiter: str,
        value_of: Callable[[str], str | None],
    ) -> None:
        """`value_of` returns the value of a cell; None: no value."""
        self.fields = find_fields(names, context.fields)
        context.problems.names(names, self.fields)
        self.width = len(names)
        self.delimiter = delimiter
        self.labels = labels
        self.present = frozenset(labels.columns).intersection(names)
        self.replaced = [(i, name) for i, name in enumerate(names) if name in self.present]
        self.appended = [name for name in labels.columns if name not in self.present]
        self._needed = [(name, names.index(name)) for name in self.fields.names if name in names]
        self._reader = FlowReader(self.fields, context.times)
        self._value_of = value_of

    def row(self, cells: Sequence[str], body: bytes, end: bytes) -> FlowTableRow:
        """A row. It must have as many cells as there are columns."""
        value_of = self._value_of
        flow = self._reader.read({name: value_of(cells[index]) for name, index in self._needed})
        return FlowTableRow(*flow, self, cells, body, end)


class FlowTableRow(NamedTuple):
    """A row and its original text."""

    timeless: AnyFlow
    start_s: float | None
    end_s: float | None
    table: FlowTable
    cells: Sequence[str]
    body: bytes
    end: bytes

    @property
    def flow(self) -> Flow:
        """The flow that the row describes."""
        return self.timeless.flow._replace(start_s=self.start_s, end_s=self.end_s)

    def labelled(self, labels: FlowLabels) -> bytes:
        """The row with the label columns appended, or replaced where it already has them."""
        table = self.table
        encoded = table.labels.encoded(table.present, labels)
        body = self.body
        if encoded.replaced:
            cells = list(self.cells)
            for index, name in table.replaced:
                cells[index] = encoded.replaced.get(name, cells[index])
            body = table.delimiter.join(cells).encode(errors="surrogateescape")
        return b"".join((body, encoded.tail, self.end))


_NULLS: Final = frozenset({"", "\\N", "NULL"})
"""What databases write for a missing value."""
_HEADER_LINES: Final = 10


class _Row(NamedTuple):
    line: int
    """The number of its first line."""
    body: bytes
    end: bytes
    cells: Sequence[str] | None
    """None: a quote is not closed."""


def csv_records(
    lines: Lines, context: FlowContext, delimiter: str
) -> Iterator[bytes | FlowTableRow]:
    """The header as bytes and the rows; lines that are neither, unchanged as bytes.

    Raises: FlowsError if the header has no known names of addresses; as `Lines`.
    """
    table = None
    for row in _rows(lines, delimiter):
        whole = row.body + row.end
        cells = row.cells
        if table is not None and cells is not None and len(cells) == table.width:
            yield table.row(cells, row.body, row.end)
        elif not row.body.strip():
            yield whole
        elif table is None:
            table = _table(row, lines, context, delimiter)
            names = "".join(delimiter + quoted(name, delimiter) for name in table.appended)
            yield b"".join((row.body, names.encode(), row.end))
        else:
            context.problems.add("open-quote" if cells is None else "cells", row.line)
            yield whole


def _table(header: _Row, lines: Lines, context: FlowContext, delimiter: str) -> FlowTable:
    def append(cells: Mapping[str, str]) -> str:
        return "".join(delimiter + cell for cell in cells.values())

    labels = LabelColumns(
        context.keys, encode=lambda value: quoted(value, delimiter), append=append
    )
    if header.cells is None:
        raise FlowsError("a quote in the header is not closed", lines.at(header.line))
    names = names_of(header.cells)
    table = FlowTable(names, labels, context, delimiter=delimiter, value_of=_cell_value)
    for part, name in context.fields.names.items():
        if name not in names:
            raise FlowsError(
                f"column {name!a} (--fields {part}={ascii(name)[1:-1]}) does not exist",
                lines.at(header.line),
            )
    if not table.fields.has_addresses:
        raise FlowsError(no_addresses(names), lines.at(header.line), hint=NAME_THEM)
    return table


def _cell_value(cell: str) -> str | None:
    text = unquoted(cell)
    return None if text in _NULLS else text


def names_of(header: Sequence[str]) -> Sequence[str]:
    """The column names of a header."""
    return [unquoted(cell).strip() for cell in header]


def _rows(lines: Lines, delimiter: str) -> Iterator[_Row]:
    for line in lines:
        row = _row(lines.number, line, delimiter)
        yield _long_row(line, lines, delimiter) if row.cells is None else row


def _row(number: int, text: bytes, delimiter: str) -> _Row:
    end = b"\r\n" if text.endswith(b"\r\n") else b"\n" if text.endswith(b"\n") else b""
    body = text[: len(text) - len(end)]
    cells = split_cells(body.decode(errors="surrogateescape"), delimiter)
    return _Row(number, body, end, cells)


def _long_row(first: bytes, lines: Lines, delimiter: str) -> _Row:
    """A record that continues on the following lines."""
    number, taken, size = lines.number, [first], len(first)
    for line in lines:
        taken.append(line)
        size += len(line)
        if size > MAX_LINE_BYTES:
            problem = f"record exceeds {MAX_LINE_BYTES >> 20} MiB: is a quote not closed?"
            raise FlowsError(problem, lines.at(number))
        if not quote_stays_open(line.decode(errors="surrogateescape"), delimiter):
            break
    else:
        # The quote is never closed, so the lines after it are rows of their own.
        lines.push_back(taken[1:])
        return _Row(number, first, b"", None)
    return _row(number, b"".join(taken), delimiter)


def detect_delimiter(lines: Lines, fields: FieldMap) -> str | None:
    """The delimiter of the header at the start of the remaining lines.

    None: no delimiter gives a column with a known name of an address, or a name of `fields`.
    """
    header = b""
    for index in range(_HEADER_LINES):
        header += lines.peek(index)
        if header.count(b'"') % 2 == 0 and header.strip():
            break
    text = header.decode(errors="surrogateescape").strip("\r\n")
    for delimiter in DELIMITERS:
        cells = split_cells(text, delimiter)
        if cells:
            names = names_of(cells)
            known = find_fields(names, fields).has_any_address
            if known or not set(names).isdisjoint(fields.names.values()):
                return delimiter
    return None

"""CSV and its relatives: the labels are cells at the end of each row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from proccli.errors import FlowsError
from proccli.traffic.flows.columns import Labels
from proccli.traffic.flows.csvtext import DELIMITERS, quoted, split_cells, still_open, unquoted
from proccli.traffic.flows.fieldmap import FieldMap
from proccli.traffic.flows.fields import find_places
from proccli.traffic.flows.lines import MAX_LINE_BYTES, Lines
from proccli.traffic.flows.problems import NAME_THEM, no_addresses
from proccli.traffic.flows.record import Context
from proccli.traffic.flows.table import Table, TableRecord

_NULLS: Final = frozenset({"", "\\N", "NULL"})
"""How databases write that there is no value."""
_HEADER_LINES: Final = 10


class _Row(NamedTuple):
    line: int
    """Where it begins."""
    body: bytes
    end: bytes
    cells: Sequence[str] | None
    """None: its quote is never closed."""


def csv_records(lines: Lines, context: Context, delimiter: str) -> Iterator[bytes | TableRecord]:
    """The header and the rows; lines that are neither, as they are.

    Raises: FlowsError for a header that doesn't say where the addresses are; as `Lines`.
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
            context.oddities.add("open-quote" if cells is None else "cells", row.line)
            yield whole


def _table(header: _Row, lines: Lines, context: Context, delimiter: str) -> Table:
    def append(cells: Mapping[str, str]) -> str:
        return "".join(delimiter + cell for cell in cells.values())

    labels = Labels(context.keys, encode=lambda value: quoted(value, delimiter), append=append)
    if header.cells is None:
        raise FlowsError("the header opens a quote that is never closed", lines.at(header.line))
    names = names_of(header.cells)
    table = Table(names, labels, context, delimiter=delimiter, said=_said)
    for part, name in context.fields.names.items():
        if name not in names:
            raise FlowsError(f"no column {name!a}, which is to be {part}", lines.at(header.line))
    if not table.places.has_addresses:
        raise FlowsError(no_addresses(names), lines.at(header.line), hint=NAME_THEM)
    return table


def _said(cell: str) -> str | None:
    text = unquoted(cell)
    return None if text in _NULLS else text


def names_of(header: Sequence[str]) -> Sequence[str]:
    """The names of the columns."""
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
    """A record that goes on in the lines that follow."""
    number, taken, size = lines.number, [first], len(first)
    for line in lines:
        taken.append(line)
        size += len(line)
        if size > MAX_LINE_BYTES:
            problem = f"a record longer than {MAX_LINE_BYTES >> 20} MiB: is a quote not closed?"
            raise FlowsError(problem, lines.at(number))
        if not still_open(line.decode(errors="surrogateescape"), delimiter):
            break
    else:
        # What comes behind a stray quote are rows again.
        lines.give_back(taken[1:])
        return _Row(number, first, b"", None)
    return _row(number, b"".join(taken), delimiter)


def likely_delimiter(lines: Lines, fields: FieldMap) -> str | None:
    """What separates the cells of the header that comes next.

    None: with none of the delimiters there is a column that is known to have an address, or one
    of the user's.
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
            known = find_places(names, fields).has_an_address
            if known or not set(names).isdisjoint(fields.names.values()):
                return delimiter
    return None

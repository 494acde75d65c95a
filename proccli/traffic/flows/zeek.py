r"""Zeek's column logs: headers that start with #, tab-separated columns, \xNN for special
characters.

Source: Zeek, src/logging/writers/ascii/Ascii.cc and src/threading/formatters/Ascii.cc.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from proccli.traffic.flows.columns import LabelColumns
from proccli.traffic.flows.csv import FlowTable, FlowTableRow
from proccli.traffic.flows.lines import Lines
from proccli.traffic.flows.record import FlowContext

_ESCAPE = re.compile(rb"\\x([0-9a-fA-F]{2})")
_LINE_ENDS: Final = "\r\n"


def zeek_records(lines: Lines, context: FlowContext) -> Iterator[bytes | FlowTableRow]:
    """The rows of one or more logs; headers and comments as bytes. Raises: as `Lines`."""
    log = _Log(context)
    for line in lines:
        text = line.decode(errors="surrogateescape")
        body = text.rstrip(_LINE_ENDS)
        if text.startswith("#"):
            yield log.header(body, text[len(body) :]).encode(errors="surrogateescape")
        else:
            yield log.row(line, body, lines.number)


@dataclass(slots=True)
class _Syntax:
    """How a log is written, as set by its headers so far."""

    separator: str
    unset: str = "-"
    empty: str = "(empty)"

    def cell_value(self, cell: str) -> str | None:
        return None if cell in (self.unset, self.empty) else cell

    def cells(self, cells: Mapping[str, str]) -> str:
        return "".join(self.separator + cell for cell in cells.values())

    def cell(self, value: str | None) -> str:
        if value is None:
            return self.unset
        if not value:
            return self.empty
        if value in (self.unset, self.empty) or value.startswith("#"):
            return _hex(value[0]) + self.escaped(value[1:])
        return self.escaped(value)

    def escaped(self, value: str) -> str:
        return hex_escaped(value, self.separator)


class _Log:
    """The state of a log as set by its headers so far. #separator starts a new log."""

    def __init__(self, context: FlowContext) -> None:
        self._context = context
        self._begin("\t")

    def _begin(self, separator: str) -> None:
        # Rows of the log before may not have been written yet.
        self._syntax = _Syntax(separator)
        self.table: FlowTable | None = None

    def header(self, text: str, end: str) -> str:
        """The header or comment; #fields and #types with the label columns added."""
        if text.startswith("#separator "):
            self._begin(_unescaped(text.partition(" ")[2]) or "\t")
            return text + end
        syntax = self._syntax
        separator = syntax.separator
        key, *values = text.split(separator)
        if key == "#unset_field" and values:
            syntax.unset = values[0]
        elif key == "#empty_field" and values:
            syntax.empty = values[0]
        elif key == "#fields":
            self.table = self._table(values)
            return separator.join([text, *map(syntax.escaped, self.table.appended)]) + end
        elif key == "#types" and self.table is not None and len(values) == self.table.width:
            for index, _ in self.table.replaced:
                values[index] = "string"
            return separator.join([key, *values, *("string" for _ in self.table.appended)]) + end
        return text + end

    def row(self, line: bytes, body: str, number: int) -> bytes | FlowTableRow:
        """The record of a line, or the unchanged line if it is not a record.

        `body`: the line without its end.
        """
        if self.table is not None and body:
            cells = body.split(self._syntax.separator)
            if len(cells) == self.table.width:
                whole = line.rstrip(_LINE_ENDS.encode())
                return self.table.row(cells, whole, line[len(whole) :])
        if body.strip():
            self._context.problems.add("no-fields" if self.table is None else "cells", number)
        return line

    def _table(self, names: list[str]) -> FlowTable:
        syntax = self._syntax
        labels = LabelColumns(self._context.keys, encode=syntax.cell, append=syntax.cells)
        known = [_unescaped(name) for name in names]
        delimiter, value_of = syntax.separator, syntax.cell_value
        return FlowTable(known, labels, self._context, delimiter=delimiter, value_of=value_of)


def hex_escaped(value: str, special: str) -> str:
    r"""The text with control characters, backslashes and the characters `special` as `\xNN`."""
    return "".join(
        _hex(char) if char < " " or "\x7f" <= char <= "\x9f" or char in f"\\{special}" else char
        for char in value
    )


def _hex(char: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in char.encode())


def _unescaped(text: str) -> str:
    raw = text.encode(errors="surrogateescape")
    raw = _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), raw)
    return raw.decode(errors="surrogateescape")

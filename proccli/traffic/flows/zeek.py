r"""Zeek's column logs: headers that start with #, tab-separated columns, \xNN for special
characters.

Source: Zeek, src/logging/writers/ascii/Ascii.cc and src/threading/formatters/Ascii.cc.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
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


class _Log:
    """The state of a log as set by its headers so far. #separator starts a new log."""

    def __init__(self, context: FlowContext) -> None:
        self._context = context
        self.separator = "\t"
        self._begin()

    def _begin(self) -> None:
        self._unset = "-"
        self._empty = "(empty)"
        self.table: FlowTable | None = None

    def header(self, text: str, end: str) -> str:
        """The header or comment; #fields and #types with the label columns added."""
        if text.startswith("#separator "):
            self._begin()
            self.separator = _unescaped(text.partition(" ")[2]) or "\t"
            return text + end
        key, *values = text.split(self.separator)
        if key == "#unset_field" and values:
            self._unset = values[0]
        elif key == "#empty_field" and values:
            self._empty = values[0]
        elif key == "#fields":
            self.table = self._table(values)
            return self.separator.join([text, *map(self._escaped, self.table.appended)]) + end
        elif key == "#types" and self.table is not None and len(values) == self.table.width:
            for index, _ in self.table.replaced:
                values[index] = "string"
            return (
                self.separator.join([key, *values, *("string" for _ in self.table.appended)]) + end
            )
        return text + end

    def row(self, line: bytes, body: str, number: int) -> bytes | FlowTableRow:
        """The record of a line, or the unchanged line if it is not a record.

        `body`: the line without its end.
        """
        if self.table is not None and body:
            cells = body.split(self.separator)
            if len(cells) == self.table.width:
                whole = line.rstrip(_LINE_ENDS.encode())
                return self.table.row(cells, whole, line[len(whole) :])
        if body.strip():
            self._context.problems.add("no-fields" if self.table is None else "cells", number)
        return line

    def _table(self, names: list[str]) -> FlowTable:
        labels = LabelColumns(self._context.keys, encode=self._value, append=self._cells)
        known = [_unescaped(name) for name in names]
        return FlowTable(
            known, labels, self._context, delimiter=self.separator, value_of=self._cell_value
        )

    def _cell_value(self, cell: str) -> str | None:
        return None if cell in (self._unset, self._empty) else cell

    def _cells(self, cells: Mapping[str, str]) -> str:
        return "".join(self.separator + cell for cell in cells.values())

    def _value(self, value: str | None) -> str:
        if value is None:
            return self._unset
        if not value:
            return self._empty
        if value in (self._unset, self._empty) or value.startswith("#"):
            return _hex(value[0]) + self._escaped(value[1:])
        return self._escaped(value)

    def _escaped(self, value: str) -> str:
        return hex_escaped(value, self.separator)


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

r"""Tables with blanks between columns, under a header with names: flow logs of AWS, `column -t`.

A `-` is a missing value, as in these logs. Values that are added have no blanks: a blank, a
control character or a backslash is written as `\xNN`, as in Zeek's logs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from proccli.errors import FlowsError
from proccli.traffic.flows.columns import LabelColumns
from proccli.traffic.flows.csv import FlowTable, FlowTableRow
from proccli.traffic.flows.fields import FieldMap, find_fields
from proccli.traffic.flows.lines import Lines
from proccli.traffic.flows.problems import NAME_THEM, no_addresses
from proccli.traffic.flows.record import FlowContext
from proccli.traffic.flows.zeek import hex_escaped

_MISSING: Final = "-"
_LINE_ENDS: Final = b"\r\n"


def is_header(line: bytes, fields: FieldMap) -> bool:
    """Whether a line has names of the addresses of both sides, with blanks between them."""
    names = line.decode(errors="surrogateescape").split()
    return len(names) > 1 and find_fields(names, fields).has_addresses


def blank_records(lines: Lines, context: FlowContext) -> Iterator[bytes | FlowTableRow]:
    """The header as bytes and the rows; lines that are neither, unchanged as bytes.

    Raises: FlowsError if the header has no known names of addresses; as `Lines`.
    """
    table = None
    for line in lines:
        body = line.rstrip(_LINE_ENDS)
        end = line[len(body) :]
        cells = body.decode(errors="surrogateescape").split()
        if not cells:
            yield line
        elif table is None:
            table = _table(cells, lines, context)
            names = "".join(f" {hex_escaped(name, ' ')}" for name in table.appended)
            yield b"".join((body, names.encode(), end))
        elif len(cells) == table.width:
            yield table.row(cells, body, end)
        else:
            context.problems.add("cells", lines.number)
            yield line


def _table(names: list[str], lines: Lines, context: FlowContext) -> FlowTable:
    labels = LabelColumns(context.keys, encode=_value, append=_cells)
    table = FlowTable(names, labels, context, delimiter=" ", value_of=_cell_value)
    if not table.fields.has_addresses:
        raise FlowsError(no_addresses(names), lines.at(lines.number), hint=NAME_THEM)
    return table


def _cell_value(cell: str) -> str | None:
    return None if cell == _MISSING else cell


def _cells(cells: Mapping[str, str]) -> str:
    return "".join(f" {cell}" for cell in cells.values())


def _value(value: str | None) -> str:
    if not value:
        return _MISSING
    return hex_escaped(value, " -" if value == _MISSING else " ")

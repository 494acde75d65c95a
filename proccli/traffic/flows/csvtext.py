"""The text of CSV: cells as they are written, and what they say (RFC 4180).

Like Python's csv module, it takes a quote inside a cell that doesn't begin with one as it stands,
and adds what follows a closing quote to the cell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Final

DELIMITERS: Final = (",", ";", "\t")

_TO_CLOSING = re.compile(r'[^"]*(?:""[^"]*)*"(?!")')


def split_cells(text: str, delimiter: str) -> Sequence[str] | None:
    """The cells of a record, with their quotes; None: a quote is open at the end.

    `text` has no line end.
    """
    if '"' not in text:
        return text.split(delimiter)
    cells: list[str] = _cells(delimiter).findall(text + delimiter)
    # A cell that is never closed is not found, nor its delimiter.
    return cells if sum(map(len, cells)) + len(cells) == len(text) + len(delimiter) else None


@cache
def _cells(delimiter: str) -> re.Pattern[str]:
    between = re.escape(delimiter)
    return re.compile(rf'((?:"{_TO_CLOSING.pattern}|(?!"))[^{between}]*){between}')


def still_open(line: str, delimiter: str) -> bool:
    """Whether a quote is open behind a line that begins inside of quotes."""
    index = 0
    while closing := _TO_CLOSING.match(line, index):
        opening = line.find(f'{delimiter}"', closing.end())
        if opening < 0:
            return False
        index = opening + 2
    return True


def unquoted(cell: str) -> str:
    """What a cell says."""
    if not cell.startswith('"'):
        return cell
    closing = _TO_CLOSING.match(cell, 1)
    end = len(cell) + 1 if closing is None else closing.end()
    return cell[1 : end - 1].replace('""', '"') + cell[end:]


def quoted(value: str | None, delimiter: str) -> str:
    """A cell that says this: empty for None, and a pair of quotes for an empty text."""
    if value is None:
        return ""
    if value and not any(char in value for char in (delimiter, '"', "\r", "\n")):
        return value
    doubled = value.replace('"', '""')
    return f'"{doubled}"'

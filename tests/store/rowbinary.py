"""Reading RowBinary, as ClickHouse's documentation describes it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any


def decoded(row: bytes, columns: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The values of one row, by column; nothing may be left over."""
    file = io.BytesIO(row)
    found = {name: _value(file, kind) for name, kind in columns}
    assert file.read() == b""
    return found


def _value(file: io.BytesIO, kind: str) -> Any:
    if kind.startswith("Array("):
        return [_value(file, kind[len("Array(") : -1]) for _ in range(_length(file))]
    if kind == "String":
        return file.read(_length(file)).decode()
    if kind.startswith("DateTime"):
        kind = "UInt32"
    bits = int(kind.partition("Int")[2])
    data = file.read(bits // 8)
    assert len(data) == bits // 8
    return int.from_bytes(data, "little", signed=kind.startswith("Int"))


def _length(file: io.BytesIO) -> int:
    number = shift = 0
    while True:
        (byte,) = file.read(1)
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number

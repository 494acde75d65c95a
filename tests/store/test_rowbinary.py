"""RowBinary: what is written is what ClickHouse reads."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.store.engine import Engine
from proccli.store.rowbinary import encoders
from tests.store.rowbinary import decoded

COLUMNS = (
    ("a", "String"),
    ("b", "UInt16"),
    ("c", "Array(String)"),
    ("d", "Array(Array(String))"),
    ("e", "Array(Int64)"),
    ("f", "UInt64"),
    ("g", "DateTime('UTC')"),
    ("h", "Array(UInt8)"),
)
NewStore = Callable[[], str]
TEXT = st.text(st.characters(codec="utf-8"), max_size=300)
ROW = st.tuples(
    TEXT,
    st.integers(0, 2**16 - 1),
    st.lists(TEXT, max_size=5),
    st.lists(st.lists(TEXT, max_size=3), max_size=3),
    st.lists(st.integers(-(2**63), 2**63 - 1)),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**32 - 1),
    st.lists(st.booleans()),
)


def written(row: tuple[Any, ...]) -> bytes:
    encode = encoders(COLUMNS)
    return b"".join(encode[name](value) for (name, _), value in zip(COLUMNS, row, strict=True))


@given(ROW)
def test_a_row_is_read_as_it_was(row: tuple[Any, ...]) -> None:
    assert tuple(decoded(written(row), COLUMNS).values()) == row


def test_the_engine_reads_the_same(engine: Engine, new_store: NewStore) -> None:
    """Also texts and arrays whose length takes two and three bytes."""
    store = new_store()
    kinds = ", ".join(f"{name} {kind}" for name, kind in COLUMNS)
    rows: list[tuple[Any, ...]] = [
        ("", 0, [], [], [], 0, 0, []),
        ("é\n\0'", 1, ["x" * 127, "x" * 128], [[], ["a", ""]], [-1, 2**62], 2**63, 7, [True]),
        ("y" * 20_000, 2**16 - 1, ["z"] * 300, [["q"]] * 200, [-5] * 20_000, 1, 2**32 - 1, [0, 1]),
    ]
    engine.run(f"CREATE TABLE {store}.t ({kinds}) ENGINE = Memory")

    engine.insert(f"{store}.t", b"".join(map(written, rows)), "RowBinary")

    columns = "a, b, c, d, arrayMap(x -> toString(x), e), toString(f), toUInt32(g), h"
    found = engine.rows(f"SELECT {columns} FROM {store}.t")
    assert found == [
        [a, b, c, d, list(map(str, e)), str(f), g, [int(one) for one in h]]
        for a, b, c, d, e, f, g, h in rows
    ]


@pytest.mark.parametrize(
    ("column", "value", "error"),
    [
        ("b", 2**16, struct.error),
        ("b", -1, struct.error),
        ("e", [2**63], struct.error),
        ("a", "\ud800", UnicodeEncodeError),
        ("c", ["x", "\udcff"], UnicodeEncodeError),
    ],
)
def test_what_does_not_fit_is_an_error(column: str, value: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        encoders(COLUMNS)[column](value)

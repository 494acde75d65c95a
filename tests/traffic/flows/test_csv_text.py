"""Cells are separated as by Python's csv module."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.traffic.flows.csv import DELIMITERS, quote_stays_open, quoted, split_cells, unquoted
from tests.traffic.flows.labelling import read_csv

TEXT = st.text(alphabet='ab",;\t \n', max_size=30)
DELIMITER = st.sampled_from(DELIMITERS)


@given(TEXT, DELIMITER)
def test_a_line_has_the_cells_that_the_csv_module_finds(text: str, delimiter: str) -> None:
    line = text.replace("\n", "")
    cells = split_cells(line, delimiter)
    # What is open takes the next line to it.
    rows = read_csv(f"{line}\nx\n", delimiter)

    if cells is None:
        assert len(rows) == 1
    elif line:
        assert [[unquoted(cell) for cell in cells], ["x"]] == rows


@given(TEXT, DELIMITER)
def test_lines_are_joined_as_in_the_csv_module(text: str, delimiter: str) -> None:
    lines = [line for line in text.split("\n") if line]
    open_before = False
    taken = 0
    for line in lines:
        if open_before:
            open_before = quote_stays_open(line + "\n", delimiter)
        else:
            open_before = split_cells(line, delimiter) is None
        taken += not open_before

    rows = read_csv("".join(line + "\n" for line in lines), delimiter)
    assert len(rows) == taken + open_before


@given(st.lists(st.text(max_size=8), min_size=2, max_size=6), DELIMITER)
def test_quoted_cells_are_unquoted(values: list[str], delimiter: str) -> None:
    text = delimiter.join(quoted(value, delimiter) for value in values)

    assert read_csv(text, delimiter) == [values]
    cells = split_cells(text, delimiter)
    assert cells is not None
    assert [unquoted(cell) for cell in cells] == values


@pytest.mark.parametrize("value", ["", "a"])
def test_nothing_and_an_empty_text_are_written_differently(value: str) -> None:
    assert quoted(None, ",") == ""
    assert quoted(value, ",") != ""

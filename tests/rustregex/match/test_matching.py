"""The table of what matches where, by both engines and by the crate itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from proccli.rustregex.match.regex import Regex
from proccli.rustregex.parse.parser import parse
from tests.paths import DATA
from tests.rustregex.witness import Witness

TABLE: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    (DATA / "rustregex" / "matching.yaml").read_text("utf-8")
)
ROWS = {
    f"{topic}: {row['pattern']} on {row['text']!r}, {row.get('template')!r}": row
    for topic, rows in TABLE.items()
    for row in rows
}
every_row = pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
REPLACING = {name: row for name, row in ROWS.items() if "template" in row}


def groups(row: dict[str, Any]) -> list[str | None]:
    text = row["text"]
    spans = row["spans"] or [None]
    return [None if span is None else text[span[0] : span[1]] for span in spans]


def is_match(row: dict[str, Any]) -> bool:
    return bool(row.get("is_match", row["spans"] is not None))


@pytest.fixture(params=["backtracking", "simulated"])
def compiled(request: pytest.FixtureRequest) -> Callable[[str], Regex]:
    """Compiles for one of the two engines."""

    def compile_for_engine(pattern: str) -> Regex:
        regex = Regex(parse(pattern))
        if request.param == "simulated":
            regex._exact._backtracks = False
        return regex

    return compile_for_engine


@every_row
def test_matches_and_captures(row: dict[str, Any], compiled: Callable[[str], Regex]) -> None:
    regex = compiled(row["pattern"])
    match = regex.search(row["text"])

    assert regex.is_match(row["text"]) == is_match(row)
    assert (match and [span and [*span] for span in match.spans]) == row["spans"]


@pytest.mark.parametrize("row", REPLACING.values(), ids=REPLACING)
def test_replaces_every_match(row: dict[str, Any], compiled: Callable[[str], Regex]) -> None:
    assert compiled(row["pattern"]).replace_all(row["text"], row["template"]) == row["replaced"]


@every_row
def test_the_crate_gives_the_answers_of_the_table(row: dict[str, Any]) -> None:
    witness = Witness(row["pattern"])

    assert witness.is_match(row["text"]) == is_match(row)
    span = row["spans"] and tuple(row["spans"][0])
    assert witness.span(row["text"]) == span
    assert witness.groups(row["text"], len(groups(row)) - 1) == groups(row)
    if "template" in row:
        assert witness.replace_all(row["text"], row["template"]) == row["replaced"]

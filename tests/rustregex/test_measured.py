"""The cases that were measured with the crate itself, by both engines."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from functools import cache
from typing import Any

import pytest

from proccli.rustregex.match.regex import Regex
from proccli.rustregex.parse.errors import RegexSyntaxError
from proccli.rustregex.parse.parser import parse
from proccli.rustregex.tree.nodes import Parsed
from tests.paths import DATA

FILE = DATA / "rustregex" / "rust-regex-1.8.3.jsonl.gz"
CASES: dict[str, list[dict[str, Any]]] = defaultdict(list)
with gzip.open(FILE, "rt", encoding="utf-8") as lines:
    for line in lines:
        case = json.loads(line)
        CASES[case["cat"]].append(case)

by_topic = pytest.mark.parametrize("topic", CASES)


@cache
def parsed(pattern: str) -> Parsed | None:
    """A pattern, which is parsed once for all tests of this module; None if it is refused."""
    try:
        return parse(pattern)
    except RegexSyntaxError:
        return None


def compiled(pattern: str) -> Regex | None:
    found = parsed(pattern)
    return None if found is None else Regex(found)


def answers(regex: Regex | None, case: dict[str, Any]) -> dict[str, Any]:
    """What the file holds of a case, as we see it."""
    if regex is None:
        return {"compile": "error"}
    text = case["haystack"]
    match = regex.search(text)
    found: dict[str, Any] = {
        "compile": "ok",
        "names": [*regex.group_names],
        "is_match": regex.is_match(text),
        "span": match and [*(match.span() or ())],
        "match": match and match.group(),
        "groups": match
        and [
            {
                "i": index,
                "name": name,
                "span": span and [*span],
                "text": match.group(index),
            }
            for index, (name, span) in enumerate(zip(regex.group_names, match.spans, strict=True))
        ],
    }
    if "replacement" in case:
        found["replace_all"] = regex.replace_all(text, case["replacement"])
        # What the new dialect does: the template on the first match alone.
        found["replace_matched"] = match and regex.replace_all(
            match.group() or "", case["replacement"]
        )
    return found


def wrong(topic: str, *, simulated: bool) -> list[tuple[str, dict[str, Any]]]:
    out = []
    for case in CASES[topic]:
        regex = compiled(case["pattern"])
        if regex and simulated:
            regex._exact._backtracks = False
        got = answers(regex, case)
        if any(got[key] != case[key] for key in got):
            out.append((case["id"], got))
    return out


def test_all_cases_are_there() -> None:
    assert sum(map(len, CASES.values())) == 1563


@by_topic
def test_answers_as_measured(topic: str) -> None:
    assert not wrong(topic, simulated=False)


@by_topic
def test_the_simulation_answers_as_measured(topic: str) -> None:
    assert not wrong(topic, simulated=True)


@by_topic
def test_every_text_that_the_crate_matches_contains_the_required_literals(topic: str) -> None:
    for case in CASES[topic]:
        regex = compiled(case["pattern"])
        if regex is not None and case["is_match"]:
            found = case["haystack"].casefold()
            assert all(text in found for text in regex.required), case["id"]

"""Durations, moments and counts in words."""

from __future__ import annotations

import pytest

from proccli.terminal.words import duration, rfc3339
from proccli.text import counted, listed


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0s"),
        (59, "59s"),
        (60, "1m"),
        (3_599, "59m"),
        (3_600, "1h 0m"),
        (86_399, "23h 59m"),
        (86_400, "1d 0h"),
        (8_640_000, "100d"),
        (-5, "-5s"),
        (-90_000, "-1d 1h"),
    ],
)
def test_durations(seconds: int, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_767_323_045, "2026-01-02T03:04:05Z"),
        (-62_135_596_800, "0001-01-01T00:00:00Z"),
        (253_402_300_799, "9999-12-31T23:59:59Z"),
        (253_402_300_800, None),
        (10**30, None),
        (None, None),
    ],
)
def test_moments_are_rfc_3339_while_it_has_them(seconds: int | None, text: str | None) -> None:
    assert rfc3339(seconds) == text


def test_counts() -> None:
    assert counted(1, "process") == "1 process"
    assert counted(1_234, "process") == "1,234 processes"
    assert counted(0, "value") == "0 values"
    assert [listed(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]

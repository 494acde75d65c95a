"""Durations as humantime reads them, and other kinds of values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.config.yaml.kinds import parse_duration

UNITS = {
    "ns": 1,
    "us": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86_400 * 10**9,
    "w": 604_800 * 10**9,
    "M": 2_630_016 * 10**9,
    "y": 31_557_600 * 10**9,
}


@pytest.mark.parametrize(
    ("written", "nanos"),
    [
        ("10s", 10**10),
        (" 3s", 3 * 10**9),
        ("3s ", 3 * 10**9),
        ("3 s", 3 * 10**9),
        ("1 0 s", 10**10),
        ("1h30m", 5400 * 10**9),
        ("1h 30 min", 5400 * 10**9),
        ("18446744073709551615ns", 2**64 - 1),
        ("18446744073709551615s", (2**64 - 1) * 10**9),
        ("0ns", 0),
        ("1\u20031s", 11 * 10**9),
    ],
)
def test_a_duration_is_the_sum_of_its_parts(written: str, nanos: int) -> None:
    assert parse_duration(written) == nanos


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "10",
        "0",
        "1.5s",
        "-1s",
        "3S",
        "1µs",
        "1s,1s",
        "ms10",
        "1s 1",
        "1_0s",
        "１０s",
        "\x1c1s",
        "18446744073709551616s",
        "18446744073709551615s1s",
        "18446744073709552us",
        "s",
        "1ss",
    ],
)
def test_what_is_no_duration_is_none(written: str) -> None:
    assert parse_duration(written) is None


@given(
    st.lists(
        st.tuples(
            st.integers(0, 10**6), st.sampled_from(sorted(UNITS)), st.sampled_from(["", " "])
        ),
        min_size=1,
        max_size=8,
    )
)
def test_parts_add_up_in_any_order(parts: list[tuple[int, str, str]]) -> None:
    written = " ".join(f"{number}{space}{unit}" for number, unit, space in parts)
    backwards = " ".join(f"{number}{space}{unit}" for number, unit, space in reversed(parts))
    total = sum(number * UNITS[unit] for number, unit, _ in parts)

    assert parse_duration(written) == parse_duration(backwards) == total


@given(st.text(max_size=30))
def test_any_text_is_a_duration_or_none(written: str) -> None:
    value = parse_duration(written)

    assert value is None or value >= 0


def test_a_long_text_takes_linear_time() -> None:
    assert parse_duration("0" * 100_000 + "s") == 0
    assert parse_duration("9" * 100_000 + "s") is None
    assert parse_duration("1ns" * 30_000) == 30_000

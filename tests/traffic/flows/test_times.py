"""Times, as many as there are ways to write them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.traffic.flows.values import TimeReader

MOMENT = 1709746801.214356
CHINA = timezone(timedelta(hours=8))


@pytest.mark.parametrize(
    "value",
    [
        1709746801.214356,
        1709746801214.356,
        1709746801214356,
        1709746801214356000,
        "1709746801.214356",
        " 1709746801214356 ",
        "1.709746801214356e9",
        "2024-03-06T17:40:01.214356Z",
        "2024-03-06 17:40:01.214356 UTC",
        "2024-03-07T01:40:01.214356+08:00",
        "2024-03-07 01:40:01,214356000 +0800",
        "2024-03-07 01:40:01.214356+08",
        "2024-03-06t14:10:01.214356-03:30",
    ],
)
def test_one_moment_written_in_many_ways(value: object) -> None:
    times = TimeReader(None)

    assert times.read(value) == pytest.approx(MOMENT, abs=1e-6)
    assert (times.without_zone, times.unreadable) == (0, 0)


def test_whole_seconds_and_minutes_are_times_too() -> None:
    times = TimeReader(None)

    assert times.read(1709746801) == 1709746801.0
    assert times.read("2024-03-06T17:40Z") == 1709746800.0


def test_a_time_without_a_zone_is_of_the_given_one_or_of_none() -> None:
    text = "2024-03-07 01:40:01.214356"
    unknown = TimeReader(None)

    assert TimeReader(CHINA).read(text) == pytest.approx(MOMENT, abs=1e-6)
    assert unknown.read(text) is None
    assert unknown.without_zone == 1


@pytest.mark.parametrize("value", [None, "", "  ", 0, 0.0, "0", -1, "1970-01-01T00:00:00Z", -0.5])
def test_empty_values_of_databases_are_no_times(value: object) -> None:
    times = TimeReader(None)

    assert times.read(value) is None
    assert times.unreadable == 0


def test_the_empty_time_of_a_database_is_none_in_any_zone() -> None:
    assert TimeReader(CHINA).read("1970-01-01 08:00:00") is None


@pytest.mark.parametrize(
    "value",
    [
        "yesterday",
        "2024-13-01T00:00:00Z",
        "2024-02-30T00:00:00Z",
        "2024-03-06T24:00:00Z",
        "2024-03-06T00:00:60Z",
        "2024-03-06",
        "0000-01-01T00:00:00Z",
        "2024-03-06T17:40:01+99:00",
        "2024-03-06T17:40:01.1234567890Z",
        "٢٠٢٤-03-06T17:40:01Z",
        "1e999",
        "nan",
        "0x10",
        "1_000",
        10**30,
        10**400,
        float("inf"),
        float("nan"),
        True,
        [1],
        {},
        "1" * 5000,
    ],
)
def test_anything_else_is_counted_as_unreadable(value: object) -> None:
    times = TimeReader(CHINA)

    assert times.read(value) is None
    assert times.unreadable == 1


@given(
    st.datetimes(min_value=datetime(1973, 3, 4), max_value=datetime(2200, 1, 1)),  # noqa: DTZ001
    st.sampled_from([timezone.utc, CHINA, timezone(-timedelta(hours=9, minutes=30))]),
    st.sampled_from(["T", " "]),
)
def test_what_python_writes_is_read_as_python_means_it(
    moment: datetime, zone: timezone, between: str
) -> None:
    aware = moment.replace(tzinfo=zone)

    assert TimeReader(None).read(aware.isoformat(sep=between)) == pytest.approx(
        aware.timestamp(), abs=1e-5
    )
    assert TimeReader(zone).read(moment.isoformat(sep=between)) == pytest.approx(
        aware.timestamp(), abs=1e-5
    )


@given(
    st.floats(min_value=1e9, max_value=5e9),
    st.sampled_from([1, 10**3, 10**6, 10**9]),
)
def test_the_magnitude_shows_the_unit(seconds: float, per_second: int) -> None:
    assert TimeReader(None).read(int(seconds * per_second)) == pytest.approx(seconds, abs=1.0)

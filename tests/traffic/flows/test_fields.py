"""Fields as a user names them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.errors import UsageError
from proccli.traffic.flows.fields import parse_fields, parse_zone


def test_each_part_has_its_name() -> None:
    made = parse_fields(
        "ip_0=src, port_0=sport,ip_1=dst,port_1=dport,protocol=proto,start=a=b,end=x y,host=n.o"
    )

    assert made.names == {
        "ip_0": "src",
        "port_0": "sport",
        "ip_1": "dst",
        "port_1": "dport",
        "protocol": "proto",
        "start": "a=b",
        "end": "x y",
        "host": "n.o",
    }
    assert made.zone is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "'' is not PART=NAME"),
        ("ip_0", "'ip_0' is not PART=NAME"),
        ("ip_0=", "'ip_0=' is not PART=NAME"),
        ("=x", "'=x' is not PART=NAME"),
        ("ip_0=a,", "'' is not PART=NAME"),
        ("ip_0=a,ip_0=b", "duplicate key 'ip_0'"),
        ("zone=UTC,zone=UTC", "duplicate key 'zone'"),
        ("src=a", "unknown key 'src' (known keys: ip_0, port_0,"),
        ("\x1b[31m=a", "unknown key '\\x1b[31m'"),
        (
            "zone=Nowhere/At_All",
            "'Nowhere/At_All' is not a time zone (use UTC, an offset like +08:00, or",
        ),
        ("zone=../../etc/passwd", "'../../etc/passwd' is not a time zone"),
        ("zone=/etc/passwd", "'/etc/passwd' is not a time zone"),
        ("zone=Asia", "'Asia' is not a time zone"),
        ("zone=+24:00", "'+24:00' is not a time zone"),
        ("zone=+08:60", "'+08:60' is not a time zone"),
        ("zone=8", "'8' is not a time zone"),
        ("zone=\0", "'\\x00' is not a time zone"),
    ],
)
def test_an_error_is_one_line(text: str, problem: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_fields(text)

    assert str(raised.value).startswith(f"--fields: {problem}")
    assert str(raised.value).isprintable()


@given(st.text(max_size=40) | st.text(alphabet="ip_01=,zone+:U \n\0", max_size=40))
def test_any_text_is_fields_or_a_usage_error(text: str) -> None:
    try:
        made = parse_fields(text)
    except UsageError as error:
        said = str(error)
    else:
        said = ",".join(made.names)

    assert said.isprintable()


@pytest.mark.parametrize(
    ("text", "offset_h"),
    [("UTC", 0.0), ("Z", 0.0), ("+08:00", 8.0), ("-0330", -3.5), ("+05", 5.0)],
)
def test_offsets_are_zones(text: str, offset_h: float) -> None:
    assert parse_zone(text).utcoffset(None) == timedelta(hours=offset_h)


def test_a_zone_has_the_offset_of_the_day() -> None:
    try:
        berlin = parse_zone("Europe/Berlin")
    except UsageError:
        pytest.skip("this machine has no table of time zones")
    summer = datetime(2024, 7, 1, 12, tzinfo=berlin)
    winter = datetime(2024, 1, 1, 12, tzinfo=berlin)

    assert summer.astimezone(timezone.utc).hour == 10
    assert winter.astimezone(timezone.utc).hour == 11

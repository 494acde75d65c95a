"""The addresses of network namespaces in recordings: whole, and damaged."""

from __future__ import annotations

import json

import pytest

from proccli.errors import RecordingError
from tests.build import ListSource, net_tables, process
from tests.sources.recording.test_sockets import NS, parse, written

OTHER = NS + 1


def source() -> ListSource:
    return ListSource(
        [process(7, "shop", netns=NS), process(8, "pod", netns=OTHER), process(9, "x", netns=1)],
        addresses={NS: ("10.0.0.5", "172.17.0.1"), OTHER: ()},
        nets={NS: net_tables()},
    )


def test_addresses_come_back_as_they_were() -> None:
    recording = parse(written(source()))
    assert recording.addresses(7) == ("10.0.0.5", "172.17.0.1")
    assert recording.addresses(8) == ()
    assert recording.addresses(9) is None
    assert recording.addresses(10) is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"ipv4": ["10.0.0.256"]}, "not an IPv4 address"),
        ({"ipv4": ["::1"]}, "not an IPv4 address"),
        ({"ipv4": [7]}, "not a string"),
        ({"ipv4": None}, "not an array"),
        ({"net": 99}, "net 99, which is missing"),
        ({"net": 2}, "a second list"),
        ({"net": "1"}, "not a whole number"),
        ({"more": 1}, "unknown key"),
    ],
)
def test_a_damaged_list_is_refused(change: dict[str, object], problem: str) -> None:
    lines = [json.loads(line) for line in written(source()).splitlines()]
    for line in lines:
        if line["type"] == "addresses" and line["net"] == 1:
            line.update(change)
    with pytest.raises(RecordingError, match=problem):
        parse(b"".join(json.dumps(line).encode() + b"\n" for line in lines))


def test_a_recording_without_addresses_is_read() -> None:
    lines = [line for line in written(source()).splitlines(keepends=True) if b"ipv4" not in line]
    assert parse(b"".join(lines)).addresses(7) is None

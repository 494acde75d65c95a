"""`proccli label` of captures: what comes out of their connections, and of damaged ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.captures.blocks import interface, packet, resolution, section, shift
from tests.captures.frames import FRAMES
from tests.cli.labelling import label, objects, two_hosts


@pytest.mark.parametrize(
    ("ticks", "options", "told"),
    [
        (0, b"", "1970-01-01T00:00:00.000000Z"),
        (1_767_323_045_000_006, b"", "2026-01-02T03:04:05.000006Z"),
        (253_402_300_799_000_000, b"", "9999-12-31T23:59:59.000000Z"),
        (0, shift(-62_135_596_800), "0001-01-01T00:00:00.000000Z"),
        (0, shift(-62_135_596_801), None),
        (253_402_300_800_000_000, b"", None),
        (0, shift(2**63 - 1), None),
        (0, shift(-(2**63)), None),
        (2**64 - 1, b"", None),
        (2**64 - 1, resolution(0), None),
    ],
)
def test_times_are_told_from_the_first_year_to_the_last(
    ticks: int, options: bytes, told: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "x.pcapng"
    frame = packet(FRAMES["ethernet"], ticks)
    path.write_bytes(section() + interface(options=options) + frame)

    (found,) = objects(label(*two_hosts(tmp_path), str(path)))

    assert (found["start_time"], found["end_time"]) == (told, told)

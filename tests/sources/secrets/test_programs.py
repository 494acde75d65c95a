"""Command lines with and without secrets, as people write them."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from proccli.sources.recording.masking import mask
from proccli.sources.secrets.programs import PROGRAMS
from tests.paths import DATA

SECRET = [
    json.loads(line)
    for line in (DATA / "secrets" / "secret.jsonl").read_text(encoding="utf-8").splitlines()
]
HARMLESS = [
    json.loads(line)["line"].split()
    for line in (DATA / "secrets" / "harmless.jsonl").read_text(encoding="utf-8").splitlines()
]


def cmdline(argv: Sequence[str]) -> bytes:
    return b"".join(argument.encode() + b"\0" for argument in argv)


@pytest.mark.parametrize("case", SECRET, ids=lambda case: " ".join(case["argv"]))
def test_no_secret_is_left(case: dict[str, Sequence[str]]) -> None:
    masked = mask(cmdline(case["argv"]))
    assert [secret for secret in case["secrets"] if secret.encode() in masked.cmdline] == []
    assert len(masked.found_by) >= len(case["secrets"])


@pytest.mark.parametrize("argv", HARMLESS, ids=" ".join)
def test_what_is_no_secret_stays(argv: Sequence[str]) -> None:
    assert mask(cmdline(argv)).cmdline == cmdline(argv)


def test_every_line_of_the_table_is_read() -> None:
    assert {"mysql", "curl", "htpasswd", "sqlplus"} <= PROGRAMS.keys()
    assert all(program.options or program.positions for program in PROGRAMS.values())

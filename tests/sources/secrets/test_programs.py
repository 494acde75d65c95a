"""Command lines with and without secrets, as people write them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.sources.recording.masking import mask
from proccli.sources.secrets.programs import PROGRAMS
from tests.paths import DATA
from tests.steps import growth


def read(*names: str) -> list[Any]:
    return [
        json.loads(line)
        for name in names
        for line in (DATA / "secrets" / name).read_text(encoding="utf-8").splitlines()
    ]


SECRET = read("secret.jsonl", "more_secret.jsonl")
HARMLESS = [case["line"].split() for case in read("harmless.jsonl", "more_harmless.jsonl")]


def cmdline(argv: Sequence[str]) -> bytes:
    return b"".join(argument.encode() + b"\0" for argument in argv)


def test_no_secret_is_left() -> None:
    """One test for all: 900 would take more time to be counted than to run."""
    for case in SECRET:
        masked = mask(cmdline(case["argv"]))
        left = [secret for secret in case["secrets"] if secret.encode() in masked.cmdline]
        assert (case["argv"], left) == (case["argv"], [])
        assert len(masked.found_by) == len(masked.masked_spans) >= bool(case["secrets"]), case


def test_what_is_no_secret_stays() -> None:
    changed = [argv for argv in HARMLESS if mask(cmdline(argv)).cmdline != cmdline(argv)]
    assert changed == []


def test_every_line_of_the_table_is_read() -> None:
    assert {"mysql", "curl", "htpasswd", "sqlplus"} <= PROGRAMS.keys()
    assert all(program.options or program.positions for program in PROGRAMS.values())


SECRETS = st.text(st.characters(categories=["L", "Nd"], max_codepoint=127), min_size=12)


@pytest.mark.parametrize(
    "shape",
    [
        ["app", "--password", "{}"],
        ["app", "--password", "--{}9Token", "x"],
        ["app", "--password={}token=abc"],
        ["nmcli", "password", "{}token", "value"],
        ["psql", "host=h password={}secret=1"],
        ["curl", "https://me:{}@h/?token={}"],
        ["sh", "-c", "mysql -p{} -e \"IDENTIFIED BY '{}'\""],
    ],
)
@given(secret=SECRETS)
def test_what_a_secret_was_recognized_by_does_not_hold_it(shape: list[str], secret: str) -> None:
    masked = mask(cmdline([argument.replace("{}", secret) for argument in shape]))
    assert [name for name in masked.found_by if secret in name] == []


@pytest.mark.parametrize(
    "text",
    [
        "a=",
        "'",
        '"',
        "$(",
        "|echo ",
        "-b",
        "PASSWORD ",
        "://a:",
        "echo 'a' ;",
        "<<<",
        "<<a\n",
        "send {",
        "auth('",
        "h=a,",
        "set a ",
        "x=$(",
        "mysql ",
        "curl -u ",
    ],
)
def test_one_long_argument_takes_work_like_its_length(text: str) -> None:
    def hostile(size: int) -> None:
        mask(cmdline(["sh", "-c", text * size]))

    assert growth(hostile, 500) < 2.5


@pytest.mark.parametrize("argument", ["pw=ab", "-b", "mysql", "--token", "a b -c"])
def test_many_arguments_take_work_like_their_number(argument: str) -> None:
    assert growth(lambda count: mask(cmdline(["sudo", *[argument] * count])), 300) < 2.5

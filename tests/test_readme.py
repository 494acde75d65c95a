"""README.md says what proccli does now."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from proccli.cli.main import COMMANDS
from tests.paths import ROOT
from tests.readme import PAGES, README, written_anew


def test_the_first_two_commands_are_make_run_and_make_test() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()

    commands = [line.split("#")[0].strip() for line in lines if line.startswith("$ ")]
    assert commands[:2] == ["$ make run", "$ make test"]


@pytest.mark.skipif(shutil.which("jq") is None, reason="some of the commands need jq")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_prints_what_a_page_shows(page: Path) -> None:
    """`make readme` writes it anew."""
    text = page.read_text(encoding="utf-8")

    assert written_anew(text) == text


def test_every_command_is_listed() -> None:
    text = README.read_text(encoding="utf-8")

    for name in COMMANDS:
        assert f"`proccli {name}`" in text


def test_every_page_it_links_to_is_there() -> None:
    text = README.read_text(encoding="utf-8")

    for path in [part.split(")")[0] for part in text.split("](")[1:]]:
        assert (ROOT / path).exists(), path

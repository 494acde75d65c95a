"""How sources are named on a command line that has flow records, too."""

from __future__ import annotations

import pytest

from tests.cli.runner import call

SOURCES = ("docs/example/shop-app-1.jsonl", "docs/example/shop-db-1.jsonl")
FLOWS = "docs/example/shop-conn.log"
CONFIG = "docs/example/shop.yaml"


@pytest.mark.parametrize("rest", [(FLOWS,), (FLOWS, *SOURCES), ("--", FLOWS)])
def test_what_a_shell_makes_of_a_pattern_behind_s_is_told_what_to_do(rest: tuple[str, ...]) -> None:
    ran = call("label", "-c", CONFIG, "-s", *SOURCES, *rest)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        f"proccli: error: unexpected extra argument {FLOWS!r}; each source needs its own -s"
        " (see proccli label --help)\n"
    )


def test_help_comes_before_an_argument_too_many() -> None:
    ran = call("label", FLOWS, *SOURCES, "--help")

    assert (ran.code, ran.err) == (0, "")


def test_an_unknown_option_comes_before_an_argument_too_many() -> None:
    assert "no such option" in call("label", FLOWS, *SOURCES, "--nope").err

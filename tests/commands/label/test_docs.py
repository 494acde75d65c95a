"""docs/labels.md shows what is printed, and names what may be."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.cli.runner import PROGRAM, environment
from tests.commands.label.labelling import EXAMPLE
from tests.waiting import LONG_S

ROOT = EXAMPLE.parents[1]
PAGE = (ROOT / "docs" / "labels.md").read_text(encoding="utf-8")
SESSIONS = re.findall(r"```console\n\$ (.*?)\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("command", "shown"), SESSIONS)
def test_the_page_shows_what_is_printed(command: str, shown: str) -> None:
    assert command.startswith("proccli label ")
    done = subprocess.run(
        ["bash", "-c", f'proccli() {{ {" ".join(PROGRAM)} "$@"; }}; {command}'],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG_S,
    )

    assert (done.stdout, done.stderr) == (shown, "")


def test_there_is_something_to_show() -> None:
    assert len(SESSIONS) >= 1


OTHERS = frozenset({"dropped", "no-cmdline", "min-lifetime", "untagged"})
"""Reasons of `scan` and `sockets`, which their pages explain."""


def test_every_label_is_explained_once() -> None:
    """As many as there are in the tests of the core and of the command."""
    table = PAGE[PAGE.index("| `label_0`, `label_1` |") :].split("\n\n")[0]
    cells = [row.split("|")[1] for row in table.splitlines()[2:]]

    explained = [label for cell in cells for label in re.findall(r"`([a-z0-9-]+)`", cell)]

    assert len(explained) == len(set(explained))
    assert set(explained) - OTHERS == {
        *("socket", "pid", "tot", "tot-likely", "tot-syn-ack", "tot-no-pid"),
        *("no-host", "no-connection", "no-process", "no-flow"),
        *("other-time", "other-agent", "other-protocol", "row-order"),
        *("ambiguous", "undecided", "ipv6", "loopback", "sync-disabled"),
    }

"""Warnings: a line each, of many alike only a few."""

from __future__ import annotations

import pytest

from proccli.cli.messages import ALIKE, warn
from proccli.cli.output import Invocation
from proccli.model.note import Note

QUIET = Invocation(arguments=(), colour="never")


def test_a_warning_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    warn(QUIET, [Note(code="a", text="one\nline \x1b[31m"), Note(code="b", text="two")])

    assert capsys.readouterr().err.splitlines() == [
        "proccli: warning: one\\x0aline \\x1b[31m",
        "proccli: warning: two",
    ]


def test_equal_messages_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    warn(QUIET, [Note(code="a", text="same")] * 3)
    assert capsys.readouterr().err == "proccli: warning: same (3 times)\n"


def test_of_many_alike_there_are_a_few(capsys: pytest.CaptureFixture[str]) -> None:
    warn(QUIET, [Note(code="lost", text=f"rule {index}") for index in range(ALIKE + 7)])

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == ALIKE + 1
    assert lines[-1] == "proccli: warning: 7 more warnings of this kind (lost)"


def test_processes_that_exit_are_for_debugging(capsys: pytest.CaptureFixture[str]) -> None:
    """They do on every live machine; the document counts them."""
    exited = Note.of("vanished", processes=2, sockets=0, namespaces=0)
    warn(QUIET, [exited])
    assert capsys.readouterr().err == ""

    warn(Invocation(arguments=(), colour="never", debug=True), [exited])
    assert "2 processes exited while being read" in capsys.readouterr().err


def test_no_message_is_printed_if_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    warn(QUIET, [])
    assert capsys.readouterr().err == ""

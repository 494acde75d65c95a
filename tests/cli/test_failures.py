"""Every exception ends as one line and an exit code."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import click
import pytest

from proccli.cli import main
from proccli.cli.help import CommandWithExamples
from proccli.commands.options.output import general_options
from proccli.errors import (
    ConfigError,
    Location,
    NoSuchProcess,
    OutputError,
    ProccliError,
    UsageError,
)
from tests.cli.runner import Ran, call
from tests.waiting import LONG_S


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> object:
    """A command `boom` that raises what it is given."""

    def install(error: BaseException) -> None:
        @click.command("boom", cls=CommandWithExamples, examples=())
        @general_options
        def command(invocation: object) -> int:
            """fail"""
            del invocation
            raise error

        monkeypatch.setattr(main, "COMMANDS", {"boom": "fail"})
        monkeypatch.setattr(main, "load", lambda _name: command)

    return install


def failed(failing: object, error: BaseException, *arguments: str) -> Ran:
    assert callable(failing)
    failing(error)
    return call("boom", *arguments)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ProccliError("no"), 3),
        (ConfigError("no"), 3),
        (NoSuchProcess("no"), 3),
        (OutputError("no"), 3),
        (UsageError("no"), 2),
        (click.UsageError("No."), 2),
    ],
)
def test_what_a_user_can_act_on_is_one_line(failing: object, error: Exception, code: int) -> None:
    ran = failed(failing, error)

    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith("proccli: error: no")
    assert ran.err.count("\n") == 1


def test_a_place_in_a_file_is_shown_with_a_caret(failing: object) -> None:
    place = Location("agent.yaml", 7, 9, "\tトマト: [x")
    ran = failed(failing, ConfigError("this is no list", place, hint="close it"))

    assert ran.err.splitlines() == [
        "proccli: error: agent.yaml:7:9: this is no list (close it)",
        "    \\x09トマト: [x",
        "                  ^",
    ]


def test_a_place_past_the_end_of_its_line_is_shown(failing: object) -> None:
    ran = failed(failing, ConfigError("something is missing", Location("a.yaml", 1, 5, "abcd")))
    assert ran.err.splitlines()[1:] == ["    abcd", "        ^"]


def test_a_bug_is_reported_without_a_traceback(failing: object) -> None:
    ran = failed(failing, KeyError("x\n\x1b[2J"))

    assert ran.code == 70
    assert ran.err == (
        "proccli: error: internal error: KeyError: 'x\\n\\x1b[2J'; please report this"
        " with the output of --debug\n"
    )


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "not enough memory (see ulimit -v and the memory limit of the container)"),
        (OSError(errno.ENOMEM, "x"), "not enough memory (see ulimit -v and the memory limit"),
        (OSError(errno.EMFILE, "x", "/f"), "too many open files (raise the limit: ulimit -n)"),
        (OSError(errno.ENFILE, "x"), "too many open files (raise the limit: ulimit -n)"),
    ],
)
def test_a_limit_of_the_machine_is_no_bug(
    failing: object, error: BaseException, message: str
) -> None:
    ran = failed(failing, error)
    assert ran.code == 3
    assert ran.err.startswith(f"proccli: error: {message}")


@pytest.mark.parametrize("arguments", [("scan", "-s", "."), ("sync", "--once", "--out", "o.json")])
def test_a_removed_current_directory_is_no_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()

    ran = call(*arguments)

    assert ran.code == 3
    assert ran.err.splitlines()[-1] == (
        "proccli: error: the current directory has been removed (change to another one)"
    )


def test_a_missing_file_that_is_a_bug_is_reported_as_one(failing: object) -> None:
    ran = failed(failing, FileNotFoundError(errno.ENOENT, "No such file", "x"))
    assert ran.code == 70


@pytest.mark.parametrize("error", [KeyError("x"), ConfigError("no")])
def test_debug_shows_the_traceback(failing: object, error: Exception) -> None:
    ran = failed(failing, error, "--debug")

    assert ran.err.startswith("Traceback (most recent call last):\n")
    assert "test_failures.py" in ran.err
    assert ran.err.splitlines()[-1].startswith("proccli: error: ")


def test_hostile_text_in_an_error_does_not_act(failing: object) -> None:
    ran = failed(failing, ConfigError("\x1b]0;title\x07\nproccli: error: forged\u202e"))

    assert ran.err == "proccli: error: \\x1b]0;title\\x07\\x0aproccli: error: forged\\u202e\n"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interrupt_ends_quietly_with_130(failing: object, error: BaseException) -> None:
    ran = failed(failing, error)

    assert ran.code == 130
    assert ran.err.strip() == ""


def test_nothing_is_imported_where_an_interrupt_would_end_in_a_traceback() -> None:
    """A key that is pressed at once hits the imports, which take longest."""
    code = (
        "import sys; before = set(sys.modules); import proccli.__main__;"
        "print(*sorted(set(sys.modules) - before))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=LONG_S
    )

    assert set(ran.stdout.split()) <= {"__future__", "proccli", "proccli.__main__"}


def test_a_reader_who_left_is_no_failure(failing: object) -> None:
    """Wherever in a job the pipe turns out to be closed."""
    ran = failed(failing, BrokenPipeError(32, "Broken pipe"))
    assert (ran.code, ran.err) == (0, "")


def test_no_colour_reaches_a_file(failing: object) -> None:
    assert "\x1b" not in failed(failing, ConfigError("no")).err
    assert "\x1b[31m" in failed(failing, ConfigError("no"), "--color", "always").err


def test_the_line_of_a_fault_shows_no_secret(failing: object) -> None:
    """The line and the message go to standard error, which cron mails and CI keeps."""
    line = "  os-app-tag-exec: /bin/tags --token hunter2 --url http://u:hunter3@cmdb/"
    ran = failed(
        failing,
        ConfigError(f"a list, not {line.strip()}", Location("a.yaml", 3, 20, line)),
    )

    assert "hunter" not in ran.err
    assert "/bin/tags --token ******* --url http://u:*******@cmdb/" in ran.err

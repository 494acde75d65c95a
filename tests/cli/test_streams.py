"""stdout and stderr in all their conditions: terminals, pipes, full disks, closed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.cli.runner import PROGRAM, Ran, environment, on_a_terminal, spawn
from tests.waiting import LONG_S, eventually

Shop = tuple[str, ...]
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
COMMANDS = [
    ["--version"],
    ["scan", "--help"],
    ["schema", "scan"],
    ["scan"],
    ["scan", "--json"],
]


def with_shop(arguments: list[str], shop: Shop) -> list[str]:
    named = arguments[0] in ("scan", "explain", "record") and "--help" not in arguments
    return [*arguments, *shop] if named else arguments


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_full_disk_is_an_error_of_one_line(arguments: list[str], shop: Shop) -> None:
    with Path("/dev/full").open("wb") as full:
        done = spawn(*with_shop(arguments, shop), stdout=full)

    assert done.returncode == 3
    assert done.stderr == (
        "proccli: error: cannot write to standard output: No space left on device\n"
    )


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_reader_who_leaves_ends_it_quietly(arguments: list[str], shop: Shop) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = spawn(*with_shop(arguments, shop), stdout=writer)
    os.close(writer)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [["--version"], ["scan"], ["scan", "--json"]], ids=" ".join)
def test_a_closed_stdout_is_an_error(arguments: list[str], shop: Shop) -> None:
    done = closed(">&-", with_shop(arguments, shop))

    assert done.returncode == 3
    assert done.stderr == "proccli: error: standard output is closed\n"


def test_a_closed_stderr_changes_nothing_else(shop: Shop) -> None:
    done = closed("2>&-", ["scan", *shop[2:]])

    assert done.returncode == 0
    assert "The agent would send" in done.stdout


def test_a_closed_stdin_changes_nothing(shop: Shop) -> None:
    assert closed("<&-", ["scan", *shop]).returncode == 0
    done = closed("<&-", ["scan", "-c", "-", *shop[2:]])
    assert done.returncode == 3
    assert done.stderr.startswith("proccli: error: ")
    assert done.stderr.count("\n") == 1


def closed(redirection: str, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Run from a shell that closes one of the streams."""
    return subprocess.run(
        ["/bin/sh", "-c", f'"$@" {redirection}', "sh", *PROGRAM, *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG_S,
    )


def test_an_interrupt_while_it_waits_for_input_is_quiet(tmp_path: Path) -> None:
    fifo = tmp_path / "agent.yaml"
    os.mkfifo(fifo)
    waiting = subprocess.Popen(
        [*PROGRAM, "scan", "-c", str(fifo)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    writer = opened_by_both(fifo, waiting)
    # A signal between the opening and the reading only takes effect when reading ends: like a
    # person, press again.
    while waiting.poll() is None:
        waiting.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            waiting.wait(timeout=5)
    out, err = waiting.communicate(timeout=LONG_S)
    os.close(writer)

    assert (waiting.returncode, out, err.strip()) == (130, b"", b"")


def opened_by_both(fifo: Path, reader: subprocess.Popen[bytes]) -> int:
    """The writing end, as soon as the other program has opened its own."""

    def opened() -> int | None:
        assert reader.poll() is None, "it did not wait for its input"
        try:
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # ENXIO: the fifo has no reader yet
            return None

    fd = eventually(opened, what="a reader of the fifo")
    assert fd is not None
    return fd


def test_the_first_lines_are_there_for_who_wants_no_more(shop: Shop) -> None:
    script = f"{' '.join(PROGRAM)} scan {' '.join(shop)} | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", script],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG_S,
    )
    assert done.stdout.split()[:2] == ["PID", "OUTCOME"]
    assert done.stdout.splitlines()[1:] == ["0"]
    assert "Broken" not in done.stderr


def widths(shown: Ran) -> list[int]:
    """The cells of each line of the result; warnings are of one line, however long."""
    lines = ESCAPE.sub("", shown.out).splitlines()
    return [cell_len(line) for line in lines if not line.startswith("proccli: ")]


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("arguments", [["scan"], ["explain", "900", "904", "905"]], ids=" ".join)
def test_a_terminal_is_never_too_narrow(shop: Shop, arguments: list[str], columns: int) -> None:
    shown = on_a_terminal(*arguments, *shop, columns=columns)

    assert shown.code == 0
    assert "\x1b[" in shown.out
    assert max(widths(shown)) <= columns
    assert max(widths(shown)) > columns * 0.5


def test_a_pipe_gets_everything(shop: Shop) -> None:
    out = spawn("scan", *shop).stdout

    assert "x" * 4000 + " -jar /opt/pay.jar" in out
    assert "…" not in out
    assert "\x1b" not in out


def test_the_variable_columns_is_used_on_a_terminal(shop: Shop) -> None:
    shown = on_a_terminal("scan", *shop, columns=200, env={"COLUMNS": "60"})
    assert max(widths(shown)) <= 60


def test_columns_of_a_parent_do_not_cut_what_is_piped(shop: Shop) -> None:
    done = spawn("scan", *shop, env={"COLUMNS": "60"})
    assert done.stdout == spawn("scan", *shop).stdout


@pytest.mark.parametrize(
    ("variables", "arguments"),
    [
        ({"TERM": "dumb"}, []),
        ({"TERM": ""}, []),
        ({"NO_COLOR": "1"}, []),
        ({"PROCCLI_COLOR": "always"}, ["--color", "never"]),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, []),
    ],
)
def test_no_escape_sequence_where_none_is_wanted(
    shop: Shop, variables: dict[str, str], arguments: list[str]
) -> None:
    shown = on_a_terminal("scan", *shop[2:], *arguments, env=variables)

    assert shown.code == 0
    assert "\x1b" not in shown.out


@pytest.mark.parametrize(
    ("variables", "arguments"),
    [
        ({"NO_COLOR": "1"}, ["--color", "always"]),
        ({"NO_COLOR": "1", "PROCCLI_COLOR": "always"}, []),
    ],
)
def test_colour_in_a_pipe_when_asked(
    shop: Shop, variables: dict[str, str], arguments: list[str]
) -> None:
    assert "\x1b[" in spawn("scan", *shop, *arguments, env=variables).stdout


def test_variables_that_were_not_promised_change_nothing(shop: Shop) -> None:
    variables = dict.fromkeys(("FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE"), "1")
    assert spawn("scan", *shop, env=variables).stdout == spawn("scan", *shop).stdout


def test_the_colour_of_json_is_none(shop: Shop) -> None:
    assert "\x1b" not in spawn("scan", *shop, "--json", "--color", "always").stdout


def test_an_encoding_without_the_characters_gets_escapes(shop: Shop) -> None:
    done = subprocess.run(
        [*PROGRAM, "scan", *shop],
        env=environment(PYTHONIOENCODING="ascii"),
        capture_output=True,
        check=True,
        timeout=LONG_S,
    )
    assert b"\\u6ce8\\u6587" in done.stdout
    assert b" <- " in done.stdout
    done.stdout.decode("ascii")


def test_json_is_utf8_whatever_the_encoding(shop: Shop) -> None:
    done = subprocess.run(
        [*PROGRAM, "scan", "--json", *shop],
        env=environment(PYTHONIOENCODING="latin-1"),
        capture_output=True,
        check=True,
        timeout=LONG_S,
    )
    assert "注文サーバー" in done.stdout.decode("utf-8")


def hostile(shop: Shop, *arguments: str) -> Ran:
    return on_a_terminal("scan", *shop, *arguments, columns=120)


def test_a_hostile_command_line_does_not_reach_the_terminal(shop: Shop) -> None:
    out = ESCAPE.sub("", hostile(shop, "--name", "*]").out)

    assert "[bold red]not markup[/] \\x1b[31mred\\x1b[0m \\x0d\\x9b2J\\x07" in out
    assert "\x1b" not in out
    assert "\x9b" not in out

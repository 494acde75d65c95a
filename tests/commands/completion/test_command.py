"""What the shell is offered."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from proccli.cli.main import COMMANDS
from proccli.commands.completion.command import SHELLS
from tests.cli.completions import FILES, FOLDER
from tests.cli.runner import PROGRAM, call, spawn
from tests.waiting import LONG_S


def offered(line: str) -> list[str]:
    """What is offered for the last word of a command line, without its type."""
    words = line.split(" ")
    done = spawn(
        env={
            "_PROCCLI_COMPLETE": "bash_complete",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
        }
    )
    assert done.stderr == ""
    return [item.partition(",")[2] for item in done.stdout.splitlines() if item]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_scripts_are_current(shell: str) -> None:
    """`make completions` writes them."""
    written = (FOLDER / FILES[shell]).read_text(encoding="utf-8")
    assert call("completion", shell).out == written


def test_commands_are_offered() -> None:
    assert offered("proccli ") == list(COMMANDS)
    assert offered("proccli sc") == [name for name in COMMANDS if name.startswith("sc")]


def test_options_and_their_values_are_offered() -> None:
    assert "--status" in offered("proccli scan --st")
    assert offered("proccli scan --status ") == ["accepted", "dropped", "skipped", "unknown"]
    assert offered("proccli scan -o j") == ["json", "jsonl"]
    assert {"6.2.0", "6.5", "7.1.8", "main"} <= set(offered("proccli scan --agent "))
    assert offered("proccli completion ") == list(SHELLS)


def test_live_processes_are_offered_by_pid_and_by_name() -> None:
    own = os.getpid()
    comm = Path(f"/proc/{own}/comm").read_text(encoding="utf-8").rstrip("\n")

    assert str(own) in offered(f"proccli explain {own}")
    assert comm in offered(f"proccli explain {comm[:3]}")


def test_the_processes_of_a_snapshot_are_not_guessed() -> None:
    assert offered("proccli explain -s web-1.jsonl.gz ") == []


def test_bash_completes_with_the_script(tmp_path: Path) -> None:
    """The script in a real bash, which asks the real program."""
    bash = shutil.which("bash")
    assert bash
    program = tmp_path / "proccli"
    program.write_text(f'#!/bin/sh\nexec {" ".join(PROGRAM)} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    ask = (
        f"source {FOLDER / FILES['bash']}\n"
        "COMP_WORDS=(proccli scan --status d) COMP_CWORD=3\n"
        "_proccli_completion proccli\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        [bash, "--norc", "-c", ask],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG_S,
    )
    assert done.stdout.split() == ["dropped"]

"""What the shell is offered."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from proccli.cli.main import COMMANDS
from proccli.commands.completion.command import SHELLS
from proccli.commands.completion.install import Place, install, place_of
from proccli.commands.schema.command import schema_names
from proccli.errors import OutputError
from tests.cli.completions import FILES, FOLDER
from tests.cli.runner import PROGRAM, call, spawn
from tests.waiting import LONG_S


def described(line: str, shell: str = "bash", **env: str) -> list[tuple[str, str]]:
    """What is offered for the last word of a command line, with descriptions, but files."""
    done = spawn(env={"_PROCCLI_COMPLETE": f"{shell}_complete", "COMP_WORDS": line, **env})
    assert done.stderr == ""
    parts = [item.split("\t") for item in done.stdout.splitlines() if item]
    return [(value, help_) for type_, value, help_ in parts if type_ == "plain"]


def offered(line: str, shell: str = "bash", **env: str) -> list[str]:
    """What is offered for the last word of a command line."""
    return [value for value, _ in described(line, shell, **env)]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_scripts_are_current(shell: str) -> None:
    """`make completions` writes them."""
    written = (FOLDER / FILES[shell]).read_text(encoding="utf-8")
    assert call("completion", shell).out == written
    assert call("completion", env={"SHELL": f"/usr/bin/{shell}"}).out == written


def test_without_a_known_shell_one_must_be_given() -> None:
    ran = call("completion", env={"SHELL": "/bin/tcsh"})

    assert (ran.code, ran.out) == (2, "")
    assert "give a shell: bash, zsh, fish" in ran.err


def test_commands_are_offered() -> None:
    assert offered("proccli ") == [*COMMANDS, "help"]
    assert offered("proccli sc") == [name for name in COMMANDS if name.startswith("sc")]
    assert offered("proccli help sc") == offered("proccli sc")


def test_options_and_their_values_are_offered() -> None:
    assert "--status" in offered("proccli scan --st")
    assert "--status" in offered("proccli ps --st")
    assert offered("proccli scan --status ") == ["accepted", "dropped", "skipped", "unknown"]
    assert offered("proccli scan -o j") == ["json", "jsonl"]
    assert {"6.2.0", "6.5", "7.1.8", "main"} <= set(offered("proccli scan --agent "))
    assert "7.1.8" in offered("proccli scan --agent=7")
    assert "--agent=7.1.8" in offered("proccli scan --agent=7", "fish")
    assert "--agent=7.1.8" in offered("proccli scan --agent=7", COMP_BREAKS=" ")
    assert offered("proccli completion ") == list(SHELLS)


def test_schemas_codes_and_subcommands_are_offered() -> None:
    assert offered("proccli schema ") == list(schema_names())
    codes = dict(described("proccli check --explain rewrite-"))
    assert codes["rewrite-group"] == "reference to a missing group"
    assert offered("proccli test in") == ["init"]
    assert "--force" in offered("proccli test init --fo")


def test_descriptions_are_whole() -> None:
    """Commas and colons end neither a value nor its description."""
    whole = dict(described("proccli ", "fish"))
    assert {name: whole[name] for name in COMMANDS} == dict(COMMANDS)
    assert any("," in what for what in COMMANDS.values())


def test_errors_are_not_printed_into_the_line() -> None:
    assert offered("proccli no-such ") == []


@pytest.fixture
def titled() -> Iterator[tuple[int, str]]:
    """A process whose first argument is a title, and that title."""
    title = f"proccli: worker {os.getpid()}"
    with subprocess.Popen([title, "600"], executable=shutil.which("sleep")) as process:
        yield process.pid, title
        process.kill()


def test_processes_are_offered_by_pid_and_by_the_name_that_the_agent_sees(
    titled: tuple[int, str], tmp_path: Path
) -> None:
    """argv[0] for agents of static_config from 6.2.6 on, the link exe before, else the comm."""
    pid, title = titled
    quoted = title.replace(" ", "\\ ")
    matchers = tmp_path / "matchers.yaml"
    matchers.write_text("inputs:\n  proc: {}\n", encoding="utf-8")

    assert (str(pid), title) in described(f"proccli explain {pid}")
    assert offered(f"proccli explain {quoted[:-2]}", "zsh") == [title]
    assert offered(f"proccli explain {quoted[:-2]}", "fish") == [title]
    assert offered(f"proccli explain {quoted[:-2]}") == [quoted.removeprefix("proccli:")]
    assert offered(f"proccli explain {quoted[:-2]}", COMP_BREAKS=" ") == [quoted]
    assert offered(f"proccli explain '{title[:-2]}", COMP_CUR="'") == [title]
    for agent in ("--agent 6.2.0", "--agent 7.1", f"-c {matchers}"):
        assert (str(pid), "sleep") in described(f"proccli explain {agent} {pid}")
        assert "sleep" in offered(f"proccli explain {agent} sle")


def test_the_processes_of_a_snapshot_are_not_guessed() -> None:
    assert offered("proccli explain -s web-1.jsonl.gz ") == []


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH with the program in it."""
    program = tmp_path / "bin" / "proccli"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {" ".join(PROGRAM)} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return f"{program.parent}:{os.environ['PATH']}"


def run_shell(shell: str, *arguments: str, **env: str) -> str:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run(
        [found, *arguments],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG_S,
    )
    assert done.stderr == ""
    return done.stdout


def in_bash(line: str, path: str, cwd: Path) -> list[str]:
    ask = (
        f"source {FOLDER / FILES['bash']}\n"
        f"cd {cwd}\n"
        f"COMP_LINE={line!r} COMP_POINT={len(line)} COMP_WORDS=({line}) COMP_CWORD=3\n"
        "_proccli_completion proccli\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    return run_shell("bash", "--norc", "-c", ask, PATH=path).splitlines()


def test_bash_completes_with_the_script(path: str, tmp_path: Path) -> None:
    """The script in a real bash, which asks the real program."""
    (tmp_path / "a b.yaml").touch()
    (tmp_path / "*").touch()

    assert in_bash("proccli scan --status d", path, tmp_path) == ["dropped"]
    assert in_bash("proccli scan -c a", path, tmp_path) == ["a b.yaml"]


def test_fish_completes_with_the_script(path: str, tmp_path: Path) -> None:
    (tmp_path / "zz b.yaml").touch()
    ask = (
        f"source {FOLDER / FILES['fish']}; cd {tmp_path}; complete -C 'proccli scan --status d';"
        "complete -C 'proccli check --explain rewrite-gr'; complete -C 'proccli scan -c zz'"
    )
    shown = run_shell("fish", "--no-config", "-c", ask, PATH=path, HOME=str(tmp_path))

    assert shown.splitlines() == [
        "dropped",
        "rewrite-group\treference to a missing group",
        "zz b.yaml",
    ]


def read_until(terminal: int, end: bytes) -> bytes:
    """What appears on a terminal, up to a text; all of it if that does not come."""
    seen = b""
    while end not in seen and select.select([terminal], [], [], LONG_S)[0]:
        try:
            seen += os.read(terminal, 4096)
        except OSError:  # the shell has ended
            break
    return seen


def test_zsh_completes_with_the_script(path: str, tmp_path: Path) -> None:
    """On a terminal: compsys works nowhere else."""
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    startup = tmp_path / ".zshrc"
    startup.write_text("PROMPT='> '\nautoload -Uz compinit && compinit -u\n", encoding="utf-8")
    install((FOLDER / FILES["zsh"]).read_text(), "zsh", Place(tmp_path / "_proccli", startup))

    leader, follower = pty.openpty()
    env = {"PATH": path, "HOME": str(tmp_path), "ZDOTDIR": str(tmp_path), "TERM": "dumb"}
    with subprocess.Popen(
        ["zsh", "-i"], stdin=follower, stdout=follower, stderr=follower, env=env
    ) as shell:
        os.close(follower)
        read_until(leader, b"> ")
        os.write(leader, b"proccli scan --status dr\t")
        seen = read_until(leader, b"dropped")
        shell.kill()
        os.close(leader)
    assert b"scan --status dropped" in seen, seen


# ---- installing -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shell", "loader", "script", "startup"),
    [
        ("bash", True, ".local/share/bash-completion/completions/proccli", None),
        ("bash", False, ".local/share/bash-completion/completions/proccli", ".bashrc"),
        ("zsh", True, ".local/share/zsh/site-functions/_proccli", ".zshrc"),
        ("fish", True, ".config/fish/completions/proccli.fish", None),
    ],
)
def test_a_script_is_installed_where_its_shell_looks(
    shell: str, loader: bool, script: str, startup: str | None, tmp_path: Path
) -> None:
    place = place_of(shell, {"HOME": str(tmp_path)}, for_all=False, loader=loader)
    rc = tmp_path / startup if startup else None

    assert place == (tmp_path / script, rc)
    if rc is not None:
        rc.write_text("# mine", encoding="utf-8")
    for _ in range(2):
        install("text\n", shell, place)
    assert (tmp_path / script).read_text() == "text\n"
    if rc is not None:
        lines = rc.read_text().splitlines()
        assert lines[0] == "# mine"
        assert len(lines) == 2
        assert str(tmp_path / script) in lines[1]


def test_for_all_users_nothing_is_written_into_a_home() -> None:
    for shell in SHELLS:
        place = place_of(shell, {"HOME": "/root"}, for_all=True, loader=True)
        assert place.startup is None
        assert not place.script.is_relative_to("/root")


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".config").write_text("a file", encoding="utf-8")
    place = place_of("fish", {"HOME": str(tmp_path)}, for_all=False)

    with pytest.raises(OutputError, match="cannot create"):
        install("text", "fish", place)
    with pytest.raises(OutputError, match="HOME is not set"):
        place_of("bash", {}, for_all=False)


def test_an_installed_script_completes_in_a_new_bash(path: str, tmp_path: Path) -> None:
    place = place_of("bash", {"HOME": str(tmp_path)}, for_all=False, loader=False)
    install((FOLDER / FILES["bash"]).read_text(), "bash", place)

    ask = f"source {place.startup}; complete -p proccli"
    shown = run_shell("bash", "--norc", "-c", ask, PATH=path, HOME=str(tmp_path))
    assert "_proccli_completion proccli" in shown

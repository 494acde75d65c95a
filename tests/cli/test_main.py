"""What holds for every command: help, examples, options, variables."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points
from pathlib import Path

import click
import pytest

from proccli import __version__
from proccli.cli.guesses import ALIASES, HINTS
from proccli.cli.help import CommandWithExamples, Option
from proccli.cli.main import COMMANDS, load, proccli
from proccli.cli.output import Invocation
from tests.cli.machine import write_machine
from tests.cli.runner import call, environment, spawn
from tests.waiting import LONG_S

VARIABLES = {
    "--config": "PROCCLI_CONFIG",
    "--snapshot": "PROCCLI_SNAPSHOT",
    "--proc-root": "PROCCLI_PROC_ROOT",
    "--agent": "PROCCLI_AGENT",
    "--via": "PROCCLI_VIA",
    "--tags": "PROCCLI_TAGS",
    "--output": "PROCCLI_OUTPUT",
    "--color": "PROCCLI_COLOR",
    "--state": "PROCCLI_STATE",
}
HEAVY = {"rich", "regex", "yaml", "psutil"}


def commands() -> Iterator[tuple[str, CommandWithExamples]]:
    for name in COMMANDS:
        command = load(name)
        assert isinstance(command, CommandWithExamples)
        yield name, command


def test_without_a_command_there_is_help() -> None:
    ran = call()

    assert ran.code == 0
    assert ran.out == call("--help").out == call("-h").out
    assert ran.err == ""
    assert all(f"\n  {name} " in ran.out for name in COMMANDS)


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_printed(option: str) -> None:
    assert call(option).out == f"proccli {__version__}\n"
    assert spawn(option).stdout == f"proccli {__version__}\n"


@pytest.mark.parametrize("words", [(), ("scan",), ("test", "init")])
def test_help_of_a_command_is_what_the_option_prints(words: tuple[str, ...]) -> None:
    assert call("help", *words).out == call(*words, "--help").out


@pytest.mark.parametrize(
    ("words", "unexpected"), [(("scan", "extra"), "extra"), (("fleet", "load", "x"), "x")]
)
def test_help_refuses_more_words(words: tuple[str, ...], unexpected: str) -> None:
    ran = call("help", *words)
    assert (ran.code, ran.out) == (2, "")
    assert f"unexpected argument {unexpected!r}" in ran.err
    assert call("help", "fleet", "load").out == call("fleet", "load", "--help").out


@pytest.mark.parametrize("words", [("help",), ("help", "help"), ("--debug", "help", "-h")])
def test_help_of_nothing_is_that_of_the_program(words: tuple[str, ...]) -> None:
    assert call(*words).out == call("--help").out
    assert call("--debug", "help", "scan").out == call("scan", "--help").out


def test_help_of_an_unknown_command_is_wrong_usage() -> None:
    ran = call("help", "scann")

    assert (ran.code, ran.out) == (2, "")
    assert "did you mean proccli scan?" in ran.err


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_with_many_options_has_a_short_help_and_a_long_one(name: str) -> None:
    command = load(name)
    assert isinstance(command, CommandWithExamples)
    short, long = call(name, "-h").out, call(name, "--help").out

    if not command.has_brief_help:
        assert short == long
        return
    assert len(short.splitlines()) < 0.75 * len(long.splitlines())
    assert short.splitlines()[0] == COMMANDS[name]
    assert short.endswith(f"proccli {name} --help shows all options and the details.\n")
    for parameter in command.params:
        if isinstance(parameter, Option):
            assert (f"{parameter.opts[-1]}" in short) or parameter.rare, parameter.name
            assert f"{parameter.opts[-1]}" in long


def test_a_typed_option_comes_before_a_variable_that_excludes_it(tmp_path: Path) -> None:
    folder = write_machine(tmp_path / "proc")

    live = call("scan", "--json", "--proc-root", "/proc", env={"PROCCLI_SNAPSHOT": str(folder)})
    directory = call("scan", "--json", "-s", str(folder), env={"PROCCLI_PROC_ROOT": "/proc"})
    both = {"PROCCLI_SNAPSHOT": str(folder), "PROCCLI_PROC_ROOT": "/proc"}

    assert json.loads(live.out)["snapshot"]["kind"] == "live"
    assert json.loads(directory.out)["snapshot"]["kind"] == "directory"
    assert call("scan", env=both).code == 2


@pytest.mark.parametrize("name", COMMANDS)
def test_help_begins_with_what_it_does_and_examples(name: str) -> None:
    ran = call(name, "--help")

    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0] == COMMANDS[name]
    assert lines[0][0].isupper()
    assert lines[0].endswith(".")
    assert lines[lines.index("") + 1] == "Examples:"
    assert f"proccli {name}" in ran.out.split("Usage:")[0].split("Examples:")[1]
    assert ran.out.index("Examples:") < ran.out.index(f"Usage: proccli {name}")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_the_command_says(name: str) -> None:
    assert (load(name).help or "").split("\n\n")[0] == COMMANDS[name]


def examples() -> Iterator[list[str]]:
    """The arguments of every proccli in the examples, however it is piped and quoted."""
    for command in (proccli, *(command for _, command in commands())):
        assert isinstance(command, CommandWithExamples)
        for example, _ in command.examples:
            text = example.replace('"$(', "| ").replace(')"', " |")
            lexer = shlex.shlex(text, posix=True, punctuation_chars="|<>")
            lexer.whitespace_split = True
            words: list[str] = []
            for word in (*lexer, "|"):
                if set(word) <= set("|<>"):
                    if "proccli" in words:
                        yield words[words.index("proccli") + 1 :]
                    words = []
                else:
                    words.append(word)


@pytest.mark.parametrize("arguments", list(examples()), ids=" ".join)
def test_the_examples_are_accepted(arguments: list[str]) -> None:
    name, *rest = arguments
    context = load(name).make_context(name, rest, obj=Invocation(arguments=arguments))
    assert context.params is not None


def test_exactly_the_promised_variables_stand_for_options() -> None:
    for name, command in commands():
        for parameter in command.params:
            expected = {VARIABLES[flag] for flag in parameter.opts if flag in VARIABLES}
            given = {parameter.envvar} if parameter.envvar else set()
            assert given == expected, f"{name} {parameter.opts}"
            assert not given or (isinstance(parameter, Option) and parameter.show_envvar)


@pytest.mark.parametrize("name", COMMANDS)
def test_no_option_takes_the_place_of_another(name: str) -> None:
    names = [parameter.name for parameter in load(name).params]
    assert sorted(set(names), key=str) == sorted(names, key=str)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_help_text_that_ends_well(name: str) -> None:
    command = load(name)
    for parameter in command.get_params(click.Context(command)):
        if isinstance(parameter, Option):
            assert parameter.help, parameter.name
            assert parameter.help.endswith("."), parameter.name
        else:
            assert isinstance(parameter, click.Argument), f"{parameter.name} has no section"


def test_a_mistyped_command_is_guessed() -> None:
    ran = call("scann")

    assert ran.code == 2
    assert ran.err == (
        "proccli: error: unknown command 'scann'; did you mean proccli scan? (see proccli --help)\n"
    )


@pytest.mark.parametrize(("typed", "runs"), ALIASES.items())
def test_a_name_that_users_expect_runs_the_command(typed: str, runs: str) -> None:
    assert call(typed, "--help").out == call(runs, "--help").out
    assert f"\n  {typed} " not in call("--help").out


@pytest.mark.parametrize(("typed", "meant"), HINTS.items())
def test_a_name_that_may_mean_several_commands_is_explained(
    typed: str, meant: Sequence[str]
) -> None:
    ran = call(typed)

    assert ran.code == 2
    for words in meant:
        assert f"proccli {words}" in ran.err
        name, *options = words.split()
        if name != "--version":
            assert all(option in call(name, "--help").out for option in options)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["scan", "--confg", "x"], "no such option --confg; did you mean --config? (see"),
        (["scan", "--jsn"], "no such option --jsn; did you mean --json? (see"),
        (["check", "--fail_on", "x"], "did you mean --fail-on? (see"),
        (["explain", "--pid", "1"], "PID is an argument, as in: proccli explain PID (see"),
        (["regex", "--pattern", "x"], "PATTERN is an argument, as in: proccli regex PATTERN (see"),
        (["scan", "-c"], "option '-c' requires an argument (see proccli scan --help)"),
        (["scan", "--zzz"], "no such option --zzz (see"),
        (["scan", "-x"], "no such option -x (see"),
        (["-c", "agent.yaml", "scan"], "options follow the command, as in: proccli scan -c …"),
        (["fleet", "--store", "x", "load"], "the command, as in: proccli fleet load --store …"),
    ],
)
def test_a_mistyped_option_is_guessed_by_its_letters(arguments: list[str], hint: str) -> None:
    ran = call(*arguments)

    assert (ran.code, ran.out) == (2, "")
    assert hint in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--debug", "scan", "-s", "/nowhere"],
        ["scan", "--debug", "-s", "/nowhere"],
        ["scan", "-s", "/nowhere", "--debug"],
        ["scan", "--no-such", "--debug"],
        ["--debug", "no-such"],
    ],
)
def test_debug_may_stand_anywhere(arguments: list[str]) -> None:
    ran = call(*arguments)

    assert ran.err.startswith("Traceback")
    assert "proccli: error: " in ran.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["scan", "--no-such"], "no such option"),
        (["scan", "--via", "post"], "'post' is not one of 'server', 'file'"),
        (["scan", "--agent", "8.1"], "agent 8.1 is not known"),
        (["scan", "--env", "NAME"], "'NAME' is not NAME=VALUE"),
        (["scan", "--env", "=x"], "'=x' is not NAME=VALUE"),
        (["scan", "-c", "-", "-s", "-"], "only one of the sources, -c and --tags can read"),
        (["scan", "-s", "-", "--tags", "-"], "only one of the sources, -c and --tags can read"),
        (["explain"], "give a pid or a name, or describe a made-up process"),
        (["explain", "1", "--argv", "x"], "cannot be combined with PID or NAME"),
        (["explain", "--user", "shop"], "require --argv, --cmdline or --title"),
        (["explain", "--uptime", "0"], "require --argv, --cmdline or --title"),
        (["explain", "--argv", "x", "--title", "y"], "mutually exclusive"),
        (["explain", "--cmdline", "'open"], "no closing quotation"),
        (["schema", "none"], "unknown schema 'none'; available: "),
        (["completion", "tcsh"], "'tcsh' is not one of"),
        (["record"], "missing argument 'PATH'"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments: list[str], problem: str) -> None:
    ran = call(*arguments)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("proccli: error: ")
    assert problem.lower() in ran.err.lower()
    assert ran.err.endswith(f" (see proccli {arguments[0]} --help)\n")
    assert ran.err.count("\n") == 1


def test_the_agent_that_a_variable_asks_for_must_be_known_too() -> None:
    ran = call("scan", env={"PROCCLI_AGENT": "8.1"})

    assert ran.code == 2
    assert "agent 8.1 is not known" in ran.err


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (["--version"], {}),
        (["--help"], {}),
        (["scan", "--help"], {}),
        (["completion", "bash"], {}),
        (["schema", "scan"], {}),
        (["scan", "--agent", "7.2"], {}),
        ([], {"_PROCCLI_COMPLETE": "bash_complete", "COMP_WORDS": "proccli ", "COMP_CWORD": "1"}),
        (
            [],
            {
                "_PROCCLI_COMPLETE": "bash_complete",
                "COMP_WORDS": "proccli explain -",
                "COMP_CWORD": "2",
            },
        ),
    ],
)
def test_what_should_be_instant_imports_nothing_heavy(
    arguments: list[str], variables: dict[str, str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "proccli", *arguments],
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG_S,
    )
    imported = {
        line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()
    }
    assert ("click" in imported) == (arguments != ["--version"])
    assert not imported & HEAVY


def test_the_program_can_be_run_as_a_module_and_by_its_name() -> None:
    (script,) = entry_points(group="console_scripts", name="proccli")
    assert script.value == "proccli.__main__:main"
    done = subprocess.run(
        [sys.executable, "-m", "proccli", "--version"],
        capture_output=True,
        check=False,
        timeout=LONG_S,
    )
    assert done.stdout.decode() == f"proccli {__version__}\n"


def test_the_whole_output_arrives_before_the_program_ends() -> None:
    """The program does not free its objects one by one, nor what it would still have to write."""
    done = subprocess.run(
        [sys.executable, "-m", "proccli", "schema", "scan"],
        capture_output=True,
        check=True,
        timeout=LONG_S,
    )

    assert len(done.stdout) > 1 << 12
    assert json.loads(done.stdout)
    assert done.stderr == b""


def test_a_profiler_still_reports() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cProfile", "-m", "proccli", "--version"],
        capture_output=True,
        check=True,
        text=True,
        timeout=LONG_S,
    )

    assert "function calls" in done.stdout

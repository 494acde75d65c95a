"""`proccli explain`."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from proccli.cli.completing import complete_process
from proccli.cli.failures import report
from proccli.cli.help import CommandWithExamples
from proccli.cli.messages import print_result, without_codes
from proccli.cli.output import Invocation, view_of, write_stderr
from proccli.commands.options.output import (
    Output,
    general_options,
    name_values,
    option,
    output_options,
    strict_option,
)
from proccli.commands.options.source import source_options
from proccli.errors import EXIT_INCOMPLETE

if TYPE_CHECKING:
    from proccli.agent.inputs import Inputs
    from proccli.commands.explain.explain import AmbiguousName, ExplainResult
    from proccli.commands.inputs import InputOptions
    from proccli.sources.made_up import MadeUp

_PID = r"[0-9]{1,300}"
_MADE_UP = "Made-up process (instead of PID or NAME)"


@click.command(
    "explain",
    cls=CommandWithExamples,
    examples=(
        ("proccli explain -c agent.yaml 4242", "Explain the name of process 4242"),
        ("proccli explain -c agent.yaml nginx", "Give the process by name"),
        (
            "proccli explain -c agent.yaml --cmdline 'python3 -u app.py' --parent supervisord",
            "Explain a process that does not run here",
        ),
        (
            "proccli explain -c agent.yaml --title 'nginx: worker process'",
            "Explain a process that rewrites its title",
        ),
        (
            "proccli explain -c agent.yaml --plain 4242 4311 | cut -f1",
            "Print only the deciding rules, for scripts",
        ),
    ),
)
@click.argument("targets", metavar="[PID|NAME]...", nargs=-1, shell_complete=complete_process)
@option(
    "--name",
    "names",
    section="Input options",
    metavar="NAME",
    multiple=True,
    help="Process name, even if it is all digits. Repeatable.",
)
@option("--argv", section=_MADE_UP, metavar="ARG", multiple=True, help="One argument. Repeatable.")
@option("--cmdline", section=_MADE_UP, metavar="LINE", help="All arguments, with shell quoting.")
@option(
    "--title", section=_MADE_UP, metavar="TEXT", help="A rewritten process title, as one string."
)
@option(
    "--parent",
    "parents",
    section=_MADE_UP,
    metavar="NAME",
    multiple=True,
    help="process_name of its parent; repeat for the grandparent, and so on.",
)
@option(
    "--tag",
    "with_tags",
    section=_MADE_UP,
    metavar="KEY=VALUE",
    callback=name_values,
    multiple=True,
    help="A tag that the tag command reports for it. Repeatable.",
)
@option(
    "--comm",
    section=_MADE_UP,
    metavar="NAME",
    help="Its comm. Default: the first 15 bytes of the program's file name.",
)
@option(
    "--exe",
    section=_MADE_UP,
    metavar="PATH",
    help="Target of its exe link. Default: the first argument.",
)
@option(
    "--container-id",
    section=_MADE_UP,
    metavar="ID",
    help="Id of its container (64 characters). By default it runs in none.",
)
@option("--user", section=_MADE_UP, metavar="NAME", help="User it runs as.")
@option(
    "--uptime",
    section=_MADE_UP,
    metavar="SECONDS",
    type=int,
    help="Age of the process. By default it is old enough.",
)
@source_options
@output_options
@option(
    "--plain",
    section="Output options",
    is_flag=True,
    help="Print one line per process: location:action, pid and name, separated by tabs.",
)
@strict_option
@general_options
def command(
    *,
    options: InputOptions,
    targets: Sequence[str],
    names: Sequence[str],
    output: Output,
    plain: bool,
    strict: bool,
    invocation: Invocation,
    **question: Any,
) -> int:
    """Explain why a process gets its rule and its name.

    Prints the outcome, then each rule in order: the text it is matched against, the part that
    matches, how the rewrite builds the name, and, if the rule does not match, how much of the
    pattern matched. An argument of only digits is a pid; anything else is a name.
    """
    from proccli.commands.explain.explain import (
        AmbiguousName,
        explain_made_up,
        explain_pids,
        find_by_name,
        open_made_up,
    )
    from proccli.commands.inputs import open_inputs

    made_up = _made_up(question)
    if (made_up is None) == (not targets and not names):
        raise click.UsageError(
            "give a pid or a name, or describe a made-up process with --argv, --cmdline or --title"
            if made_up is None
            else "a made-up process cannot be combined with PID or NAME"
        )
    if made_up is not None:
        result = explain_made_up(open_made_up(options, made_up), made_up)
    else:
        inputs = open_inputs(options)
        try:
            pids = [_pid(inputs, target, options) for target in targets]
            pids += [find_by_name(inputs, name, options) for name in names]
            result = explain_pids(inputs, pids)
        except AmbiguousName as error:
            code = report(error, invocation)
            if output == "table":
                pid = str(error.candidates[0].pid)
                once = [pid if target == error.name else target for target in targets]
                once += [pid if name == error.name else f"--name={name}" for name in names]
                again = options.command("explain", *once, *(["--plain"] if plain else []))
                print_candidates(error, again, invocation)
            return code
    content = _rendered(result, output, plain, invocation, options)
    for_people = output == "table" and not plain
    notes = without_codes(result.notes, "sync-disabled") if for_people else result.notes
    return print_result(
        invocation, content, notes, EXIT_INCOMPLETE if strict and result.incomplete else 0
    )


def _pid(inputs: Inputs, target: str, options: InputOptions) -> int:
    from proccli.commands.explain.explain import find_by_name

    return int(target) if re.fullmatch(_PID, target) else find_by_name(inputs, target, options)


def _made_up(question: dict[str, Any]) -> MadeUp | None:
    """The made-up process that the options describe, or None. Raises: click.UsageError."""
    import shlex

    from proccli.sources.made_up import MadeUp

    argv, cmdline, title = (question.pop(key) for key in ("argv", "cmdline", "title"))
    given = [bool(argv), cmdline is not None, title is not None]
    if sum(given) > 1:
        raise click.UsageError("--argv, --cmdline and --title are mutually exclusive")
    if not any(given):
        if any(value not in (None, ()) for value in question.values()):
            raise click.UsageError(
                "--parent, --tag, --comm, --exe, --container-id, --user and --uptime describe"
                " a made-up process and require --argv, --cmdline or --title"
            )
        return None
    if cmdline is not None:
        try:
            argv = shlex.split(cmdline)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--cmdline") from error
    return MadeUp(
        argv=tuple(argv),
        title=title,
        parents=tuple(question["parents"]),
        tags=tuple(question["with_tags"]),
        user=question["user"],
        uptime_s=question["uptime"],
        comm=question["comm"],
        exe=question["exe"],
        container_id=question["container_id"],
    )


def _rendered(
    result: ExplainResult,
    output: Output,
    plain: bool,
    invocation: Invocation,
    options: InputOptions,
) -> str | bytes:
    if output == "json":
        from proccli.commands.explain.json import explain_document

        return explain_document(result)
    if output == "jsonl":
        from proccli.commands.explain.json import explain_lines

        return explain_lines(result)
    if plain:
        from proccli.commands.explain.json import explain_plain

        return explain_plain(result)
    from proccli.commands.explain.text import explain_text

    return explain_text(result, view_of(sys.stdout, invocation.colour), options)


_MOST = 20


def print_candidates(error: AmbiguousName, again: str, invocation: Invocation) -> None:
    """Print the processes with that name and `again`, the command for the first, to stderr."""
    from proccli.commands.explain.text import candidates_table

    table = candidates_table(error.candidates[:_MOST], view_of(sys.stderr, invocation.colour))
    more = len(error.candidates) - _MOST
    hidden = f"and {more:,} more\n" if more > 0 else ""
    write_stderr(f"{table}{hidden}Try: {again}\n")

"""`proccli suggest`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from proccli.cli.failures import report_sources
from proccli.cli.help import CommandWithExamples
from proccli.cli.messages import print_message, print_result
from proccli.cli.output import Invocation
from proccli.cli.progress import progress_bar
from proccli.commands.options.output import (
    INPUT_PATH,
    Output,
    general_options,
    option,
    output_options,
    strict_option,
)
from proccli.commands.options.source import source_options_without
from proccli.errors import EXIT_INCOMPLETE
from proccli.versions import DEFAULT_INPUTS_AGENT

if TYPE_CHECKING:
    from proccli.commands.inputs import InputOptions

_WHERE = "Result options"


@click.command(
    "suggest",
    cls=CommandWithExamples,
    examples=(
        ("sudo proccli suggest > agent.yaml", "Propose rules for what runs on this machine"),
        (
            f"proccli suggest --agent {DEFAULT_INPUTS_AGENT} web-1.jsonl.gz db-1.jsonl.gz",
            "Propose matchers for the processes of two recordings",
        ),
        (
            "proccli suggest -c agent.yaml *.jsonl.gz > new.yaml",
            "Add rules for what a configuration leaves unclear",
        ),
        (
            "proccli suggest --out new.yaml --tests new.test.yaml web-1.jsonl.gz",
            "Also write tests of the proposed rules",
        ),
    ),
)
@click.argument("operands", metavar="[SOURCE]...", nargs=-1, type=INPUT_PATH)
@option(
    "-s",
    "--snapshot",
    "snapshots",
    section="Input options",
    metavar="PATH",
    multiple=True,
    type=INPUT_PATH,
    envvar="PROCCLI_SNAPSHOT",
    show_envvar=True,
    help="A recording, a folder of recordings or a /proc-like directory, as SOURCE; - reads"
    " standard input. Repeatable. Default: the live machine.",
)
@option(
    "--live",
    section="Input options",
    is_flag=True,
    help="Add the live machine to the sources.",
)
@option(
    "--no-drop",
    section=_WHERE,
    is_flag=True,
    help="Propose no rules that drop shells, helpers and the like.",
)
@option(
    "--out",
    section=_WHERE,
    metavar="FILE",
    type=INPUT_PATH,
    help="Write the configuration to a new file. It replaces no file.",
)
@option(
    "--tests",
    section=_WHERE,
    metavar="FILE",
    type=INPUT_PATH,
    help="Write tests of the proposed rules for proccli test to a new file.",
)
@source_options_without("snapshot", "feature")
@output_options
@strict_option
@general_options
def command(
    *,
    operands: Sequence[str],
    snapshots: Sequence[str],
    live: bool,
    no_drop: bool,
    out: str | None,
    tests: str | None,
    options: InputOptions,
    output: Output,
    strict: bool,
    invocation: Invocation,
) -> int:
    """Write the rules that name what runs, and prove them.

    Programs that share a name (java, python3) or whose name changes (a title, a version) get the
    name of their script, module, jar, main class or application. Shells, helpers and the like are
    dropped. The rules are applied as the agent would, to all processes of the sources, and only
    those are printed that name each process as intended and change no other one.

    The result is a whole configuration. With -c, it is that configuration with the rules added
    where they have to stand: processes that it names, drops or accepts by a rule of their own stay
    as they are.
    """
    from proccli.commands.suggest.output import messages, suggest_document, suggest_lines
    from proccli.commands.suggest.suggest import suggest
    from proccli.commands.suggest.test_file import test_file
    from proccli.files import atomic_output
    from proccli.text import counted

    sources = _sources(operands, snapshots, live=live)
    if [*sources, options.config, options.tags].count("-") > 1:
        raise click.UsageError("only one of the sources, -c and --tags can read standard input")
    if options.tags is not None and len(sources) > 1:
        raise click.UsageError("--tags is the output of one host's command; give one source")
    if "-" in (out, tests):
        raise click.UsageError("--out and --tests need the name of a file")
    with progress_bar(invocation, len(sources), "Reading") as progress:
        result = suggest(options, sources, drops=not no_drop, progress=progress)
    said = list(messages(result))
    text, number = test_file(result, out, tests) if tests is not None else ("", 0)
    with ExitStack() as files:
        # Both are opened first: neither is written if the other one exists.
        written = {
            path: files.enter_context(atomic_output(path, mode=0o644))
            for path in (out, tests if number else None)
            if path is not None
        }
        if out is not None:
            written[out].write(result.text.encode())
        if tests in written:
            written[tests].write(text.encode())
    if tests is not None:
        done = f"{counted(number, 'test')}, written to" if number else "no tests, so there is no"
        said.append(f"{done} {tests}")
    content: str | bytes
    if output == "json":
        content = suggest_document(result)
    elif output == "jsonl":
        content = suggest_lines(result)
    else:
        content = "" if out is not None else result.text
    code = EXIT_INCOMPLETE if strict and result.incomplete else 0
    code = print_result(invocation, content, result.notes, code)
    for line in said:
        print_message(line)
    return report_sources(result.failures, invocation, code)


def _sources(
    operands: Sequence[str], snapshots: Sequence[str], *, live: bool
) -> tuple[str | None, ...]:
    """The paths of the sources; None: the live machine.

    Sources on the command line replace that of the environment variable.
    """
    from proccli.sources.opening import NamedSource, sources_of

    context = click.get_current_context()
    typed = context.get_parameter_source("snapshots") is ParameterSource.COMMANDLINE
    given = [*(snapshots if typed else ()), *operands]
    by_variable = os.environ.get("PROCCLI_SNAPSHOT")
    if not given and not live and by_variable:
        given = [by_variable]
    named = [NamedSource(path) for path in given]
    if live or not named:
        named.append(NamedSource(None))
    return tuple(source.path for source in sources_of(named))

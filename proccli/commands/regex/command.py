"""`proccli regex`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from proccli.cli.help import CommandWithExamples
from proccli.cli.messages import print_result
from proccli.cli.output import Invocation, view_of
from proccli.commands.options.output import Output, general_options, option, output_options
from proccli.commands.options.source import complete_agent, emulated_agent
from proccli.errors import EXIT_NO, SourceError
from proccli.versions import DEFAULT_AGENT

if TYPE_CHECKING:
    from proccli.commands.regex.trial import Trial
    from proccli.model.note import Note


@click.command(
    "regex",
    cls=CommandWithExamples,
    examples=(
        (
            r"proccli regex 'python3 (.*)\.py' 'python3 app.py --port 80' --replace '$1-script'",
            "Show what a pattern matches and how a template rewrites it",
        ),
        ("proccli regex '^nginx(?!-debug)'", "Check whether the agent accepts a pattern"),
        ("ps -eo args= | proccli regex 'java .*-jar'", "Match the lines of standard input"),
        ("proccli regex - < patterns.txt", "Check one pattern per line, without shell quoting"),
    ),
)
@click.argument("pattern")
@click.argument("texts", metavar="[TEXT]...", nargs=-1)
@option(
    "--replace",
    "template",
    section="Input options",
    metavar="TEMPLATE",
    help="Replace every match as rewrite-name does: $1, $name, ${name}, $$.",
)
@option(
    "--agent",
    section="Input options",
    metavar="VERSION",
    default=DEFAULT_AGENT,
    callback=emulated_agent,
    shell_complete=complete_agent,
    envvar="PROCCLI_AGENT",
    show_envvar=True,
    help="Agent version whose regex engine to use: that of older agents rejects more.",
    show_default=True,
)
@output_options
@general_options
def command(
    *,
    pattern: str,
    texts: Sequence[str],
    template: str | None,
    agent: str,
    output: Output,
    invocation: Invocation,
) -> int:
    """Test a pattern in the agent's regex dialect.

    The dialect is that of the Rust crate regex 1.8.3, which the agent uses; the first agents have
    1.6.0 (--agent). Without TEXT, the lines of standard input are matched; on a terminal, only the
    pattern is checked. Exits 1 if the agent would reject the pattern and therefore ignore its rule.

    With - as PATTERN, every line of standard input is a pattern that is tried on each TEXT; with -
    as the only TEXT, every line is a text.
    """
    from proccli.commands.regex.trial import try_pattern

    if pattern == "-":
        return _many(texts, template, agent, output, invocation)
    trial = try_pattern(pattern, template, agent)
    notes = list(_notes(trial))
    given = _lines(notes) if texts == ("-",) else iter(texts) if texts else _stdin_lines(notes)
    content = _rendered(trial, given, output, invocation, notes)
    return print_result(invocation, content, notes, EXIT_NO if trial.error is not None else 0)


def _many(
    texts: Sequence[str],
    template: str | None,
    agent: str,
    output: Output,
    invocation: Invocation,
) -> int:
    """Try each line of standard input as a pattern; empty lines are skipped.

    Raises: click.UsageError, SourceError.
    """
    from proccli.commands.regex.output import patterns_document, patterns_lines, patterns_text
    from proccli.commands.regex.trial import try_pattern

    if "-" in texts:
        raise click.UsageError("only one of PATTERN and TEXT can read standard input")
    if sys.stdin is None:
        raise SourceError("standard input is closed")
    notes: list[Note] = []
    trials = [try_pattern(line, template, agent) for line in _lines(notes) if line]
    for trial in trials:
        notes.extend(_notes(trial))
    tried = [(trial, list(trial.attempts(texts))) for trial in trials]
    if output == "json":
        content: str | bytes = patterns_document(tried, notes)
    elif output == "jsonl":
        content = patterns_lines(tried)
    else:
        content = patterns_text(tried, view_of(sys.stdout, invocation.colour))
    rejected = any(trial.error is not None for trial in trials)
    return print_result(invocation, content, notes, EXIT_NO if rejected else 0)


def _rendered(
    trial: Trial,
    texts: Iterator[str],
    output: Output,
    invocation: Invocation,
    notes: list[Note],
) -> str | bytes:
    from proccli.commands.regex.output import regex_document, regex_lines, regex_text

    attempts = trial.attempts(texts)
    if output == "jsonl":
        return regex_lines(attempts)
    if output == "json":
        return regex_document(trial, list(attempts), notes)
    return regex_text(trial, attempts, view_of(sys.stdout, invocation.colour))


def _stdin_lines(notes: list[Note]) -> Iterator[str]:
    """The lines of standard input; none from a terminal."""
    if sys.stdin is not None and not sys.stdin.isatty():
        yield from _lines(notes)


def _lines(notes: list[Note]) -> Iterator[str]:
    """The lines of standard input, without those that are not UTF-8 (the agent skips such text)."""
    from proccli.model.note import Note

    for number, line in enumerate(sys.stdin.buffer, start=1):
        try:
            yield line.removesuffix(b"\n").decode()
        except UnicodeDecodeError:
            notes.append(Note.of("not-utf8", file="<stdin>", line=number))


def _notes(trial: Trial) -> Iterator[Note]:
    from proccli.model.note import Note

    for group in trial.missing_groups:
        yield Note.of("missing-group", group=group, template=trial.template)

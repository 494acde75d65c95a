"""`proccli diff`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

import click

from proccli.cli.failures import report_sources
from proccli.cli.help import CommandWithExamples
from proccli.cli.messages import print_result
from proccli.cli.output import Invocation, view_of
from proccli.cli.progress import progress_bar
from proccli.commands.options.output import (
    INPUT_PATH,
    general_options,
    option,
    output_options_with,
)
from proccli.commands.options.source import (
    emulated_agent,
    snapshots_option,
    source_options_without,
)
from proccli.errors import EXIT_NO
from proccli.versions import NEWEST_RELEASE

if TYPE_CHECKING:
    from proccli.commands.inputs import InputOptions

Format: TypeAlias = Literal["table", "json", "jsonl", "markdown"]

_WHERE = "Input options"


@click.command(
    "diff",
    cls=CommandWithExamples,
    examples=(
        (
            "proccli diff old.yaml new.yaml",
            "Look for a process that the two configurations treat differently",
        ),
        ("proccli diff --live old.yaml new.yaml", "Compare them on this machine"),
        (
            "proccli diff -s web-1.jsonl.gz -s db-1.jsonl.gz old.yaml new.yaml",
            "Compare them on two recordings",
        ),
        (
            f"proccli diff --live old.yaml new.yaml --agent-new {NEWEST_RELEASE}",
            "Show what an upgrade of the agents changes",
        ),
        (
            "proccli diff -s recordings/ -o markdown old.yaml new.yaml > comment.md",
            "Write a comment for a pull request",
        ),
        (
            "proccli diff --exit-code -s web-1.jsonl.gz old.yaml new.yaml",
            "In CI: exit 1 if anything changes",
        ),
    ),
)
@click.argument("old", metavar="OLD", type=INPUT_PATH)
@click.argument("new", metavar="NEW", type=INPUT_PATH)
@snapshots_option(
    "Compare on this recording, /proc-like directory, folder of recordings or output of ps."
    " Repeatable."
)
@option(
    "--agent-new",
    section=_WHERE,
    metavar="VERSION",
    callback=emulated_agent,
    help="Agent version for NEW. Default: --agent, or by the dialect of NEW.",
)
@option("--live", section=_WHERE, is_flag=True, help="Compare on the live machine.")
@option(
    "--all",
    "everything",
    section="Output options",
    is_flag=True,
    help="Show every change; by default, only the most frequent ones of each kind.",
)
@option(
    "--exit-code",
    section="Other options",
    is_flag=True,
    help="Exit 1 if the configurations differ.",
)
@source_options_without("config", "snapshot")
@output_options_with(markdown="a comment for a pull request")
@general_options
def command(
    *,
    old: str,
    new: str,
    snapshots: Sequence[str],
    live: bool,
    agent_new: str | None,
    everything: bool,
    exit_code: bool,
    options: InputOptions,
    output: Format,
    invocation: Invocation,
) -> int:
    """Show what a configuration change does to each process.

    Reports the processes that are lost, gained, renamed, retagged, or matched by another rule,
    and how many connections lose their label. If rules differ, it also constructs a text that the
    two configurations treat differently, or proves that there is none; this needs no machine.
    """
    from proccli.commands.diff.diff import diff
    from proccli.commands.diff.text import diff_content
    from proccli.sources.opening import NamedSource, sources_of

    if (old, new, options.tags, *snapshots).count("-") > 1:
        raise click.UsageError("only one of OLD, NEW, -s and --tags can read standard input")
    where = [source.path for source in sources_of(map(NamedSource, snapshots))]
    where += [None] if live else []
    after = options._replace(config=new, agent=agent_new or options.agent)
    with progress_bar(invocation, len(where), "Reading") as progress:
        result = diff(options._replace(config=old), after, where, progress)
    view = view_of(sys.stdout, invocation.colour)
    content: str | bytes
    if output == "markdown":
        from proccli.commands.diff.markdown_text import diff_markdown

        content = diff_markdown(result, everything=everything)
    else:
        content = diff_content(result, output, view, everything=everything)
    code = EXIT_NO if exit_code and result.differs else 0
    return report_sources(
        result.failures, invocation, print_result(invocation, content, result.notes, code)
    )

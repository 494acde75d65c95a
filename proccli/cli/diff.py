"""`proccli diff`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from proccli.cli.helptext import HelpfulCommand
from proccli.cli.invocation import Invocation
from proccli.cli.options import Output, general_options, option, output_options
from proccli.cli.result import deliver
from proccli.cli.source_options import source_options_without
from proccli.cli.streams import view_of
from proccli.errors import EXIT_NO

if TYPE_CHECKING:
    from proccli.jobs.inputs import InputOptions

_WHERE = "Where to compare"


@click.command(
    "diff",
    cls=HelpfulCommand,
    examples=(
        ("proccli diff old.yaml new.yaml", "is there any process that they treat differently?"),
        ("proccli diff --live old.yaml new.yaml", "what changes on this machine?"),
        (
            "proccli diff -s web-1.jsonl.gz -s db-1.jsonl.gz old.yaml new.yaml",
            "and on these, recorded?",
        ),
        (
            "proccli diff --exit-code -s web-1.jsonl.gz old.yaml new.yaml",
            "in CI: 1 if anything changes",
        ),
    ),
)
@click.argument("old", metavar="OLD", type=click.Path(allow_dash=True))
@click.argument("new", metavar="NEW", type=click.Path(allow_dash=True))
@option(
    "-s",
    "--snapshot",
    "snapshots",
    section=_WHERE,
    metavar="PATH",
    type=click.Path(allow_dash=True),
    multiple=True,
    envvar="PROCCLI_SNAPSHOT",
    show_envvar=True,
    help="On this recording, or directory laid out like /proc. Repeatable.",
)
@option("--live", section=_WHERE, is_flag=True, help="On the live machine.")
@option("--exit-code", section="Other options", is_flag=True, help="Exit with 1 if they differ.")
@source_options_without("config", "snapshot")
@output_options
@general_options
def command(
    *,
    old: str,
    new: str,
    snapshots: Sequence[str],
    live: bool,
    exit_code: bool,
    options: InputOptions,
    output: Output,
    invocation: Invocation,
) -> int:
    """what a change of the configuration does to which processes

    Which processes are lost, gained, renamed, retagged, or decided by another rule, and how many
    connections lose their label. And by construction, also without any machine: for rules that
    differ, a text that the two configurations treat differently, tried on both, or the proof that
    there is none.
    """
    from proccli.jobs.diff import diff
    from proccli.render.diff_json import diff_document, diff_lines
    from proccli.render.diff_text import diff_text

    if (old, new, options.tags, *snapshots).count("-") > 1:
        raise click.UsageError("only one of OLD, NEW, -s and --tags can read standard input")
    where: list[str | None] = [*snapshots, *([None] if live else [])]
    result = diff(replace(options, config=old), replace(options, config=new), where)
    content: str | bytes
    if output == "json":
        content = diff_document(result)
    elif output == "jsonl":
        content = diff_lines(result)
    else:
        content = diff_text(result, view_of(sys.stdout, invocation.colour))
    return deliver(
        invocation, content, result.notices, EXIT_NO if exit_code and result.differs else 0
    )

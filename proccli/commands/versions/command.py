"""`proccli versions`."""

from __future__ import annotations

import sys

import click

from proccli.cli.help import CommandWithExamples
from proccli.cli.messages import print_result
from proccli.cli.output import Invocation, view_of
from proccli.commands.options.output import Output, general_options, output_options


@click.command(
    "versions",
    cls=CommandWithExamples,
    examples=(
        ("proccli versions", "Show what changes where, with sources"),
        (
            "proccli versions -o jsonl | jq -r 'select(.field == \"ignore\") | .agents[]'",
            "List the agents at which the handling of ignore changed",
        ),
    ),
)
@output_options
@general_options
def command(output: Output, invocation: Invocation) -> int:
    """Show what changes between agent and server versions.

    The table lists every version that `--agent` and `--server` take. A version between two of
    them is answered as the earlier one. Under each step stand the versions that answer alike, what
    differs from the step before, and the source in DeepFlow's code.
    """
    from proccli.commands.versions.output import (
        versions_document,
        versions_lines,
        versions_text,
    )
    from proccli.commands.versions.versions import versions

    table = versions()
    if output == "json":
        return print_result(invocation, versions_document(table), ())
    if output == "jsonl":
        return print_result(invocation, versions_lines(table), ())
    view = view_of(sys.stdout, invocation.colour)
    return print_result(invocation, versions_text(table, view), ())

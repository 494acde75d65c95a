"""`proccli tags`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from proccli.cli.help import CommandWithExamples
from proccli.cli.messages import print_result
from proccli.cli.output import Invocation, view_of
from proccli.commands.options.output import (
    Output,
    general_options,
    option,
    output_options,
    strict_option,
)
from proccli.commands.options.source import source_options
from proccli.errors import EXIT_INCOMPLETE
from proccli.versions import NEWEST_SERVER

if TYPE_CHECKING:
    from proccli.commands.inputs import InputOptions

_WHICH = "Filters (the summary always counts all tags)"


@click.command(
    "tags",
    cls=CommandWithExamples,
    examples=(
        (
            "sudo proccli tags -c agent.yaml",
            "Run the tag command and show the tags of each process",
        ),
        ("/usr/local/bin/cmdb-tags | proccli tags --tags -", "Check the output of a tag command"),
        (
            "proccli tags -c agent.yaml --tags tags.yaml --lost",
            "List the tags that the server loses or changes",
        ),
        (
            f"proccli tags -c agent.yaml --lost --server {NEWEST_SERVER}",
            "Do the same for another server version",
        ),
    ),
)
@option(
    "--pid",
    "pids",
    section=_WHICH,
    type=click.IntRange(min=0),
    metavar="PID",
    multiple=True,
    help="Only tags of this process. Repeatable.",
)
@option(
    "--key",
    "keys",
    section=_WHICH,
    metavar="GLOB",
    multiple=True,
    help="Only tags whose key matches GLOB. Repeatable.",
)
@option(
    "--lost",
    section=_WHICH,
    is_flag=True,
    help="Only tags that are not sent, or that the server truncates or loses.",
)
@option("--own", section=_WHICH, is_flag=True, help="Only tags that are not inherited.")
@source_options
@output_options
@strict_option
@general_options
def command(
    *,
    options: InputOptions,
    output: Output,
    strict: bool,
    invocation: Invocation,
    **which: Any,
) -> int:
    """Show each process's tags and which of them reach the server.

    Prints one line per tag: its process, the process it is inherited from, and whether a query
    will show it. Tags of processes that do not exist or are not accepted are not sent, and the
    server truncates or loses tags with certain characters in key or value.
    """
    from proccli.commands.inputs import open_inputs
    from proccli.commands.tags.output import tags_document, tags_lines, tags_table
    from proccli.commands.tags.tags import TagSelection, tags

    result = tags(open_inputs(options), options.server)
    shown = TagSelection(**which).of(result.rows)
    content: str | bytes
    if output == "json":
        content = tags_document(result, shown)
    elif output == "jsonl":
        content = tags_lines(shown)
    else:
        content = tags_table(result, shown, view_of(sys.stdout, invocation.colour))
    code = EXIT_INCOMPLETE if strict and result.incomplete else 0
    return print_result(invocation, content, result.notes, code)

"""`proccli tags`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from proccli.cli.helptext import HelpfulCommand
from proccli.cli.invocation import Invocation
from proccli.cli.options import (
    Output,
    general_options,
    option,
    output_options,
    server_option,
    strict_option,
)
from proccli.cli.result import deliver
from proccli.cli.source_options import source_options
from proccli.cli.streams import view_of
from proccli.errors import EXIT_INCOMPLETE

if TYPE_CHECKING:
    from proccli.jobs.inputs import InputOptions

_WHICH = "Which tags to list (the counts are always of all)"


@click.command(
    "tags",
    cls=HelpfulCommand,
    examples=(
        ("sudo proccli tags -c agent.yaml", "what does the tag command say, and who gets it?"),
        ("/usr/local/bin/cmdb-tags | proccli tags --tags -", "is this output any good?"),
        ("proccli tags -c agent.yaml --tags tags.yaml --lost", "what gets lost on its way?"),
        ("proccli tags -c agent.yaml --lost --server 7.1", "and after an upgrade of the server?"),
    ),
)
@option(
    "--pid",
    "pids",
    section=_WHICH,
    type=click.IntRange(min=0),
    metavar="PID",
    multiple=True,
    help="Of this process. Repeatable.",
)
@option(
    "--key",
    "keys",
    section=_WHICH,
    metavar="GLOB",
    multiple=True,
    help="With a key like this. Repeatable.",
)
@option(
    "--lost",
    section=_WHICH,
    is_flag=True,
    help="Which are not sent, or which the server cuts or loses.",
)
@option("--own", section=_WHICH, is_flag=True, help="Which the command names, none inherited.")
@server_option("Which server takes the tags.", default="6.5", show_default=True)
@source_options
@output_options
@strict_option
@general_options
def command(
    *,
    options: InputOptions,
    server: str,
    output: Output,
    strict: bool,
    invocation: Invocation,
    **which: Any,
) -> int:
    """what the tag command says of each process, and what arrives of it

    A line for each tag: the process it belongs to, the process it is inherited from, and whether
    a query will show it. A tag is not sent for a process that isn't there or isn't accepted, and
    the server cuts or loses some by what stands in their keys and values.
    """
    from proccli.jobs.inputs import open_inputs
    from proccli.jobs.tags import TagSelection, tags
    from proccli.render.tags_json import tags_document, tags_lines
    from proccli.render.tags_table import tags_table

    result = tags(open_inputs(options), server)
    shown = TagSelection(**which).of(result.rows)
    content: str | bytes
    if output == "json":
        content = tags_document(result, shown)
    elif output == "jsonl":
        content = tags_lines(shown)
    else:
        content = tags_table(result, shown, view_of(sys.stdout, invocation.colour))
    code = EXIT_INCOMPLETE if strict and result.incomplete else 0
    return deliver(invocation, content, result.notices, code)

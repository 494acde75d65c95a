"""`proccli tags`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
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
from proccli.commands.options.source import (
    several_sources,
    source_operands,
    source_options_without,
)
from proccli.errors import EXIT_INCOMPLETE
from proccli.versions import NEWEST_SERVER

if TYPE_CHECKING:
    from proccli.commands.inputs import InputOptions
    from proccli.commands.tags.tags import TagRow, TagSelection, TagsResult, TagsTotals
    from proccli.sources.opening import NamedSource

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
@source_operands
@several_sources
@source_options_without("snapshot")
@output_options
@strict_option
@general_options
def command(
    *,
    sources: Sequence[NamedSource],
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

    A SOURCE is a recording, a /proc-like directory, or a folder of recordings; the default is the
    live machine.
    """
    from proccli.commands.inputs import each_source, open_inputs
    from proccli.commands.tags.output import tags_document, tags_lines, tags_table
    from proccli.commands.tags.tags import TagSelection, tags
    from proccli.terminal.document import OfHost

    selection = TagSelection(**which)
    if len(sources) > 1:
        return _several(options, sources, selection, output, strict=strict, invocation=invocation)
    ((_, result),) = each_source(
        options, sources, lambda of_one: tags(open_inputs(of_one), options.server), []
    )
    shown = selection.of(result.rows)
    content: str | bytes | Iterable[bytes]
    if output == "json":
        content = tags_document(result, shown)
    elif output == "jsonl":
        content = tags_lines(OfHost(result.host.name, row) for row in shown)
    else:
        content = tags_table(result, shown, view_of(sys.stdout, invocation.colour))
    code = EXIT_INCOMPLETE if strict and result.incomplete else 0
    return print_result(invocation, content, result.notes, code)


def _several(
    options: InputOptions,
    sources: Sequence[NamedSource],
    selection: TagSelection,
    output: Output,
    *,
    strict: bool,
    invocation: Invocation,
) -> int:
    """Print the tags of several sources."""
    from proccli.commands.hosts.each import Rendering, each_line, print_each, strict_code
    from proccli.commands.inputs import open_inputs
    from proccli.commands.tags.output import hosts_document, hosts_table, tags_lines
    from proccli.commands.tags.tags import TagsTotals, tags

    def add(totals: TagsTotals, result: TagsResult) -> Sequence[TagRow]:
        totals.add(result)
        return selection.of(result.rows)

    return print_each(
        options,
        sources,
        work=lambda of_one: tags(open_inputs(of_one), options.server),
        start=TagsTotals,
        add=add,
        rendering=Rendering(table=hosts_table, pieces=hosts_document, lines=each_line(tags_lines)),
        output=output,
        invocation=invocation,
        code=strict_code(strict=strict),
    )

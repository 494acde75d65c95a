"""`proccli topology`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import click

from proccli.cli.help import CommandWithExamples
from proccli.cli.messages import print_result
from proccli.cli.output import Invocation, view_of
from proccli.cli.progress import progress_bar
from proccli.commands.options.output import (
    INPUT_PATH,
    general_options,
    option,
    output_options_with,
    port_option,
    protocol_option,
    strict_option,
    tag_globs,
)
from proccli.commands.options.source import fleet_options, source_options_without, wait_options
from proccli.commands.options.store import store_options
from proccli.errors import EXIT_INCOMPLETE

if TYPE_CHECKING:
    from proccli.commands.inputs import InputOptions
    from proccli.commands.samples import WaitPolicy
    from proccli.commands.stores import StoredDocuments
    from proccli.model.note import Note
    from proccli.model.topology import Topology
    from proccli.sources.opening import NamedSource

_WHICH = "Filters"

Format: TypeAlias = Literal["table", "json", "jsonl", "dot", "mermaid", "svg", "html"]


def _groupings(_ctx: click.Context, _param: click.Parameter, typed: str) -> list[str]:
    from proccli.server.grouping import GROUPINGS, TAG_PREFIX

    return [way for way in (*GROUPINGS, TAG_PREFIX) if way.startswith(typed)]


@click.command(
    "topology",
    cls=CommandWithExamples,
    examples=(
        (
            "proccli topology -c agent.yaml web-1.jsonl.gz app-1.jsonl.gz db-1.jsonl.gz",
            "Show the connections between the processes of these hosts",
        ),
        ("sudo proccli topology -c agent.yaml", "Show the connections of this machine"),
        (
            "proccli topology -c agent.yaml -o html *.jsonl.gz > topology.html",
            "Write a self-contained page with search and zoom",
        ),
        (
            "proccli topology -c agent.yaml --group-by os.app.owner *.jsonl.gz",
            "Show the dependencies between the owners of services",
        ),
        (
            "proccli topology -c agent.yaml -s a=a/db.jsonl -s b=b/db.jsonl",
            "Combine two networks that use the same addresses",
        ),
        (
            "proccli topology -c agent.yaml --gprocess shop --neighbours recordings/",
            "Show a service with its neighbours and theirs",
        ),
        (
            "proccli topology --store chdb:///var/lib/fleet --port 5432",
            "Show who uses PostgreSQL, of all hosts of a store",
        ),
        (
            "proccli topology -c agent.yaml --certainty client-end *.jsonl.gz",
            "List the connections whose server has no label",
        ),
    ),
)
@click.argument(
    "operands",
    metavar="[[NETWORK=]SOURCE]...",
    nargs=-1,
    type=INPUT_PATH,
)
@option(
    "--gprocess",
    "names",
    section=_WHICH,
    metavar="GLOB",
    multiple=True,
    help="Only connections of a gprocess that matches GLOB. Repeatable.",
)
@option(
    "--neighbours",
    section=_WHICH,
    is_flag=True,
    help="With --gprocess: also the other connections of the processes at the remote ends.",
)
@option(
    "--top",
    section=_WHICH,
    type=click.IntRange(min=1),
    metavar="N",
    help="Only the N pairs of client and server with the most connections.",
)
@option(
    "--host",
    "hosts",
    section=_WHICH,
    metavar="GLOB",
    multiple=True,
    help="Only connections of a host that matches GLOB. Repeatable.",
)
@option(
    "--tag",
    "having",
    section=_WHICH,
    metavar="KEY[=GLOB]",
    callback=tag_globs,
    multiple=True,
    help="Only connections with this tag at either end. Repeatable.",
)
@protocol_option(_WHICH)
@port_option(_WHICH, "Only connections to this server port. Repeatable.")
@option(
    "--certainty",
    "certainties",
    section=_WHICH,
    type=click.Choice(["both-ends", "client-end", "server-end"]),
    multiple=True,
    help="Only connections where both ends, or only that end, have a name. Repeatable.",
)
@option(
    "--group-by",
    section="Output options",
    metavar="WHAT",
    shell_complete=_groupings,
    help="What a node stands for: gprocess (per host), name (a gprocess on all hosts), host, pid,"
    " or os.app.KEY (the processes with the same value of that tag). Default: gprocess; for more"
    " than 30 hosts name, except in JSON.",
)
@fleet_options
@store_options
@source_options_without("snapshot")
@wait_options
@output_options_with(
    dot="Graphviz", mermaid="Mermaid", svg="a drawing", html="a self-contained page"
)
@strict_option
@general_options
def command(
    *,
    sources: Sequence[NamedSource],
    options: InputOptions,
    group_by: str | None,
    neighbours: bool,
    top: int | None,
    stored: StoredDocuments | None,
    wait_policy: WaitPolicy,
    output: Format,
    strict: bool,
    invocation: Invocation,
    **which: Any,
) -> int:
    """Show which processes on many hosts are connected to each other.

    Joins the two ends of each long-lived connection as the server does: by the IPv4 addresses and
    ports of both ends, across all hosts of a network; for loopback, within one host and network
    namespace. Reports how certain each edge is and which connections are left out. A SOURCE is a
    recording, a /proc-like directory, or the output of proccli sync; the default is the live
    machine. With --store, the hosts are those of proccli fleet load.
    """
    from proccli.commands.topology.topology import Part, stored_topology, topology
    from proccli.server.graph import ConnectionSelection

    if neighbours and not which["names"]:
        raise click.UsageError("--neighbours requires --gprocess")
    selection = ConnectionSelection(tags=which.pop("having"), **which)
    part = Part(
        group_by=group_by,
        collapse=output not in ("json", "jsonl"),
        neighbours=neighbours,
        top=top,
    )
    if stored is not None:
        result = stored_topology(options, stored, selection, part)
        return _print(result, output, strict=strict, invocation=invocation)
    with progress_bar(invocation, len(sources), "Reading") as progress:
        result = topology(
            options, sources, selection, part, wait_policy=wait_policy, progress=progress
        )
    return _print(result, output, strict=strict, invocation=invocation)


def _print(result: Topology, output: Format, *, strict: bool, invocation: Invocation) -> int:
    content = _rendered(result, output, invocation)
    notes = [*result.notes, *(_mermaid_notes(result) if output == "mermaid" else ())]
    code = EXIT_INCOMPLETE if strict and result.incomplete else 0
    return print_result(invocation, content, notes, code)


def _mermaid_notes(result: Topology) -> Sequence[Note]:
    from proccli.commands.topology.diagrams import mermaid_notes

    return mermaid_notes(result)


def _rendered(
    result: Topology, output: Format, invocation: Invocation
) -> str | bytes | Iterable[bytes]:
    match output:
        case "json":
            from proccli.commands.topology.json import topology_document

            return topology_document(result)
        case "jsonl":
            from proccli.commands.topology.json import topology_lines

            return topology_lines(result.edges)
        case "dot":
            from proccli.commands.topology.diagrams import topology_dot

            return topology_dot(result)
        case "mermaid":
            from proccli.commands.topology.diagrams import topology_mermaid

            return topology_mermaid(result)
        case "svg":
            from proccli.commands.topology.drawing.svg import topology_svg

            return topology_svg(result)
        case "html":
            from proccli.commands.topology.drawing.page import topology_html

            return topology_html(result)
        case _:
            from proccli.commands.topology.table import topology_table

            return topology_table(result, view_of(sys.stdout, invocation.colour))

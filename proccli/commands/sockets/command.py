"""`proccli sockets`."""

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
    port_option,
    protocol_option,
    strict_option,
)
from proccli.commands.options.source import (
    jobs_option,
    several_sources,
    source_operands,
    source_options_without,
    wait_options,
)
from proccli.errors import EXIT_INCOMPLETE

if TYPE_CHECKING:
    from proccli.commands.inputs import InputOptions
    from proccli.commands.samples import WaitPolicy
    from proccli.commands.sockets.sockets import SocketSelection, SocketsResult, SocketsTotals
    from proccli.model.sockets import Socket
    from proccli.sources.opening import NamedSource

_WHICH = "Filters (the summary always counts all sockets)"


@click.command(
    "sockets",
    cls=CommandWithExamples,
    examples=(
        (
            "sudo proccli sockets -c agent.yaml",
            "List all sockets and whether the agent would send them",
        ),
        (
            "sudo proccli sockets -c agent.yaml --gprocess 'shop*'",
            "List the sockets of the shop processes",
        ),
        (
            "sudo proccli sockets -c agent.yaml --skipped",
            "List the sockets that are not sent, with the reason",
        ),
        (
            "sudo proccli sockets --pid 4242 --no-wait",
            "List the sockets of one process without waiting",
        ),
        (
            "proccli sockets -s web-1.jsonl.gz --port 5432",
            "Find the clients of the database in a recording",
        ),
    ),
)
@option(
    "--pid",
    "pids",
    section=_WHICH,
    type=click.IntRange(min=1),
    metavar="PID",
    multiple=True,
    help="Only sockets of this process. Repeatable.",
)
@option(
    "--gprocess",
    "names",
    section=_WHICH,
    metavar="GLOB",
    multiple=True,
    help="Only sockets of processes whose gprocess matches GLOB. Repeatable.",
)
@option(
    "--role",
    "roles",
    section=_WHICH,
    type=click.Choice(["client", "server"]),
    multiple=True,
    help="Only connections in this role. Repeatable.",
)
@protocol_option(_WHICH)
@port_option(_WHICH, "Only sockets with this local or remote port. Repeatable.")
@option(
    "--skipped",
    section=_WHICH,
    is_flag=True,
    help="Only sockets that the agent does not send.",
)
@option(
    "--listen",
    section=_WHICH,
    is_flag=True,
    help="Only TCP listeners and UDP sockets without a peer.",
)
@source_operands
@several_sources
@source_options_without("snapshot")
@jobs_option
@wait_options
@output_options
@strict_option
@general_options
def command(
    *,
    sources: Sequence[NamedSource],
    options: InputOptions,
    wait_policy: WaitPolicy,
    output: Output,
    strict: bool,
    invocation: Invocation,
    **which: Any,
) -> int:
    """Show each socket, its role and age, and why it is not sent.

    Prints one line per socket that a process holds: its peer, whether the agent sends it, and if
    not, why. The agent sends only long-lived connections. To determine their age, a live machine
    is sampled twice, with the minimum lifetime between the samples.

    A SOURCE is a recording, a /proc-like directory, or a folder of recordings; the default is the
    live machine.
    """
    from proccli.commands.inputs import each_source, open_inputs
    from proccli.commands.sockets.output import sockets_document, sockets_lines, sockets_table
    from proccli.commands.sockets.sockets import SocketSelection, sockets
    from proccli.model.process import SHOWN_WITH_SOCKETS
    from proccli.terminal.document import OfHost

    selection = SocketSelection(**which)
    if len(sources) > 1:
        return _several(
            options,
            sources,
            selection,
            wait_policy,
            output,
            strict=strict,
            invocation=invocation,
        )

    def sockets_of_one(of_one: InputOptions) -> SocketsResult:
        return sockets(
            open_inputs(of_one, reads=SHOWN_WITH_SOCKETS - {"cgroup"}), selection, wait_policy
        )

    ((_, result),) = each_source(options, sources, sockets_of_one, [])
    shown = selection.of(result.sockets)
    content: str | Iterable[bytes]
    if output == "json":
        content = sockets_document(result, shown)
    elif output == "jsonl":
        content = sockets_lines(OfHost(result.host.name, socket) for socket in shown)
    else:
        content = sockets_table(result, shown, view_of(sys.stdout, invocation.colour))
    code = EXIT_INCOMPLETE if strict and result.incomplete else 0
    return print_result(invocation, content, result.notes, code)


def _several(
    options: InputOptions,
    sources: Sequence[NamedSource],
    selection: SocketSelection,
    wait_policy: WaitPolicy,
    output: Output,
    *,
    strict: bool,
    invocation: Invocation,
) -> int:
    """Print the sockets of several sources."""
    from proccli.commands.hosts.each import Rendering, each_line, print_each, strict_code
    from proccli.commands.inputs import open_inputs
    from proccli.commands.sockets.output import hosts_table, sockets_lines, sockets_pieces
    from proccli.commands.sockets.sockets import SocketsTotals, sockets

    def add(totals: SocketsTotals, result: SocketsResult) -> Sequence[Socket]:
        totals.add(result)
        return selection.of(result.sockets)

    return print_each(
        options,
        sources,
        work=lambda of_one: sockets(open_inputs(of_one), selection, wait_policy, some=True),
        start=lambda result: SocketsTotals(result.config),
        add=add,
        rendering=Rendering(
            table=hosts_table, pieces=sockets_pieces, lines=each_line(sockets_lines)
        ),
        output=output,
        invocation=invocation,
        problem=selection.not_found,
        code=strict_code(strict=strict),
    )

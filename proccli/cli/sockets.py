"""`proccli sockets`."""

from __future__ import annotations

import functools
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
    port_option,
    protocol_option,
    strict_option,
)
from proccli.cli.result import deliver
from proccli.cli.source_options import source_options, wait_options
from proccli.cli.streams import view_of
from proccli.cli.waiting import wait_for_second_look
from proccli.errors import EXIT_INCOMPLETE

if TYPE_CHECKING:
    from proccli.jobs.inputs import InputOptions

_WHICH = "Which sockets to list (the counts are always of all)"


@click.command(
    "sockets",
    cls=HelpfulCommand,
    examples=(
        ("sudo proccli sockets -c agent.yaml", "which connections would the agent send?"),
        ("sudo proccli sockets -c agent.yaml --gprocess 'shop*'", "and of the shop?"),
        ("sudo proccli sockets -c agent.yaml --skipped", "which not, and why?"),
        ("sudo proccli sockets --pid 4242 --no-wait", "what does one process hold, right now?"),
        ("proccli sockets -s web-1.jsonl.gz --port 5432", "who spoke to the database?"),
    ),
)
@option(
    "--pid",
    "pids",
    section=_WHICH,
    type=click.IntRange(min=1),
    metavar="PID",
    multiple=True,
    help="Of this process. Repeatable.",
)
@option(
    "--gprocess",
    "names",
    section=_WHICH,
    metavar="GLOB",
    multiple=True,
    help="Of processes whose gprocess is like this. Repeatable.",
)
@option(
    "--role",
    "roles",
    section=_WHICH,
    type=click.Choice(["client", "server"]),
    multiple=True,
    help="Connections on this side.",
)
@protocol_option(_WHICH)
@port_option(_WHICH, "With this port at either end. Repeatable.")
@option("--skipped", section=_WHICH, is_flag=True, help="Which the agent does not send.")
@option(
    "--listen",
    section=_WHICH,
    is_flag=True,
    help="Which wait for somebody: TCP listeners, and UDP without a peer.",
)
@source_options
@wait_options
@output_options
@strict_option
@general_options
def command(
    *,
    options: InputOptions,
    no_wait: bool,
    max_wait: float,
    output: Output,
    strict: bool,
    invocation: Invocation,
    **which: Any,
) -> int:
    """each socket, its role, its age, and why it is not sent

    A line for each socket that a process holds: who is at the other end, whether the agent sends
    it, and if not, why. The agent sends long-lived connections only, and how old one is shows
    between two looks: on a live machine there are two, as far apart as the minimum lifetime.
    """
    from proccli.jobs.inputs import open_inputs
    from proccli.jobs.looks import WaitPolicy
    from proccli.jobs.sockets import SocketSelection, sockets
    from proccli.render.sockets_json import sockets_document, sockets_lines
    from proccli.render.sockets_table import sockets_table

    wait = functools.partial(wait_for_second_look, invocation)
    wait_policy = WaitPolicy(no_wait=no_wait, max_wait_s=max_wait, wait=wait)
    selection = SocketSelection(**which)
    result = sockets(open_inputs(options), selection, wait_policy)
    shown = selection.of(result.sockets)
    content: str | bytes
    if output == "json":
        content = sockets_document(result, shown)
    elif output == "jsonl":
        content = sockets_lines(shown)
    else:
        content = sockets_table(result, shown, view_of(sys.stdout, invocation.colour))
    code = EXIT_INCOMPLETE if strict and result.incomplete else 0
    return deliver(invocation, content, result.notices, code)

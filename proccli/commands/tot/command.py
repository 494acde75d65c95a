"""`proccli tot`."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from proccli.cli.help import CommandWithExamples
from proccli.cli.messages import print_result, warn
from proccli.cli.output import Invocation, view_of, write
from proccli.commands.options.output import (
    INPUT_PATH,
    Output,
    general_options,
    option,
    output_options,
    port_option,
    strict_option,
)
from proccli.errors import EXIT_INCOMPLETE

if TYPE_CHECKING:
    from proccli.commands.tot.tot import TotRun

_WHICH = "Filters (the summary always counts all options)"
_TABLE_LINES = 1_000
_AT_ONCE = 1_000
"""Lines per write when reading files; from a pipe, each line is written immediately."""


def _addresses(
    _ctx: click.Context, _param: click.Parameter, values: Sequence[str]
) -> tuple[str, ...]:
    """The addresses in normalized form. Raises: click.BadParameter."""
    import ipaddress

    try:
        return tuple(str(ipaddress.ip_address(value)) for value in values)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command(
    "tot",
    cls=CommandWithExamples,
    examples=(
        ("proccli tot capture.pcap", "Show which processes sent these connections"),
        (
            "sudo tcpdump -i any -U -w - tcp | proccli tot -o jsonl -",
            "Show the options on this machine as they are sent",
        ),
        ("proccli tot --pid 4242 --every capture.pcap", "List every option of one process"),
        ("proccli tot --ip 10.0.0.5 web-1.pcap db-1.pcapng.gz", "Show one host in two captures"),
    ),
)
@click.argument("captures", metavar="CAPTURE...", nargs=-1, required=True, type=INPUT_PATH)
@option(
    "--pid",
    "pids",
    section=_WHICH,
    type=click.IntRange(0, 0xFFFF_FFFF),
    metavar="PID",
    multiple=True,
    help="Only options of this process; 0: the kernel. Repeatable.",
)
@option(
    "--ip",
    "ips",
    section=_WHICH,
    metavar="ADDRESS",
    multiple=True,
    callback=_addresses,
    help="Only options with this address at either end or before translation. Repeatable.",
)
@port_option(_WHICH, "Only options with this port at either end. Repeatable.")
@option(
    "--unique/--every",
    "unique",
    section=_WHICH,
    default=None,
    help="--unique: list equal options between the same ends once, with a count (default for"
    " table); --every: list each option (default for JSON).",
)
@option(
    "--limit",
    section=_WHICH,
    type=click.IntRange(min=0),
    metavar="N",
    help=f"Maximum number of rows; 0: no limit. Default: {_TABLE_LINES:,} in the table, else 0.",
)
@output_options
@strict_option
@general_options
def command(
    *,
    captures: Sequence[str],
    pids: Sequence[int],
    ips: Sequence[str],
    ports: Sequence[int],
    unique: bool | None,
    limit: int | None,
    output: Output,
    strict: bool,
    invocation: Invocation,
) -> int:
    """Find the sending process in a capture (TCP option 253).

    TCP option tracing (TOT) writes the id of the sending process into SYN segments, and into some
    later ones, as TCP option kind 253. This command lists these options in pcap and pcapng files,
    compressed with gzip or not, and in the output of tcpdump (-). If addresses are translated on
    the way, version 1 also contains the original address.
    """
    from proccli.commands.tot.output import tot_document, tot_lines, tot_table
    from proccli.commands.tot.tot import TotRun, TotSelection, tot

    if captures.count("-") > 1:
        raise click.UsageError("only one CAPTURE can read standard input")
    selection = TotSelection(pids=pids, ips=ips, ports=ports)
    folded = output == "table" if unique is None else unique
    if limit is None and output == "table":
        limit = _TABLE_LINES
    if output == "jsonl" and not folded and not limit:
        return _follow(TotRun(captures, selection), captures, strict=strict, invocation=invocation)
    result = tot(captures, selection, unique=folded, limit=limit or None)
    content: str | bytes
    if output == "json":
        content = tot_document(result)
    elif output == "jsonl":
        content = tot_lines(result.rows)
    else:
        content = tot_table(result, view_of(sys.stdout, invocation.colour))
    code = EXIT_INCOMPLETE if strict and result.incomplete else 0
    return print_result(invocation, content, result.notes, code)


def _follow(run: TotRun, captures: Sequence[str], *, strict: bool, invocation: Invocation) -> int:
    """Print each option as soon as it is read. Raises: PipeClosed; OutputError."""
    from proccli.commands.tot.output import tot_lines

    rows = run.rows()
    at_once = 1 if "-" in captures else _AT_ONCE
    while some := tuple(itertools.islice(rows, at_once)):
        write(tot_lines(some))
    warn(invocation, run.notes)
    return EXIT_INCOMPLETE if strict and run.incomplete else 0

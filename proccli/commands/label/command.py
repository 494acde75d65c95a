"""`proccli label`."""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO, cast

import click

from proccli.cli.failures import report_sources
from proccli.cli.help import CommandWithExamples
from proccli.cli.messages import print_message, warn
from proccli.cli.output import Invocation, has_input, is_stream, view_of, write_pieces
from proccli.cli.progress import progress_bar
from proccli.commands.options.output import (
    INPUT_PATH,
    general_options,
    name_values,
    option,
    strict_option,
)
from proccli.commands.options.source import (
    fleet_options,
    no_nan,
    source_options_without,
    wait_options,
)
from proccli.commands.options.store import store_options
from proccli.errors import EXIT_INCOMPLETE, EXIT_INPUT

if TYPE_CHECKING:
    from proccli.commands.hosts.gather import Gathered
    from proccli.commands.hosts.stored import GatheredFlows
    from proccli.commands.inputs import InputOptions
    from proccli.commands.label.label import Labelling
    from proccli.commands.samples import WaitPolicy
    from proccli.commands.stores import StoredDocuments
    from proccli.model.note import Note
    from proccli.sources.opening import NamedSource
    from proccli.traffic.flows.detect import FlowFormat
    from proccli.traffic.flows.fields import FieldMap

_WHAT = "Labelling options"
_AGENT_ID = re.compile(r"\d{1,10}", re.ASCII)
_MOST_AGENT_ID = 0xFFFF_FFFF
_GRACE_S = 0.05
"""How long to wait for more records before a store is asked about those that are there."""


def _fields(_ctx: click.Context, _param: click.Parameter, value: str | None) -> FieldMap | None:
    """Raises: UsageError."""
    from proccli.traffic.flows.fields import NO_FIELDS, parse_fields

    return NO_FIELDS if value is None else parse_fields(value)


def _agent_ids(
    ctx: click.Context, param: click.Parameter, values: Sequence[str]
) -> Mapping[int, str]:
    """Raises: click.BadParameter."""
    agents: dict[int, str] = {}
    for number, host in name_values(ctx, param, values):
        if not _AGENT_ID.fullmatch(number) or int(number) > _MOST_AGENT_ID:
            raise click.BadParameter(
                f"{number!r} is not an agent id (a number up to {_MOST_AGENT_ID})"
            )
        if agents.setdefault(int(number), host) != host:
            raise click.BadParameter(f"agent {int(number)} is given with two different hosts")
    return agents


class _LabelCommand(CommandWithExamples):
    """A command that explains why `-s *.jsonl` fails: the shell expands it to several arguments."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The remaining arguments: none. Raises: click.UsageError."""
        ctx.allow_extra_args = True  # click's own message does not say what to do
        left = super().parse_args(ctx, args)  # ends here if only help is asked for
        if left and not ctx.resilient_parsing:
            problem = f"unexpected extra argument {left[0]!r}; each source needs its own -s"
            raise click.UsageError(problem, ctx)
        return left


@click.command(
    "label",
    cls=_LabelCommand,
    examples=(
        (
            "proccli label -c agent.yaml -s web-1.jsonl.gz -s db-1.jsonl.gz flows.ndjson",
            "Label flow records",
        ),
        (
            "zcat conn.log.gz | proccli label -c agent.yaml -s web-1.jsonl.gz",
            "Label a Zeek conn.log from standard input",
        ),
        (
            "proccli label -c agent.yaml --fields ip_0=a,port_0=p,ip_1=b,port_1=q,protocol=r x.csv",
            "Label a table with its own column names, using the live machine",
        ),
        (
            "proccli label -c agent.yaml -s web-1.jsonl.gz capture.pcap",
            "Label a capture; TCP option tracing also identifies short connections",
        ),
        (
            "proccli label --store chdb:///var/lib/fleet --at 2026-01-02T03:00:00Z flows.ndjson",
            "Label with what many hosts reported until then",
        ),
        (
            "proccli label -c agent.yaml flows.ndjson | jq -r .label_0 | sort | uniq -c",
            "Count labels, and the reasons why there is none",
        ),
    ),
)
@click.argument("flows", metavar="[FLOWS]", default="-", type=INPUT_PATH)
@option(
    "--format",
    "form",
    section=_WHAT,
    type=click.Choice(["ndjson", "csv", "tsv", "blanks", "zeek", "capture"]),
    help="Format of FLOWS. By default it is detected from the beginning.",
)
@option(
    "--fields",
    section=_WHAT,
    metavar="FIELD=NAME,...",
    callback=_fields,
    help="Names of the fields ip_0, port_0, ip_1, port_1, protocol, start, end and host;"
    " zone=ZONE sets the time zone of times without one.",
)
@option(
    "--within",
    "within_s",
    section=_WHAT,
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    callback=no_nan,
    default=60.0,
    show_default=True,
    help="Maximum time between a record and the sample that contains its connection.",
)
@option(
    "--in-network",
    section=_WHAT,
    metavar="NAME",
    help="Network of the addresses in FLOWS, if the sources are in several networks.",
)
@option(
    "--agent-id",
    "agents",
    section=_WHAT,
    metavar="ID=HOST",
    callback=_agent_ids,
    multiple=True,
    help="Host of the agent with this id, for TCP options that name an agent. Repeatable.",
)
@option(
    "--assume-enabled",
    section=_WHAT,
    is_flag=True,
    help="Label even if os-proc-sync-enabled is false and agents send nothing.",
)
@fleet_options
@store_options
@source_options_without("snapshot")
@wait_options
@strict_option
@general_options
def command(
    *,
    flows: str,
    form: FlowFormat | str | None,
    fields: FieldMap,
    within_s: float,
    in_network: str | None,
    agents: Mapping[int, str],
    assume_enabled: bool,
    sources: Sequence[NamedSource],
    stored: StoredDocuments | None,
    options: InputOptions,
    wait_policy: WaitPolicy,
    strict: bool,
    invocation: Invocation,
) -> int:
    """Label flow records and captures with the process at each end.

    Prints each record with the gprocess, auto_instance and os.app tags of both sides, and how the
    process was found or why there is none. A side gets the process that DeepFlow will show, if that
    is certain. FLOWS is NDJSON, CSV, a Zeek conn.log, or a packet capture, whose connections are
    printed as NDJSON. Without FLOWS, standard input is read.
    """
    from proccli.commands.hosts.gather import gather
    from proccli.commands.label.label import Labelling
    from proccli.commands.label.output import label_summary
    from proccli.commands.warnings import incomplete
    from proccli.streams import opened, require_there
    from proccli.versions import server_version

    require_there(flows)
    with ExitStack() as stack:
        gathered: Gathered | GatheredFlows
        store = None
        if stored is not None:
            from proccli.commands.hosts.stored import gather_flows

            gathered = stack.enter_context(gather_flows(options, stored))
            store = gathered.fleet
        else:
            with progress_bar(invocation, len(sources), "Reading") as progress:
                gathered = gather(options, sources, wait_policy, progress)
            stack.enter_context(gathered.fleet)
        file, name = stack.enter_context(opened(flows))
        # Records and labels have no cycles, and there are many at a time: a third of the time.
        gc.disable()
        stack.callback(gc.enable)
        warn(invocation, gathered.notes)
        report_sources(gathered.failures, invocation)
        labelling = Labelling(
            gathered,
            store=store,
            network=in_network,
            within_s=within_s,
            server=server_version(gathered.server),
            agents=agents,
            assume_enabled=assume_enabled,
        )
        warnings = _print(labelling, file, name, form, fields, with_agents=bool(agents))
    warn(invocation, [*warnings, *labelling.notes()])
    if view_of(sys.stderr, invocation.colour).width is not None:
        print_message(label_summary(labelling.tally))
    lacking = gathered.incomplete or incomplete(warnings, {"packets", "connections"})
    code = EXIT_INCOMPLETE if strict and lacking else 0
    return EXIT_INPUT if gathered.failures else code


def _print(
    labelling: Labelling,
    file: BinaryIO,
    name: str,
    form: str | None,
    fields: FieldMap,
    *,
    with_agents: bool,
) -> Sequence[Note]:
    """Print the labelled input; return its warnings.

    Raises: PipeClosed, OutputError, FlowsError, CaptureError, SourceError; click.UsageError for
    options of the other kind of input.
    """
    from proccli.commands.label.label import evicted_notes
    from proccli.commands.label.output import captured_line
    from proccli.traffic.captures.opening import capture_of, sniffed
    from proccli.traffic.flows.stream import read_flows
    from proccli.traffic.tot.connections import ConnectionCounts, assemble_connections

    is_capture, stream = sniffed(file)
    wanted = cast("FlowFormat | None", None if form == "capture" else form)
    is_live = is_stream(file)
    keys = labelling.keys()
    if not is_capture and form != "capture":
        if with_agents:
            raise click.UsageError(f"--agent-id requires a capture, but {name} is not one")
        records = read_flows(stream, name, form=wanted, fields=fields, keys=keys)

        def must_wait() -> bool:
            return is_live and not records.has_next and not has_input(file, _GRACE_S)

        labelled = labelling.flows(records, must_wait)
        write_pieces(labelled, at_once=lambda: is_live and not records.has_next)
        return records.notes
    if fields.names or wanted is not None:
        what = "--fields" if fields.names else f"--format {wanted}"
        raise click.UsageError(f"{what} requires flow records, but {name} is a capture")
    capture = capture_of(stream, name)
    counts = ConnectionCounts()
    connections = assemble_connections(capture.segments(), counts=counts)
    captured = labelling.captured(connections, lambda: is_live and not has_input(file, _GRACE_S))
    write_pieces((captured_line(*item, keys) for item in captured), at_once=is_live)
    return (*capture.notes(), *evicted_notes(counts, name))

"""`proccli scan`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import click

from proccli.cli.failures import report_sources
from proccli.cli.help import CommandWithExamples
from proccli.cli.messages import print_result, without_codes
from proccli.cli.output import Invocation, view_of
from proccli.commands.options.output import (
    Output,
    general_options,
    option,
    output_options,
    strict_option,
    tag_globs,
)
from proccli.commands.options.source import (
    emulated_agent,
    jobs_option,
    no_nan,
    several_sources,
    source_operands,
    source_options_without,
)
from proccli.errors import EXIT_INCOMPLETE, ProccliError
from proccli.versions import NEWEST_SERVER

if TYPE_CHECKING:
    from proccli.agent.pipeline import Progress
    from proccli.commands.hosts.each import Rendering
    from proccli.commands.inputs import InputOptions
    from proccli.commands.scan.gprocesses import Identified
    from proccli.commands.scan.scan import ScanResult, ScanTotals
    from proccli.commands.scan.selection import Selection
    from proccli.model.note import Note
    from proccli.model.outcome import Outcome
    from proccli.sources.opening import NamedSource
    from proccli.terminal.document import OfHost
    from proccli.terminal.view import View


def _two_agents(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> tuple[str, str] | None:
    """The versions of `OLD,NEW`. Raises: click.BadParameter."""
    if value is None:
        return None
    old, comma, new = value.partition(",")
    if not comma or "," in new:
        raise click.BadParameter("give two agent versions: OLD,NEW")
    for version in (old, new):
        emulated_agent(ctx, param, version)
    return old, new


_WHICH = "Filters (the summary always counts all processes)"


@click.command(
    "scan",
    cls=CommandWithExamples,
    examples=(
        ("proccli scan -c agent.yaml", "Scan this machine"),
        ("proccli scan -c agent.yaml web-1.jsonl.gz", "Scan a recording"),
        ("proccli scan -c agent.yaml recordings/", "Scan all recordings in a folder"),
        ("proccli scan -c agent.yaml --unmatched", "List the processes that no rule matches"),
        ("sudo proccli scan -c agent.yaml --watch", "Watch this machine"),
        (
            "proccli scan -c agent.yaml --rule 2 --status dropped",
            "List the processes that rule 2 drops",
        ),
        (
            "proccli scan -c agent.yaml --group recordings/",
            "Count the processes and hosts of each name",
        ),
        (
            f"proccli scan -c agent.yaml --identity --server {NEWEST_SERVER}",
            "Show which processes the server merges into one gprocess",
        ),
        (
            "proccli scan -c agent.yaml -o jsonl | jq -r 'select(.gprocess) | .gprocess' | sort -u",
            "List every name once",
        ),
    ),
)
@option(
    "--status",
    "statuses",
    section=_WHICH,
    type=click.Choice(["accepted", "dropped", "skipped", "unknown"]),
    multiple=True,
    help="Only processes with this outcome. Repeatable.",
)
@option(
    "--rule",
    "rules",
    section=_WHICH,
    type=click.IntRange(min=0),
    metavar="N",
    multiple=True,
    help="Only processes decided by rule N; 0: by no rule (implicit accept). Repeatable.",
)
@option(
    "--name",
    "names",
    section=_WHICH,
    metavar="GLOB",
    multiple=True,
    help="Only processes whose gprocess or process_name matches GLOB. Repeatable.",
)
@option(
    "--user",
    "users",
    section=_WHICH,
    metavar="USER",
    multiple=True,
    help="Only processes of this user name or uid. Repeatable.",
)
@option(
    "--tag",
    "having",
    section=_WHICH,
    metavar="KEY[=GLOB]",
    callback=tag_globs,
    multiple=True,
    help="Only processes with this tag. Repeatable.",
)
@option(
    "--unmatched",
    section=_WHICH,
    is_flag=True,
    help="Only processes that no rule matched (same as --rule 0).",
)
@option(
    "--sort",
    section=_WHICH,
    type=click.Choice(["pid", "name", "rule", "status", "uptime", "user"]),
    default="pid",
    show_default=True,
    help="Sort key.",
)
@option("--reverse", section=_WHICH, is_flag=True, help="Reverse the order.")
@option(
    "--group",
    section="Output options",
    is_flag=True,
    help="Sum up the processes by name, outcome and rule, over all hosts.",
)
@option(
    "--identity",
    section="Output options",
    is_flag=True,
    help="Also show which processes the server merges into one gprocess, and how restarts and time"
    " affect this.",
)
@option(
    "--watch",
    section="Output options",
    is_flag=True,
    help="Show the processes of the live machine until q is pressed; lines that changed are drawn"
    " again, and the configuration is read again.",
)
@option(
    "--interval",
    "interval_s",
    section="Output options",
    metavar="SECONDS",
    type=click.FloatRange(min=0.5, max=3600),
    callback=no_nan,
    default=2.0,
    show_default=True,
    help="With --watch: seconds from the end of a scan to the next.",
)
@option(
    "--compare",
    section="Output options",
    metavar="OLD,NEW",
    callback=_two_agents,
    help="Compare two agent versions instead: the processes that they treat differently, summed up"
    " by rule, as proccli diff prints them.",
)
@source_operands
@several_sources
@source_options_without("snapshot")
@jobs_option
@output_options
@strict_option
@general_options
def command(
    *,
    sources: Sequence[NamedSource],
    options: InputOptions,
    group: bool,
    identity: bool,
    compare: tuple[str, str] | None,
    watch: bool,
    interval_s: float,
    output: Output,
    strict: bool,
    invocation: Invocation,
    **which: Any,
) -> int:
    """Show which rule each process hits and the name it gets.

    Prints one line per process: its outcome (accepted, dropped, skipped, unknown), the number of
    the rule that decided, the name it is sent under and its original name. Below are the rules
    with their number of hits, and how many processes the agent would send.

    A SOURCE is a recording, a /proc-like directory, or a folder of recordings; the default is the
    live machine.
    """
    displays = {
        "--compare": compare is not None, "--group": group, "--identity": identity, "--watch": watch
    }  # fmt: skip
    _check_displays([name for name, given in displays.items() if given])
    if compare is not None:
        if options.agent is not None:
            raise click.UsageError("--compare and --agent are mutually exclusive")
        return _compared(options, sources, compare, output, invocation)
    from proccli.commands.inputs import each_source, open_inputs
    from proccli.commands.scan.selection import Selection
    from proccli.model.process import SHOWN_WITH_SOCKETS

    selection = Selection(tags=which.pop("having"), **which)
    if watch:
        if output != "table" or strict:
            raise click.UsageError("--watch shows a table: leave --output and --strict out")
        if len(sources) > 1 or sources[0].path is not None:
            raise click.UsageError("--watch shows the live machine: leave the sources out")
        return _watched(options, selection, interval_s, invocation)
    if len(sources) > 1 or group:
        if identity:
            raise click.UsageError("--identity takes only one source")
        return _scan_several(
            options, sources, selection, output, group=group, strict=strict, invocation=invocation
        )

    def scan_one(of_one: InputOptions) -> ScanResult:
        inputs = open_inputs(of_one, reads=SHOWN_WITH_SOCKETS)
        # Workers may be reading by now, and loading this takes a while.
        from proccli.commands.scan.scan import scan

        selection.check(inputs.config)
        with _progress(invocation) as progress:
            return scan(inputs, progress)

    ((_, result),) = each_source(options, sources, scan_one, [])
    shown = selection.of(result.outcomes)
    identified = _identified(result, options) if identity else None
    content = _rendered(result, shown, identified, output, invocation)
    notes: Sequence[Note] = result.notes
    if output == "table":
        notes = without_codes(notes, "sync-disabled")
    code = EXIT_INCOMPLETE if strict and result.incomplete else 0
    return print_result(invocation, content, notes, code)


def _check_displays(names: Sequence[str]) -> None:
    if len(names) > 1:
        raise click.UsageError(f"{' and '.join(names)} are mutually exclusive")


def _identified(result: ScanResult, options: InputOptions) -> Identified:
    from proccli.commands.scan.gprocesses import identify
    from proccli.versions import server_version

    server = server_version(options.server or result.config.agent)
    return identify(result.outcomes, result.host, server)


def _rendered(
    result: ScanResult,
    shown: Sequence[Outcome],
    identified: Identified | None,
    output: Output,
    invocation: Invocation,
) -> str | Iterable[bytes]:
    if output == "table":
        from proccli.commands.scan.text import scan_table

        return scan_table(result, shown, view_of(sys.stdout, invocation.colour), identified)
    if identified is not None:
        from proccli.commands.scan.gprocesses_json import identity_document, identity_lines

        rendered = identity_document if output == "json" else identity_lines
        return rendered(result, shown, identified)
    from proccli.commands.scan.json import scan_document, scan_lines

    return scan_document(result, shown) if output == "json" else scan_lines(result, shown)


def _watched(
    options: InputOptions, selection: Selection, interval_s: float, invocation: Invocation
) -> int:
    from proccli.cli.watching import watch
    from proccli.commands.inputs import open_inputs
    from proccli.commands.scan.scan import scan
    from proccli.commands.scan.text import watched
    from proccli.terminal.frame import Frame
    from proccli.terminal.lines import untrusted, wrapped
    from proccli.terminal.paint import paint

    last: Frame | None = None

    def draw(view: View) -> Frame:
        nonlocal last
        now = time.strftime("%H:%M:%S")
        try:
            inputs = open_inputs(options._replace(snapshot=None))
            selection.check(inputs.config)
            result = scan(inputs)
        except ProccliError as error:
            # The configuration may be half written: the next scan may work.
            if last is None:
                raise
            words = wrapped(untrusted(f"{now}  {error}", "error"), view.width)
            return last._replace(head=[*paint(words, view).splitlines(), ""])
        last = watched(result, selection.of(result.outcomes), now, view)
        return last

    watch(draw, interval_s, invocation.colour)
    return 0


def _scan_several(
    options: InputOptions,
    sources: Sequence[NamedSource],
    selection: Selection,
    output: Output,
    *,
    group: bool,
    strict: bool,
    invocation: Invocation,
) -> int:
    """Print the processes of several sources, or their groups."""
    from proccli.commands.hosts.each import Rendering, each_line, print_each, strict_code
    from proccli.commands.inputs import open_inputs
    from proccli.commands.scan.json import process_lines, scan_pieces
    from proccli.commands.scan.scan import ScanTotals, scan
    from proccli.commands.scan.text import hosts_table, slim

    def scan_one(of_one: InputOptions) -> ScanResult:
        inputs = open_inputs(of_one)
        selection.check(inputs.config)
        return scan(inputs)

    def add(totals: ScanTotals, result: ScanResult) -> Sequence[Outcome]:
        totals.add(result)
        return selection.of(result.outcomes)

    return print_each(
        options,
        sources,
        work=scan_one,
        start=lambda result: ScanTotals(result.config),
        add=add,
        rendering=_of_groups()
        if group
        else Rendering(
            table=hosts_table,
            pieces=scan_pieces,
            lines=each_line(process_lines),
            slim=slim,
            shown_in_table=("sync-disabled",),
        ),
        output=output,
        invocation=invocation,
        order=None
        if selection.sort == "pid"
        else lambda rows: selection.ordered(rows, attrgetter("row")),
        code=strict_code(strict=strict),
    )


def _of_groups() -> Rendering[ScanTotals]:
    from proccli.commands.hosts.each import Rendering
    from proccli.commands.scan.groups_table import NameGroups, groups_table
    from proccli.commands.scan.json import group_lines, scan_pieces
    from proccli.commands.scan.text import slim

    grouping = NameGroups()

    def table(totals: ScanTotals, rows: Sequence[OfHost], view: View) -> str:
        for _ in grouping.counted(rows):
            pass
        return groups_table(totals, grouping.all, view)

    def lines(_totals: ScanTotals, rows: Iterable[OfHost]) -> Iterator[bytes]:
        for _ in grouping.counted(rows):
            pass
        yield from group_lines(grouping.all)

    return Rendering(
        table=table,
        pieces=lambda totals, rows: scan_pieces(totals, grouping.counted(rows), grouping),
        lines=lines,
        slim=slim,
        shown_in_table=("sync-disabled",),
    )


def _progress(invocation: Invocation) -> AbstractContextManager[Progress | None]:
    if view_of(sys.stderr, invocation.colour).width is None:
        return nullcontext()
    from proccli.cli.progress import scan_progress

    return scan_progress()


def _compared(
    options: InputOptions,
    sources: Sequence[NamedSource],
    agents: tuple[str, str],
    output: Output,
    invocation: Invocation,
) -> int:
    """Print the processes that two agents treat differently under one configuration."""
    from proccli.cli.progress import progress_bar
    from proccli.commands.diff.diff import diff
    from proccli.commands.diff.text import diff_content

    old, new = (options._replace(agent=agent) for agent in agents)
    with progress_bar(invocation, len(sources), "Reading") as progress:
        result = diff(old, new, [source.path for source in sources], progress)
    content = diff_content(result, output, view_of(sys.stdout, invocation.colour))
    code = print_result(invocation, content, result.notes, 0)
    return report_sources(result.failures, invocation, code)

"""Prints what a command finds on each of several sources, read one after the other."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Generic, Literal, Protocol, TypeVar

from proccli.cli.failures import report, report_sources
from proccli.cli.messages import print_pieces, print_result, without_codes
from proccli.cli.output import Invocation, view_of
from proccli.cli.progress import progress_bar
from proccli.commands.inputs import HostNames, InputOptions, each_source
from proccli.commands.warnings import Totals
from proccli.errors import EXIT_INCOMPLETE, ProccliError, SourceError
from proccli.model.process import Host
from proccli.sources.opening import NamedSource
from proccli.terminal.document import OfHost
from proccli.terminal.view import View


class OnHost(Protocol):
    """The result of a command for one source."""

    @property
    def host(self) -> Host:
        """Where and when the processes were read."""


OneResult = TypeVar("OneResult", bound=OnHost)
AllTotals = TypeVar("AllTotals", bound=Totals)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering(Generic[AllTotals]):
    """The outputs of a command for several sources. The totals are complete when all rows have
    been read."""

    table: Callable[[AllTotals, Sequence[OfHost], View], str]
    pieces: Callable[[AllTotals, Iterable[OfHost]], Iterator[bytes]]
    """The JSON document."""
    lines: Callable[[AllTotals, Iterable[OfHost]], Iterable[bytes]]
    """JSON Lines."""
    slim: Callable[[Any], Any] = lambda row: row
    """A row with what the table shows of it."""
    shown_in_table: tuple[str, ...] = ()
    """Codes of warnings that the table shows itself."""


def print_each(
    options: InputOptions,
    sources: Sequence[NamedSource],
    *,
    work: Callable[[InputOptions], OneResult],
    start: Callable[[OneResult], AllTotals],
    add: Callable[[AllTotals, OneResult], Iterable[object]],
    rendering: Rendering[AllTotals],
    output: Literal["table", "json", "jsonl"],
    invocation: Invocation,
    order: Callable[[list[OfHost]], Iterable[OfHost]] | None = None,
    problem: Callable[[AllTotals], ProccliError | None] = lambda _totals: None,
    code: Callable[[AllTotals], int] = lambda _totals: 0,
) -> int:
    """Print the rows of all sources; return the exit code.

    `start` makes empty totals from the first result; `add` adds a result and returns its rows.
    `order`: the rows are not in the order of the sources. `problem`: what is wrong with all sources
    together; it is reported after the result.

    Raises: UsageError, ConfigError, OutputError; NoSourceRead.
    """
    failures: list[SourceError] = []
    results = each_source(options, sources, work, failures)
    first = next(results)
    totals, names = start(first[1]), HostNames()
    shown: list[OfHost] = []

    def found(progress: Callable[[int, int], None]) -> Iterator[OfHost]:
        for source, result in chain((first,), results):
            name = names.add(result.host, source)
            totals.hosts.append(result.host)
            for row in add(totals, result):
                yield OfHost(name, row)
            progress(len(totals.hosts) + len(failures), len(sources))
        totals.leave_out(failures)

    with progress_bar(invocation, len(sources), "Reading") as progress:
        rows: Iterable[OfHost] = found(progress)
        if order is not None:
            rows = order(list(rows))
        if output == "table":
            shown = [OfHost(row.host, rendering.slim(row.row)) for row in rows]
    if output == "table":
        view = view_of(sys.stdout, invocation.colour)
        notes = without_codes(totals.notes, *rendering.shown_in_table)
        print_result(invocation, rendering.table(totals, shown, view), notes)
    else:
        pieces = (
            rendering.pieces(totals, rows) if output == "json" else rendering.lines(totals, rows)
        )
        print_pieces(invocation, pieces, lambda: totals.notes)
    found_problem = problem(totals)
    if found_problem is not None:
        report(found_problem, invocation)
    own_code = code(totals) if found_problem is None else found_problem.exit_code
    return report_sources(failures, invocation, own_code)


def strict_code(*, strict: bool) -> Callable[[Totals], int]:
    """The exit code of commands with --strict."""
    return lambda totals: EXIT_INCOMPLETE if strict and totals.incomplete else 0


def each_line(
    lines: Callable[[Iterable[OfHost]], Iterable[bytes]],
) -> Callable[[Any, Iterable[OfHost]], Iterable[bytes]]:
    """`Rendering.lines` for a function that renders rows in pieces."""
    return lambda _totals, rows: lines(rows)

"""Processes with the same name and outcome, counted over all hosts: `scan --group`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import copy

from proccli.commands.scan.scan import ScanTotals
from proccli.commands.scan.text import rules_lines, total_lines
from proccli.model.outcome import Outcome, Reason, Status
from proccli.terminal.document import OfHost
from proccli.terminal.lines import Line, plain, shorten
from proccli.terminal.paint import paint
from proccli.terminal.table import Column, grid
from proccli.terminal.view import View
from proccli.terminal.words import SHORT_REASONS, own_name
from proccli.text import listed

_NAMED_HOSTS = 3
_WIDE = 100
"""Width in cells from which one of many hosts is named."""


class NameGroup:
    """The processes with the same name and outcome, decided by the same rule."""

    def __init__(self, name: str, outcome: Outcome) -> None:
        self.name = name
        self.status: Status = outcome.status
        self.reason: Reason = outcome.reason
        self.rule = outcome.decided_by
        self.example = outcome.cmdline
        """The command line of the first one."""
        self.processes = 0
        self._hosts: dict[str, None] = {}

    @property
    def hosts(self) -> Sequence[str]:
        """The hosts that have such a process, in the order of the sources."""
        return tuple(self._hosts)

    def add(self, host: str | None) -> None:
        """Count one more process."""
        self.processes += 1
        self._hosts[host or ""] = None

    def and_also(self, other: NameGroup, name: str) -> NameGroup:
        """A group of this name with the processes of both."""
        both = copy(self)
        both.name = name
        both.processes += other.processes
        both._hosts = {**self._hosts, **other._hosts}
        return both

    def place(self) -> tuple[object, ...]:
        """Its place among groups: accepted processes come first, then the larger group."""
        return self.status != "accepted", -self.processes, self.name


class NameGroups:
    """All groups, filled while the processes are read."""

    def __init__(self) -> None:
        self._groups: dict[tuple[object, ...], NameGroup] = {}

    def counted(self, rows: Iterable[OfHost]) -> Iterator[OfHost]:
        """The same rows, each counted when it is reached."""
        for row in rows:
            outcome: Outcome = row.row
            name = outcome.gprocess if outcome.gprocess is not None else own_name(outcome)
            key = (name, outcome.status, outcome.reason, outcome.decided_by)
            if key not in self._groups:
                self._groups[key] = NameGroup(name, outcome)
            self._groups[key].add(row.host)
            yield row

    @property
    def all(self) -> list[NameGroup]:
        """The groups, those of accepted processes first, then by size and name."""
        return sorted(self._groups.values(), key=NameGroup.place)


def groups_table(totals: ScanTotals, groups: Sequence[NameGroup], view: View) -> str:
    """A line per group, and the summary of all processes."""
    mark, several = view.glyphs.ellipsis, len(totals.hosts) > 1

    narrow = view.width is not None and view.width < _WIDE

    def outcome_cell(group: NameGroup, room: int | None) -> Line:
        outcome = f"{group.status} #{group.rule}" if group.rule else group.status
        reason = SHORT_REASONS.get(group.reason)
        full = f"{outcome} ({reason})" if reason else outcome
        return ((full if room is None or len(full) <= room else outcome, group.status),)

    def hosts_cell(group: NameGroup, room: int | None) -> Line:
        return ((shorten(_hosts(group.hosts, example=not narrow), room, mark), "dim"),)

    columns: list[Column[NameGroup]] = [
        Column(title="PROCESSES", cell=lambda group, _: plain(f"{group.processes:,}"), right=True),
        Column(title="OUTCOME", cell=outcome_cell, least=14),
        Column(
            title="NAME",
            cell=lambda group, room: (
                (
                    shorten(group.name or '""', room, mark),
                    "name" if group.status == "accepted" else "dim",
                ),
            ),
            least=14,
        ),
    ]
    if several:
        columns.append(Column(title="HOSTS", cell=hosts_cell, least=12))
    columns.append(
        Column(
            title="EXAMPLE",
            cell=lambda group, room: ((shorten(group.example or "", room, mark), "dim"),),
            least=20,
            spare=1,
        )
    )
    lines = grid(_folded(groups), columns, view)
    if lines:
        lines.append(())
    shown = sum(group.processes for group in groups)
    return paint([*lines, *rules_lines(totals, view), *total_lines(totals, shown, view)], view)


def _folded(groups: Sequence[NameGroup]) -> Sequence[NameGroup]:
    """The same with one group for all kernel threads of a kind: `[kworker/*]`, of which each host
    has dozens with names of their own."""
    folded: dict[object, NameGroup] = {}
    for group in groups:
        kind, slash, _ = group.name.partition("/")
        is_kernel_thread = group.reason == "no-cmdline" and slash and kind.startswith("[")
        key = (kind, group.status) if is_kernel_thread else group
        folded[key] = folded[key].and_also(group, f"{kind}/*]") if key in folded else group
    return sorted(folded.values(), key=NameGroup.place)


def _hosts(hosts: Sequence[str], *, example: bool) -> str:
    if len(hosts) <= _NAMED_HOSTS:
        return listed(hosts)
    return f"{len(hosts):,} hosts" + (f", e.g. {hosts[0]}" if example else "")

"""Processes with the same name and outcome, counted over all hosts: `scan --group`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

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
        return sorted(
            self._groups.values(),
            key=lambda group: (group.status != "accepted", -group.processes, group.name),
        )


def groups_table(totals: ScanTotals, groups: Sequence[NameGroup], view: View) -> str:
    """A line per group, and the summary of all processes."""
    mark, several = view.glyphs.ellipsis, len(totals.hosts) > 1

    def outcome_cell(group: NameGroup, _room: int | None) -> Line:
        rule = f" #{group.rule}" if group.rule else ""
        reason = SHORT_REASONS.get(group.reason)
        return ((f"{group.status}{rule}{f' ({reason})' if reason else ''}", group.status),)

    def hosts_cell(group: NameGroup, room: int | None) -> Line:
        return ((shorten(_hosts(group.hosts), room, mark), "dim"),)

    columns: list[Column[NameGroup]] = [
        Column(title="PROCESSES", cell=lambda group, _: plain(f"{group.processes:,}"), right=True),
        Column(title="OUTCOME", cell=outcome_cell),
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
    lines = grid(groups, columns, view)
    if lines:
        lines.append(())
    shown = sum(group.processes for group in groups)
    return paint([*lines, *rules_lines(totals, view), *total_lines(totals, shown, view)], view)


def _hosts(hosts: Sequence[str]) -> str:
    if len(hosts) <= _NAMED_HOSTS:
        return listed(hosts)
    return f"{len(hosts):,} hosts, e.g. {hosts[0]}"

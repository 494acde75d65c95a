"""How many gprocesses each name stands for, and how long they last, as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from proccli.commands.scan.gprocesses import Identified, NamePids
from proccli.model.outcome import Outcome
from proccli.server.gprocess import Doubt, Identity, RowRejection
from proccli.terminal.lines import Line, cells, plain, shorten, wrapped
from proccli.terminal.table import Column, grid
from proccli.terminal.view import View
from proccli.text import counted, listed, visible

_REFUSALS: dict[RowRejection, str] = {
    "four-byte": "a four-byte character",
    "cut-inside": "a name truncated within a character",
    "too-long": "a text that is too long",
}
_MANY_PIDS = 8
"""Maximum number of pids, or ranges of them, that a terminal shows."""
_ROOM_FOR_NAME = 30
"""Width of a name in a sentence, in cells."""


def group_cell(identity: Identity | None) -> Line:
    """`g3`, with a question mark if another group may be the same gprocess."""
    if identity is None:
        return ()
    return ((f"g{identity.group}{'?' if identity.doubts else ''}", "name"),)


def identity_lines(identified: Identified, shown: Sequence[Outcome], view: View) -> list[Line]:
    """The names that several processes share, the count, and the effect of restarts and time."""
    pids = {outcome.process.pid for outcome in shown}
    several = [
        name
        for name in identified.names
        if len(name.pids) > 1 and any(pid in pids for pid in name.pids)
    ]
    lines = grid(several, _columns(identified, view), view)
    if lines:
        lines.append(())
    for sentences in _remarks(identified, view):
        lines.extend(wrapped(sentences, view.width))
    return [*lines, ()]


def _columns(identified: Identified, view: View) -> Sequence[Column[NamePids]]:
    mark = view.glyphs.ellipsis
    return (
        Column(
            title="PROCESSES",
            cell=lambda name, _: plain(f"{len(name.pids):,}"),
            right=True,
            spare=1,
        ),
        Column(title="GPROCESSES", cell=lambda name, _: _count_cell(name), right=True),
        Column(
            title="NAME",
            cell=lambda name, room: ((shorten(name.use.name, room, mark) or '""', "name"),),
            least=14,
        ),
        Column(
            title="GROUPS",
            cell=lambda name, room: _which_cell(name, identified, room, view),
            least=12,
        ),
    )


def _count_cell(name: NamePids) -> Line:
    return (
        (_range(name.use.at_least, name.use.at_most), "warning" if name.use.at_most > 1 else ""),
    )


def _which_cell(name: NamePids, identified: Identified, room: int | None, view: View) -> Line:
    """Each gprocess with its pids and, if there is room, its command line."""
    whole = _which(name, identified, view, keys=True)
    if room is None or cells(plain(visible(whole))) <= room:
        return ((visible(whole), ""),)
    return ((shorten(_which(name, identified, view, keys=False), room, view.glyphs.ellipsis), ""),)


def _which(name: NamePids, identified: Identified, view: View, *, keys: bool) -> str:
    if not identified.server.aggregates:
        return f"{_pids(name.pids, view)}: one gprocess each"
    by_group: dict[int, list[int]] = {}
    for pid in name.pids:
        by_group.setdefault(identified.by_pid[pid].group, []).append(pid)
    parts = []
    for pids in by_group.values():
        identity = identified.by_pid[pids[0]]
        text = f"{group_cell(identity)[0][0]} ({_pids(pids, view)})"
        if keys and len(by_group) > 1:
            text += f" {'masked' if identity.cmdline is None else identity.cmdline}"
        parts.append(text)
    return "; ".join(parts)


def _pids(pids: Sequence[int], view: View) -> str:
    """`813-816, 820`."""
    runs: list[tuple[int, int]] = []
    for pid in pids:
        if runs and runs[-1][1] == pid - 1:
            runs[-1] = (runs[-1][0], pid)
        else:
            runs.append((pid, pid))
    # Two consecutive pids are not a range.
    parts = [
        text
        for first, last in runs
        for text in (
            (f"{first}-{last}",) if last > first + 1 else tuple(map(str, range(first, last + 1)))
        )
    ]
    if view.width is not None and len(parts) > _MANY_PIDS:
        parts = [*parts[:_MANY_PIDS], view.glyphs.ellipsis]
    return ", ".join(parts)


def _range(at_least: int, at_most: int) -> str:
    if at_least == at_most:
        return f"{at_least:,}"
    return f"{at_least:,} {'or' if at_most == at_least + 1 else 'to'} {at_most:,}"


def _remarks(identified: Identified, view: View) -> Iterator[Line]:
    processes = counted(len(identified.by_pid), "process")
    gprocesses = counted(identified.at_least, "gprocess")
    if identified.at_most > identified.at_least:
        gprocesses = f"{_range(identified.at_least, identified.at_most)} gprocesses"
    yield (
        (f"{processes} {view.glyphs.becomes} {gprocesses}", "head"),
        (f" on server {identified.server.number}, {_grouped_by(identified)}", ""),
    )
    yield from _ambiguous_names(identified)
    yield from _open_questions(identified)
    yield from _refusals(identified, view.glyphs.ellipsis)
    yield ((_lasting(identified), "dim"),)


def _grouped_by(identified: Identified) -> str:
    if not identified.server.aggregates:
        return "which distinguishes them by pid."
    return "which distinguishes them by name and command line (in a pod, by name and workload)."


def _ambiguous_names(identified: Identified) -> Iterator[Line]:
    surely = sum(name.use.at_least > 1 for name in identified.names)
    perhaps = sum(name.use.at_least == 1 < name.use.at_most for name in identified.names)
    if surely:
        text = f"Several gprocesses share a name: {counted(surely, 'name')}"
        more = f", and perhaps {perhaps:,} more." if perhaps else "."
        yield ((text, "warning"), (more, ""))
    elif perhaps:
        yield ((f"Several gprocesses may share a name: {counted(perhaps, 'name')}.", "warning"),)


def _open_questions(identified: Identified) -> Iterator[Line]:
    doubts: Counter[Doubt] = Counter(
        doubt for identity in identified.by_pid.values() for doubt in identity.doubts
    )
    words: dict[Doubt, tuple[str, str]] = {
        "pod": ("runs in a container", "run in containers"),
        "container-unknown": ("may run in a container", "may run in containers"),
        "masked": ("has a masked command line", "have masked command lines"),
    }
    parts = [
        f"{doubts[doubt]:,} {words[doubt][doubts[doubt] > 1]}" for doubt in words if doubts[doubt]
    ]
    if identified.undecided:
        parts.append(f"{identified.undecided:,} more may be sent")
    if parts:
        pods = doubts["pod"] or doubts["container-unknown"]
        known = "; only the server knows which containers are pods" if pods else ""
        mark = " (?)" if doubts else ""
        yield ((f"Unknown{mark}: ", "unknown"), (f"{listed(parts)}{known}.", ""))


def _refusals(identified: Identified, mark: str) -> Iterator[Line]:
    refused = [identity for identity in identified.by_pid.values() if identity.refused]
    if not refused:
        return
    first = refused[0]
    causes = listed([_REFUSALS[cause] for cause in _causes(refused)])
    yield (
        (f"MySQL in strict mode rejects {counted(len(refused), 'process')}", "error"),
        (f" (first: {first.pid} {shorten(first.name, _ROOM_FOR_NAME, mark)}): {causes}.", ""),
        (" Each rejection also loses up to 999 other new processes.", ""),
    )


def _causes(refused: Iterable[Identity]) -> Iterable[RowRejection]:
    return dict.fromkeys(cause for identity in refused for cause in identity.refused)


def _lasting(identified: Identified) -> str:
    server = identified.server
    aging, kept = f"{server.aging_s // 3600} h", f"{server.kept_s // 3600} h"
    if not server.aggregates:
        return (
            "A restart creates a new gprocess. The old one remains until it has not been reported"
            f" for {aging}, is then shown as NAME (deleted), and is removed {kept} later. Until"
            " then, a new process with the same pid takes over its id and history."
        )
    return (
        "A restart with the same name and command line keeps the gprocess. When its last process"
        f" is missing from a report, it is shown as NAME (deleted), and it is removed {kept} later;"
        " a process that returns after an hour or more may get a new id. If an agent reports no"
        f" process, or stops reporting, its last ones are kept for {aging}."
    )

"""For how many gprocesses the names stand, and how long those last, in a person's words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from proccli.jobs.identity import Identified, NamePids
from proccli.model.outcome import Outcome
from proccli.plural import counted, listed
from proccli.render.grid import Column, grid
from proccli.render.spans import Line, cells, plain, shorten, wrapped
from proccli.render.view import View
from proccli.render.words import counted, listed
from proccli.server.gprocess import Doubt, Identity, RowRejection
from proccli.textsafe import visible

_REFUSALS: dict[RowRejection, str] = {
    "four-byte": "a character of four bytes",
    "cut-inside": "a name that is cut within a character",
    "too-long": "a text that is too long",
}
_MANY_PIDS = 8
"""So many pids, or runs of them, are listed on a terminal."""
_ROOM_FOR_NAME = 30
"""Cells for a name in a sentence."""


def group_cell(identity: Identity | None) -> Line:
    """`g3`, with a mark where another group may be the same gprocess."""
    if identity is None:
        return ()
    return ((f"g{identity.group}{'?' if identity.doubts else ''}", "name"),)


def identity_lines(identified: Identified, shown: Sequence[Outcome], view: View) -> list[Line]:
    """The names of several processes, the count, and what restarts and time do."""
    pids = {verdict.process.pid for verdict in shown}
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
            title="WHICH",
            cell=lambda name, room: _which_cell(name, identified, room, view),
            least=12,
        ),
    )


def _count_cell(name: NamePids) -> Line:
    return ((_range(name.use.at_least, name.use.at_most), "warn" if name.use.at_most > 1 else ""),)


def _which_cell(name: NamePids, identified: Identified, room: int | None, view: View) -> Line:
    """Each gprocess with its pids and, if there is room, what tells it from the others."""
    whole = _which(name, identified, view, keys=True)
    if room is None or cells(plain(visible(whole))) <= room:
        return ((visible(whole), ""),)
    return ((shorten(_which(name, identified, view, keys=False), room, view.glyphs.ellipsis), ""),)


def _which(name: NamePids, identified: Identified, view: View, *, keys: bool) -> str:
    if not identified.server.aggregates:
        return f"{_pids(name.pids, view)}: each its own"
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
    # Two in a row are no run.
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
        (f" for server {identified.server.version}, {_told_apart(identified)}", ""),
    )
    yield from _ambiguous_names(identified)
    yield from _open_questions(identified)
    yield from _refusals(identified, view.glyphs.ellipsis)
    yield ((_lasting(identified), "dim"),)


def _told_apart(identified: Identified) -> str:
    if not identified.server.aggregates:
        return "which tells them apart by pid."
    return "which tells them apart by name and command line; in a pod, by name and workload."


def _ambiguous_names(identified: Identified) -> Iterator[Line]:
    surely = sum(name.use.at_least > 1 for name in identified.names)
    perhaps = sum(name.use.at_least == 1 < name.use.at_most for name in identified.names)
    if surely:
        stand = "stands" if surely == 1 else "stand"
        text = f"{counted(surely, 'name')} {stand} for several gprocesses"
        yield ((text, "warn"), (f"; {perhaps:,} more may." if perhaps else ".", ""))
    elif perhaps:
        yield ((f"{counted(perhaps, 'name')} may stand for several gprocesses.", "warn"),)


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
        known = "; which containers are pods only the server knows" if pods else ""
        mark = " (?)" if doubts else ""
        yield ((f"Open{mark}: ", "unknown"), (f"{listed(parts)}{known}.", ""))


def _refusals(identified: Identified, mark: str) -> Iterator[Line]:
    refused = [identity for identity in identified.by_pid.values() if identity.refused]
    if not refused:
        return
    first = refused[0]
    causes = listed([_REFUSALS[cause] for cause in _causes(refused)])
    yield (
        (f"MySQL, if it is strict, refuses {counted(len(refused), 'process')}", "alarm"),
        (f" (first: {first.pid} {shorten(first.name, _ROOM_FOR_NAME, mark)}): {causes}.", ""),
        (" Each costs up to 999 others that are new to the server, too.", ""),
    )


def _causes(refused: Iterable[Identity]) -> Iterable[RowRejection]:
    return dict.fromkeys(cause for identity in refused for cause in identity.refused)


def _lasting(identified: Identified) -> str:
    server = identified.server
    aging, kept = f"{server.aging_s // 3600} h", f"{server.kept_s // 3600} h"
    if not server.aggregates:
        return (
            "A restart makes a new gprocess. The old one stays until it has not been reported for"
            f" {aging}, then shows as NAME (deleted), and is gone {kept} later. Until then, the"
            " next process with its pid takes its id, and with it its history."
        )
    return (
        "A restart with the same name and command line keeps the gprocess. One whose last process"
        f" is missing from a report shows as NAME (deleted), and is gone {kept} later; what comes"
        " back after an hour or more may get a new id. An agent that reports no process at all, or"
        f" nothing any more, keeps its last ones for {aging}."
    )

"""The facts about an explained process that do not depend on a rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from proccli.commands.explain.explain import ExplainResult
from proccli.model.outcome import Explanation, Outcome, SocketCounts
from proccli.terminal.lines import Line, foreign, joined, plain, shorten
from proccli.terminal.view import View
from proccli.terminal.words import duration, own_name, rfc3339, seen
from proccli.text import listed

Fact: TypeAlias = tuple[str, Line, str]
"""A label, its value, and the style of the label."""

LABEL = 12
"""Width of the label in cells."""
_COMMAND_LINES = 3


def facts(explanation: Explanation, result: ExplainResult, view: View) -> Iterable[Fact]:
    """The known facts about the process."""
    outcome = explanation.outcome
    process = outcome.process
    if result.host.kind in ("recording", "directory"):
        where = f"{result.host.name}, " if result.host.name else ""
        yield "snapshot", foreign(f"{where}{seen(result.host)}"), "dim"
    yield "ancestors", _chain(explanation, view), "dim"
    if outcome.cmdline is not None:
        room = None if view.width is None else (view.width - LABEL - 2) * _COMMAND_LINES
        yield "command", plain(shorten(outcome.cmdline, room, view.glyphs.ellipsis)), "dim"
    if outcome.uptime_s is not None:
        since = rfc3339(outcome.start_s)
        yield (
            "uptime",
            plain(duration(outcome.uptime_s) + (f", since {since}" if since else "")),
            "dim",
        )
    for label, text in (("user", outcome.user), ("container", outcome.container_id)):
        if text:
            yield label, foreign(text), "dim"
    if outcome.sockets is not None and outcome.gprocess is not None:
        yield from _sockets(outcome.sockets, process.pid)
    yield from _tags(outcome)
    if process.errors and outcome.reason != "unreadable":  # else the headline shows them
        causes = [f"{error.field} ({error.detail})" for error in process.errors]
        yield "unreadable", foreign(listed(causes)), "warn"
    if not result.config.sync_enabled:
        text = "os-proc-sync-enabled is false: the agent sends nothing, regardless of the rules"
        yield "note", ((text, "alarm"),), "alarm"


def _sockets(counts: SocketCounts, pid: int) -> Iterable[Fact]:
    parts = [
        f"{number:,} {word}"
        for number, word in (
            (counts.synced, "would be sent"),
            (counts.undecided, "of unknown age"),
            (counts.skipped, "would not be sent"),
        )
        if number
    ]
    if parts:
        more: Line = ((f"   (proccli sockets --pid {pid})", "dim"),)
        yield "sockets", [*plain(", ".join(parts)), *more], "dim"


def _chain(explanation: Explanation, view: View) -> Line:
    outcome = explanation.outcome
    # A made-up process has pid 0, and its ancestors have meaningless pids.
    pids = outcome.process.pid > 0
    links = [(own_name(outcome), outcome.process.pid)]
    links.extend(
        ("?" if up.process_name is None else up.process_name, up.pid)
        for up in explanation.ancestors
    )
    names = (foreign(f"{name} {pid}" if pids else name) for name, pid in links)
    return joined(names, f" {view.glyphs.came_from} ")


def _tags(outcome: Outcome) -> Iterable[Fact]:
    if outcome.tags is None:
        yield "tags", plain("unknown"), "warn"
    elif outcome.tags:
        own = outcome.process.pid
        tags = (
            [
                *foreign(f"{tag.name}={tag.value}", "tag"),
                ("" if tag.from_pid == own else f" (from pid {tag.from_pid})", "dim"),
            ]
            for tag in outcome.tags
        )
        yield "tags", joined(tags, ", "), "dim"

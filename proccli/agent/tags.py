"""Tags reach a process from itself and from the accepted processes above it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from proccli.model.outcome import Outcome, Tag
from proccli.model.process import TagTable


def tags_of(
    verdict: Outcome, table: TagTable, verdict_of: Callable[[int], Outcome | None]
) -> tuple[Tag, ...] | None:
    """The tags that the agent sends with a process; None where they can't be known.

    Its own tags as they stand, duplicates included; then, nearest first, those of the ancestors
    whose key is not there yet. The chain breaks at any process that was not accepted.

    Source: agent v6.5 linux_process.rs:542-609.
    """
    if not table.known:
        return None
    if verdict.status not in ("accepted", "unknown"):
        return ()
    pid = verdict.process.pid
    tags = [Tag(key=key, value=value, from_pid=pid) for key, value in table.entries.get(pid, ())]
    certain = verdict.status == "accepted"
    if not certain and (tags or (verdict.process.ppid is None and table.entries)):
        return None  # accepted, it would have them; dropped, none
    seen = {tag.key for tag in tags}
    for ancestor in _chain(verdict, verdict_of):
        certain = certain and ancestor.status == "accepted"
        for key, value in table.entries.get(ancestor.process.pid, ()):
            if key in seen:
                continue
            if not certain:
                return None  # it depends on a process of which we know too little
            seen.add(key)
            tags.append(Tag(key=key, value=value, from_pid=ancestor.process.pid))
    return tuple(tags)


def _chain(verdict: Outcome, verdict_of: Callable[[int], Outcome | None]) -> Iterator[Outcome]:
    """The accepted ancestors, nearest first; those whose verdict is unknown among them."""
    seen = {verdict.process.pid}
    while verdict.process.ppid and verdict.process.ppid not in seen:
        seen.add(verdict.process.ppid)
        parent = verdict_of(verdict.process.ppid)
        if parent is None or parent.status not in ("accepted", "unknown"):
            return
        yield parent
        verdict = parent

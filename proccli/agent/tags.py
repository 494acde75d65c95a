"""The tags of a process: its own and those that it inherits from accepted ancestors."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from proccli.model.outcome import Outcome, Tag
from proccli.model.process import TagTable
from proccli.versions import Inheritance


def tags_of(
    outcome: Outcome,
    table: TagTable,
    outcome_of: Callable[[int], Outcome | None],
    inheritance: Inheritance,
) -> tuple[Tag, ...] | None:
    """The tags that the agent sends with a process; None where they are not known.

    Its own tags, duplicates included; then, nearest first, those of the ancestors whose key it
    doesn't have yet. The chain ends at the first process that was not accepted; with `list-order`
    also behind a parent that is listed after its child, which has not inherited yet.

    Source: agent v6.5 linux_process.rs:542-609; FACTS A0.
    """
    if not table.known:
        return None
    if outcome.status not in ("accepted", "unknown"):
        return ()
    pid = outcome.process.pid
    tags = [Tag(key=key, value=value, from_pid=pid) for key, value in table.entries.get(pid, ())]
    certain = outcome.status == "accepted"
    if not certain and (tags or (outcome.process.ppid is None and table.entries)):
        return None  # accepted, it would have them; dropped, none
    seen = {tag.key for tag in tags}
    for ancestor in _chain(outcome, outcome_of, inheritance):
        certain = certain and ancestor.status == "accepted"
        for key, value in table.entries.get(ancestor.process.pid, ()):
            if key in seen:
                continue
            if not certain:
                return None  # it depends on a process whose outcome is unknown
            seen.add(key)
            tags.append(Tag(key=key, value=value, from_pid=ancestor.process.pid))
    return tuple(tags)


def _chain(
    outcome: Outcome, outcome_of: Callable[[int], Outcome | None], inheritance: Inheritance
) -> Iterator[Outcome]:
    """The accepted ancestors, nearest first; those whose outcome is unknown among them."""
    if inheritance == "none":
        return
    seen = {outcome.process.pid}
    while outcome.process.ppid and outcome.process.ppid not in seen:
        seen.add(outcome.process.ppid)
        parent = outcome_of(outcome.process.ppid)
        if parent is None or parent.status not in ("accepted", "unknown"):
            return
        yield parent
        if inheritance == "list-order" and parent.process.pid > outcome.process.pid:
            return
        outcome = parent

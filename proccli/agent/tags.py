"""The tags of a process: its own and those that it inherits from accepted ancestors."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from proccli.agent.process import Walks
from proccli.model.outcome import Outcome, Tag
from proccli.model.process import TagTable


class _Found(NamedTuple):
    """A tag on the walk upwards from a process."""

    tag: Tag
    certain: bool
    """Whether all processes from there up to the tag's own are accepted."""


class SentTags:
    """The tags that the agent sends with the processes of a source."""

    def __init__(self, table: TagTable) -> None:
        self._table = table
        self._walks: Walks[tuple[_Found, ...]] = Walks()

    def of(
        self, outcome: Outcome, outcome_of: Callable[[int], Outcome | None]
    ) -> tuple[Tag, ...] | None:
        """The tags of a process; None where they are not known.

        Its own tags, duplicates included; then, nearest first, those of the ancestors whose key it
        doesn't have yet. The chain ends at the first process that was not accepted. `outcome_of` is
        the same for all calls.

        Source: agent v6.5 linux_process.rs:542-609.
        """
        if not self._table.known:
            return None
        if outcome.status not in ("accepted", "unknown"):
            return ()
        own = self._own(outcome)
        accepted = outcome.status == "accepted"
        if not accepted and (own or (outcome.process.ppid is None and self._table.entries)):
            return None  # accepted, it would have them; dropped, none
        keys = {tag.key for tag in own}
        above = self._walks.find(
            outcome.process.ppid or 0,
            lambda pid: _in_chain(outcome_of(pid)),
            self._with_own,
            lambda _: (),
        )
        inherited = [found for found in above if found.tag.key not in keys]
        if not all(accepted and found.certain for found in inherited):
            return None  # it depends on a process whose outcome is unknown
        return (*own, *(found.tag for found in inherited))

    def _own(self, outcome: Outcome) -> tuple[Tag, ...]:
        pid = outcome.process.pid
        pairs = self._table.entries.get(pid, ())
        return tuple(Tag(key=key, value=value, from_pid=pid) for key, value in pairs)

    def _with_own(self, outcome: Outcome, above: tuple[_Found, ...]) -> tuple[_Found, ...]:
        """The first tag of each key, nearest first."""
        accepted = outcome.status == "accepted"
        own: dict[str, Tag] = {}
        for tag in self._own(outcome):
            own.setdefault(tag.key, tag)
        if accepted and not own:
            return above
        return (
            *(_Found(tag, certain=accepted) for tag in own.values()),
            *(
                _Found(found.tag, certain=accepted and found.certain)
                for found in above
                if found.tag.key not in own
            ),
        )


def _in_chain(outcome: Outcome | None) -> tuple[Outcome, int] | None:
    """A process whose tags others inherit, and its parent's id."""
    if outcome is None or outcome.status not in ("accepted", "unknown"):
        return None
    return outcome, outcome.process.ppid or 0

"""The tags of a process: its own and those that it inherits from accepted ancestors."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from proccli.agent.process import Walks
from proccli.model.outcome import Outcome, Tag
from proccli.model.process import TagTable
from proccli.versions import Inheritance


class _Found(NamedTuple):
    """A tag on the walk upwards from a process."""

    tag: Tag
    certain: bool
    """Whether all processes from there up to the tag's own are accepted."""


class SentTags:
    """The tags that the agent sends with the processes of a source."""

    def __init__(
        self, table: TagTable, inheritance: Inheritance, *, all_known: bool = True
    ) -> None:
        """`all_known`: whether an ancestor that the source does not have does not exist."""
        self._table = table
        self._inheritance = inheritance
        self._all_known = all_known
        self._walks: Walks[tuple[_Found, ...]] = Walks()

    def of(
        self, outcome: Outcome, outcome_of: Callable[[int], Outcome | None]
    ) -> tuple[Tag, ...] | None:
        """The tags of a process; None where they are not known.

        Its own tags, duplicates included; then, nearest first, those of the ancestors whose key it
        doesn't have yet. The chain ends at the first process that was not accepted; with
        `list-order` also at a parent that is listed after its child, and has not inherited yet.
        `outcome_of` is the same for all calls.

        Source: agent v6.5 linux_process.rs:542-609; FACTS A0.
        """
        if not self._table.known:
            return None
        if not self._table.entries:
            return ()
        if outcome.status not in ("accepted", "unknown"):
            return ()
        own = self._own(outcome)
        accepted = outcome.status == "accepted"
        if not accepted and (own or outcome.process.ppid is None):
            return None  # accepted, it would have them; dropped, none
        keys = {tag.key for tag in own}
        above = self._walks.find(
            self._above(outcome),
            lambda key: self._in_chain(key, outcome_of(abs(key))),
            self._with_own,
            lambda key: self._end(key, outcome_of),
        )
        inherited = [found for found in above if found.tag.key not in keys]
        if not all(accepted and found.certain for found in inherited):
            return None  # it depends on a process whose outcome is unknown
        return (*own, *(found.tag for found in inherited))

    def _end(self, key: int, outcome_of: Callable[[int], Outcome | None]) -> tuple[_Found, ...]:
        """Nothing; where an ancestor may be missing, a tag that is not certain."""
        if self._all_known or key == 0 or outcome_of(abs(key)) is not None:
            return ()
        return (_Found(Tag(key="", value="", from_pid=0), certain=False),)

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

    def _above(self, outcome: Outcome) -> int:
        """The parent's id, negative where only the parent's own tags are inherited; 0: nothing."""
        ppid = outcome.process.parent_pid
        if self._inheritance == "none":
            return 0
        return -ppid if self._inheritance == "list-order" and ppid > outcome.process.pid else ppid

    def _in_chain(self, key: int, outcome: Outcome | None) -> tuple[Outcome, int] | None:
        """A process whose tags others inherit, and where it inherits from."""
        if outcome is None or outcome.status not in ("accepted", "unknown"):
            return None
        return outcome, self._above(outcome) if key > 0 else 0

"""Which processes of a scan a user asks to see, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar

from proccli.errors import UsageError
from proccli.model.config import Config
from proccli.model.outcome import Outcome, Status

Row = TypeVar("Row")
SortKey: TypeAlias = Literal["pid", "name", "rule", "status", "uptime", "user"]

_BY_STATUS: dict[Status, int] = {"accepted": 0, "dropped": 1, "skipped": 2, "unknown": 3}


class Selection(NamedTuple):
    """What a user asks to see. Questions that are not asked are empty; a process has to answer
    every question that is, each with any one of the values given."""

    statuses: Collection[Status] = ()
    rules: Collection[int] = ()
    """Indices of the rule that decided; 0 is the implicit accept."""
    names: Sequence[str] = ()
    """Globs for the gprocess or the process_name."""
    users: Sequence[str] = ()
    """User names or uids."""
    tags: Sequence[tuple[str, str]] = ()
    """A key, with or without its `os.app.`, and a glob for the value."""
    unmatched: bool = False
    """Only what no rule hit, and fell through to the implicit accept."""
    sort: SortKey = "pid"
    reverse: bool = False

    def of(self, outcomes: Iterable[Outcome]) -> tuple[Outcome, ...]:
        """The outcomes to show, in order; processes without a value for the sort key are last."""
        chosen = sorted(
            (outcome for outcome in outcomes if self._asks_for(outcome)),
            key=lambda outcome: outcome.process.pid,
        )
        return tuple(self.ordered(chosen, lambda outcome: outcome))

    def ordered(self, rows: Sequence[Row], outcome_of: Callable[[Row], Outcome]) -> list[Row]:
        """Rows in the order of their outcomes."""
        key = _SORT_KEYS[self.sort]
        values = [(key(outcome_of(row)), row) for row in rows]
        known = [pair for pair in values if pair[0] is not None]
        known.sort(key=lambda pair: pair[0], reverse=self.reverse)
        return [row for _, row in (*known, *(pair for pair in values if pair[0] is None))]

    def check(self, config: Config) -> None:
        """Raises: UsageError if it asks for a rule that the configuration doesn't have."""
        last = len(config.rules)
        for index in self.rules:
            if not 0 <= index <= last:
                there = f"rules 1 to {last}" if last > 1 else "1 rule" if last else "no rules"
                raise UsageError(f"there is no rule {index}: the configuration has {there}")

    def _asks_for(self, outcome: Outcome) -> bool:
        return (
            (not self.statuses or outcome.status in self.statuses)
            and (not self.rules or outcome.decided_by in self.rules)
            and (not self.unmatched or outcome.decided_by == 0 or outcome.reason == "no-match")
            and (not self.names or _any(self.names, outcome.gprocess, outcome.process_name))
            and (not self.users or _has_user(outcome, self.users))
            and (not self.tags or _has_tag(outcome, self.tags))
        )


def _any(globs: Iterable[str], *names: str | None) -> bool:
    from fnmatch import fnmatchcase

    return any(
        fnmatchcase(name, pattern) for pattern in globs for name in names if name is not None
    )


def _has_user(outcome: Outcome, users: Collection[str]) -> bool:
    return outcome.user in users or str(outcome.process.uid) in users


def _has_tag(outcome: Outcome, wanted: Iterable[tuple[str, str]]) -> bool:
    from fnmatch import fnmatchcase

    return any(
        tag.key == key.removeprefix("os.app.") and fnmatchcase(tag.value, value)
        for tag in outcome.tags or ()
        for key, value in wanted
    )


_SORT_KEYS: dict[SortKey, Callable[[Outcome], Any]] = {
    "pid": lambda outcome: outcome.process.pid,
    "name": lambda outcome: outcome.process_name if outcome.gprocess is None else outcome.gprocess,
    "rule": lambda outcome: outcome.decided_by,
    "status": lambda outcome: _BY_STATUS[outcome.status],
    "uptime": lambda outcome: outcome.uptime_s,
    "user": lambda outcome: outcome.user,
}

"""Which verdicts of a scan to show, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal, TypeAlias

from proccli.errors import UsageError
from proccli.model.config import Config
from proccli.model.outcome import Outcome, Status

SortKey: TypeAlias = Literal["pid", "name", "rule", "status", "uptime", "user"]

_BY_STATUS: dict[Status, int] = {"accepted": 0, "dropped": 1, "skipped": 2, "unknown": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
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

    def of(self, verdicts: Iterable[Outcome]) -> tuple[Outcome, ...]:
        """The verdicts to show, in order; what has no value for the order comes last."""
        chosen = sorted(
            (verdict for verdict in verdicts if self._asks_for(verdict)),
            key=lambda verdict: verdict.process.pid,
        )
        value = _SORT_KEYS[self.sort]
        known = [verdict for verdict in chosen if value(verdict) is not None]
        known.sort(key=value, reverse=self.reverse)
        return (*known, *(verdict for verdict in chosen if value(verdict) is None))

    def check(self, config: Config) -> None:
        """Raises: UsageError if it asks for a rule that the configuration doesn't have."""
        last = len(config.rules)
        for index in self.rules:
            if not 0 <= index <= last:
                there = f"rules 1 to {last}" if last > 1 else "1 rule" if last else "no rules"
                raise UsageError(f"there is no rule {index}: the configuration has {there}")

    def _asks_for(self, verdict: Outcome) -> bool:
        return (
            (not self.statuses or verdict.status in self.statuses)
            and (not self.rules or verdict.decided_by in self.rules)
            and (not self.unmatched or verdict.decided_by == 0)
            and (not self.names or _any(self.names, verdict.gprocess, verdict.process_name))
            and (not self.users or _has_user(verdict, self.users))
            and (not self.tags or _has_tag(verdict, self.tags))
        )


def _any(globs: Iterable[str], *names: str | None) -> bool:
    return any(
        fnmatchcase(name, pattern) for pattern in globs for name in names if name is not None
    )


def _has_user(verdict: Outcome, users: Collection[str]) -> bool:
    return verdict.user in users or str(verdict.process.uid) in users


def _has_tag(verdict: Outcome, wanted: Iterable[tuple[str, str]]) -> bool:
    return any(
        tag.key == key.removeprefix("os.app.") and fnmatchcase(tag.value, value)
        for tag in verdict.tags or ()
        for key, value in wanted
    )


_SORT_KEYS: dict[SortKey, Callable[[Outcome], Any]] = {
    "pid": lambda verdict: verdict.process.pid,
    "name": lambda verdict: verdict.process_name if verdict.gprocess is None else verdict.gprocess,
    "rule": lambda verdict: verdict.decided_by,
    "status": lambda verdict: _BY_STATUS[verdict.status],
    "uptime": lambda verdict: verdict.uptime_s,
    "user": lambda verdict: verdict.user,
}

"""Wording shared by the text outputs: durations, counts, reasons."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import lru_cache

from proccli.model.config import Config
from proccli.model.outcome import Outcome, Reason
from proccli.model.process import Host
from proccli.text import listed

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

SHORT_REASONS: dict[Reason, str] = {
    "ignore-matcher": "ignored",
    "blacklisted": "blacklisted",
    "invisible": "invisible",
    "no-start-time": "no start time",
    "reported-as-ancestor": "sent as an ancestor",
    "not-recorded": "not recorded",
    "no-cmdline": "no command line",
    "cmdline-not-utf8": "not UTF-8",
    "no-name": "no file name",
    "min-lifetime": "too young",
    "future-start": "starts in the future",
    "untagged": "untagged",
    "unreadable": "unreadable",
    "tags-unknown": "tags unknown",
    "masked": "masked",
    "env-unknown": "variable unknown",
}
"""Reasons for a table cell; `rule` and `implicit-accept` are not shown."""


def duration(seconds: int) -> str:
    """A duration, rounded down for reading: `3d 2h`, `5h 1m`, `45m`, `12s`."""
    if seconds < 0:
        return f"-{duration(-seconds)}"
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, rest = divmod(rest, 60)
    if days >= 100:
        return f"{days}d"
    if days:
        return f"{days}d {hours}h"
    if hours:
        return f"{hours}h {minutes}m"
    if minutes:
        return f"{minutes}m"
    return f"{rest}s"


def rfc3339(seconds: int | None) -> str | None:
    """Seconds since the epoch as `2026-01-02T03:04:05Z`; None beyond the year 9999."""
    if seconds is None:
        return None
    try:
        return (_EPOCH + timedelta(seconds=seconds)).isoformat().removesuffix("+00:00") + "Z"
    except OverflowError:
        return None


_whole_second = lru_cache(maxsize=1_000)(rfc3339)
"""A capture has many packets in the same second."""


def moment(seconds: float | None) -> str | None:
    """`2026-01-02T03:04:05.000006Z`; None if unknown or outside the years 1 to 9999."""
    if seconds is None:
        return None
    second, microsecond = divmod(round(seconds * 1e6), 1_000_000)
    whole = _whole_second(second)
    return None if whole is None else f"{whole[:-1]}.{microsecond:06}Z"


def seen(host: Host) -> str:
    """The kind of source and, if it is not live, the time: `recorded 2026-01-02T03:04:05Z`."""
    if host.kind in ("live", "made-up"):
        return host.kind
    time = rfc3339(host.taken_at_ns // 1_000_000_000)
    if host.kind == "ps":
        return "the output of ps"
    kind = "recorded" if host.kind == "recording" else "a directory"
    at = f" {time}" if time else ""
    return f"{kind}{at}{', secrets masked' if host.redacted else ''}"


def own_name(outcome: Outcome) -> str:
    """The name that the agent gives a process, else its comm in brackets, as in ps; else `?`."""
    if outcome.process_name is not None:
        return outcome.process_name
    return "?" if outcome.process.comm is None else f"[{outcome.process.comm}]"


def why(outcome: Outcome, config: Config) -> str:
    """Why no rule decided about a process, as the end of a sentence."""
    reason = outcome.reason
    if reason == "min-lifetime":
        age = "" if outcome.agent_uptime_s is None else f" at {duration(outcome.agent_uptime_s)}"
        key = "os-proc-socket-min-lifetime" if config.feature is None else "min_lifetime"
        return f"too young{age}: {key} is {config.min_lifetime_s} s"
    if reason == "unreadable":
        causes = listed([f"{error.field} ({error.detail})" for error in outcome.process.failures])
        return f"could not be read{': ' if causes else ''}{causes}"
    if reason == "invisible":
        causes = listed([f"{error.field} ({error.detail})" for error in outcome.process.failures])
        return f"the agent cannot read or parse it{': ' if causes else ''}{causes}"
    if reason == "reported-as-ancestor":
        return f"its ancestor, pid {outcome.reported_pid}, is reported in its place"
    if reason == "no-match" and config.feature is None:
        return "no rule matches it, and this agent sends only what a rule accepts"
    if reason == "untagged" and config.dialect == "inputs.proc":
        return "only_with_tag is true, and the tag command reports no tags for it"
    return _LONG_REASONS.get(reason, reason)


_LONG_REASONS: dict[Reason, str] = {
    "no-match": "no matcher takes it",
    "ignore-matcher": "an ignore matcher keeps later matchers from taking it",
    "blacklisted": "its name is in process_blacklist",
    "no-start-time": "its start time cannot be read, so the agent does not send it",
    "not-recorded": "the source does not contain what the outcome depends on",
    "no-cmdline": "it has no command line (kernel thread, zombie, or cleared title)",
    "cmdline-not-utf8": "its command line is not UTF-8, so the agent skips it",
    "no-name": "its first argument contains no file name",
    "future-start": "its start time is in the future",
    "untagged": "os-proc-sync-tagged-only is true, and the tag command reports no tags for it",
    "tags-unknown": "the outcome depends on its tags, which are unknown",
    "masked": "the outcome depends on a value that is masked in the recording",
    "env-unknown": "the name depends on an environment variable of the agent, which is unknown",
}

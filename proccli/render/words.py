"""Facts in a person's words: durations, counts, reasons."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from proccli.model.config import Config
from proccli.model.outcome import Outcome, Reason
from proccli.model.process import Host
from proccli.plural import listed

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

SHORT_REASONS: dict[Reason, str] = {
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
"""For a cell of a table; `rule` and `implicit-accept` need no word."""


def duration(seconds: int) -> str:
    """A length of time, as exact as a person wants it: `3d 2h`, `5h 1m`, `45m`, `12s`."""
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


def seen(host: Host) -> str:
    """How, and if not now then when, the processes were seen."""
    if host.kind in ("live", "made-up"):
        return host.kind
    moment = rfc3339(host.taken_at_ns // 1_000_000_000)
    kind = "recorded" if host.kind == "recording" else "a directory"
    at = f" {moment}" if moment else ""
    return f"{kind}{at}{', secrets masked' if host.redacted else ''}"


def own_name(verdict: Outcome) -> str:
    """What to call a process: as the agent does, else by its comm, as ps brackets it."""
    if verdict.process_name is not None:
        return verdict.process_name
    return "?" if verdict.process.comm is None else f"[{verdict.process.comm}]"


def why(verdict: Outcome, config: Config) -> str:
    """Why a process has no rule's verdict, as the end of a sentence."""
    reason = verdict.reason
    if reason == "min-lifetime":
        age = "" if verdict.agent_uptime_s is None else f" at {duration(verdict.agent_uptime_s)}"
        return f"too young{age}: os-proc-socket-min-lifetime is {config.min_lifetime_s} s"
    if reason == "unreadable":
        causes = listed([f"{error.field} ({error.detail})" for error in verdict.process.errors])
        return f"could not be read{': ' if causes else ''}{causes}"
    return _LONG_REASONS.get(reason, reason)


_LONG_REASONS: dict[Reason, str] = {
    "no-cmdline": "it has no command line (a kernel thread, a zombie, or it cleared its title)",
    "cmdline-not-utf8": "its command line is not UTF-8, so for the agent it does not exist",
    "no-name": "its first argument holds no file name",
    "future-start": "its start lies in the future",
    "untagged": "os-proc-sync-tagged-only is on, and the tag command names no tags for it",
    "tags-unknown": "the outcome depends on its tags, and they are not known here",
    "masked": "the outcome touches a value that the recording masked",
    "env-unknown": "the name needs a variable of the agent's environment that is not known here",
}

"""The gates that processes pass one by one: each is counted at the first that removes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from proccli.jobs.gates.gate import Gate, brief, failed, passed, processes, unknown
from proccli.jobs.warning_text import PROBLEM_WORDS
from proccli.model.config import Config, Rule
from proccli.model.outcome import Outcome, Reason

GATES: Final = (
    "readable",
    "command-line",
    "utf-8",
    "process-name",
    "min-lifetime",
    "rules",
    "tagged-only",
)
_GATE_OF: Final[dict[Reason, str]] = {
    "unreadable": "readable",
    "no-cmdline": "command-line",
    "cmdline-not-utf8": "utf-8",
    "no-name": "process-name",
    "min-lifetime": "min-lifetime",
    "future-start": "min-lifetime",
    "rule": "rules",
    "masked": "rules",
    "untagged": "tagged-only",
}
_AS_ROOT: Final = "run proccli doctor as root"
NAMES: Final = "environment"
"""The gate of processes whose name alone is not known."""


@dataclass(slots=True)
class _Stopped:
    """Who gets no further than a gate."""

    removed: list[Outcome] = field(default_factory=list)
    undecided: list[Outcome] = field(default_factory=list)


def gate_of(verdict: Outcome, config: Config) -> str | None:
    """The gate that a process does not get past, or not certainly; None: it is sent."""
    if verdict.status == "accepted":
        return None
    if verdict.reason == "env-unknown":
        return NAMES
    if verdict.reason == "unreadable" and verdict.cmdline is not None:
        return "rules"  # an ancestor that we can't see
    if verdict.reason == "tags-unknown":
        undecided_rule = verdict.rule is None and any(
            rule.match_type == "tag" and rule.problem is None for rule in config.rules
        )
        return "rules" if undecided_rule or not config.tagged_only else "tagged-only"
    return _GATE_OF[verdict.reason]


def one_by_one(config: Config, verdicts: Sequence[Outcome], *, sees_all: bool) -> list[Gate]:
    """The seven gates in their order.

    A gate fails where processes come to it and none gets past it: to remove some is its task.
    `sees_all` is false where a mount may hide processes from us.
    """
    stopped = {name: _Stopped() for name in (*GATES, NAMES)}
    for verdict in verdicts:
        name = gate_of(verdict, config)
        if name is not None:
            undecided = verdict.status == "unknown"
            at = stopped[name]
            (at.undecided if undecided else at.removed).append(verdict)
    gates = []
    left, in_doubt = len(verdicts), False
    for name in GATES:
        at = stopped[name]
        gates.append(_gate(name, at, left, config, in_doubt=in_doubt))
        in_doubt = in_doubt or bool(at.undecided)
        left -= len(at.removed) + len(at.undecided)
    if not sees_all and gates[0].state != "fail":
        detail = f"{gates[0].detail}; but this mount of /proc hides other users' processes"
        hidden = unknown(GATES[0], detail, _AS_ROOT, removes=gates[0].removes)
        return [hidden, *gates[1:]]
    return gates


def _gate(name: str, at: _Stopped, came: int, config: Config, *, in_doubt: bool) -> Gate:
    """`in_doubt`: others may come to it that could not be decided before."""
    removes = len(at.removed)
    if not came:
        return unknown(name, "no process gets this far", removes=0)
    detail = _DETAILS[name](at.removed, config)
    if at.undecided:
        detail = _undecided(name, at, detail)
        return unknown(name, detail, _why_undecided(at.undecided), removes=removes)
    if removes == came and in_doubt:
        detail += "; none is left of those that can be decided here"
        return unknown(name, detail, _HINTS[name], removes=removes)
    if removes == came:
        return failed(name, f"{detail}; none is left", _HINTS[name], removes=removes)
    return passed(name, detail, removes=removes)


def _undecided(name: str, at: _Stopped, detail: str) -> str:
    count, first = len(at.undecided), _first(at.undecided)
    if name != "readable":
        return f"{detail}; {count:,} can't be decided here{first}"
    refused = f"{count:,} can't be read by us{first}, but by the agent, as root"
    return f"{detail}; {refused}" if at.removed else refused


def _why_undecided(undecided: Sequence[Outcome]) -> str:
    reasons = Counter(verdict.reason for verdict in undecided)
    reason, _ = reasons.most_common(1)[0]
    return {
        "masked": "record again with --no-redact, or look on the machine itself",
        "tags-unknown": "give the output of the tag command with --tags FILE",
    }.get(reason, _AS_ROOT)


def _first(removed: Sequence[Outcome]) -> str:
    return f" (first: pid {removed[0].process.pid})"


def _readable(removed: Sequence[Outcome], _config: Config) -> str:
    if not removed:
        return "all can be read"
    problems: Counter[str] = Counter()
    for verdict in removed:
        process = verdict.process
        error = process.error("cmdline") or process.error("uid")
        problems.update([PROBLEM_WORDS[error.problem] if error is not None else "unreadable"])
    why = ", ".join(f"{count:,} {what}" for what, count in sorted(problems.items()))
    return f"{processes(len(removed))} could not be read: {why}{_first(removed)}"


def _command_line(removed: Sequence[Outcome], _config: Config) -> str:
    if not removed:
        return "all have a command line"
    return f"{processes(len(removed))} without one: kernel threads, zombies, cleared titles"


def _utf8(removed: Sequence[Outcome], _config: Config) -> str:
    if not removed:
        return "all command lines are UTF-8"
    what = f"{processes(len(removed))} with a command line that is not UTF-8"
    return f"{what}, which for the agent do not exist{_first(removed)}"


def _name(removed: Sequence[Outcome], _config: Config) -> str:
    if not removed:
        return "all first arguments hold a name"
    return f"{processes(len(removed))} with no file name in the first argument{_first(removed)}"


def _lifetime(removed: Sequence[Outcome], config: Config) -> str:
    least = f"os-proc-socket-min-lifetime is {config.min_lifetime_s} s"
    if not removed:
        return f"{least}, and all are older"
    future = sum(verdict.reason == "future-start" for verdict in removed)
    young = len(removed) - future
    parts = [f"{processes(young)} younger than that"] if young else []
    if future:
        parts.append(f"{processes(future)} that started in the future")
    return f"{least}: {', '.join(parts)}{_first(removed)}"


def _rules(removed: Sequence[Outcome], config: Config) -> str:
    if not removed:
        return "none is dropped" if config.rules else "there are no rules: all are accepted"
    drops = Counter(verdict.rule.index for verdict in removed if verdict.rule is not None)
    rules: dict[int, Rule] = {rule.index: rule for rule in config.rules}
    index, count = drops.most_common(1)[0]
    rule = rules[index]
    at = f"{rule.at.source}:{rule.at.line}"
    top = f"{rule.match_type} ~ {brief(rule.match_regex)}"
    all_of_it = "drops them" if count == len(removed) else f"drops {count:,} of them"
    return f"{processes(len(removed))} dropped; rule {index} ({at}, {top}) {all_of_it}"


def _tagged(removed: Sequence[Outcome], config: Config) -> str:
    if not config.tagged_only:
        return "os-proc-sync-tagged-only is off"
    if not config.tag_exec and removed:
        return (
            "os-proc-sync-tagged-only is on, and nothing gives tags (os-app-tag-exec is empty):"
            f" {processes(len(removed))} without tags"
        )
    what = f"{processes(len(removed))} that the tag command does not name"
    return f"os-proc-sync-tagged-only is on: {what if removed else 'all are tagged'}"


_DETAILS: Final[dict[str, Callable[[Sequence[Outcome], Config], str]]] = {
    "readable": _readable,
    "command-line": _command_line,
    "utf-8": _utf8,
    "process-name": _name,
    "min-lifetime": _lifetime,
    "rules": _rules,
    "tagged-only": _tagged,
}
_HINTS: Final = {
    "readable": "even root is refused: look for a security module or a hardened /proc",
    "command-line": "is this the /proc that applications run in?",
    "utf-8": "start the programs with arguments in UTF-8",
    "process-name": "let the first argument end in a file name",
    "min-lifetime": "lower os-proc-socket-min-lifetime",
    "rules": "put a rule that accepts above it; proccli explain PID shows the way of a process",
    "tagged-only": "let os-app-tag-exec name the processes, or switch os-proc-sync-tagged-only off",
}

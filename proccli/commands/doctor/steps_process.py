"""The steps that processes pass one by one; each is counted at the first that removes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from proccli.commands.doctor.step import Step, as_root, brief, failed, masked_cure, passed, unknown
from proccli.commands.inputs import InputOptions
from proccli.commands.warnings import refused_to_us
from proccli.model.config import Config, Rule
from proccli.model.outcome import Outcome, Reason
from proccli.model.process import Host
from proccli.terminal.warning_text import PROBLEM_WORDS
from proccli.text import counted
from proccli.versions import InputsProc, behaviour_of

STEPS: Final = (
    "readable",
    "command-line",
    "utf-8",
    "process-name",
    "min-lifetime",
    "rules",
    "tagged-only",
)
_STEP_OF: Final[dict[Reason, str]] = {
    "unreadable": "readable",
    "no-cmdline": "command-line",
    "cmdline-not-utf8": "utf-8",
    "no-name": "process-name",
    "min-lifetime": "min-lifetime",
    "future-start": "min-lifetime",
    "rule": "rules",
    "no-match": "rules",
    "masked": "rules",
    "untagged": "tagged-only",
}
MATCHER_STEPS: Final = ("readable", "blacklist", "rules", "start-time", "min-lifetime")
"""The steps of agents with which every matcher runs."""
_MATCHER_STEP_OF: Final[dict[Reason, str]] = {
    "unreadable": "readable",
    "invisible": "readable",
    "not-recorded": "readable",
    "blacklisted": "blacklist",
    "no-match": "rules",
    "ignore-matcher": "rules",
    "reported-as-ancestor": "rules",
    "untagged": "rules",
    "tags-unknown": "rules",
    "masked": "rules",
    "no-start-time": "start-time",
    "future-start": "min-lifetime",
    "min-lifetime": "min-lifetime",
}
NAMES: Final = "environment"
"""The step of processes of which only the name is unknown."""


@dataclass(slots=True)
class _Stopped:
    """The processes that do not pass a step."""

    removed: list[Outcome] = field(default_factory=list)
    undecided: list[Outcome] = field(default_factory=list)


def runs_every_matcher(config: Config) -> bool:
    """Whether the agent runs every matcher of a feature, whichever dialect it reads."""
    return isinstance(behaviour_of(config.agent, config.dialect), InputsProc)


def steps_of(config: Config) -> tuple[str, ...]:
    """The steps that processes pass one by one, in order."""
    return MATCHER_STEPS if runs_every_matcher(config) else STEPS


def step_of(outcome: Outcome, config: Config) -> str | None:
    """The step that a process does not, or may not, pass; None: it is sent."""
    if outcome.status == "accepted":
        return None
    if outcome.reason == "env-unknown":
        return NAMES
    if runs_every_matcher(config):
        return _MATCHER_STEP_OF[outcome.reason]
    if outcome.reason == "unreadable" and outcome.cmdline is not None:
        return "rules"  # an ancestor that is not readable
    if outcome.reason == "tags-unknown":
        undecided_rule = outcome.rule is None and any(
            rule.match_type == "tag" and rule.problem is None for rule in config.rules
        )
        return "rules" if undecided_rule or not config.tagged_only else "tagged-only"
    if outcome.reason == "not-recorded":
        return "readable" if outcome.cmdline is None else "rules"
    return _STEP_OF[outcome.reason]


def process_steps(
    config: Config, outcomes: Sequence[Outcome], host: Host, options: InputOptions
) -> list[Step]:
    """The steps in order.

    A step fails if processes reach it but none passes it; it is normal to remove some.
    Where the proc mount hides processes, others than the visible ones may pass each step.
    """
    names = steps_of(config)
    stopped = {name: _Stopped() for name in (*names, NAMES)}
    for outcome in outcomes:
        name = step_of(outcome, config)
        if name is not None:
            undecided = outcome.status == "unknown"
            at = stopped[name]
            (at.undecided if undecided else at.removed).append(outcome)
    steps = []
    left, in_doubt = len(outcomes), not host.sees_all
    for name in names:
        at = stopped[name]
        steps.append(_step(name, at, left, config, options, in_doubt=in_doubt))
        in_doubt = in_doubt or bool(at.undecided)
        left -= len(at.removed) + len(at.undecided)
    if steps[0].state == "pass" and (lack := _lack(outcomes, host)) is not None:
        detail = f"{steps[0].detail}; {lack}"
        steps[0] = unknown(names[0], detail, as_root(options), removes=steps[0].removes)
    return steps


def _lack(outcomes: Sequence[Outcome], host: Host) -> str | None:
    """What the agent can read and this user cannot, although no process is unreadable."""
    if not host.sees_all:
        return "but the proc mount hides processes of other users"
    if refused := refused_to_us(outcomes, host):
        return (
            f"but not the user, the network namespace and the sockets of"
            f" {counted(len(refused), 'process')} (first: pid {refused[0]}), which the agent reads"
            " as root"
        )
    return None


def _step(
    name: str,
    at: _Stopped,
    reaching: int,
    config: Config,
    options: InputOptions,
    *,
    in_doubt: bool,
) -> Step:
    """`reaching`: number of processes that do; `in_doubt`: undecided or hidden ones may, too."""
    removes = len(at.removed)
    hint = _HINTS[name]
    if name == "min-lifetime":
        hint = f"lower {config.key('min_lifetime_s')}"
    elif name == "rules" and runs_every_matcher(config):
        hint = "add a matcher that takes them"
    if name == "rules":
        hint += f"; to see each rule for a process, run {options.command('explain', 'PID')}"
    if not reaching:
        return unknown(name, "no process reaches this step", removes=0)
    detail = _DETAILS[name](at.removed, config)
    if at.undecided:
        detail = _undecided(name, at, detail)
        return unknown(name, detail, _why_undecided(at.undecided, options), removes=removes)
    if removes == reaching and in_doubt:
        detail += "; no process with a known outcome is left"
        return unknown(name, detail, hint, removes=removes)
    if removes == reaching:
        return failed(name, f"{detail}; none is left", hint, removes=removes)
    return passed(name, detail, removes=removes)


def _undecided(name: str, at: _Stopped, detail: str) -> str:
    count, first = len(at.undecided), _first(at.undecided)
    if name != "readable" or any(outcome.reason == "not-recorded" for outcome in at.undecided):
        return f"{detail}; {count:,} undecided{first}"
    refused = f"{count:,} unreadable for this user{first}, but readable for the agent as root"
    return f"{detail}; {refused}" if at.removed else refused


def _why_undecided(undecided: Sequence[Outcome], options: InputOptions) -> str:
    reasons = Counter(outcome.reason for outcome in undecided)
    reason, _ = reasons.most_common(1)[0]
    return {
        "masked": masked_cure(options),
        "not-recorded": "record again: the source lacks what this agent looks at",
        "tags-unknown": "pass the output of the tag command with --tags FILE",
    }.get(reason, as_root(options))


def _first(removed: Sequence[Outcome]) -> str:
    return f" (first: pid {removed[0].process.pid})"


def _readable(removed: Sequence[Outcome], _config: Config) -> str:
    if not removed:
        return "all processes are readable"
    problems: Counter[str] = Counter()
    for outcome in removed:
        process = outcome.process
        errors = (process.error(name) for name in ("status", "cmdline", "uid", "exe"))
        error = next((error for error in errors if error is not None), None)
        problems.update([PROBLEM_WORDS[error.problem] if error is not None else "unreadable"])
    why = ", ".join(f"{count:,} {what}" for what, count in sorted(problems.items()))
    return f"{counted(len(removed), 'process')} could not be read: {why}{_first(removed)}"


def _command_line(removed: Sequence[Outcome], _config: Config) -> str:
    if not removed:
        return "all processes have a command line"
    return (
        f"{counted(len(removed), 'process')} without one (kernel threads, zombies, cleared titles)"
    )


def _utf8(removed: Sequence[Outcome], _config: Config) -> str:
    if not removed:
        return "all command lines are UTF-8"
    what = f"{counted(len(removed), 'process')} with a command line that is not UTF-8"
    return f"{what}, which the agent skips{_first(removed)}"


def _name(removed: Sequence[Outcome], _config: Config) -> str:
    if not removed:
        return "all first arguments contain a name"
    what = f"{counted(len(removed), 'process')} without a file name in the first argument"
    return f"{what}{_first(removed)}"


def _lifetime(removed: Sequence[Outcome], config: Config) -> str:
    least = f"{config.key('min_lifetime_s')} is {config.min_lifetime_s} s"
    if not removed:
        return f"{least}; all processes are older"
    future = sum(outcome.reason == "future-start" for outcome in removed)
    young = len(removed) - future
    parts = [f"{counted(young, 'process')} too young"] if young else []
    if future:
        parts.append(f"{counted(future, 'process')} with a start time in the future")
    return f"{least}: {', '.join(parts)}{_first(removed)}"


def _blacklist(removed: Sequence[Outcome], config: Config) -> str:
    if not config.blacklist:
        return "no process_blacklist"
    if not removed:
        return "no process has a name of process_blacklist"
    names = Counter(outcome.process_name or outcome.process.comm or "?" for outcome in removed)
    top = ", ".join(f"{count:,} {brief(name)}" for name, count in names.most_common(3))
    return f"{counted(len(removed), 'process')} named in process_blacklist: {top}"


def _start_time(removed: Sequence[Outcome], _config: Config) -> str:
    if not removed:
        return "all start times are readable"
    return (
        f"{counted(len(removed), 'process')} without a readable start time, which the agent does"
        f" not send{_first(removed)}"
    )


def _matchers(removed: Sequence[Outcome], config: Config) -> str:
    if not removed:
        return "a matcher takes every process"
    reasons = Counter(outcome.reason for outcome in removed)
    words = {
        "no-match": "taken by no matcher",
        "ignore-matcher": "kept out by an ignore matcher",
        "reported-as-ancestor": "reported as their ancestor",
        "untagged": "without tags",
    }
    parts = [f"{count:,} {words.get(reason, reason)}" for reason, count in reasons.most_common()]
    detail = f"{counted(len(removed), 'process')}: {', '.join(parts)}"
    ours = [rule for rule in config.rules if config.feature in rule.enabled_features]
    inside = sum(rule.only_in_container for rule in ours)
    outside = sum(outcome.reason == "no-match" and not outcome.container_id for outcome in removed)
    if inside and outside:
        detail += (
            f"; {inside:,} of {counted(len(ours), 'matcher')} ask for a container"
            f" (only_in_container, the default), and {outside:,} of these processes run in none"
        )
    return detail


def _rules(removed: Sequence[Outcome], config: Config) -> str:
    if runs_every_matcher(config):
        return _matchers(removed, config)
    if not removed:
        return "no process is dropped" if config.rules else "no rules: all processes are accepted"
    drops = Counter(outcome.rule.index for outcome in removed if outcome.rule is not None)
    unmatched = len(removed) - drops.total()
    no_rule = f"{counted(unmatched, 'process')} matched by no rule: agent {config.agent} sends only"
    no_rule += " what a rule accepts"
    if not drops:
        return no_rule
    rules: dict[int, Rule] = {rule.index: rule for rule in config.rules}
    index, count = drops.most_common(1)[0]
    rule = rules[index]
    at = f"{rule.at.source}:{rule.at.line}"
    top = f"{rule.match_type} ~ {brief(rule.match_regex)}"
    all_of_it = "drops them" if count == drops.total() else f"drops {count:,} of them"
    dropped = f"{counted(drops.total(), 'process')} dropped; rule {index} ({at}, {top}) {all_of_it}"
    return f"{dropped}; {no_rule}" if unmatched else dropped


def _tagged(removed: Sequence[Outcome], config: Config) -> str:
    if not config.tagged_only:
        return "os-proc-sync-tagged-only is false"
    if not config.tag_exec and removed:
        return (
            "os-proc-sync-tagged-only is true, but os-app-tag-exec is empty:"
            f" {counted(len(removed), 'process')} without tags"
        )
    what = f"{counted(len(removed), 'process')} without tags from the tag command"
    return f"os-proc-sync-tagged-only is true: {what if removed else 'all are tagged'}"


_DETAILS: Final[dict[str, Callable[[Sequence[Outcome], Config], str]]] = {
    "readable": _readable,
    "command-line": _command_line,
    "utf-8": _utf8,
    "process-name": _name,
    "min-lifetime": _lifetime,
    "rules": _rules,
    "tagged-only": _tagged,
    "blacklist": _blacklist,
    "start-time": _start_time,
}
_HINTS: Final = {
    "readable": "even root has no access: check for a security module or a hardened /proc",
    "command-line": "check that this is the /proc of the applications",
    "utf-8": "start the programs with UTF-8 arguments",
    "process-name": "make the first argument end with a file name",
    "min-lifetime": "lower os-proc-socket-min-lifetime",
    "rules": "add an accepting rule before it",
    "blacklist": "remove their names from process_blacklist",
    "start-time": "check that /proc/PID/stat is readable for the agent",
    "tagged-only": "make os-app-tag-exec report them, or set os-proc-sync-tagged-only to false",
}

"""The gates between a rule and a name: rules thrown away, tags, variables, the server's limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from proccli.jobs.environment import mentioned_names
from proccli.jobs.gates.gate import Gate, brief, failed, passed, processes, unknown
from proccli.jobs.gates.onebyone import NAMES
from proccli.jobs.warning_text import message
from proccli.model.config import Config
from proccli.model.notice import Notice
from proccli.model.outcome import Outcome
from proccli.model.process import Environment, SourceKind, TagTable

NAME_BYTES: Final = 256
"""What the server keeps of a name: server v6.5 cloud.go:661-666."""
_SHOWN: Final = 3


def rules_valid(config: Config) -> Gate:
    """The agent takes every rule."""
    name = "rules-valid"
    lost = [rule for rule in config.rules if rule.problem is not None]
    if not config.rules:
        return passed(name, "there are no rules: the agent's own accepts every process")
    if not lost:
        rules = "the rule" if len(config.rules) == 1 else f"all {len(config.rules)} rules"
        return passed(name, f"the agent takes {rules}")
    told = "; ".join(
        f"rule {rule.index} ({rule.at.source}:{rule.at.line}): {brief(rule.problem.message)}"
        for rule in lost[:_SHOWN]
        if rule.problem is not None
    )
    more = f"; and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
    detail = f"the agent throws away {len(lost)} of {len(config.rules)} rules: {told}{more}"
    return failed(name, detail, "correct the rule: the agent says nothing; proccli check does")


def tag_command(
    config: Config,
    tags: TagTable,
    notices: Sequence[Notice],
    kind: SourceKind,
    *,
    from_file: bool,
) -> Gate:
    """The tag command runs as its user, and the agent can read what it prints."""
    name = "tag-command"
    warnings = {notice.code: notice for notice in notices}
    lost = warnings.get("tag-exec-failed") or warnings.get("tags-rejected")
    named = f"{processes(len(tags.entries))} named"
    if lost is not None:
        hint = f"run it by hand as {brief(config.tag_exec_user)}: proccli tags shows what arrives"
        return failed(name, message(lost), hint)
    if from_file:
        detail = f"{brief(tags.origin)} was read instead of running it: {named}"
        return unknown(name, detail, "leave --tags out to have the command run")
    if not config.tag_exec:
        return passed(name, "none is configured: there are no os.app.* tags")
    if not config.tag_exec_user:
        detail = "os-app-tag-exec-user is empty: the agent runs no tag command"
        return failed(name, detail, "name the user that it should run as")
    if not tags.known:
        why = warnings.get("tags-unknown")
        return unknown(name, message(why) if why else "its output is not available")
    if kind != "live":
        detail = f"what it printed when the {kind} was made: {named}"
        return unknown(name, detail, "run proccli doctor on the machine itself")
    return passed(name, f"it ran as {brief(config.tag_exec_user)}: {named}")


def variables(
    config: Config, environment: Environment, notices: Sequence[Notice], kind: SourceKind
) -> Gate:
    """The variables in rewrite-names have values in the agent's environment."""
    names = mentioned_names(config)
    if not names:
        return passed(NAMES, "no rewrite-name mentions a %NAME%", removes=0)
    listed = ", ".join(f"%{brief(name)}%" for name in names[:_SHOWN])
    warnings = {notice.code: notice for notice in notices}
    give = "give it with --env NAME=VALUE"
    for code in ("env-unknown", "own-environment"):
        if code in warnings:
            return unknown(NAMES, message(warnings[code]), give, removes=0)
    if "env-unset" in warnings:
        if kind == "directory":
            return unknown(NAMES, f"{listed}: a directory has no environment", give, removes=0)
        hint = "set it in the agent's environment (systemd: Environment=; or the pod's env)"
        return failed(NAMES, message(warnings["env-unset"]), hint, removes=0)
    return passed(NAMES, f"{listed}: set in {environment.origin}", removes=0)


def name_length(verdicts: Sequence[Outcome]) -> Gate:
    """No name is empty, and none is longer than what the server keeps."""
    name = "name-length"
    sent = [verdict for verdict in verdicts if verdict.gprocess is not None]
    empty = [verdict.process.pid for verdict in sent if not verdict.gprocess]
    long = [verdict.process.pid for verdict in sent if _size(verdict.gprocess) > NAME_BYTES]
    if empty:
        detail = f"the name of {processes(len(empty))} is empty (first: pid {empty[0]})"
        return failed(name, detail, f"proccli explain {empty[0]} shows how rewrite-name did that")
    if long:
        detail = (
            f"the server cuts the names of {processes(len(long))} after {NAME_BYTES} bytes"
            f" (first: pid {long[0]})"
        )
        hint = f"let the pattern consume the whole text: proccli explain {long[0]}"
        return failed(name, detail, hint)
    if not sent:
        return unknown(name, "no process gets this far")
    longest = max(_size(verdict.gprocess) for verdict in sent)
    return passed(name, f"the longest has {longest} bytes; the server keeps {NAME_BYTES}")


def _size(name: str | None) -> int:
    return len((name or "").encode("utf-8", "surrogateescape"))

"""The steps between a rule and a name: valid rules, tags, variables, the name limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from proccli.commands.doctor.step import Step, brief, failed, passed, unknown
from proccli.commands.doctor.steps_agent import misplaced, on_the_machine
from proccli.commands.doctor.steps_process import NAMES, runs_every_matcher
from proccli.commands.inputs import InputOptions, mentioned_names
from proccli.config.warning_words import rule_problem_wording, wording
from proccli.model.config import Config
from proccli.model.note import Note
from proccli.model.outcome import Outcome
from proccli.model.process import Environment, SourceKind, TagTable
from proccli.terminal.warning_text import message
from proccli.text import counted

NAME_BYTES: Final = 256
"""Maximum length of a name on the server. Source: server v6.5 cloud.go:661-666."""
_SHOWN: Final = 3
_REWRITES: Final = {"static_config": "rewrite-name", "inputs.proc": "rewrite_name"}


def rules_valid(config: Config, options: InputOptions) -> Step:
    """The agent accepts every rule."""
    name = "rules-valid"
    lost = [rule for rule in config.rules if rule.problem is not None]
    if runs_every_matcher(config):
        return _matchers_valid(config, options)
    if not config.rules and (note := misplaced(config, "os-proc-regex")) is not None:
        found = wording(note)
        return failed(
            name,
            f"there are no rules; {note.at}: {found.problem}, so {found.effect}",
            found.hint or "",
        )
    if not config.rules:
        return passed(name, "no rules: the agent's built-in .* accepts every process")
    if not lost:
        rules = "the rule" if len(config.rules) == 1 else f"all {len(config.rules)} rules"
        return passed(name, f"the agent accepts {rules}")
    problems = "; ".join(
        f"rule {rule.index} ({rule.at.source}:{rule.at.line}):"
        f" {brief(rule_problem_wording(rule.problem).problem)}"
        for rule in lost[:_SHOWN]
        if rule.problem is not None
    )
    more = f"; and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
    detail = f"the agent ignores {len(lost)} of {len(config.rules)} rules: {problems}{more}"
    return failed(name, detail, f"correct the rule; for details, run {options.command('check')}")


def _matchers_valid(config: Config, options: InputOptions) -> Step:
    """A matcher of the list belongs to the feature; a bad regex rejects the whole configuration."""
    name = "rules-valid"
    if config.dialect != "inputs.proc":
        return passed(name, f"agent {config.agent} makes {len(config.rules)} matchers of the rules")
    ours = sum(config.feature in rule.enabled_features for rule in config.rules)
    inert = sum(not rule.enabled_features for rule in config.rules)
    matchers = counted(len(config.rules), "matcher")
    detail = f"{ours:,} of {matchers} list {config.feature} in enabled_features"
    if inert:
        detail += f"; {inert:,} list no feature and do nothing"
    if not ours:
        hint = f"add {config.feature} to enabled_features"
        return failed(name, f"{detail}: no process is taken", hint)
    details = f"for details, run {options.command('check')}"
    return passed(name, detail, hint=details if inert else None)


def tag_command(
    config: Config,
    tags: TagTable,
    notes: Sequence[Note],
    kind: SourceKind,
    options: InputOptions,
) -> Step:
    """The tag command runs as its user, and the agent accepts its output."""
    name = "tag-command"
    warnings = {note.code: note for note in notes}
    lost = warnings.get("tag-exec-failed") or warnings.get("tags-rejected")
    named = f"tags for {counted(len(tags.entries), 'process')}"
    if lost is not None:
        hint = (
            f"run it by hand as {brief(config.tag_exec_user)}; to see its tags, run"
            f" {options.command('tags', as_root=True)}"
        )
        return failed(name, message(lost), hint)
    if options.tags is not None:
        detail = f"{brief(tags.origin)} used instead of the tag command: {named}"
        return unknown(name, detail, "omit --tags to run the command")
    if not config.tag_exec and (note := misplaced(config, config.key("tag_exec"))) is not None:
        found = wording(note)
        detail = f"not configured; {note.at}: {found.problem}, so {found.effect}"
        return failed(name, detail, found.hint or "")
    if not config.tag_exec:
        return passed(name, "not configured: there are no os.app.* tags")
    if not config.tag_exec_user:
        detail = f"{config.key('tag_exec_user')} is empty: the agent does not run the tag command"
        return failed(name, detail, "set the user to run it as")
    if not tags.known:
        why = warnings.get("tags-unknown")
        return unknown(name, message(why) if why else "its output is not available")
    if kind != "live":
        detail = f"output from when the {kind} was created: {named}"
        return unknown(name, detail, on_the_machine(options))
    return passed(name, f"it ran as {brief(config.tag_exec_user)}: {named}")


def variables(
    config: Config, environment: Environment, notes: Sequence[Note], kind: SourceKind
) -> Step:
    """The variables in rewrite-name are set in the agent's environment."""
    names = mentioned_names(config)
    if not names:
        return passed(NAMES, f"no {_REWRITES[config.dialect]} contains %NAME%", removes=0)
    listed = ", ".join(f"%{brief(name)}%" for name in names[:_SHOWN])
    warnings = {note.code: note for note in notes}
    give = "set it with --env NAME=VALUE"
    for code in ("env-unknown", "own-environment"):
        if code in warnings:
            return unknown(NAMES, message(warnings[code]), give, removes=0)
    if "env-unset" in warnings:
        if kind == "directory":
            return unknown(NAMES, f"{listed}: a directory has no environment", give, removes=0)
        hint = "set it in the agent's environment (systemd: Environment=; or the pod's env)"
        return failed(NAMES, message(warnings["env-unset"]), hint, removes=0)
    return passed(NAMES, f"{listed}: set in {environment.origin}", removes=0)


def name_length(outcomes: Sequence[Outcome], options: InputOptions) -> Step:
    """No name is empty or longer than the limit of the server."""
    name = "name-length"
    sent = [outcome for outcome in outcomes if outcome.gprocess is not None]
    empty = [outcome.process.pid for outcome in sent if not outcome.gprocess]
    long = [outcome.process.pid for outcome in sent if _size(outcome.gprocess) > NAME_BYTES]
    if empty:
        detail = f"the name of {counted(len(empty), 'process')} is empty (first: pid {empty[0]})"
        explain = options.command("explain", str(empty[0]))
        return failed(name, detail, f"to see the effect of rewrite-name, run {explain}")
    if long:
        detail = (
            f"the server truncates the names of {counted(len(long), 'process')}"
            f" to {NAME_BYTES} bytes (first: pid {long[0]})"
        )
        explain = options.command("explain", str(long[0]))
        hint = f"match the whole text in the pattern; to see what it matches, run {explain}"
        return failed(name, detail, hint)
    if not sent:
        return unknown(name, "no process reaches this step")
    longest = max(_size(outcome.gprocess) for outcome in sent)
    return passed(name, f"the longest name has {longest} bytes; the limit is {NAME_BYTES}")


def _size(name: str | None) -> int:
    return len((name or "").encode("utf-8", "surrogateescape"))

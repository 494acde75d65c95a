"""rewrite-name as it is written: references, variables, and where it is of no use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from proccli.agent.rules import REFERENCE
from proccli.lint.context import Context
from proccli.model.config import Diagnostic, Rule
from proccli.rustregex.match.template import Reference
from proccli.textsafe import visible

_NUMBER: Final = re.compile(r"[0-9]+")
_NOT_A_REFERENCE: Final = re.compile(r"\\[0-9]|\\g<[^>]*>|\$\{[^}]*\Z")
_NAME: Final = "rewrite-name"


def check(context: Context) -> Iterator[Diagnostic]:
    """What is wrong with a rewrite-name, or with there being one, or none."""
    for rule in context.config.rules:
        if not rule.rewrite_name:
            if rule.match_type == "cmdline" and rule.action == "accept" and rule.match_regex:
                yield _missing(rule, context)
        elif not rewrites(rule):
            yield _ignored(rule, context)
        else:
            yield from _groups(rule, context)
            yield from _literals(rule, context)
            yield from _percent(rule, context)


def rewrites(rule: Rule) -> bool:
    """Whether the agent makes any use of a rule's rewrite-name.

    Source: agent v6.5 linux_process.rs:254-283.
    """
    return (
        bool(rule.rewrite_name)
        and rule.match_type in ("process_name", "cmdline")
        and rule.action == "accept"
    )


def _missing(rule: Rule, context: Context) -> Diagnostic:
    return context.at_rule(
        rule,
        "rewrite-missing",
        "a cmdline rule without rewrite-name",
        effect="the name stays that of argv[0] (python3, java): the command line does not become"
        " the name, whatever the vendor's page says",
        hint="add rewrite-name, unless the rule only chooses what is synced",
    )


def _ignored(rule: Rule, context: Context) -> Diagnostic:
    reason = (
        f"with match-type {visible(rule.match_type[:40])}"
        if rule.match_type in ("parent_process_name", "tag")
        else f"with action {visible(rule.action[:40])}"
    )
    return context.at_value(
        rule,
        _NAME,
        "rewrite-ignored",
        f"rewrite-name is of no use {reason}",
        effect="a dropped process has no name" if rule.action == "drop" else "the name stays",
        hint="leave it out" if rule.action == "drop" else "only process_name and cmdline rewrite",
    )


def _groups(rule: Rule, context: Context) -> Iterator[Diagnostic]:
    regex = context.regexes.get(rule.index)
    if regex is None:
        return
    for part in regex.missing_groups(rule.rewrite_name):
        written = rule.rewrite_name[slice(*part.span)]
        reads = "" if written.startswith("${") else f" ({written} reads as ${{{part.group}}})"
        yield context.at_value(
            rule,
            _NAME,
            "rewrite-group",
            f'rewrite-name refers to group "{visible(str(part.group)[:60])}",'
            f" which does not exist{visible(reads[:80]) if isinstance(part.group, str) else ''}",
            part=part.span,
            effect="the reference becomes nothing",
            hint=_meant(part, regex.group_names),
        )


def _meant(part: Reference, names: tuple[str | None, ...]) -> str:
    group = str(part.group)
    digits = _NUMBER.match(group)
    if digits and digits.end() < len(group) and int(digits[0][:20]) < len(names):
        return f"write ${{{digits[0]}}}{visible(group[digits.end() :][:40])}"
    begins = [name for name in names if name and group.startswith(name) and name != group]
    if begins:
        name = max(begins, key=len)
        return f"write ${{{name}}}{visible(group[len(name) :][:40])}"
    known = [f"${{{name}}}" for name in names if name]
    count = len(names) - 1
    if not count:
        return "the pattern has no group: put what is to become the name in parentheses"
    numbered = "$1" if count == 1 else f"$1 to ${count}"
    return f"the pattern has {', '.join([numbered, *known[:10]])}"


def _literals(rule: Rule, context: Context) -> Iterator[Diagnostic]:
    for found in _NOT_A_REFERENCE.finditer(rule.rewrite_name):
        text = found.group()
        if text.startswith("$"):
            hint = "close the brace"
        else:
            hint = f"write ${{{text.strip(chr(92) + 'g<>')}}}"
        yield context.at_value(
            rule,
            _NAME,
            "rewrite-literal",
            f"{visible(text[:40])} is no reference to a group here",
            part=found.span(),
            effect="it goes into the name as it is written",
            hint=visible(hint[:60]),
        )


def _percent(rule: Rule, context: Context) -> Iterator[Diagnostic]:
    template = rule.rewrite_name
    for found in REFERENCE.finditer(template):
        name, ending = found.groups()
        if name and ending == "%":
            yield from _variable(rule, name, (found.start(), found.end()), context)
            continue
        if ending == "%":
            message, effect = "%% is an empty name between percent signs", "both disappear"
        elif not name and not ending:
            message, effect = "a percent sign at the end", "it disappears"
        elif not ending:
            message = f"%{visible(name[:40])} has no closing percent sign"
            effect = "it goes into the name as it is written"
        else:
            continue
        hint = (
            f"write %{visible(name[:40])}% for a variable"
            if name
            else "no % can stand before another % or at the end: write it otherwise"
        )
        span = (found.start(), found.end())
        yield context.at_value(
            rule, _NAME, "rewrite-percent", message, part=span, effect=effect, hint=hint
        )


def _variable(
    rule: Rule, name: str, span: tuple[int, int], context: Context
) -> Iterator[Diagnostic]:
    environment = context.surroundings.environment
    shown = visible(name[:60])
    if environment is None or not environment.knows(name):
        yield context.at_value(
            rule,
            _NAME,
            "rewrite-env",
            f"{shown} is taken from the environment of the agent, which is not known here",
            part=span,
            effect="where it is not set, it becomes nothing",
            hint=f"--env {shown}=VALUE tells it; a systemd unit has no HOSTNAME of itself"
            if name == "HOSTNAME"
            else f"--env {shown}=VALUE tells it",
        )
    elif name not in environment.values:
        yield context.at_value(
            rule,
            _NAME,
            "rewrite-env-unset",
            f"{shown} is not set in the environment of {visible(environment.origin[:60])}",
            part=span,
            effect="it becomes nothing",
            hint="set it where the agent is started, or leave it out",
        )

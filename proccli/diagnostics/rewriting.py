"""Checks of rewrite-name: references, variables, and rules that do not use it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from proccli.agent.rules import REFERENCE
from proccli.diagnostics.context import Context
from proccli.model.config import Diagnostic, Rule
from proccli.rustregex.match.template import Reference
from proccli.text import visible

_NUMBER: Final = re.compile(r"[0-9]+")
_NOT_A_REFERENCE: Final = re.compile(r"\\[0-9]|\\g<[^>]*>|\$\{[^}]*\Z")


def check(context: Context) -> Iterator[Diagnostic]:
    """Problems with a rewrite-name, including an unused or a missing one."""
    for rule in context.config.rules:
        if not rule.rewrite_name:
            argv0 = context.behaviour is None and rule.match_type == "cmdline"
            if argv0 and rule.action == "accept" and rule.match_regex:
                yield _missing(rule, context)
        elif not rewrites(rule, context):
            yield _ignored(rule, context)
        else:
            yield from _groups(rule, context)
            yield from _literals(rule, context)
            yield from _percent(rule, context)


def rewrites(rule: Rule, context: Context) -> bool:
    """Whether the agent uses the rewrite-name of a rule.

    Source: agent v6.5 linux_process.rs:254-283; FACTS B5.
    """
    own_text = rule.match_type not in ("parent_process_name", "tag")
    ignores = rule.ignore and context.behaviour is not None and context.behaviour.ignore != "unused"
    return bool(rule.rewrite_name) and own_text and rule.action == "accept" and not ignores


def _missing(rule: Rule, context: Context) -> Diagnostic:
    return context.at_rule(
        rule,
        "rewrite-missing",
        "this cmdline rule has no rewrite-name",
        effect="the process keeps the name from argv[0] (python3, java); the command line does not"
        " become the name, unlike the vendor's page says",
        hint="add rewrite-name, unless the rule only selects what to sync",
    )


def _ignored(rule: Rule, context: Context) -> Diagnostic:
    keys, behaviour = context.keys, context.behaviour
    # Where every matcher runs, a rule with action drop takes its processes without renaming them.
    drops = rule.action == "drop" if behaviour is None else rule.ignore
    dropped = drops and (behaviour is None or behaviour.ignore == "removes")
    hint = "remove it"
    if rule.match_type in ("parent_process_name", "tag"):
        reason = f"with {keys.match_type} {visible(rule.match_type[:40])}"
        hint = f"use {keys.match_type} process_name or cmdline to rewrite names"
        if context.behaviour is not None:
            hint = f"use {keys.match_type} process_name, cmdline or cmdline_with_args"
    elif rule.ignore:
        reason = "with ignore: true"
    else:
        reason = f"with action {visible(rule.action[:40])}"
    return context.at_value(
        rule,
        keys.rewrite,
        "rewrite-ignored",
        f"{keys.rewrite} has no effect {reason}",
        effect="a dropped process has no name" if dropped else "the process keeps its name",
        hint="remove it" if dropped else hint,
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
            context.keys.rewrite,
            "rewrite-group",
            f'{context.keys.rewrite} refers to group "{visible(str(part.group)[:60])}",'
            f" which does not exist{visible(reads[:80]) if isinstance(part.group, str) else ''}",
            part=part.span,
            effect="the reference becomes empty",
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
        return "the pattern has no group: put the part for the name in parentheses"
    numbered = "$1" if count == 1 else f"$1 to ${count}"
    return f"available groups: {', '.join([numbered, *known[:10]])}"


def _literals(rule: Rule, context: Context) -> Iterator[Diagnostic]:
    for found in _NOT_A_REFERENCE.finditer(rule.rewrite_name):
        text = found.group()
        if text.startswith("$"):
            hint = "close the brace"
        else:
            hint = f"write ${{{text.strip(chr(92) + 'g<>')}}}"
        yield context.at_value(
            rule,
            context.keys.rewrite,
            "rewrite-literal",
            f"{visible(text[:40])} is not a group reference in this dialect",
            part=found.span(),
            effect="it becomes part of the name unchanged",
            hint=visible(hint[:60]),
        )


def _percent(rule: Rule, context: Context) -> Iterator[Diagnostic]:
    template = rule.rewrite_name
    behaviour = context.agent.static_config if context.behaviour is None else None
    for found in re.finditer(REFERENCE, template):
        name, ending = found.groups()
        if behaviour is not None and not behaviour.env:
            if name and ending == "%":
                yield context.at_value(
                    rule,
                    context.keys.rewrite,
                    "rewrite-percent",
                    f"agent {context.config.agent} replaces no %NAME%",
                    part=(found.start(), found.end()),
                    effect="it becomes part of the name unchanged",
                    hint="update the agent, or leave it out",
                )
            continue
        if name and ending == "%":
            yield from _variable(rule, name, (found.start(), found.end()), context)
            continue
        if ending == "%":
            message, effect = "%% is a variable without a name", "both percent signs are removed"
        elif not name and not ending:
            message, effect = "percent sign at the end", "it is removed"
        elif not ending:
            message = f"%{visible(name[:40])} has no closing percent sign"
            effect = "it becomes part of the name unchanged"
        else:
            continue
        hint = (
            f"write %{visible(name[:40])}% for a variable"
            if name
            else "use a name without % at the end and without %%"
        )
        span = (found.start(), found.end())
        yield context.at_value(
            rule,
            context.keys.rewrite,
            "rewrite-percent",
            message,
            part=span,
            effect=effect,
            hint=hint,
        )


def _variable(
    rule: Rule, name: str, span: tuple[int, int], context: Context
) -> Iterator[Diagnostic]:
    environment = context.surroundings.environment()
    shown = visible(name[:60])
    if environment is None or not environment.knows(name):
        yield context.at_value(
            rule,
            context.keys.rewrite,
            "rewrite-env",
            f"{shown} comes from the environment of the agent, which is unknown here",
            part=span,
            effect="if it is not set, it becomes empty",
            hint=f"set it with --env {shown}=VALUE; systemd does not set HOSTNAME by default"
            if name == "HOSTNAME"
            else f"set it with --env {shown}=VALUE",
        )
    elif name not in environment.values:
        yield context.at_value(
            rule,
            context.keys.rewrite,
            "rewrite-env-unset",
            f"{shown} is not set in the environment of {visible(environment.origin[:60])}",
            part=span,
            effect="it becomes empty",
            hint="set it where the agent is started, or remove it",
        )

"""Rules that the agent ignores, and patterns that only some agent versions accept."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from proccli import rustregex
from proccli.diagnostics.folded_context import Context
from proccli.model.config import Diagnostic, Rule
from proccli.rustregex import RegexSyntaxError
from proccli.rustregex.parse.release_1_6 import rejected_by_1_6
from proccli.text import visible

_IGNORED = "the agent silently ignores the rule; the other rules keep their order"
_LONGEST = 60


def check(context: Context) -> Iterator[Diagnostic]:
    """Every reason for which the agent would ignore a rule; there may be several per rule."""
    for rule in context.config.rules:
        yield from _pattern(rule, context)
        yield from _word(rule, "match-type", rule.match_type, context.agent.match_types, context)
        yield from _word(rule, "action", rule.action, context.agent.actions, context)


def _pattern(rule: Rule, context: Context) -> Iterator[Diagnostic]:
    try:
        rustregex.compile(rule.match_regex)
    except RegexSyntaxError as error:
        code = "regex-size" if error.kind == "compiled-too-big" else "regex-syntax"
        yield context.at_value(
            rule,
            "match-regex",
            code,
            f"invalid match-regex: {error.message}",
            part=(error.position, error.end),
            effect=_IGNORED,
            hint=error.hint,
        )
        return
    older = rejected_by_1_6(rule.match_regex)
    if older is not None:
        yield context.at_value(
            rule,
            "match-regex",
            "regex-older-agents",
            f"match-regex is invalid for agents 6.2: {older.message}",
            part=(older.position, older.end),
            effect="agents 6.2 silently ignore the rule; later agents accept it",
            hint=older.hint,
        )


def _word(
    rule: Rule, name: str, word: str, known: tuple[str, ...], context: Context
) -> Iterator[Diagnostic]:
    if word in known:
        return
    close = difflib.get_close_matches(word.strip().lower()[:_LONGEST], known, n=1)
    if close:
        hint = f"write {close[0]}"
    elif word in ("~", "null"):
        hint = "omit the key"
    else:
        hint = f"valid values: {', '.join(known)}"
    message = f'invalid {name} "{visible(word[:_LONGEST])}"'
    yield context.at_value(rule, name, name, message, effect=_IGNORED, hint=hint)

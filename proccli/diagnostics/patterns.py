"""Which of the texts of its match type a pattern can match."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from proccli import rustregex
from proccli.diagnostics.domains import CMDLINES, DOMAINS, LIMITS, NAMES, SUBJECTS
from proccli.diagnostics.folded_context import Context
from proccli.diagnostics.reach import Reach
from proccli.diagnostics.titles import WORKERS
from proccli.model.config import Diagnostic, Rule
from proccli.rustregex.automata.domain import Domain, texts_without
from proccli.rustregex.automata.patternset import find_text
from proccli.rustregex.tree.charset import normalize, subtract
from proccli.text import visible

_NO_SPACE: Final = texts_without("\0/\n ", min_length=1)
_LINE_BREAK: Final = ((10, 10),)
_SCRIPT: Final = r"\.(py|pyc|sh|bash|rb|pl|js|mjs|php|lua|jar|war)\b"
_SCRIPT_NAME: Final = rustregex.compile(_SCRIPT)
_NO_SCRIPT: Final = replace(NAMES, avoiding=(*NAMES.avoiding, _SCRIPT))
_TITLE: Final = rf"[:\[*(]|^({'|'.join(WORKERS)})"
_NO_TITLE: Final = replace(NAMES, avoiding=(*NAMES.avoiding, _TITLE))
"""Names of programs that rewrite their titles contain such text: `nginx: worker process`."""


def check(context: Context, known: Reach) -> Iterator[Diagnostic]:
    """Patterns that match everything, nothing, or other texts than intended."""
    for rule in context.config.rules:
        if not rule.places and not rule.match_regex:
            yield _empty_rule(rule, context)
        elif rule.problem is None and not rule.match_regex:
            yield _empty_regex(rule, context)
        elif rule.problem is None:
            yield from _possible(rule, known.samples.get(rule.index), context)


def _empty_rule(rule: Rule, context: Context) -> Diagnostic:
    return context.at_rule(
        rule,
        "empty-rule",
        f"rule {rule.index} has no values",
        effect="it accepts every process, so the rules after it are never reached",
        hint="add the values, or delete the rule together with its dash",
    )


def _empty_regex(rule: Rule, context: Context) -> Diagnostic:
    written = "match-regex" in rule.places
    return context.at_value(
        rule,
        "match-regex",
        "empty-regex",
        "an empty match-regex matches everything"
        if written
        else f"rule {rule.index} has no match-regex, so it matches everything",
        effect="the rules after it are never reached"
        if rule.match_type in ("process_name", "cmdline")
        else None,
        hint="write .* if this is intended",
    )


def _possible(rule: Rule, sample: str | None, context: Context) -> Iterator[Diagnostic]:
    """`sample` is a text that the rule matches; it often makes a search unnecessary."""
    pattern, domain = rule.match_regex, DOMAINS[rule.match_type]
    usual = sample is not None and "\n" not in sample
    if not usual and not _can_match(pattern, _lines(domain)):
        if _can_match(pattern, _with_breaks(domain)):
            yield _needs_line_break(rule, context)
        else:
            yield _never_matches(rule, context)
    elif rule.match_type in ("process_name", "parent_process_name"):
        yield from _improbable_name(rule, sample, context)


def _lines(domain: Domain) -> Domain:
    return replace(domain, characters=subtract(domain.characters, _LINE_BREAK))


def _with_breaks(domain: Domain) -> Domain:
    return replace(domain, characters=normalize((*domain.characters, *_LINE_BREAK)))


def _never_matches(rule: Rule, context: Context) -> Diagnostic:
    return context.at_value(
        rule,
        "match-regex",
        "never-matches",
        f"this pattern can never match {SUBJECTS[rule.match_type]}",
        effect="the rule never hits",
        hint=_instead(rule),
    )


def _needs_line_break(rule: Rule, context: Context) -> Diagnostic:
    at_end = rule.match_regex.endswith("\n")
    return context.at_value(
        rule,
        "match-regex",
        "needs-line-break",
        "this pattern requires a line break",
        effect="process names and command lines rarely contain one, so the rule hardly ever hits",
        hint="write |- instead of |, which keeps the final line break as part of the pattern"
        if at_end
        else None,
    )


def _instead(rule: Rule) -> str | None:
    if rule.match_type in ("process_name", "parent_process_name"):
        if rule.match_type == "process_name" and _can_match(rule.match_regex, CMDLINES):
            return "a name contains no slash: write match-type: cmdline, or remove the directory"
        return "a name is the last part of argv[0], without any slash"
    if rule.match_type == "tag":
        return "each tag is matched separately, as key:value"
    return None


def _improbable_name(rule: Rule, sample: str | None, context: Context) -> Iterator[Diagnostic]:
    pattern = rule.match_regex
    scripts = sample is None or _SCRIPT_NAME.is_match(sample)
    if scripts and not _can_match(pattern, _NO_SCRIPT):
        yield context.at_value(
            rule,
            "match-regex",
            "script-name",
            "this pattern matches only script names, but a script has the name of its interpreter",
            effect="the process is named python3, java or bash, so the rule hardly ever hits",
            hint="write match-type: cmdline",
        )
        return
    spaces = sample is None or " " in sample
    if spaces and not _can_match(pattern, _NO_SPACE) and _can_match(pattern, _NO_TITLE):
        yield _needs_space(rule, context)


def _needs_space(rule: Rule, context: Context) -> Diagnostic:
    example = find_text(matching=[rule.match_regex], domain=NAMES, limits=LIMITS).text or ""
    return context.at_value(
        rule,
        "match-regex",
        "needs-space",
        f'this pattern requires a space, as in "{visible(example[:60])}",'
        " but a process_name is only argv[0]",
        effect="only processes that rewrite their titles have spaces in their names",
        hint="write match-type: cmdline to match arguments"
        if rule.match_type == "process_name"
        else "parents are matched by name only, not by command line",
    )


def _can_match(pattern: str, domain: Domain) -> bool:
    """Whether there is such a text; also true if the search reached its limit."""
    found = find_text(matching=[pattern], domain=domain, limits=LIMITS)
    return found.text is not None or not found.decided

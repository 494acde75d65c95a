"""Rules prepared as at the agent's start: patterns compiled, rewrite names expanded."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from proccli import rustregex
from proccli.model.config import Rule
from proccli.model.process import Environment
from proccli.versions import RegexCrate

MANY_RULES: Final = 32
"""From this number on, looking up which rules may match (`candidates.py`) is faster than trying
all."""


class CompiledRule(NamedTuple):
    """A rule with its pattern compiled and its rewrite-name expanded, as at the agent's start."""

    rule: Rule
    regex: rustregex.Regex | None
    """None: the agent ignores the rule (invalid), so it never matches."""
    expansion: Expansion | None
    """rewrite-name with %NAME% replaced; None where the agent doesn't rewrite with this rule."""
    unknown_env: tuple[str, ...] = ()
    """Names in rewrite-name whose values are not known."""

    def matches(self, text: str) -> bool:
        """Whether the agent's rule matches a text."""
        return self.regex is not None and self.regex.is_match(text)


def compile_rule(
    rule: Rule, environment: Environment, crate: RegexCrate, *, expands: bool = True
) -> CompiledRule:
    """A rule ready to match; `expands`: whether the agent replaces `%NAME%`.

    Only accepting rules on a text of the process itself rewrite, and only with a template that is
    not empty once the environment is in it (agent v6.5 linux_process.rs:254-300; FACTS B5).
    """
    if rule.problem is not None:
        return CompiledRule(rule=rule, regex=None, expansion=None)
    regex = rustregex.compile(rule.match_regex, crate)
    own_text = rule.match_type not in ("parent_process_name", "tag")
    rewrites = own_text and rule.action == "accept"
    if not rewrites or not rule.rewrite_name:
        return CompiledRule(rule=rule, regex=regex, expansion=None)
    if not expands:
        as_written = Expansion(text=rule.rewrite_name, names=(), unset=())
        return CompiledRule(rule=rule, regex=regex, expansion=as_written)
    expansion = expand_windows(rule.rewrite_name, environment.values.get)
    unknown = tuple(name for name in expansion.unset if not environment.knows(name))
    return CompiledRule(rule=rule, regex=regex, expansion=expansion, unknown_env=unknown)


def compile_rules(
    rules: Sequence[Rule], environment: Environment, crate: RegexCrate, *, expands: bool = True
) -> tuple[CompiledRule, ...]:
    """All rules, in order, including those that the agent ignores."""
    return tuple(compile_rule(rule, environment, crate, expands=expands) for rule in rules)


# ---- %NAME% in a rewrite-name, by the rules of the crate `envmnt` 0.10.4 for Windows style ----

REFERENCE: Final = r"%([^% \t\r\n=]*)([% \t\r\n=]|\Z)"
"""A percent sign, what may be a name, and what ends it: only another `%` makes it one."""


class Expansion(NamedTuple):
    """A template after its names were replaced, before its groups are."""

    text: str
    names: tuple[str, ...]
    """Every name that it contains, once, in order."""
    unset: tuple[str, ...]
    """Those of them without a value: they were replaced by nothing."""


def expand_windows(template: str, lookup: Callable[[str], str | None]) -> Expansion:
    """The template with every `%NAME%` replaced by its value, an unset one by nothing.

    A name may contain any characters but space, tab, CR, LF and `=`: one of those ends the
    attempt, and what was read stays as written, that character included. `%%` is replaced by
    nothing, and so is a lone `%` at the end; an unclosed `%NAME` stays.

    Source: envmnt 0.10.4 expansion.rs, as called at agent v6.5 linux_process.rs:254-262.
    """
    values: dict[str, str | None] = {}

    def replacement(found: re.Match[str]) -> str:
        name, ending = found.groups()
        if ending == "%":
            if name and name not in values:
                values[name] = lookup(name)
            return values.get(name) or ""
        return found.group() if name or ending else ""

    text = re.sub(REFERENCE, replacement, template) if "%" in template else template
    unset = tuple(name for name, value in values.items() if value is None)
    return Expansion(text=text, names=tuple(values), unset=unset)


def names_mentioned(template: str) -> tuple[str, ...]:
    """The names of variables in a template, each once, in order."""
    return expand_windows(template, lambda _: None).names

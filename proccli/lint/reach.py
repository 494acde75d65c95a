"""Which rules can be reached: what earlier ones leave of a later one, proven or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from proccli import rustregex
from proccli.lint.context import Context
from proccli.lint.domains import DOMAINS, LIMITS
from proccli.model.config import Diagnostic, Rule
from proccli.rustregex.automata.domain import Limits
from proccli.rustregex.automata.patternset import find_text
from proccli.rustregex.automata.shadow import Shadow, shadows
from proccli.textsafe import visible

Proof: TypeAlias = Literal["proven", "partial", "unknown"]

_SEARCH: Final = Limits(steps=500_000, total=3_000_000)
_LONGEST = 80
_PROBES: Final = ("a", "7 - .", "\x01", "\U00010348")
"""Texts that spare most patterns, those for something, a proof that they don't match all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable:
    """A rule of which earlier ones take something, or all."""

    rule: int
    by: tuple[int, ...]
    proof: Proof
    reaches: str | None
    """A shortest text that still gets there; None: there is none, or it is not known."""
    taken: str | None
    """A shortest one that an earlier rule takes; None: there is none, or it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What is known of a list of rules."""

    catch_all: Rule | None
    """The first rule that matches every process."""
    shadows: Mapping[int, Shadow]
    """What the earlier rules of the same match type leave of each rule up to the catch-all,
    by its index. `by` are indices of rules."""
    behind: tuple[Rule, ...]
    """The rules behind the catch-all."""
    unreachable: tuple[Unreachable, ...]
    samples: Mapping[int, str]
    """For most rules a text that they match, a short one."""


def reach(context: Context) -> Reach:
    """What earlier rules leave of each rule.

    Rules are compared with rules of the same match type, and with those that match every process.
    For parents and tags, of which a process has several, what is proven holds for each.
    """
    catch_all = next((rule for rule in context.rules if catches_all(rule)), None)
    last = catch_all.index if catch_all is not None else len(context.config.rules)
    found: dict[int, Shadow] = {}
    for match_type, domain in DOMAINS.items():
        alike = [r for r in context.rules if r.match_type == match_type and r.index <= last]
        patterns = [rule.match_regex for rule in alike]
        for rule, shadow in zip(
            alike, shadows(patterns, domain=domain, limits=_SEARCH), strict=True
        ):
            found[rule.index] = Shadow(
                grade=shadow.grade,
                reaches=shadow.reaches,
                taken=shadow.taken,
                by=tuple(alike[position].index for position in shadow.by),
            )
    behind = tuple(rule for rule in context.rules if rule.index > last)
    texts = {index: _shorter(shadow.reaches, shadow.taken) for index, shadow in found.items()}
    texts.update((rule.index, _sample(rule)) for rule in behind)
    return Reach(
        catch_all=catch_all,
        shadows=found,
        behind=behind,
        unreachable=tuple(_unreachable(found, behind, last, texts)),
        samples={index: text for index, text in texts.items() if text is not None},
    )


def _shorter(one: str | None, other: str | None) -> str | None:
    return min((text for text in (one, other) if text is not None), key=len, default=None)


def _sample(rule: Rule) -> str | None:
    domain = DOMAINS[rule.match_type]
    return find_text(matching=[rule.match_regex], domain=domain, limits=LIMITS).text


def catches_all(rule: Rule) -> bool:
    """Whether a rule matches every process that gets to the rules, as far as that is decided."""
    if rule.match_type not in ("process_name", "cmdline"):
        return False
    domain, regex = DOMAINS[rule.match_type], rustregex.compile(rule.match_regex)
    if not all(regex.is_match(text) for text in _PROBES):
        return False
    left = find_text(avoiding=[rule.match_regex], domain=domain, limits=LIMITS)
    return left.decided and left.text is None


def _unreachable(
    found: Mapping[int, Shadow],
    behind: Sequence[Rule],
    last: int,
    texts: Mapping[int, str | None],
) -> Iterator[Unreachable]:
    for index, shadow in sorted(found.items()):
        grade = shadow.grade
        never = grade == "proven" and not shadow.by
        if grade != "disjoint" and not never and (grade != "unknown" or index > 1):
            yield Unreachable(
                rule=index,
                by=shadow.by,
                proof=grade,
                reaches=shadow.reaches,
                taken=shadow.taken,
            )
    for rule in behind:
        yield Unreachable(
            rule=rule.index,
            by=(last,),
            proof="proven",
            reaches=None,
            taken=texts[rule.index],
        )


def check(context: Context, known: Reach) -> Iterator[Diagnostic]:
    """Rules that are never reached, and lists without an end."""
    rules = {rule.index: rule for rule in context.rules}
    for index, shadow in sorted(known.shadows.items()):
        yield from _shadowed(rules[index], shadow, known, rules, context)
    if known.catch_all is not None and known.behind:
        yield _early(known.catch_all, known.behind, context)
    yield from _ending(context, known)


def _shadowed(
    rule: Rule, shadow: Shadow, known: Reach, rules: Mapping[int, Rule], context: Context
) -> Iterator[Diagnostic]:
    if shadow.grade == "proven" and shadow.by:
        yield _never_reached(rule, shadow, rules, context)
    elif shadow.grade == "partial" and rule is not known.catch_all and shadow.taken is not None:
        earlier = rules[shadow.by[0]]
        if earlier.action != rule.action:
            yield context.at_rule(
                rule,
                "rule-partly-shadowed",
                f"rule {earlier.index} takes some of what rule {rule.index} matches,"
                f" and its action is {earlier.action}",
                effect=f"{_quoted(shadow.taken)} is taken by rule {earlier.index};"
                f" {_quoted(shadow.reaches)} gets here",
                hint="let the more special rule come first, if that is not meant",
            )
    elif shadow.grade == "unknown" and rule.index > 1:
        yield context.at_rule(
            rule,
            "rule-undecided",
            f"whether anything gets to rule {rule.index} would take too long to find out",
            hint="a recording shows what happens: proccli check -s RECORDING",
        )


def _never_reached(
    rule: Rule, shadow: Shadow, rules: Mapping[int, Rule], context: Context
) -> Diagnostic:
    first = rules[shadow.by[0]]
    taken = "" if shadow.taken is None else f"; {_quoted(shadow.taken)} is one of them"
    if len(shadow.by) == 1 and first.match_regex == rule.match_regex:
        return context.at_rule(
            rule,
            "rule-duplicate",
            f"rule {rule.index} has the pattern of rule {first.index}, and is never reached",
            effect=f"rule {first.index} decides about all that it matches{taken}",
            hint="delete one of the two",
        )
    several = len(shadow.by) > 1
    by = f"rules {_listed(shadow.by)}" if several else f"rule {first.index}"
    return context.at_rule(
        rule,
        "rule-unreachable",
        f"rule {rule.index} is never reached",
        effect=f"{by} before it {'match' if several else 'matches'} all that it can{taken}",
        hint="delete it, or move it before them",
    )


def _early(rule: Rule, behind: Sequence[Rule], context: Context) -> Diagnostic:
    if len(behind) == 1:
        never = f"rule {behind[0].index} is never reached"
    else:
        never = f"rules {_listed([later.index for later in behind])} are never reached"
    return context.at_rule(
        rule,
        "early-catch-all",
        f"rule {rule.index} matches every process, and more rules follow",
        effect=never,
        hint="move it to the end of the list",
    )


def _ending(context: Context, known: Reach) -> Iterator[Diagnostic]:
    rules = context.rules
    if not context.config.rules and context.config.sync_enabled:
        yield context.at_setting(
            "os-proc-regex",
            "no-rules",
            "there are no rules",
            effect="every process is accepted under its own name",
            hint="list rules in os-proc-regex",
        )
    elif (
        known.catch_all is None
        and not context.config.tagged_only
        and any(rule.action == "accept" for rule in rules)
    ):
        yield context.at_rule(
            context.config.rules[-1],
            "no-final-drop",
            "no rule at the end drops the rest",
            effect="what no rule matches is accepted under its own name",
            hint='end with match-regex: ".*" and action: drop, if the rules are meant as a list'
            " of what to sync",
        )


def _listed(numbers: Sequence[int]) -> str:
    """`2, 3 and 5`; a long list that has no gaps as `2 to 9`."""
    if len(numbers) > 2 and list(numbers) == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    *most, last = map(str, numbers)
    return f"{', '.join(most)} and {last}" if most else last


def _quoted(text: str | None) -> str:
    return f'"{visible((text or "")[:_LONGEST])}"'

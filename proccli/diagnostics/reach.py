"""Which rules can be reached, given the earlier ones; proven, or limited by the search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from proccli.agent.process import file_name
from proccli.config.warning_words import rule_problem_wording
from proccli.config.yaml.nodes import is_null
from proccli.diagnostics.context import LONGEST_PATTERN, Context
from proccli.diagnostics.subjects import DOMAINS
from proccli.model.config import Diagnostic, Rule, RuleProblem
from proccli.rustregex.automata.domain import Limits
from proccli.rustregex.automata.shadow import Shadow, shadows
from proccli.text import visible
from proccli.versions import InputsProc, behaviour_of

Proof: TypeAlias = Literal["proven", "partial", "unknown"]

_SEARCH: Final = Limits(steps=500_000, total=3_000_000)
"""Search limits for the rules of one match type."""
_LONGEST = 80
_MOST_LISTED: Final = 12
_PROBES: Final = ("a", "7 - .", "\x01", "\U00010348")
"""Texts that quickly show of most patterns that they do not match everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable:
    """A rule that earlier ones shadow, partly or completely."""

    rule: int
    by: tuple[int, ...]
    proof: Proof
    reaches: str | None
    """A shortest text that still reaches the rule; None: there is none, or it is unknown."""
    taken: str | None
    """A shortest text that an earlier rule takes; None: there is none, or it is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Reachability of the rules of a configuration."""

    catch_all: Rule | None
    """The first rule that matches every process, or None."""
    shadows: Mapping[int, Shadow]
    """What the earlier rules of the same match type leave of each rule up to the catch-all,
    by its index. `by` are indices of rules."""
    after_catch_all: tuple[Rule, ...]
    """The rules after the catch-all."""
    unreachable: tuple[Unreachable, ...]
    undecided: tuple[int, ...]
    """The rules of which it is not determined how much of them can be reached."""


def samples(context: Context) -> Mapping[int, str]:
    """A short text that matches, for most rules, by their index."""
    texts = {
        rule.index: context.find(context.domain(rule), matching=[rule.match_regex]).text
        for rule in context.rules
    }
    return {index: text for index, text in texts.items() if text is not None}


def reach(context: Context, texts: Mapping[int, str]) -> Reach:
    """What each rule can still match after the earlier rules.

    Rules are compared with rules of the same match type, and with those that match every process.
    For parents and tags, of which a process has several, a proof holds for each one.
    """
    catch_all = next((rule for rule in context.rules if catches_all(rule, context)), None)
    last = catch_all.index if catch_all is not None else len(context.config.rules)
    limits = replace(_SEARCH, expired=context.surroundings.expired)
    found: dict[int, Shadow] = {}
    for match_type, domain in DOMAINS["static_config"].items():
        alike = [
            rule
            for rule in context.rules
            if rule.match_type == match_type
            and rule.index <= last
            and len(rule.match_regex) <= LONGEST_PATTERN
        ]
        patterns = [rule.match_regex for rule in alike]
        for rule, shadow in zip(
            alike, shadows(patterns, domain=domain, limits=limits), strict=True
        ):
            reaches = shadow.reaches
            found[rule.index] = Shadow(
                grade=shadow.grade,
                reaches=reaches if _is_reached(reaches, rule, context) else None,
                taken=shadow.taken,
                by=tuple(alike[position].index for position in shadow.by),
            )
    after = tuple(rule for rule in context.rules if rule.index > last)
    undecided = [
        rule.index
        for rule in context.rules
        if rule.index <= last and _is_undecided(rule.index, found.get(rule.index), context)
    ]
    return Reach(
        catch_all=catch_all,
        shadows=found,
        after_catch_all=after,
        unreachable=tuple(_unreachable(found, after, last, texts)),
        undecided=tuple(undecided),
    )


def _is_undecided(index: int, shadow: Shadow | None, context: Context) -> bool:
    """Whether the search took too long, or the pattern is too long for one (`None`)."""
    if shadow is None:
        return True
    return shadow.grade == "unknown" and (index > 1 or context.surroundings.expired())


def catches_all(rule: Rule, context: Context) -> bool:
    """Whether a rule provably matches every process that gets to the rules."""
    if rule.match_type in ("parent_process_name", "tag"):
        return False
    if not all(context.regexes[rule.index].is_match(text) for text in _PROBES):
        return False
    left = context.find(context.domain(rule), avoiding=[rule.match_regex])
    return left.decided and left.text is None


def _unreachable(
    found: Mapping[int, Shadow],
    after: Sequence[Rule],
    last: int,
    texts: Mapping[int, str],
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
    for rule in after:
        yield Unreachable(
            rule=rule.index,
            by=(last,),
            proof="proven",
            reaches=None,
            taken=texts.get(rule.index),
        )


def check(context: Context, known: Reach) -> Iterator[Diagnostic]:
    """Rules that are never reached, and lists without a final rule for the rest."""
    rules = {rule.index: rule for rule in context.rules}
    for index, shadow in sorted(known.shadows.items()):
        yield from _shadowed(rules[index], shadow, known, rules, context)
    if known.undecided:
        yield _undecided(known.undecided, rules, context)
    if known.catch_all is not None and known.after_catch_all:
        yield _early(known.catch_all, known.after_catch_all, context)
    yield from _ending(context, known)


def check_agent(context: Context) -> Iterator[Diagnostic]:
    """Rules of static_config that the chosen agent does not apply as they are written.

    Source: FACTS A0, for the releases between the dialects.
    """
    behaviour = behaviour_of(context.config.agent, context.config.dialect)
    agent = f"agent {context.config.agent}"
    if isinstance(behaviour, InputsProc) and context.config.dialect == "static_config":
        for rule in context.rules:
            if rule.action == "drop":
                yield context.at_value(
                    rule,
                    "action",
                    "rule-without-effect",
                    f"{agent} drops nothing by rule {rule.index}",
                    effect="it takes what the rule matches, without renaming it",
                    hint="remove the rule: the agent sends only what a rule matches",
                )
            yield from _replaced_words(rule, context)


def _replaced_words(rule: Rule, context: Context) -> Iterator[Diagnostic]:
    """Words that do not exist, for which these releases take the default."""
    known = context.agent.static_config
    assert known is not None  # noqa: S101 - it reads this dialect
    keys: tuple[tuple[Literal["match-type", "action"], tuple[str, ...], str], ...] = (
        ("match-type", known.match_types, rule.match_type),
        ("action", known.actions, rule.action),
    )
    for key, words, taken in keys:
        scalar = context.value(rule, key)
        if scalar is None or is_null(scalar) or scalar.text in ("", *words):
            continue
        problem = RuleProblem(code=key, at=rule.places[key], value=scalar.text, known=words)
        wording = rule_problem_wording(problem)
        yield context.at_value(
            rule,
            key,
            key,
            wording.problem,
            effect=f"agent {context.config.agent} reads it as {taken} and reports nothing",
            hint=wording.hint,
        )


def _shadowed(
    rule: Rule, shadow: Shadow, known: Reach, rules: Mapping[int, Rule], context: Context
) -> Iterator[Diagnostic]:
    if shadow.grade == "proven" and shadow.by:
        yield _never_reached(rule, shadow, rules, context)
    elif shadow.grade == "partial" and rule is not known.catch_all and shadow.taken is not None:
        earlier = _decider(shadow.taken, rule, context)
        if earlier is not None and earlier.index < rule.index and earlier.action != rule.action:
            reached = f"; {quoted_text(shadow.reaches)} reaches this rule" if shadow.reaches else ""
            yield context.at_rule(
                rule,
                "rule-partly-shadowed",
                f"rule {earlier.index} with action {earlier.action} takes some of what rule"
                f" {rule.index} matches",
                effect=f"{quoted_text(shadow.taken)} is taken by rule {earlier.index}{reached}",
                hint="if this is not intended, put the more specific rule first",
            )


def _undecided(indices: Sequence[int], rules: Mapping[int, Rule], context: Context) -> Diagnostic:
    more = len(indices) - _MOST_LISTED
    shown = listed(indices) if more <= 0 else f"{listed(indices[:_MOST_LISTED])} and {more} more"
    which = f"rule {shown}" if len(indices) == 1 else f"rules {shown}"
    return context.at_rule(
        rules[indices[0]],
        "rule-undecided",
        f"it takes too long to determine whether {which} can be reached",
        effect="none on the agent; other problems of such patterns may be unreported, too",
        hint="check against a recording: proccli check -s RECORDING",
    )


def _decider(text: str | None, rule: Rule, context: Context) -> Rule | None:
    """The rule that decides about a process whose subject for a rule is this text.

    Rules of all match types are tried. Of what the text leaves open, the process that gets
    furthest counts: it has no other arguments, tags and parents.
    """
    if text is None:
        return None
    found = [context.decider(process) for process in _processes(text, rule.match_type)]
    return max((one for one in found if one is not None), key=lambda one: one.index, default=None)


def _is_reached(text: str | None, rule: Rule, context: Context) -> bool:
    """Whether a text that no earlier rule of the same match type matches reaches a rule."""
    others = any(
        one.match_type != rule.match_type for one in context.rules if one.index < rule.index
    )
    if text is None or not others:
        return True
    return not context.surroundings.expired() and _decider(text, rule, context) is rule


def _processes(text: str, match_type: str) -> Iterator[Mapping[str, str]]:
    """The subjects of processes that have this text for one of them."""
    if match_type == "process_name":
        yield {"process_name": text, "cmdline": text}
        yield {"process_name": text, "cmdline": f"/usr/bin/{text}"}
    elif match_type == "cmdline":
        first = text.split(" ", maxsplit=1)[0]
        # A title is one argument, spaces included; with empty arguments it can't be split.
        arguments = {text} if "  " in text or not first else {text, first}
        for name in sorted(filter(None, map(file_name, arguments))):
            yield {"process_name": name, "cmdline": text}
    else:
        yield {"process_name": "app", "cmdline": "app", match_type: text}


def _never_reached(
    rule: Rule, shadow: Shadow, rules: Mapping[int, Rule], context: Context
) -> Diagnostic:
    first = rules[shadow.by[0]]
    taken = "" if shadow.taken is None else f", for example {quoted_text(shadow.taken)}"
    if len(shadow.by) == 1 and first.match_regex == rule.match_regex:
        return context.at_rule(
            rule,
            "rule-duplicate",
            f"rule {rule.index} has the same pattern as rule {first.index} and is never reached",
            effect=f"rule {first.index} decides about everything that it matches{taken}",
            hint="delete one of the two",
        )
    several = len(shadow.by) > 1
    by = f"rules {listed(shadow.by)}" if several else f"rule {first.index}"
    verb = "match" if several else "matches"
    return context.at_rule(
        rule,
        "rule-unreachable",
        f"rule {rule.index} is never reached",
        effect=f"{by} already {verb} everything that it matches{taken}",
        hint="delete it, or move it before them",
    )


def _early(rule: Rule, after: Sequence[Rule], context: Context) -> Diagnostic:
    if len(after) == 1:
        never = f"rule {after[0].index} is never reached"
    else:
        never = f"rules {listed([later.index for later in after])} are never reached"
    return context.at_rule(
        rule,
        "early-catch-all",
        f"rule {rule.index} matches every process, but other rules follow",
        effect=never,
        hint="move it to the end of the list",
    )


def _accepts_implicitly(context: Context) -> bool:
    behaviour = context.agent.static_config
    return behaviour is not None and behaviour.implicit_accept


def _ending(context: Context, known: Reach) -> Iterator[Diagnostic]:
    rules = context.rules
    unapplied = any(note.code == "rule-without-effect" for note in context.config.notes)
    if not context.config.rules and context.config.sync_enabled and not unapplied:
        yield context.at_setting(
            "os-proc-regex",
            "no-rules",
            "there are no rules",
            effect="every process is accepted under its own name",
            hint="add rules to os-proc-regex",
        )
    elif (
        known.catch_all is None
        and _accepts_implicitly(context)
        and not context.config.tagged_only
        and any(rule.action == "accept" for rule in rules)
    ):
        yield context.at_rule(
            context.config.rules[-1],
            "no-final-drop",
            "the last rule does not drop the rest",
            effect="a process that no rule matches is accepted under its own name",
            hint='if the rules list what to sync, end with match-regex: ".*" and action: drop',
        )


def listed(numbers: Sequence[int]) -> str:
    """`2, 3 and 5`; a long list without gaps is written `2 to 9`."""
    if len(numbers) > 2 and list(numbers) == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    *most, last = map(str, numbers)
    return f"{', '.join(most)} and {last}" if most else last


def quoted_text(text: str | None) -> str:
    return f'"{visible((text or "")[:_LONGEST])}"'

"""Matchers that later ones override and earlier ones make useless, where every matcher runs.

Each finding is a proof: it holds for all texts that the matchers can be compared with. A process
that a matcher takes is taken by another one, too, where the other matches every such text and
requires nothing more.

Source: FACTS B3, B5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from proccli.diagnostics.context import LONGEST_PATTERN, Context
from proccli.diagnostics.reach import Reach, Unreachable, listed, quoted_text
from proccli.diagnostics.rewriting import rewrites
from proccli.diagnostics.subjects import EVERY
from proccli.model.config import Diagnostic, Rule
from proccli.rustregex.automata.domain import Limits
from proccli.rustregex.automata.patternset import find_text
from proccli.rustregex.automata.shadow import Shadow, shadowed
from proccli.versions import SENT_FEATURE

_SEARCH: Final = Limits(steps=300_000, total=600_000)
_PROBES: Final = ("", "a", "7 - .")


class Overriding:
    """The matchers of a configuration, each compared with those before and after it."""

    def __init__(self, context: Context, samples: Mapping[int, str]) -> None:
        self.context = context
        self._samples = samples
        self._limits = replace(_SEARCH, expired=context.surroundings.expired)
        behaviour = context.behaviour
        self._are_rules = context.config.dialect == "static_config"
        self._removes = behaviour is not None and behaviour.ignore == "removes"
        self.matchers = tuple(
            rule
            for rule in context.rules
            if (rule.enabled_features or self._are_rules)
            and len(rule.match_regex) <= LONGEST_PATTERN
        )
        self.ignoring = tuple(rule for rule in self.matchers if self.ignores(rule))
        self._catch_all = {rule.index for rule in self.matchers if self._matches_all(rule)}
        self.undecided: set[int] = set()

    def is_sent(self, rule: Rule) -> bool:
        """Whether a matcher is of the feature whose processes are sent, as all rules are."""
        return self._are_rules or SENT_FEATURE in rule.enabled_features

    def ignores(self, rule: Rule) -> bool:
        """Whether a matcher keeps later ones from taking a process, and takes none itself."""
        return rule.ignore and self._removes

    def _matches_all(self, rule: Rule) -> bool:
        """Whether a matcher provably matches every process that meets its requirements."""
        if rule.match_type in ("parent_process_name", "tag"):
            return False
        if not all(map(self.context.regexes[rule.index].is_match, _PROBES)):
            return False
        left = find_text(
            avoiding=[rule.match_regex], domain=EVERY[rule.match_type], limits=self._limits
        )
        return left.decided and left.text is None

    def covered(self, rule: Rule, others: Sequence[Rule]) -> Shadow | None:
        """What other matchers take of what a matcher takes; None where they have nothing alike.

        `by` are indexes of matchers.
        """
        fitting = [one for one in others if _requires_no_more(one, rule)]
        whole = next((one for one in fitting if one.index in self._catch_all), None)
        if whole is not None:
            return Shadow(grade="proven", reaches=None, taken=None, by=(whole.index,))
        alike = [one for one in fitting if one.match_type == rule.match_type]
        if not alike:
            return None
        found = shadowed(
            rule.match_regex,
            [one.match_regex for one in alike],
            domain=EVERY[rule.match_type],
            limits=self._limits,
        )
        if found.grade == "unknown":
            self.undecided.add(rule.index)
        if found.grade == "proven" and not found.by:
            return None  # it matches nothing at all
        return replace(found, by=tuple(alike[position].index for position in found.by))

    def may_cover(self, rule: Rule, others: Sequence[Rule]) -> bool:
        """False where a text that a matcher takes shows that the others do not take all of it."""
        sample = self._samples.get(rule.index)
        return sample is None or any(
            one.index in self._catch_all
            or (
                one.match_type == rule.match_type
                and self.context.regexes[one.index].is_match(sample)
            )
            for one in others
        )


def _requires_no_more(one: Rule, other: Rule) -> bool:
    return (other.only_in_container or not one.only_in_container) and (
        other.only_with_tag or not one.only_with_tag
    )


def reach(context: Context, samples: Mapping[int, str]) -> tuple[Reach, Sequence[Diagnostic]]:
    """Which matchers earlier ignore matchers make useless, and what is overridden.

    `samples`: a text that matches, for most matchers, by their index.
    """
    all_of = Overriding(context, samples)
    found: list[Diagnostic] = []
    unreachable: list[Unreachable] = []
    shadows: dict[int, Shadow] = {}
    for rule in all_of.matchers:
        if all_of.ignores(rule):
            found += _ignoring(rule, all_of)
            continue
        shadow = _ignored(rule, all_of)
        if shadow is not None and shadow.grade in ("proven", "partial"):
            shadows[rule.index] = shadow
            unreachable.append(
                Unreachable(
                    rule=rule.index,
                    by=shadow.by,
                    proof="proven" if shadow.grade == "proven" else "partial",
                    reaches=shadow.reaches,
                    taken=shadow.taken,
                )
            )
        if shadow is not None and shadow.grade == "proven":
            found.append(_never_takes(rule, shadow, context))
        else:
            found += _overridden(rule, all_of)
    found += _duplicates(all_of)
    if all_of.undecided:
        rules: Mapping[int, Rule] = {rule.index: rule for rule in context.rules}
        indexes = sorted(all_of.undecided)
        found.append(
            context.at_rule(
                rules[indexes[0]],
                "rule-undecided",
                f"it takes too long to determine what is overridden of {context.keys.rule}"
                f" {listed(indexes[:12])}",
                effect="none on the agent; other problems of such patterns may be unreported, too",
                hint="check against a recording: proccli check -s RECORDING",
            )
        )
    known = Reach(
        catch_all=None,
        shadows=shadows,
        after_catch_all=(),
        unreachable=tuple(unreachable),
        undecided=tuple(sorted(all_of.undecided)),
    )
    return known, found


def _ignored(rule: Rule, all_of: Overriding) -> Shadow | None:
    """What earlier ignore matchers of all its features keep from a matcher."""
    features = set(rule.enabled_features)
    earlier = [
        one
        for one in all_of.ignoring
        if one.index < rule.index and features <= set(one.enabled_features)
    ]
    return all_of.covered(rule, earlier)


def _never_takes(rule: Rule, shadow: Shadow, context: Context) -> Diagnostic:
    several = len(shadow.by) > 1
    by = f"ignore matchers {listed(shadow.by)}" if several else f"ignore matcher {shadow.by[0]}"
    example = f", for example {quoted_text(shadow.taken)}" if shadow.taken else ""
    return context.at_rule(
        rule,
        "matcher-ignored",
        f"matcher {rule.index} never takes a process",
        effect=f"{by} {'match' if several else 'matches'} everything that it matches{example}",
        hint=f"move it before matcher {min(shadow.by)}, or narrow what is ignored",
    )


def _ignoring(rule: Rule, all_of: Overriding) -> Iterator[Diagnostic]:
    """An ignore matcher that comes too late, or that no matcher follows."""
    context = all_of.context
    features = set(rule.enabled_features)
    takers = [one for one in all_of.matchers if not all_of.ignores(one)]
    later = [
        one for one in takers if one.index > rule.index and features & set(one.enabled_features)
    ]
    earlier = [
        one for one in takers if one.index < rule.index and features <= set(one.enabled_features)
    ]
    if earlier and _keeps_the_name(rule, earlier[-1], later, context):
        return
    shadow = all_of.covered(rule, earlier)
    if shadow is not None and shadow.grade in ("proven", "partial"):
        whole = shadow.grade == "proven"
        several = len(shadow.by) > 1
        by = f"matchers {listed(shadow.by)}" if several else f"matcher {shadow.by[0]}"
        much = "everything" if whole else "some of what"
        example = f": {quoted_text(shadow.taken)}, for example," if shadow.taken else ": it"
        yield context.at_rule(
            rule,
            "ignore-late",
            f"{by}, which {'come' if several else 'comes'} first, {'take' if several else 'takes'}"
            f" {much} matcher {rule.index} ignores",
            effect=f"ignore acts on later matchers only{example} stays taken",
            hint=f"move it before matcher {min(shadow.by)}",
        )
    elif not later:
        yield context.at_rule(
            rule,
            "ignore-nothing",
            f"no later matcher shares a feature with ignore matcher {rule.index}",
            effect="ignore acts on later matchers only, so it changes nothing",
            hint="move it before the matchers that it is meant for",
        )


def _keeps_the_name(rule: Rule, taker: Rule, later: Sequence[Rule], context: Context) -> bool:
    """Whether an ignore matcher stands right after a matcher with the same condition, where a later
    one gives names: the way to write that the first match decides."""
    return (
        taker.index == rule.index - 1
        and taker._replace(ignore=True, rewrite_name="")[2:9] == rule[2:9]
        and any(rewrites(one, context) for one in later)
    )


def _overridden(rule: Rule, all_of: Overriding) -> Iterator[Diagnostic]:
    """A name that later matchers of the sent feature replace."""
    context = all_of.context
    if not rewrites(rule, context) or not all_of.is_sent(rule):
        return
    later: list[Rule] = []
    for one in all_of.matchers:
        if one.index <= rule.index or not all_of.is_sent(one):
            continue
        if all_of.ignores(one):
            break  # it may keep the process from the matchers after it
        if rewrites(one, context) and "%" not in one.rewrite_name:
            later.append(one)
    shadow = all_of.covered(rule, later) if all_of.may_cover(rule, later) else None
    if shadow is None or shadow.grade != "proven":
        return
    several = len(shadow.by) > 1
    word = context.keys.rule
    by = f"{word}s {listed(shadow.by)}" if several else f"{word} {shadow.by[0]}"
    verb = "rename" if several else "renames"
    yield context.at_value(
        rule,
        context.keys.rewrite,
        "name-overridden",
        f"{by} {verb} everything that {word} {rule.index} renames",
        effect=f"every {word} runs and the last name counts: this one stays only where the later"
        " name is the process's own",
        hint=f"put the general {word} first and the specific ones after it",
    )


def _duplicates(all_of: Overriding) -> Iterator[Diagnostic]:
    word = all_of.context.keys.rule
    seen: dict[tuple[object, ...], Rule] = {}
    for rule in all_of.matchers:
        key = rule[2:9]
        first = seen.setdefault(key, rule)
        if first is not rule:
            yield all_of.context.at_rule(
                rule,
                "rule-duplicate",
                f"{word} {rule.index} is the same as {word} {first.index}",
                effect="it changes nothing",
                hint="delete one of the two",
            )

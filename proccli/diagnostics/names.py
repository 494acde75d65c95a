"""Which names a rewrite can produce, also an empty one.

They are found with automata, and checked with the matcher.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Final

from proccli import rustregex
from proccli.agent.rules import expand_windows, names_mentioned
from proccli.config.characters import odd_characters
from proccli.diagnostics.context import Context
from proccli.diagnostics.mistakes import quoted
from proccli.diagnostics.rewriting import rewrites
from proccli.model.config import Diagnostic, Rule
from proccli.rustregex import Regex, RegexSyntaxError
from proccli.rustregex.automata.domain import Domain, texts_without
from proccli.rustregex.match import template
from proccli.rustregex.tree.charset import subtract
from proccli.rustregex.tree.nodes import (
    Alternate,
    Class,
    Concat,
    Empty,
    Group,
    Literal,
    Look,
    LookKind,
    Node,
    Repeat,
    alternate,
    concat,
)
from proccli.rustregex.tree.printer import to_pattern
from proccli.text import visible

_TEXTS: Final = texts_without("\0\n", min_length=1)
"""Texts with characters that `.` does not match are excluded: patterns rarely expect them."""
_LONGEST = 100


def check(context: Context, samples: Mapping[int, str]) -> Iterator[Diagnostic]:
    """Rewrites with unintended text in the name, with an empty name, or with too many names."""
    for rule in context.rules:
        if rewrites(rule, context):
            if context.behaviour is None or context.behaviour.rename == "whole":
                yield from _kept(rule, samples.get(rule.index), context)
            else:
                yield from _outside(rule, samples.get(rule.index), context)
            yield from _many(rule, context)
            yield from _empty(rule, context)


def _empty(rule: Rule, context: Context) -> Iterator[Diagnostic]:
    if context.regexes[rule.index].missing_groups(rule.rewrite_name):
        return  # reported as rewrite-group, which is more severe
    text = text_of_empty_name(
        context.regexes[rule.index], rule.rewrite_name, _domain(rule, context), context
    )
    if text is not None:
        yield context.at_value(
            rule,
            context.keys.rewrite,
            "rewrite-empty",
            "the name can be empty",
            effect=f'"{visible(text[:_LONGEST])}" is synced with the name ""',
            hint="make the group match at least one character, or add text to it",
        )


def _domain(rule: Rule, context: Context) -> Domain:
    if context.has_arguments(rule):
        return _TEXTS
    own = context.domain(rule)
    characters = subtract(own.characters, ((10, 10),))
    return replace(_TEXTS, characters=characters, matching=own.matching, avoiding=own.avoiding)


def _kept(rule: Rule, sample: str | None, context: Context) -> Iterator[Diagnostic]:
    regex, domain = context.regexes[rule.index], _domain(rule, context)
    if _takes_all(regex.parsed.root) or next(odd_characters(regex.pattern), None):
        return  # a character that looks like another is reported, and has to go first
    text = (
        _recorded(regex, rule, context)
        or _plausible(regex, rule, sample, domain, context)
        or _text_with_rest(regex, domain, context)
    )
    if text is None:
        return
    name, supposed = _expanded(rule.rewrite_name, context)
    result = regex.replace_all(text, name)
    whole = _whole(regex, text, domain, context)
    what = "command line" if context.has_arguments(rule) else "name"
    yield context.at_value(
        rule,
        context.keys.rewrite,
        "rewrite-keeps-text",
        "text around the match stays in the name",
        effect=f'"{visible(text[:_LONGEST])}" becomes "{visible(result[:_LONGEST])}"{supposed}',
        hint=f"match the whole {what}, from ^ to $"
        if whole is None
        else f"match the whole {what}: {quoted(whole)}",
    )


def _outside(rule: Rule, sample: str | None, context: Context) -> Iterator[Diagnostic]:
    """A pattern that no longer matches its own match, in which the agent searches again."""
    regex = context.regexes[rule.index]
    for text in filter(None, (sample, f"a{sample}", f"{sample}a", f"a{sample}a", f" {sample} ")):
        found = regex.search(text)
        if found is not None and not regex.is_match(found.group(0) or ""):
            yield context.at_value(
                rule,
                context.keys.rewrite,
                "match-needs-outside",
                "the pattern looks at what is around its match, and the agent renames the matched"
                " part alone",
                effect=f'"{visible(text[:_LONGEST])}" gets the name'
                f' "{visible((found.group(0) or "")[:_LONGEST])}", without the rewrite',
                hint="match the text around it, too, with the part for the name in a group",
            )
            return


def _expanded(template: str, context: Context) -> tuple[str, str]:
    """A rewrite-name with its variables replaced, and what was supposed for that.

    An agent never sends `%NAME%`: it sends the value, or nothing where there is none.
    """
    names = names_mentioned(template)
    known = context.surroundings.environment() if names else None
    # The agent's own values can be secret, so that even known ones are not shown.
    values = {
        name: _VALUES.get(name, name.lower())
        for name in names
        if known is None or name in known.values or not known.knows(name)
    }
    supposed = " and ".join(f"{name} is {value}" for name, value in values.items())
    text = expand_windows(template, values.get).text
    return text, f" if {visible(supposed[:_LONGEST])}" if supposed else ""


_VALUES: Final = {"HOSTNAME": "web-1"}


def _whole(regex: Regex, text: str, domain: Domain, context: Context) -> str | None:
    """The pattern with what is around its match; None if none is proven to be the same rule.

    It was tried on an example, and matches every text that the pattern matches.
    """
    pattern = regex.pattern
    core = f"(?:{pattern})" if "|" in pattern else pattern
    start = "" if core.startswith("^") else "^" if core.startswith(".*") else "^.*?"
    unescaped = core.endswith("$") and not core.endswith("\\$")
    end = "" if unescaped else "$" if core.endswith(".*") else ".*$"
    whole = f"{start}{core}{end}"
    old = regex.search(text)
    try:
        better = rustregex.compile(whole)
    except RegexSyntaxError:
        return None
    new = better.search(text)
    if old is None or new is None or new.span() != (0, len(text)):
        return None
    if any(old.group(index) != new.group(index) for index in range(1, len(regex.group_names))):
        return None
    lost = context.find(domain, matching=[pattern], avoiding=[whole])
    return whole if lost.decided and lost.text is None else None


def _takes_all(root: Node) -> bool:
    """Whether a pattern begins with `^` and ends with `$`, so that it matches whole texts only."""
    match root:
        case Concat(parts):
            ends = parts[0], parts[-1]
            return [isinstance(end, Look) and end.kind for end in ends] == _WHOLE
        case Alternate(branches):
            return all(_takes_all(branch) for branch in branches)
        case _:
            return False


_WHOLE: Final = [LookKind.START_TEXT, LookKind.END_TEXT]


def _text_with_rest(regex: Regex, domain: Domain, context: Context) -> str | None:
    """A text that the pattern matches only in part; None if none was found."""
    try:
        whole = rf"\A(?:{to_pattern(regex.parsed.root)})\z"
        rest = context.find(domain, matching=[regex.pattern], avoiding=[whole])
    except RegexSyntaxError:
        return None  # slightly above a size or nesting limit
    text = rest.text
    if text is None:
        # It can match any text as a whole, but may stop earlier: a lazy repetition.
        longer = replace(domain, min_length=_LONG)
        text = context.find(longer, matching=[regex.pattern]).text
    return text if text is not None and _leaves_some(regex, text) else None


_LONG = 24


def _leaves_some(regex: Regex, text: str) -> bool:
    found = regex.search(text)
    return found is not None and found.span() != (0, len(text))


def _recorded(regex: Regex, rule: Rule, context: Context) -> str | None:
    """The text of a recorded process that the rule decides and matches only in part; or None."""
    if context.behaviour is not None:
        return None  # its texts are others
    for name, cmdline in context.surroundings.processes:
        text = cmdline if context.has_arguments(rule) else name
        if _leaves_some(regex, text) and (
            context.decider({"process_name": name, "cmdline": cmdline}) is rule
        ):
            return text
    return None


def _plausible(
    regex: Regex, rule: Rule, sample: str | None, domain: Domain, context: Context
) -> str | None:
    """A realistic text that the pattern matches only in part; None if there is none."""
    if sample is None:
        return None
    longer = replace(domain, min_length=len(sample) + 3)
    text = context.find(longer, matching=[regex.pattern]).text or sample
    found = regex.search(text)
    core = (found.group(0) if found is not None else None) or "app"
    before, after = ("/usr/bin/", " --port 80") if context.has_arguments(rule) else ("my-", "-2")
    for candidate in (before + core + after, core + after, before + core):
        if _leaves_some(regex, candidate) and domain.holds(candidate):
            return candidate
    return None


def _many(rule: Rule, context: Context) -> Iterator[Diagnostic]:
    """A captured part of a command line that may contain any number of arguments."""
    if not context.has_arguments(rule):
        return
    regex = context.regexes[rule.index]
    for part in template.parse(rule.rewrite_name):
        if not isinstance(part, template.Reference):
            continue
        group = _group(regex, part.group)
        if group is not None and _spans_arguments(group):
            yield context.at_value(
                rule,
                context.keys.rewrite,
                "rewrite-many-names",
                f"{visible(rule.rewrite_name[slice(*part.span)])} can contain any arguments,"
                " so each command line can get its own name",
                part=part.span,
                effect="the server treats every name as a separate process",
                hint=r"capture one argument: (\S+) instead of (.*)",
            )
            return


def _group(regex: Regex, group: int | str) -> Node | None:
    if group == 0:
        return regex.parsed.root
    for node in _nodes(regex.parsed.root):
        if isinstance(node, Group) and group in (node.index, node.name):
            return node
    return None


def _spans_arguments(root: Node) -> bool:
    return any(
        isinstance(node, Repeat)
        and node.max is None
        and any(isinstance(inner, Class) and _holds_words(inner) for inner in _nodes(node.node))
        for node in _nodes(root)
    )


def _holds_words(node: Class) -> bool:
    """Whether the class contains letters and spaces."""
    return all(any(low <= ord(char) <= high for low, high in node.ranges) for char in "a z")


def _nodes(root: Node) -> Iterator[Node]:
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        match node:
            case Group(inner) | Repeat(inner):
                stack.append(inner)
            case Concat(parts) | Alternate(parts):
                stack.extend(parts)
            case _:
                pass


def text_of_empty_name(regex: Regex, name: str, domain: Domain, context: Context) -> str | None:
    """A text for which the new name is empty; None if none was found."""
    parts = template.parse(name)
    if not all(isinstance(part, template.Reference) for part in parts):
        return None
    groups = {part.group for part in parts if isinstance(part, template.Reference)}
    if 0 in groups:
        return None
    left = _without(regex.parsed.root, groups)
    if left is None:
        return None
    try:
        pattern = rf"\A(?:{to_pattern(left)})\z"
        text = context.find(domain, matching=[regex.pattern, pattern]).text
    except RegexSyntaxError:
        return None
    return text if text is not None and not regex.replace_all(text, name) else None


def _without(node: Node, groups: Collection[int | str]) -> Node | None:
    """The pattern with these groups empty; None if they cannot match the empty text."""
    match node:
        case Group(inner, index, name):
            if index in groups or name in groups:
                return Empty() if _can_be_empty(inner) else None
            return _without(inner, groups)
        case Repeat(inner, least, most, greedy):
            left = _without(inner, groups)
            if left is not None:
                return Repeat(left, least, most, greedy)
            return None if least else Empty()
        case Concat(parts):
            pieces = [_without(part, groups) for part in parts]
            whole = [piece for piece in pieces if piece is not None]
            return concat(whole) if len(whole) == len(pieces) else None
        case Alternate(branches):
            options = [left for one in branches if (left := _without(one, groups)) is not None]
            return alternate(options) if options else None
        case _:
            return node


def _can_be_empty(node: Node) -> bool:
    match node:
        case Group(inner):
            return _can_be_empty(inner)
        case Repeat(inner, least):
            return not least or _can_be_empty(inner)
        case Concat(parts):
            return all(_can_be_empty(part) for part in parts)
        case Alternate(branches):
            return any(_can_be_empty(branch) for branch in branches)
        case Literal() | Class():
            return False
        case Look() | Empty():
            return True

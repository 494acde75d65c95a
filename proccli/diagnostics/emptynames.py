"""Finds a text for which a rewrite produces an empty name, verified with the matcher."""

from __future__ import annotations

from collections.abc import Collection

from proccli.diagnostics.domains import LIMITS
from proccli.rustregex import Regex, RegexSyntaxError
from proccli.rustregex.automata.domain import Domain
from proccli.rustregex.automata.patternset import find_text
from proccli.rustregex.match import template
from proccli.rustregex.tree.nodes import (
    Alternate,
    Class,
    Concat,
    Empty,
    Group,
    Literal,
    Look,
    Node,
    Repeat,
    alternate,
    concat,
)
from proccli.rustregex.tree.printer import to_pattern


def text_of_empty_name(regex: Regex, name: str, domain: Domain) -> str | None:
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
        text = find_text(matching=[regex.pattern, pattern], domain=domain, limits=LIMITS).text
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

"""Near misses: the longest leading part of a pattern that matches where the whole does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from proccli.rustregex.match.alphabet import Alphabet
from proccli.rustregex.match.exact import TIME_LIMIT_S, Exact
from proccli.rustregex.match.regex import Regex
from proccli.rustregex.tree.nodes import (
    Alternate,
    Concat,
    Group,
    Node,
    Repeat,
    Span,
    concat,
)
from proccli.rustregex.tree.shape import can_be_empty
from proccli.rustregex.tree.simplify import Captures

MOST_SEARCHES = 200
MOST_CHARACTERS = 100_000_000
"""The most searches per call, and the most characters that they read together; for a pattern that
needs more, the part may be too short."""

NO_GROUPS = Captures((None,), {}, complete=True)


class Prefix(NamedTuple):
    """A near miss.

    `span` is what the leading part matched (character offsets into the text),
    `matched_pattern_span` is that part's span in the pattern, and `expected` the source of the
    rest of the pattern.
    """

    matched_pattern_span: Span
    span: Span
    expected: str


def longest_prefix(rx: Regex, text: str) -> Prefix | None:
    """The longest leading part of a pattern that matches in a text that the whole pattern does not
    match; None: that part matches only the empty text.

    A node that can match the empty text counts as matched only if a later node matches, too: of
    `python3 (.*)\\.py` on `python3 app`, the part is `python3 `.
    """
    search = _PrefixSearch(text, rx.parsed.root)
    matched, rest = search.furthest([], rx.parsed.root)
    while matched and can_be_empty(matched[-1]):
        rest.insert(0, matched.pop())
    if not matched:
        return None
    found = search.search(matched)
    if found is None or found[0] == found[1]:
        return None
    return Prefix(
        matched_pattern_span=(rx.parsed.root.span[0], matched[-1].span[1]),
        span=found,
        expected="".join(_source(node, rx.pattern) for node in rest),
    )


class _PrefixSearch:
    def __init__(self, text: str, root: Node) -> None:
        self.text = text
        self.alphabet = Alphabet(root)
        self.searches_left = min(MOST_SEARCHES, MOST_CHARACTERS // max(len(text), 1))
        self.time_left = TIME_LIMIT_S
        self.found: dict[tuple[int, ...], Span | None] = {}
        """The result of each search, by the identities of the nodes."""

    def furthest(self, before: list[Node], node: Node) -> tuple[list[Node], list[Node]]:
        """The leading nodes of `node` that match after `before`, and the nodes that follow them."""
        items: list[Node] = [*node.parts] if isinstance(node, Concat) else [node]
        count = self.longest(before, items)
        matched, rest = items[:count], items[count:]
        if not rest:
            return matched, []
        best: list[Node] = []
        best_length = 0
        for option in _options(rest[0]):
            inner, inner_rest = self.furthest([*before, *matched], option)
            while inner and can_be_empty(inner[-1]):
                inner_rest.insert(0, inner.pop())
            length = self.length([*before, *matched, *inner]) if inner else 0
            if length > best_length:
                best, best_length = inner, length
                rest = [*inner_rest, *items[count + 1 :]]
        return matched + best, rest

    def longest(self, before: list[Node], items: list[Node]) -> int:
        """The largest number of leading `items` that match after `before`."""
        low, high = 0, len(items)
        while low < high:
            middle = (low + high + 1) // 2
            if self.search([*before, *items[:middle]]) is not None:
                low = middle
            else:
                high = middle - 1
        return low

    def length(self, nodes: Sequence[Node]) -> int:
        span = self.search(nodes)
        return span[1] - span[0] if span else 0

    def search(self, nodes: Sequence[Node]) -> Span | None:
        """The span of the leftmost match of these nodes, one after the other."""
        key = tuple(map(id, nodes))
        if key not in self.found:
            if not self.searches_left:
                return None
            self.searches_left -= 1
            self.found[key] = self._search(concat(_without_groups(node) for node in nodes))
        return self.found[key]

    def _search(self, root: Node) -> Span | None:
        exact = Exact(root, NO_GROUPS, self.alphabet, time_limit_s=self.time_left)
        found = exact.search(self.text, 0)
        # One limit for all searches: similar ones are likely to take too long, too.
        self.time_left = exact.time_left
        return found[0] if found else None


def _options(node: Node) -> tuple[Node, ...]:
    """The nodes to try inside a node that does not match as a whole."""
    match node:
        case Group(inner):
            return _options(inner) if isinstance(inner, Alternate) else (inner,)
        case Alternate(branches):
            return branches
        case Repeat(inner, 1):
            return (inner,)
        case _:
            return ()


def _source(node: Node, pattern: str) -> str:
    source = pattern[node.span[0] : node.span[1]]
    return f"(?:{source})" if isinstance(node, Alternate) else source


def _without_groups(node: Node) -> Node:
    match node:
        case Group(inner):
            return _without_groups(inner)
        case Repeat(inner, low, high, greedy):
            return Repeat(_without_groups(inner), low, high, greedy, node.span)
        case Concat(parts):
            return Concat(tuple(map(_without_groups, parts)), node.span)
        case Alternate(branches):
            return Alternate(tuple(map(_without_groups, branches)), node.span)
        case _:
            return node

"""The rewriting that the crate does between parsing and compiling.

Two of its rules change what a pattern matches, so both engines here work on the simplified tree:

- A prefix that all branches of an alternation share is moved in front of it. If the prefix contains
  a loop, the first branch then no longer has priority: `[ab]*b|[ab]*c` matches all of `abc`.
- `x{0}` is removed before groups are counted, so `(a){0}(b)` has one group too few, and group 2
  is lost. `captures` returns the groups that remain.

Source: regex-syntax 0.7.2 `Hir::{concat,alternation,repetition}`, regex 1.8.3 `compile.rs`.
"""

from __future__ import annotations

from typing import NamedTuple

from proccli.rustregex.tree.charset import normalize
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
)


class Captures(NamedTuple):
    """The groups of a compiled pattern.

    `names` has an entry for each group that a match reports (index 0: the match itself, None);
    `index_of` maps a name to its group's index, which may be beyond the end of `names`.
    """

    names: tuple[str | None, ...]
    index_of: dict[str, int]
    complete: bool
    """Whether no group was removed, so that every group has its own index."""


def simplify(node: Node) -> Node:
    """The tree that the crate compiles: shared prefixes moved to the front, `{0}` removed."""
    return _Simplifier().visit(node).node


def captures(root: Node) -> Captures:
    """The groups of a simplified tree, as the crate's compiler counts them."""
    counter = _CaptureCounter()
    counter.visit(root)
    return Captures(tuple(counter.names), counter.index_of, counter.complete)


class _Term(NamedTuple):
    """A simplified subtree. Two terms with the same `key` are equal trees.

    A run of literals is one term, as in the crate. `parts` are the terms of a concatenation,
    `branches` those of an alternation.
    """

    node: Node
    key: int
    text: str | None = None
    parts: tuple[_Term, ...] = ()
    branches: tuple[_Term, ...] = ()


class _Simplifier:
    def __init__(self) -> None:
        self.keys: dict[tuple[object, ...], int] = {}

    def visit(self, node: Node) -> _Term:  # noqa: C901 - a case a node
        match node:
            case Empty():
                return _Term(node, self._key("empty"))
            case Literal(char):
                return _Term(node, self._key("literal", char), text=char)
            case Class(ranges, _, on_bytes):
                return self._class(ranges, node, on_bytes=on_bytes)
            case Look(kind):
                return _Term(node, self._key("look", kind))
            case Group(inner, index, name):
                term = self.visit(inner)
                group = Group(term.node, index, name, node.span)
                return _Term(group, self._key("group", index, term.key))
            case Repeat():
                return self._repeat(node, self.visit(node.node))
            case Concat(parts):
                terms = []
                for part in parts:
                    terms.append(self.visit(part))  # noqa: PERF401 - one stack frame less for each level
                return self._concat(terms, node)
            case Alternate(branches):
                terms = []
                for branch in branches:
                    terms.append(self.visit(branch))
                return self._alternate(terms, node)

    def _key(self, *shape: object) -> int:
        return self.keys.setdefault(shape, len(self.keys))

    def _class(
        self, ranges: tuple[tuple[int, int], ...], origin: Node, *, on_bytes: bool = False
    ) -> _Term:
        if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
            char = chr(ranges[0][0])
            return _Term(Literal(char, origin.span), self._key("literal", char), text=char)
        key = self._key("class", ranges, on_bytes)
        return _Term(Class(ranges, origin.span, on_bytes), key)

    def _repeat(self, node: Repeat, term: _Term) -> _Term:
        if node.max == 0:
            return _Term(Empty(node.span), self._key("empty"))
        if node.min == 1 and node.max == 1:
            return term
        repeat = Repeat(term.node, node.min, node.max, node.greedy, node.span)
        return _Term(repeat, self._key("repeat", node.min, node.max, node.greedy, term.key))

    def _concat(self, terms: list[_Term], origin: Node) -> _Term:
        parts: list[_Term] = []
        run: list[_Term] = []
        for term in terms:
            for part in term.parts or (term,):
                if part.text is not None:
                    run.append(part)
                    continue
                if isinstance(part.node, Empty):
                    continue
                if run:
                    parts.append(self._run(run))
                    run = []
                parts.append(part)
        if run:
            parts.append(self._run(run))
        if not parts:
            return _Term(Empty(origin.span), self._key("empty"))
        if len(parts) == 1:
            return parts[0]
        nodes: list[Node] = []
        for part in parts:
            nodes.extend(part.node.parts if isinstance(part.node, Concat) else (part.node,))
        key = self._key("concat", *(part.key for part in parts))
        return _Term(Concat(tuple(nodes), origin.span), key, parts=tuple(parts))

    def _run(self, run: list[_Term]) -> _Term:
        if len(run) == 1:
            return run[0]
        nodes: list[Node] = []
        for term in run:
            nodes.extend(term.node.parts if isinstance(term.node, Concat) else (term.node,))
        text = "".join(term.text or "" for term in run)
        span = (nodes[0].span[0], nodes[-1].span[1])
        return _Term(Concat(tuple(nodes), span), self._key("literal", text), text=text)

    def _alternate(self, terms: list[_Term], origin: Node) -> _Term:
        branches: list[_Term] = []
        for term in terms:
            branches.extend(term.branches or (term,))
        chars = [branch.text for branch in branches if branch.text and len(branch.text) == 1]
        if len(chars) == len(branches):
            return self._class(normalize((ord(char), ord(char)) for char in chars), origin)
        classes = [branch.node for branch in branches if isinstance(branch.node, Class)]
        if len(classes) == len(branches):
            return self._class(normalize(r for node in classes for r in node.ranges), origin)
        shared = _shared_prefix(branches)
        if shared:
            rests = [self._concat(list(branch.parts[shared:]), origin) for branch in branches]
            prefix = list(branches[0].parts[:shared])
            return self._concat([*prefix, self._alternate(rests, origin)], origin)
        key = self._key("alternate", *(branch.key for branch in branches))
        node = Alternate(tuple(branch.node for branch in branches), origin.span)
        return _Term(node, key, branches=tuple(branches))


def _shared_prefix(branches: list[_Term]) -> int:
    """The number of leading terms that all branches share; 0 unless all are concatenations."""
    shared = len(branches[0].parts)
    for branch in branches[1:]:
        limit = min(shared, len(branch.parts))
        shared = 0
        while shared < limit and branch.parts[shared].key == branches[0].parts[shared].key:
            shared += 1
        if not shared:
            return 0
    return shared


class _CaptureCounter:
    """Appends each group that it visits, unless the list already reaches the group's index.

    So after a removed group the names are at the wrong index, and the last groups have none.
    """

    def __init__(self) -> None:
        self.names: list[str | None] = [None]
        self.index_of: dict[str, int] = {}
        self.complete = True

    def visit(self, node: Node) -> None:
        match node:
            case Group(inner, index, name):
                if index >= len(self.names):
                    self.complete = self.complete and index == len(self.names)
                    self.names.append(name)
                    if name is not None:
                        self.index_of[name] = index
                self.visit(inner)
            case Repeat():
                # The compiler visits the body once for each copy; if one copy adds no group, the
                # following ones add none either.
                copies = node.max if node.max is not None else node.min + (node.min != 1)
                for _ in range(copies):
                    before = len(self.names)
                    self.visit(node.node)
                    if len(self.names) == before:
                        break
            case Concat(parts) | Alternate(parts):
                for part in parts:
                    self.visit(part)

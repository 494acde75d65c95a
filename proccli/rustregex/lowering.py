"""Syntax tree → resolved tree: flags applied, classes computed, names looked up.

A flag holds from where it stands to the end of its group, across `|`.

Under `(?-u)` the crate works on bytes. Its regexes for text must not match half a character, so
there every set has to stay within ASCII; that is checked where the crate checks it.
Source: regex-syntax 0.7.2, hir/translate.rs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from proccli.rustregex import charset, classes, nodes, syntax
from proccli.rustregex.errors import syntax_error
from proccli.rustregex.nodes import LookKind, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagState:
    """The flags in force at one place of the pattern; `x` is the grammar's own business."""

    ignore_case: bool = False
    multi_line: bool = False
    dot_matches_newline: bool = False
    swap_greed: bool = False
    unicode: bool = True
    crlf: bool = False

    def apply(self, flags: syntax.Flags) -> FlagState:
        changes = {
            name: state
            for letter, name in _FLAG_NAMES.items()
            if (state := flags.state(letter)) is not None
        }
        return replace(self, **changes)


_FLAG_NAMES = {
    "i": "ignore_case",
    "m": "multi_line",
    "s": "dot_matches_newline",
    "U": "swap_greed",
    "u": "unicode",
    "R": "crlf",
}


class Lowering:
    """Lowers one pattern, once."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._flags = FlagState()
        self._group_names: dict[int, str | None] = {0: None}
        self._crlf_anchors: set[Span] = set()

    def lower(self, root: syntax.Ast) -> nodes.Parsed:
        """The resolved tree. Raises: RegexSyntaxError."""
        tree = self._node(root)
        self._check_compilable(tree)
        names = tuple(self._group_names[index] for index in range(len(self._group_names)))
        return nodes.Parsed(self._pattern, tree, names)

    def _node(  # noqa: C901, PLR0912 - a case per node
        self, ast: syntax.Ast
    ) -> nodes.Node:
        # One frame a level, and at most 250 levels: see `nesting`.
        match ast:
            case syntax.Empty(span):
                return nodes.Empty(span)
            case syntax.Flags(span):
                self._flags = self._flags.apply(ast)
                return nodes.Empty(span)
            case syntax.Literal() | syntax.Dot() | syntax.PerlClass() | syntax.UnicodeClass():
                return classes.atom(ast, self._flags, self._pattern)
            case syntax.Bracketed(span):
                return nodes.class_of(classes.bracketed(ast, self._flags, self._pattern), span)
            case syntax.Assertion(span, letter):
                return nodes.Look(self._look(letter, span), span)
            case syntax.Group(span, inner, index, name, flags):
                outer = self._flags
                if flags is not None:
                    self._flags = outer.apply(flags)
                if index is not None:
                    self._group_names[index] = name
                content = self._node(inner)
                self._flags = outer
                return content if index is None else nodes.Group(content, index, name, span)
            case syntax.Repetition(span, _, inner, least, most, lazy):
                greedy = lazy == self._flags.swap_greed
                return nodes.Repeat(self._node(inner), least, most, greedy, span)
            case syntax.Concat(span, parts):
                lowered = []
                for part in parts:
                    lowered.append(self._node(part))  # noqa: PERF401 - no frame for a generator
                return nodes.concat(lowered, span)
            case syntax.Alternation(span, branches):
                lowered = []
                for branch in branches:
                    lowered.append(self._node(branch))
                return _alternate(lowered, span)

    def _look(self, letter: str, span: Span) -> LookKind:
        flags = self._flags
        if letter in "^$" and flags.multi_line and flags.crlf:
            self._crlf_anchors.add(span)
        match letter:
            case "^":
                return LookKind.START_LINE if flags.multi_line else LookKind.START_TEXT
            case "$":
                return LookKind.END_LINE if flags.multi_line else LookKind.END_TEXT
            case "A":
                return LookKind.START_TEXT
            case "z":
                return LookKind.END_TEXT
            case "b":
                return LookKind.WORD if flags.unicode else LookKind.WORD_ASCII
            case _:
                return LookKind.NOT_WORD if flags.unicode else LookKind.NOT_WORD_ASCII

    def _check_compilable(self, root: nodes.Node) -> None:
        """What the crate's parser lets pass, but its compiler can't do, unless under `{0}`."""
        stack = [root]
        while stack:
            node = stack.pop()
            match node:
                case nodes.Class((), span):
                    raise syntax_error("class-empty", self._pattern, span)
                case nodes.Look(_, span) if span in self._crlf_anchors:
                    raise syntax_error("crlf-anchor", self._pattern, span)
                case nodes.Repeat(inner) if node.max != 0:
                    stack.append(inner)
                case nodes.Group(inner):
                    stack.append(inner)
                case nodes.Concat(inner_nodes) | nodes.Alternate(inner_nodes):
                    stack.extend(reversed(inner_nodes))
                case _:
                    pass


def _alternate(branches: list[nodes.Node], span: Span) -> nodes.Node:
    """The alternation, less its empty classes where the crate would not notice them.

    It joins branches that are all classes into one, so `[a&&b]|[c-d]` compiles and `[a&&b]|c`
    doesn't.
    """
    joined = nodes.alternate(branches, span)
    if isinstance(joined, nodes.Alternate):
        sets = [branch.ranges for branch in joined.branches if isinstance(branch, nodes.Class)]
        if len(sets) == len(joined.branches) and () in sets:
            return nodes.class_of(charset.normalize(pair for one in sets for pair in one), span)
    return joined

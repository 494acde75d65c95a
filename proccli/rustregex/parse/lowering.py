"""Syntax tree → resolved tree: flags applied, classes computed, names looked up.

A flag holds from where it stands to the end of its group, across `|`.

Under `(?-u)` the crate works on bytes. Its regexes for text must not match half a character, so
there every set has to stay within ASCII; that is checked where the crate checks it.
Source: regex-syntax 0.7.2, hir/translate.rs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from proccli.rustregex.parse import classes, syntax
from proccli.rustregex.parse.errors import RegexSyntaxError, syntax_error
from proccli.rustregex.tree import nodes
from proccli.rustregex.tree.nodes import LookKind, Span
from proccli.rustregex.tree.simplify import simplify


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
        tree = self._compilable(self._node(root))
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
            case syntax.Bracketed():
                return classes.bracketed(ast, self._flags, self._pattern)
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
                return nodes.alternate(lowered, span)

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

    def _compilable(self, tree: nodes.Node) -> nodes.Node:
        """The tree, if the crate's compiler can do what its parser let pass.

        It joins branches that are all classes, also behind a prefix that they share. So
        `[a&&b]|[c-d]` compiles, where `[a&&b]|c` holds an empty class.
        """
        if self._fault(tree) is None:
            return tree
        simplified = simplify(tree)
        fault = self._fault(simplified)
        if fault is not None:
            raise fault
        return simplified

    def _fault(self, root: nodes.Node) -> RegexSyntaxError | None:
        stack = [root]
        while stack:
            node = stack.pop()
            match node:
                case nodes.Class((), span):
                    return syntax_error("class-empty", self._pattern, span)
                case nodes.Look(_, span) if span in self._crlf_anchors:
                    return syntax_error("crlf-anchor", self._pattern, span)
                case nodes.Repeat(inner) if node.max != 0:
                    stack.append(inner)
                case nodes.Group(inner):
                    stack.append(inner)
                case nodes.Concat(inner_nodes) | nodes.Alternate(inner_nodes):
                    stack.extend(reversed(inner_nodes))
                case _:
                    pass
        return None

r"""What release 1.6.0 of the crate (agents 6.2) rejects although 1.8.3 accepts it.

Escapes of characters without a special meaning (`\/`, `\"`), `(?<name>…)`, the flag `R`, non-ASCII
group names, `\p{LC}`, `\p{sc}`, `(?-u)\B`, and additions of Unicode 15. Not checked: empty classes
that 1.8.3 ignores, and the few bytes by which the sizes of programs differ.
Source: regex CHANGELOG 1.8.0; regex-syntax 0.6.27, ast/parse.rs and hir/translate.rs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, TypeAlias

from proccli.rustregex.parse.errors import RegexSyntaxError, syntax_error
from proccli.rustregex.parse.grammar import GrammarParser
from proccli.rustregex.parse.parser import parse
from proccli.rustregex.parse.syntax import (
    Alternation,
    Ast,
    Bracketed,
    ClassOperation,
    ClassRange,
    ClassSet,
    ClassUnion,
    Concat,
    Flags,
    Group,
    Literal,
    Repetition,
    UnicodeClass,
)
from proccli.rustregex.tree import nodes, unicode
from proccli.rustregex.tree.nodes import LookKind, Span

_Part: TypeAlias = Ast | ClassSet
_Fault: TypeAlias = tuple[Span, str, str]
"""The span, the error's kind, and advice on what to write instead."""

_ESCAPABLE: Final = frozenset(r"\.+*?()|[]{}^$#&-~")
_NEW_IN_UNICODE_15: Final = frozenset(("kawi", "nagm", "nagmundari"))


def rejected_by_1_6(pattern: str) -> RegexSyntaxError | None:
    """The error of agents 6.2 in a pattern that later agents accept; None: 6.2 accepts it, too.

    Raises: RegexSyntaxError if 1.8.3 rejects the pattern too.
    """
    parsed = parse(pattern)
    ast = GrammarParser(pattern).parse()
    faults = sorted(_grammar_faults(pattern, ast)) or [
        *_property_faults(ast),
        *_boundary_faults(parsed.root),
    ]
    if not faults:
        return None
    span, kind, advice = faults[0]
    error = syntax_error(kind, pattern, span)
    error.hint = advice
    return error


def _grammar_faults(pattern: str, root: Ast) -> Iterator[_Fault]:
    for node in _walk(root):
        match node:
            case Literal((start, end), char, _, verbose):
                escaped = pattern[start:end] == f"\\{char}"
                if escaped and char not in _ESCAPABLE and not (char == " " and verbose):
                    plain = char if char.isprintable() else f"\\x{ord(char):02X}"
                    yield (start, end), "escape-unrecognized", f"write '{plain}'"
            case Group((start, _), _, _, name) if name is not None:
                yield from _name_faults(pattern, start, name)
            case Flags((start, end), on, off) if "R" in on + off:
                at = pattern.index("R", start, end)
                yield (at, at + 1), "flag-unrecognized", "remove the flag R"
            case _:
                pass


def _name_faults(pattern: str, start: int, name: str) -> Iterator[_Fault]:
    opening = re.compile(r"\(\s*\?(P?)<", re.VERBOSE).match(pattern, start)
    if opening is not None and not opening[1]:
        at = opening.end() - 1
        yield (at, at + 1), "flag-unrecognized", f"write (?P<{name}>…), which all agents accept"
    elif opening is not None:
        for at, char in enumerate(name, opening.end()):
            if not char.isascii():
                yield (at, at + 1), "group-name-invalid", "name the group with ASCII letters"


def _property_faults(root: Ast) -> Iterator[_Fault]:
    for node in _walk(root):
        if not isinstance(node, UnicodeClass):
            continue
        name = unicode.normalize(node.name)
        value = unicode.normalize(node.value or "")
        if node.value is None and name in ("lc", "sc"):
            category = "Cased_Letter" if name == "lc" else "Currency_Symbol"
            yield node.span, "unicode-property-not-found", f"write \\p{{{category}}}"
        elif node.value is None and name in _NEW_IN_UNICODE_15:
            yield node.span, "unicode-property-not-found", "this script was added in Unicode 15"
        elif value in _NEW_IN_UNICODE_15 or (name == "age" and value in ("15.0", "v150")):
            yield node.span, "unicode-property-value-not-found", "this was added in Unicode 15"


def _boundary_faults(root: nodes.Node) -> Iterator[_Fault]:
    stack = [root]
    while stack:
        node = stack.pop()
        match node:
            case nodes.Look(LookKind.NOT_WORD_ASCII, span):
                yield span, "invalid-utf8", r"write \B without (?-u)"
            case nodes.Group(inner) | nodes.Repeat(inner):
                stack.append(inner)
            case nodes.Concat(inner_nodes) | nodes.Alternate(inner_nodes):
                stack.extend(reversed(inner_nodes))
            case _:
                pass


def _walk(root: Ast) -> Iterator[_Part]:
    """Every node of the tree in reading order, including classes and the flags of groups."""
    stack: list[_Part] = [root]
    while stack:
        node = stack.pop()
        yield node
        match node:
            case Concat(_, inner) | Alternation(_, inner) | ClassUnion(_, inner):
                stack.extend(reversed(inner))
            case Group(_, content, flags=flags):
                stack.append(content)
                if flags is not None:
                    stack.append(flags)
            case Repetition(node=content) | Bracketed(content=content):
                stack.append(content)
            case ClassOperation(left=left, right=right) | ClassRange(start=left, end=right):
                stack += (right, left)
            case _:
                pass

"""Prints a resolved tree as a pattern that parses to the same tree and needs no flags around it.

The effects of flags and class names are written out, so the pattern may be one or two levels deeper
than the parsed one: a tree at the nesting limit may print to a pattern that exceeds it.
"""

from __future__ import annotations

from typing import Final

from proccli.rustregex.tree import charset, unicode
from proccli.rustregex.tree.charset import Ranges
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

_METACHARACTERS: Final = frozenset(r"\.+*?()|[]{}^$")
_CLASS_METACHARACTERS: Final = frozenset(r"\[]^-&~")
_NAMES: Final = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_LONGEST_PLAIN: Final = 12
"""Only a class with more ranges than this is compared with `\\d` and `\\w`."""


def to_pattern(node: Node) -> str:
    """The tree as a pattern."""
    out: list[str] = []
    _write(node, out)
    return "".join(out)


def _write(node: Node, out: list[str]) -> None:  # noqa: C901 - a case per node
    match node:
        case Empty():
            pass
        case Literal(char):
            out.append(_character(char, _METACHARACTERS))
        case Class(ranges, _, on_bytes):
            text = class_text(ranges)
            out.append(f"(?-u:{text})" if on_bytes else text)
        case Look(kind):
            out.append(kind.value)
        case Group(inner, _, name):
            out.append("(" if name is None else f"(?P<{name}>")
            _write(inner, out)
            out.append(")")
        case Repeat(inner):
            grouped = isinstance(inner, Empty | Concat | Alternate)
            out.append("(?:" if grouped else "")
            _write(inner, out)
            out.append(")" if grouped else "")
            out.append(_quantifier(node))
        case Concat(parts):
            for part in parts:
                grouped = isinstance(part, Alternate)
                out.append("(?:" if grouped else "")
                _write(part, out)
                out.append(")" if grouped else "")
        case Alternate(branches):
            for index, branch in enumerate(branches):
                out.append("|" if index else "")
                grouped = isinstance(branch, Alternate)
                out.append("(?:" if grouped else "")
                _write(branch, out)
                out.append(")" if grouped else "")


def _quantifier(node: Repeat) -> str:
    lazy = "" if node.greedy else "?"
    match node.min, node.max:
        case (0, 1):
            # After another quantifier a question mark would make that one lazy.
            return ("{0,1}" if isinstance(node.node, Repeat) else "?") + lazy
        case (0, None):
            return "*" + lazy
        case (1, None):
            return "+" + lazy
        case (least, None):
            return f"{{{least},}}{lazy}"
        case (least, most) if least == most:
            return f"{{{least}}}{lazy}"
        case (least, most):
            return f"{{{least},{most}}}{lazy}"


def class_text(ranges: Ranges) -> str:
    """A set of characters as a class: `.`, `\\d` or brackets, negated where that is shorter."""
    if ranges == charset.NOT_NEWLINE:
        return "."
    if ranges == charset.ANY:
        return "(?s:.)"
    if not ranges:
        return r"\P{any}"
    return _perl_name(ranges) or _brackets(ranges)


def _perl_name(ranges: Ranges) -> str | None:
    if ranges == unicode.perl("s"):
        return r"\s"
    if ranges == charset.negate(unicode.perl("s")):
        return r"\S"
    if len(ranges) > _LONGEST_PLAIN:
        for letter in "dw":
            if ranges == unicode.perl(letter):
                return f"\\{letter}"
            if ranges == charset.negate(unicode.perl(letter)):
                return f"\\{letter.upper()}"
    return None


def _brackets(ranges: Ranges) -> str:
    negated = ranges[0][0] == 0 and ranges[-1][1] == charset.LAST
    inside = []
    for low, high in charset.negate(ranges) if negated else ranges:
        inside.append(_character(chr(low), _CLASS_METACHARACTERS))
        if high > low:
            inside.append("-" if high > low + 1 else "")
            inside.append(_character(chr(high), _CLASS_METACHARACTERS))
    return f"[{'^' if negated else ''}{''.join(inside)}]"


def _character(char: str, meta: frozenset[str]) -> str:
    if char in meta:
        return f"\\{char}"
    if char.isprintable():
        return char
    return _NAMES.get(char) or f"\\x{{{ord(char):X}}}"

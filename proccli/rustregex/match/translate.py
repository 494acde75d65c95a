"""Writes a simplified tree as a pattern of the PyPI module `regex`.

Nothing depends on that module's own definitions: sets are spelled out, look-arounds are built from
sets, and no flag except its version is set. A text that is not ASCII passes through
`alphabet.Substitution` first, so the only characters that can occur in it are ASCII and one
representative of each symbol. A set lists those of them that it contains; a shorthand such as
`\\w` is used only if `regex` gives it exactly the same members.

A backtracking engine may report other spans or groups than the crate (`needs_automaton`), or take
too long on a long text (`longest_text`).
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from math import log

from proccli.rustregex.match.alphabet import ASCII_WORD, FIRST_NON_ASCII, Alphabet
from proccli.rustregex.tree.charset import ASCII_SETS, Ranges
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
)
from proccli.rustregex.tree.shape import empty_loops

NEVER = "(?!)"
ASCII = "".join(map(chr, range(FIRST_NON_ASCII)))

SAFE_WAYS = 1e6
"""The number of ways through a pattern, from all starts together, that take clearly less than a
tenth of a second."""

QUICK_WAYS = 1e5
"""The number of ways that take about a millisecond at most."""

LENGTHS = (4096, 1024, 256, 64, 0)


def translate(root: Node, alphabet: Alphabet) -> str:
    """A pattern for `regex.compile(…, regex.V0)` with the tree's groups in their order."""
    return _Translator(alphabet).write(root)


def needs_automaton(root: Node) -> bool:
    """Whether the body of any loop can match the empty text.

    A backtracking engine reports other spans or groups than the crate then: the crate discards an
    iteration that consumed nothing, which changes what later branches match and what the groups
    capture; each backtracking engine has rules of its own.
    """
    return any(True for _ in empty_loops(root))


class _Translator:
    def __init__(self, alphabet: Alphabet) -> None:
        stand_ins = sorted(alphabet.representatives().values())
        self.universe = ASCII + "".join(map(chr, stand_ins))
        self.sets: dict[Ranges, str] = {}
        self.word = alphabet.word

    def write(self, node: Node) -> str:  # noqa: C901 - a case a node
        match node:
            case Empty():
                return ""
            case Literal(char):
                return _escape(ord(char))
            case Class(ranges):
                return self.charset(ranges)
            case Look(kind):
                return self.look(kind)
            case Group(inner):
                return f"({self.write(inner)})"
            case Repeat(inner, low, high, greedy):
                body = self.write(inner)
                if not isinstance(inner, Group | Literal | Class):
                    body = f"(?:{body})"
                return f"{body}{_count(low, high)}{'' if greedy else '?'}"
            case Concat(parts):
                pieces = []
                for part in parts:
                    piece = self.write(part)
                    pieces.append(f"(?:{piece})" if isinstance(part, Alternate) else piece)
                return "".join(pieces)
            case Alternate(branches):
                pieces = []
                for branch in branches:
                    pieces.append(self.write(branch))
                return "|".join(pieces)

    def charset(self, ranges: Ranges) -> str:
        if ranges not in self.sets:
            self.sets[ranges] = self._charset(ranges)
        return self.sets[ranges]

    def _charset(self, ranges: Ranges) -> str:
        inside = _members(self.universe, ranges)
        shorthand = _shorthands().get(inside[: bisect_left(inside, chr(FIRST_NON_ASCII))])
        if shorthand is not None and _meaning(shorthand, self.universe) == inside:
            return shorthand
        if not inside:
            return NEVER
        members = set(inside)
        held = _pieces([char in members for char in self.universe], self.universe)
        others = _pieces([char not in members for char in self.universe], self.universe)
        if len(others) < len(held):
            return f"[^{''.join(others)}]"
        return f"[{''.join(held)}]"

    def look(self, kind: LookKind) -> str:
        match kind:
            case LookKind.START_TEXT:
                return r"\A"
            case LookKind.END_TEXT:
                return r"\Z"
            case LookKind.START_LINE:
                return r"(?<![^\n])"
            case LookKind.END_LINE:
                return r"(?![^\n])"
            case LookKind.WORD:
                return self.boundary(self.word, r"\b")
            case LookKind.NOT_WORD:
                return self.boundary(self.word, r"\B")
            case LookKind.WORD_ASCII:
                return self.boundary(ASCII_WORD, r"\b")
            case LookKind.NOT_WORD_ASCII:
                return self.boundary(ASCII_WORD, r"\B")

    def boundary(self, word: Ranges, shorthand: str) -> str:
        inside = self.charset(word)
        if inside == r"\w":
            return shorthand
        if shorthand == r"\b":
            return f"(?:(?<={inside})(?!{inside})|(?<!{inside})(?={inside}))"
        return f"(?:(?<={inside})(?={inside})|(?<!{inside})(?!{inside}))"


def _count(low: int, high: int | None) -> str:
    match low, high:
        case 0, None:
            return "*"
        case 1, None:
            return "+"
        case 0, 1:
            return "?"
        case _ if low == high:
            return f"{{{low}}}"
        case _:
            return f"{{{low},{'' if high is None else high}}}"


def _escape(code: int) -> str:
    char = chr(code)
    if char.isascii() and char.isalnum():
        return char
    return f"\\U{code:08x}"


def _members(universe: str, ranges: Ranges) -> str:
    """The characters of `universe` (sorted) that are in the set."""
    inside = []
    following = iter(ranges)
    low, high = next(following, (0x110000, 0x110000))
    for char in universe:
        code = ord(char)
        while code > high:
            low, high = next(following, (0x110000, 0x110000))
        if code >= low:
            inside.append(char)
    return "".join(inside)


def _pieces(held: list[bool], universe: str) -> list[str]:
    """The runs of `universe` that are in the set, each as part of a bracketed class."""
    pieces = []
    at = 0
    while at < len(held):
        if not held[at]:
            at += 1
            continue
        first = at
        while (
            at + 1 < len(held) and held[at + 1] and ord(universe[at + 1]) == ord(universe[at]) + 1
        ):
            at += 1
        low, high = _escape(ord(universe[first])), _escape(ord(universe[at]))
        pieces.append(low if at == first else f"{low}-{high}")
        at += 1
    return pieces


@lru_cache(maxsize=1)
def _shorthands() -> dict[str, str]:
    """The shorthands by their ASCII characters in the crate, which `regex` is asked to confirm."""
    found = {ASCII: "(?s:.)", ASCII.replace("\n", ""): "."}
    for letter, name in (("w", "word"), ("d", "digit"), ("s", "space")):
        inside = _members(ASCII, ASCII_SETS[name])
        found[inside] = f"\\{letter}"
        found["".join(sorted(set(ASCII) - set(inside)))] = f"\\{letter.upper()}"
    return found


@lru_cache(maxsize=1024)
def _meaning(shorthand: str, universe: str) -> str:
    """The characters of `universe` that `shorthand` matches in `regex`."""
    import regex

    return "".join(regex.findall(shorthand, universe, regex.V0))


def longest_text(root: Node, most_ways: float) -> int:
    """The length in characters of the longest text with at most this many ways through the pattern.

    A time limit makes each search a few microseconds slower, which is more than most searches
    take, so it is set only where it might be needed. A backtracking engine tries at most as many
    ways through a pattern as there are combinations of branches and of repetition counts.
    """
    for length in LENGTHS:
        if log(length + 1) + _log_ways(root, length) <= log(most_ways):
            return length
    return -1


def _log_ways(node: Node, length: int) -> float:
    match node:
        case Group(inner):
            return _log_ways(inner, length)
        case Concat(parts):
            return sum(_log_ways(part, length) for part in parts)
        case Alternate(branches):
            ways = [_log_ways(branch, length) for branch in branches]
            return max(ways) + log(len(ways))
        case Repeat(inner, low, high):
            most = length if high is None else min(high, max(length, 1))
            return log(max(most - low, 0) + 1) + most * _log_ways(inner, length)
        case _:
            return 0.0

"""The literals that every match of a pattern begins or ends with, as the crate extracts them.

The crate searches for such literals before it runs a lazy DFA, and in rare cases this changes its
answer (see `shortcuts`). So this module computes the crate's own set, with the crate's limits,
rather than the best one.

Source: regex-syntax 0.7.2 `hir/literal.rs` (Extractor, Seq), regex 1.8.3 `exec.rs`
(literal_analysis), `literal/imp.rs` (Matcher).
"""

from __future__ import annotations

from collections.abc import Sequence

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

CLASS_LIMIT = 10
REPEAT_LIMIT = 10
LENGTH_LIMIT = 100
TOTAL_LIMIT = 250
SHRINK_STEPS = ((5, 50), (4, 30), (3, 20))
"""Pairs: bytes to keep of each literal, while there are more literals than the second number."""

FIRST_BYTES_LIMIT = 26

Found = tuple[bytes, bool]
"""A literal, and whether it is exact: a whole match of the pattern, not only an end of one."""

Seq = list[Found] | None
"""Literals, one of which must occur, in order of preference; None: any text may occur."""


def extract(root: Node, *, suffixes: bool) -> Seq:
    """The literals that matches begin (or end) with, shortened until there are few."""
    found = _Extractor(suffixes=suffixes).visit(root)
    for keep, limit in SHRINK_STEPS:
        if found is None or len(found) <= limit:
            break
        found = _minimized(_trimmed(found, keep, last=suffixes))
    return found


def searchable(found: Seq, *, suffixes: bool) -> tuple[bytes, ...]:
    """The literals if the crate would search for them, otherwise none."""
    if not found or any(not text for text, _ in found):
        return ()
    ends = {text[-1] if suffixes else text[0] for text, _ in found}
    return () if len(ends) >= FIRST_BYTES_LIMIT else tuple(text for text, _ in found)


def common_prefix(found: Seq) -> bytes:
    """The longest text that all the literals begin with."""
    return _shared([text for text, _ in found or ()])


def common_suffix(found: Seq) -> bytes:
    """The longest text that all the literals end with."""
    return _shared([text[::-1] for text, _ in found or ()])[::-1]


def _shared(texts: list[bytes]) -> bytes:
    if not texts:
        return b""
    low, high = min(texts), max(texts)
    length = 0
    while length < len(low) and low[length] == high[length]:
        length += 1
    return low[:length]


def character_count(text: bytes) -> int:
    return len(text.decode(errors="replace"))


class _Extractor:
    def __init__(self, *, suffixes: bool) -> None:
        self.suffixes = suffixes

    def visit(self, node: Node) -> Seq:  # noqa: C901 - a case a node
        match node:
            case Empty() | Look():
                return [(b"", True)]
            case Literal(char):
                return [(char.encode(errors="surrogatepass"), True)]
            case Class(ranges):
                if sum(high - low + 1 for low, high in ranges) > CLASS_LIMIT:
                    return None
                codes = [code for low, high in ranges for code in range(low, high + 1)]
                return [(chr(code).encode(), True) for code in codes]
            case Group(inner):
                return self.visit(inner)
            case Repeat(inner):
                return self.repeat(node, self.visit(inner))
            case Concat(parts):
                seq: Seq = [(b"", True)]
                for part in reversed(parts) if self.suffixes else parts:
                    if _is_inexact(seq):
                        break
                    seq = self.cross(seq, self.visit(part))
                return seq
            case Alternate(branches):
                seq = []
                for branch in branches:
                    if seq is None:
                        break
                    seq = self.union(seq, self.visit(branch))
                return seq

    def repeat(self, node: Repeat, body: Seq) -> Seq:
        if node.min == 0:
            if node.max != 1:
                body = _inexact(body)
            nothing: Seq = [(b"", True)]
            return self.union(body, nothing) if node.greedy else self.union(nothing, body)
        if node.max is None:
            return _inexact(body)
        seq: Seq = [(b"", True)]
        for _ in range(min(node.min, REPEAT_LIMIT)):
            if _is_inexact(seq):
                break
            seq = self.cross(seq, body)
        return seq if node.min == node.max and node.min <= REPEAT_LIMIT else _inexact(seq)

    def cross(self, left: Seq, right: Seq) -> Seq:
        """Each literal of `left` followed by each of `right` (for suffixes, preceded by it)."""
        if left is not None and right is not None and len(left) * len(right) > TOTAL_LIMIT:
            right = None
        if left is None:
            return None
        if right is None:
            return None if any(not text for text, _ in left) else _inexact(left)
        out = _before_each(left, right) if self.suffixes else _after_each(left, right)
        return _trimmed(_deduplicated(out), LENGTH_LIMIT, last=self.suffixes)

    def union(self, left: Seq, right: Seq) -> Seq:
        if left is not None and right is not None and len(left) + len(right) > TOTAL_LIMIT:
            left = _deduplicated(_trimmed(left, 4, last=self.suffixes))
            right = _deduplicated(_trimmed(right, 4, last=self.suffixes))
            if len(left) + len(right) > TOTAL_LIMIT:
                right = None
        if left is None or right is None:
            return None
        return _deduplicated([*left, *right])


def _after_each(left: Sequence[Found], right: Sequence[Found]) -> list[Found]:
    out: list[Found] = []
    for text, exact in left:
        if exact:
            out += [(text + after, after_exact) for after, after_exact in right]
        else:
            out.append((text, False))
    return out


def _before_each(left: Sequence[Found], right: Sequence[Found]) -> list[Found]:
    out: list[Found] = []
    for number, (before, before_exact) in enumerate(right):
        for text, exact in left:
            if exact:
                out.append((before + text, before_exact))
            elif number == 0:
                out.append((text, False))
    return out


def _inexact(seq: Seq) -> Seq:
    return None if seq is None else [(text, False) for text, _ in seq]


def _is_inexact(seq: Seq) -> bool:
    return seq is None or not any(exact for _, exact in seq)


def _trimmed(found: Sequence[Found], keep: int, *, last: bool) -> list[Found]:
    return [
        (text, exact) if len(text) <= keep else (text[-keep:] if last else text[:keep], False)
        for text, exact in found
    ]


def _deduplicated(found: Sequence[Found]) -> list[Found]:
    """The literals without repeated neighbours; the remaining one is inexact if any of them is."""
    out: list[Found] = []
    for text, exact in found:
        if out and out[-1][0] == text:
            out[-1] = (text, exact and out[-1][1])
        else:
            out.append((text, exact))
    return out


def _minimized(found: Sequence[Found]) -> list[Found]:
    """The literals without those that begin with an earlier one, which becomes inexact."""
    places: dict[bytes, int] = {}
    out: list[Found] = []
    for text, exact in found:
        shorter = (places.get(text[:length]) for length in range(len(text) + 1))
        place = next((place for place in shorter if place is not None), None)
        if place is None:
            places[text] = len(out)
            out.append((text, exact))
        else:
            out[place] = (out[place][0], False)
    return out

"""Small patterns that have much to do with each other, and all short texts to try them on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import product

from hypothesis import strategies as st

from proccli import rustregex
from proccli.rustregex.automata.domain import texts_of
from proccli.rustregex.match.alphabet import Alphabet
from proccli.rustregex.match.program import compile_program
from proccli.rustregex.tree.nodes import Node
from proccli.rustregex.tree.simplify import simplify
from tests.rustregex.threads import Simulation

CHARS = "ab é\n"
LENGTH = 4
"""Long enough for what small patterns can say together; 781 texts."""

DOMAIN = texts_of(CHARS)

LOOKS = ["^", "$", "(?m:^)", "(?m:$)", r"\b", r"\B", r"(?-u:\b)", r"(?-u:\B)", r"\A", r"\z"]
ATOMS = ["a", "a", "b", "b", "é", r"\n", " ", ".", "[ab]", "[^a]", r"\w", r"\s", "[a-é]", "(?i:A)"]
COUNTS = ["*", "+", "?", "*?", "{2}", "{0,2}", "{1,2}", "{2,}", "{1,3}?", "{0}"]


@lru_cache(maxsize=8)
def texts(length: int = LENGTH, chars: str = CHARS) -> tuple[str, ...]:
    """All texts up to that length, the shortest first."""
    return tuple(
        "".join(text) for size in range(length + 1) for text in product(chars, repeat=size)
    )


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(inner, min_size=2, max_size=3)
    return st.one_of(
        several.map("".join),
        several.map(lambda parts: f"({'|'.join(parts)})"),
        st.builds("(?:{}){}".format, inner, st.sampled_from(COUNTS)),
    )


_patterns = st.recursive(
    st.one_of(st.sampled_from(ATOMS), st.sampled_from(ATOMS), st.sampled_from(LOOKS)),
    _larger,
    max_leaves=7,
)
patterns = st.one_of(_patterns, _patterns, _patterns.map("^(?:{})$".format))


def matching(pattern: str, among: Sequence[str]) -> set[str]:
    """The texts in which the matcher finds the pattern."""
    rx = rustregex.compile(pattern)
    return {text for text in among if rx.is_match(text)}


def meant(tree: Node, among: Sequence[str]) -> set[str]:
    """The texts in which the tree matches, without any of the crate's shortcuts."""
    tree = simplify(tree)
    alphabet = Alphabet(tree)
    simulation = Simulation(compile_program(tree, 1, alphabet), alphabet)
    return {text for text in among if simulation.is_match(text)}


def exact(patterns: Iterable[str]) -> bool:
    """Whether the crate takes all these patterns at their word."""
    return not any(rustregex.compile(pattern).may_err for pattern in patterns)


def shortest(found: Iterable[str]) -> int | None:
    return min(map(len, found), default=None)

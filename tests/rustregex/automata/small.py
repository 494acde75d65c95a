"""Small patterns that have much to do with each other, and all short texts to try them on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product

from hypothesis import strategies as st

from proccli import rustregex
from proccli.rustregex.automata import Domain, texts_of

CHARS = "ab é\n"
LENGTH = 4
"""Long enough for what two small patterns can say together; 781 texts."""

DOMAIN = texts_of([(ord(char), ord(char)) for char in CHARS])

LOOKS = ["^", "$", "(?m:^)", "(?m:$)", r"\b", r"\B", r"(?-u:\b)", r"(?-u:\B)"]
ATOMS = ["a", "a", "b", "b", "é", r"\n", " ", ".", "[ab]", "[^a]", r"\w", r"\s", "[a-é]", "(?i:A)"]


@lru_cache(maxsize=8)
def texts(length: int = LENGTH, chars: str = CHARS) -> tuple[str, ...]:
    """All texts up to that length, the shortest first."""
    return tuple(
        "".join(text) for size in range(length + 1) for text in product(chars, repeat=size)
    )


def _repeated(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    counts = ["*", "+", "?", "*?", "{2}", "{0,2}", "{1,2}", "{2,}", "{1,3}?", "{0}"]
    return st.builds("(?:{}){}".format, inner, st.sampled_from(counts))


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.lists(inner, min_size=2, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        _repeated(inner),
    )


patterns = st.recursive(
    st.one_of(st.sampled_from(ATOMS), st.sampled_from(ATOMS), st.sampled_from(LOOKS)),
    _larger,
    max_leaves=7,
)
anchored = st.builds("^{}$".format, patterns.map("(?:{})".format))
either = st.one_of(patterns, patterns, anchored)
lists = st.lists(either, min_size=0, max_size=4)


def matching(pattern: str, among: Sequence[str]) -> set[str]:
    """The texts in which the matcher finds the pattern."""
    rx = rustregex.compile(pattern)
    return {text for text in among if rx.is_match(text)}


def shortest(found: set[str]) -> int | None:
    return min(map(len, found), default=None)


def of_length(domain: Domain, length: int, chars: str = CHARS) -> Iterator[str]:
    """The texts of a domain up to that length."""
    return (text for text in texts(length, chars) if domain.holds(text))

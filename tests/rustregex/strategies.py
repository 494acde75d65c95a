"""Patterns out of the Rust dialect's grammar, texts out of a pattern's tree.

`RUSTREGEX_FUZZ=20000` in the environment makes every property run that many examples.
"""

from __future__ import annotations

import os
from typing import Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from proccli.rustregex.parse.errors import RegexSyntaxError
from proccli.rustregex.parse.parser import parse
from proccli.rustregex.tree.nodes import (
    Alternate,
    Class,
    Concat,
    Group,
    Literal,
    Look,
    Node,
    Repeat,
)

FUZZ: Final = int(os.environ.get("RUSTREGEX_FUZZ", "0"))


def examples(default: int) -> settings:
    """The settings of a property: `default` examples, or as many as the environment says."""
    return settings(
        max_examples=FUZZ or default,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


# Characters that fold, combine, count as digits or spaces, or lie at the edges of UTF-8.
_CHARS: Final = (
    "aaabbbcxyzABkKsS012_-/. :=,~&#\n\t\r\0éÉßẞſKσςΣдД名二٣५²ªⅧǅ"
    "\u0301\u200d\u200c\xa0\u2028\u1c80\u0345\x7f\x80\u07ff\u0800\ud7ff\ue000\uffff😀\U0010ffff"
)
chars = st.sampled_from(_CHARS)

_ESCAPES: Final = [
    *(f"\\{letter}" for letter in "afnrtvdDsSwWAzbB"),
    *(f"\\{mark}" for mark in r"\.+*?()|[]{}^$#&-~/\"'_:@% !,;=`"),
    *("\\x41", "\\x{e9}", "\\u00e9", "\\U0001F600", "\\x7F", "\\x{ 4 1 }"),
    *("\\pL", "\\PN", "\\p{Lu}", "\\P{Greek}", "\\p{sc=Han}", "\\p{scx:Grek}", "\\p{age=3.2}"),
    *("\\p{alphabetic}", "\\p{White_Space}", "\\p{gcb=Extend}", "\\p{Any}", "\\p{ASCII}"),
]
_BAD_ESCAPES: Final = [
    *(f"\\{letter}" for letter in "ceghijklmoqyCDEGHIJKLMNOQRTVXYZ"),
    *(
        "\\1",
        "\\0",
        "\\9",
        "\\<",
        "\\>",
        "\\é",
        "\\",
        "\\x",
        "\\x4",
        "\\xG",
        "\\x{}",
        "\\x{110000}",
    ),
    *("\\x{D800}", "\\u12", "\\U1", "\\p", "\\p{", "\\p{}", "\\p{Foo}", "\\p{L&}", "\\p{gc=Foo}"),
    *("\\p{Foo=L}", "\\p{^L}", "\\p{Cs}", "\\p{blk=ASCII}", "\\p\\", "\\x{4", "\\b{start}", "\\K"),
]
escapes = st.sampled_from(_ESCAPES)
bad_escapes = st.sampled_from(_BAD_ESCAPES)

_plain = chars.map(lambda char: f"\\{char}" if char in r"\.+*?()|[]{}^$" else char)
_class_char = chars.map(lambda char: f"\\{char}" if char in r"\[]^-&~" else char)
_class_escape = st.sampled_from(
    [text for text in _ESCAPES if text not in ("\\A", "\\z", "\\b", "\\B")]
)
_posix = st.builds(
    "[:{}{}:]".format,
    st.sampled_from(["", "^"]),
    st.sampled_from(
        ["alpha", "digit", "word", "space", "punct", "ascii", "foo", "lower", "xdigit"]
    ),
)
_class_range = st.sampled_from(
    [
        "a-z",
        "A-Z",
        "0-9",
        "b-k",
        "!-~",
        "à-ÿ",
        "α-ω",
        "\\x00-\\x7F",
        "\\n-\\r",
        " -z",
        "Ͱ-\\u{3ff}",
        "a-a",
        "-",
    ]
)


def _class(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    union = st.lists(items, min_size=1, max_size=4).map("".join)
    content = st.one_of(
        union,
        union,
        st.builds("{}{}{}".format, union, st.sampled_from(["&&", "--", "~~"]), union),
    )
    return st.builds("[{}{}]".format, st.sampled_from(["", "", "^"]), content)


classes = st.recursive(
    _class(st.one_of(_class_char, _class_char, _class_range, _class_escape, _posix)),
    lambda inner: _class(st.one_of(_class_char, _class_range, inner)),
    max_leaves=3,
)

quantifiers = st.builds(
    "{}{}".format,
    st.sampled_from(
        [
            "?",
            "*",
            "+",
            "*",
            "+",
            "{2}",
            "{0}",
            "{1}",
            "{0,1}",
            "{1,2}",
            "{2,3}",
            "{1,}",
            "{0,}",
            "{ 2 , 3 }",
            "{2,}",
        ]
    ),
    st.sampled_from(["", "", "?"]),
)
flags = st.sampled_from(
    ["i", "m", "s", "U", "u", "x", "R", "-i", "-u", "i-s", "is", "imsUx", "-x", "ix-m", "Rm", "i-u"]
)
atoms = st.one_of(
    _plain, _plain, _plain, st.sampled_from([".", ".", "^", "$", "\\b", "\\B"]), escapes, classes
)
_names = st.sampled_from(["n", "name", "N1", "a.b", "a[0]", "名", "_", "n2", "x", "y", "z"])


def _compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    row = st.lists(inner, min_size=0, max_size=4).map("".join)
    branches = st.lists(row, min_size=1, max_size=3).map("|".join)
    return st.one_of(
        row,
        st.builds("{}{}".format, inner, quantifiers),
        st.builds("(?:{}){}".format, branches, quantifiers),
        st.builds("({}){}".format, branches, st.one_of(st.just(""), quantifiers)),
        st.builds("(?P<{}>{})".format, _names, branches),
        st.builds("(?<{}>{})".format, _names, branches),
        st.builds("(?{}:{})".format, flags, branches),
        st.builds("(?{}){}".format, flags, branches),
    )


patterns = st.recursive(atoms, _compound, max_leaves=8)
"""Patterns that the grammar allows; a few are rejected for what they mean."""

_fragments = st.one_of(
    bad_escapes,
    st.sampled_from(
        [
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            "|",
            "*",
            "+",
            "?",
            "??",
            "++",
            "{2",
            "{,2}",
            "{2,1}",
            "{a}",
            "-",
            "^",
            "&&",
        ]
    ),
    st.sampled_from(
        [
            "(?=",
            "(?!a)",
            "(?<=",
            "(?<!a)",
            "(?>a)",
            "(?#c)",
            "(?P=n)",
            "(?P>n)",
            "(?&n)",
            "(?R)",
            "(?",
            "(?:",
            "(?i",
        ]
    ),
    st.sampled_from(
        [
            "(?P<",
            "(?<",
            "(?P<n",
            "(?P<1a>",
            "(?P<>a)",
            "(?<a-b>c)",
            "(?'n'a)",
            "(?i-)",
            "(?ii)",
            "(?i-i)",
            "(?--i)",
        ]
    ),
    st.sampled_from(
        [
            "[a",
            "[^",
            "[]",
            "[a-",
            "[z-a]",
            "[\\d-z]",
            "[a-\\w]",
            "[[:alpha:]",
            "[[",
            "[[:",
            "[\\b]",
            "[a&&b]",
            "[^\\s\\S]",
        ]
    ),
    st.sampled_from(
        [
            "(?-u)é",
            "(?-u:\\W)",
            "(?-u).",
            "(?-u:[^a])",
            "(?-u)\\xFF",
            "(?x) # c\n",
            "(?x:a #",
            "(?Rm)$",
        ]
    ),
    st.text(st.characters(codec="utf-8"), max_size=3),
)
wild_patterns = st.lists(st.one_of(patterns, _fragments), min_size=1, max_size=5).map("".join)
"""Patterns with mistakes in them, more often than not."""


@st.composite
def texts(draw: st.DrawFn, root: Node) -> str:
    """A text that has a fair chance to match: something the tree describes, among noise."""
    noise = st.text(chars, max_size=4)
    return draw(noise) + _sample(draw, root) + draw(noise)


def _sample(draw: st.DrawFn, node: Node) -> str:
    match node:
        case Literal(char):
            return char
        case Class(ranges):
            if not ranges:
                return ""
            low, high = draw(st.sampled_from(ranges[:40]))
            return chr(draw(st.sampled_from([low, high, (low + high) // 2])))
        case Look() if draw(st.booleans()):
            return draw(st.sampled_from(["", "\n", " "]))
        case Repeat(inner, least, most):
            top = min(least + 2, most if most is not None else least + 2, 4)
            times = draw(st.integers(min(least, top), top))
            return "".join(_sample(draw, inner) for _ in range(times))
        case Group(inner):
            return _sample(draw, inner)
        case Concat(parts):
            return "".join(_sample(draw, part) for part in parts)
        case Alternate(branches):
            return _sample(draw, draw(st.sampled_from(branches)))
        case _:
            return ""


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, str]:
    """A pattern that is accepted, and a text for it."""
    pattern = draw(patterns.filter(_accepted))
    return pattern, draw(texts(parse(pattern).root))


def _accepted(pattern: str) -> bool:
    try:
        parse(pattern)
    except RegexSyntaxError:
        return False
    return True

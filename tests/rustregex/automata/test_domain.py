"""Which texts can occur at all."""

from __future__ import annotations

import pytest

from proccli.rustregex import RegexSyntaxError
from proccli.rustregex.automata.domain import ANY_TEXT, Domain, texts_of, texts_without
from proccli.rustregex.automata.patternset import find_text

FILE_NAMES = texts_without("\0/", min_length=1, avoiding=(r"^\.\.?$",))


@pytest.mark.parametrize(
    ("domain", "inside", "outside"),
    [
        (ANY_TEXT, ["", "a", "\0", "\U0010ffff"], ["\ud800"]),
        (FILE_NAMES, ["nginx", "...", "a b", "\n"], ["", ".", "..", "a/b", "a\0"]),
        (texts_without("\0", matching=(":",)), ["owner:alice", ":"], ["", "owner", "a:\0"]),
        (texts_of("cab"), ["", "abc"], ["d", "a b"]),
        (texts_of("", min_length=0), [""], ["a"]),
    ],
)
def test_a_domain_holds_its_texts(domain: Domain, inside: list[str], outside: list[str]) -> None:
    assert [text for text in [*inside, *outside] if domain.holds(text)] == inside


@pytest.mark.parametrize(
    ("pattern", "domain", "expected"),
    [
        ("", FILE_NAMES, "0"),
        (r"^\.", FILE_NAMES, ".0"),
        (r"^\.+$", FILE_NAMES, "..."),
        ("usr/bin", FILE_NAMES, None),
        ("[/x]", FILE_NAMES, "x"),
        (r"\x00", FILE_NAMES, None),
        ("^$", FILE_NAMES, None),
        (r"\s", FILE_NAMES, " "),
        ("", texts_without("\0", matching=(":",)), ":"),
        ("^owner", texts_without("\0", matching=(":",)), "owner:"),
        ("a", texts_of("", min_length=0), None),
        ("a*", texts_of("", min_length=0), ""),
        ("a*", texts_of("", min_length=1), None),
        ("a", texts_without("", min_length=4), "aaaa"),
    ],
)
def test_a_witness_is_a_text_of_the_domain(
    pattern: str, domain: Domain, expected: str | None
) -> None:
    answer = find_text(matching=[pattern], domain=domain)
    assert answer.decided
    assert answer.text is None if expected is None else len(answer.text or "") == len(expected)
    if answer.text is not None:
        assert domain.holds(answer.text)


def test_a_domain_with_a_broken_pattern_is_an_error() -> None:
    with pytest.raises(RegexSyntaxError):
        find_text(matching=["a"], domain=Domain(matching=("(",)))

"""The hint of an error, and that following it works."""

from __future__ import annotations

import pytest

from proccli.rustregex.parse.errors import MESSAGES, RegexSyntaxError
from proccli.rustregex.parse.hints import hint
from proccli.rustregex.parse.parser import parse
from tests.rustregex.parse.test_parser import REJECTED


def hint_of(pattern: str) -> str:
    with pytest.raises(RegexSyntaxError) as caught:
        parse(pattern)
    assert caught.value.hint is not None
    return caught.value.hint


@pytest.mark.parametrize(
    ("pattern", "advice", "replacement"),
    [
        (r"nginx\Z", r"write $ or \z", r"nginx\z"),
        ("a{,3}", "write {0,3}", "a{0,3}"),
        ("a{ , 3 }", "write {0,3}", "a{0,3}"),
        ("a{3,2}", "write {2,3}", "a{2,3}"),
        ("${HOME}", r"write \{", r"$\{HOME\}"),
        ("{", r"write \{", r"\{"),
        ("a{2", r"write \{", r"a\{2"),
        (r"[\w-.]", r"[\w.-]", r"[\w.-]"),
        (r"[.-\w]", r"[.\w-]", r"[.\w-]"),
        (r"x[^a-\d-]", r"[^a\d-]", r"x[^a\d-]"),
        (r"[[a]\d-x]", r"write \-", r"[[a]\d\-x]"),
        ("[z-a]", "write a-z", "[a-z]"),
        ("[a-[bc]]", "--", "[a-z--[bc]]"),
        (r"a\hb", r"write [ \t]", r"a[ \t]b"),
        (r"\e\[0m", r"write \x1B", r"\x1B\[0m"),
        (r"a\R", r"write (?:\r\n|\n|\r)", r"a(?:\r\n|\n|\r)"),
        (r"\0", r"write \x00", r"\x00"),
        (r"\<java\>", r"write \b", r"\bjava\b"),
        (r"\é", "write é without", "é"),
        (r"[\b]", r"write \x08", r"[\x08]"),
        ("(?>a)", "write (?:…)", "(?:a)"),
        ("(?#note)a", "write comments with (?x)", "(?x)a # note"),
        ("(?'n'a)", "(?P<name>…)", "(?P<n>a)"),
        ("(?)", "write (?:)", "(?:)"),
        ("*.js", r"write \.js$", r"\.js$"),
        ("(*)", r"write \*", r"(\*)"),
        ("(?Rm)a$", r"write \r?$", r"(?m)a\r?$"),
        (r"\p{^L}", r"write \P{L}", r"\P{L}"),
        (r"\P{^L}", r"write \p{L}", r"\p{L}"),
        (r"\p{L&}", r"write \p{LC}", r"\p{LC}"),
        (r"\p{Greak}", r"\p{Greek}?", r"\p{Greek}"),
        (r"\p{InGreek}", r"\p{Greek}", r"\p{Greek}"),
        (r"\p{alnum}", "write [[:alnum:]]", "[[:alnum:]]"),
        (r"\P{alnum}", "write [[:^alnum:]]", "[[:^alnum:]]"),
        (r"\p{Alphabetic=No}", r"write \P{Alphabetic}", r"\P{Alphabetic}"),
        (r"\p{Alphabetic:y}", r"write \p{Alphabetic}", r"\p{Alphabetic}"),
        (r"\w{1,200}", "write [0-9A-Za-z_]", "[0-9A-Za-z_]{1,200}"),
        ("(?-u)é", "remove (?-u)", "é"),
        ("[]", r"write \[\]", r"\[\]"),
        ("a)", r"write \)", r"a\)"),
        ("\\", r"write \\", r"\\"),
    ],
)
def test_the_suggested_pattern_is_accepted(pattern: str, advice: str, replacement: str) -> None:
    assert advice in hint_of(pattern)
    parse(replacement)


@pytest.mark.parametrize("pattern", ["(?!test).*", "(?<!x)java"])
def test_negative_look_around_wants_a_drop_rule(pattern: str) -> None:
    assert "drop rule for the unwanted texts before this accept rule" in hint_of(pattern)


@pytest.mark.parametrize("pattern", [r"(a)\1", "(?P<n>a)(?P=n)", r"(?<n>a)\k<n>", r"(a)\g{1}"])
def test_what_a_group_matched_cannot_be_had(pattern: str) -> None:
    assert "cannot refer to what a group matched" in hint_of(pattern)


def test_every_kind_of_mistake_has_a_hint() -> None:
    """Where the message alone is enough, there is no hint."""
    silent = {"flag-duplicate", "flag-repeated-negation"}
    for kind in MESSAGES:
        error = RegexSyntaxError(MESSAGES[kind], r"\p{a-b}{2,1}", 0, 12, kind=kind)
        assert (hint(error) is None) == (kind in silent), kind


@pytest.mark.parametrize(("pattern", "kind", "at"), REJECTED)
def test_a_hint_is_one_line(pattern: str, kind: str, at: tuple[int, int]) -> None:
    with pytest.raises(RegexSyntaxError) as caught:
        parse(pattern)
    advice = caught.value.hint
    assert advice is None or (advice and "\n" not in advice and len(advice) < 120)

"""What agents 6.2, with release 1.6.0 of the crate, would not take."""

from __future__ import annotations

import pytest

from proccli import rustregex
from proccli.rustregex.parse.errors import RegexSyntaxError
from proccli.rustregex.parse.release_1_6 import rejected_by_1_6


@pytest.mark.parametrize(
    ("pattern", "kind", "at"),
    [
        (r"/usr\/bin", "escape-unrecognized", (4, 6)),
        (r"a\"b", "escape-unrecognized", (1, 3)),
        (r"[\w\:]", "escape-unrecognized", (3, 5)),
        (r"[!-\/]", "escape-unrecognized", (3, 5)),
        (r"\ a", "escape-unrecognized", (0, 2)),
        (r"(?x:a)\ ", "escape-unrecognized", (6, 8)),
        ("(?<n>a)", "flag-unrecognized", (2, 3)),
        ("(?x)( ?<n>a)", "flag-unrecognized", (7, 8)),
        ("(?P<名>a)", "group-name-invalid", (4, 5)),
        ("(?iR)a", "flag-unrecognized", (3, 4)),
        ("(?-R:a)", "flag-unrecognized", (3, 4)),
        (r"\p{LC}", "unicode-property-not-found", (0, 6)),
        (r"[\p{sc}]", "unicode-property-not-found", (1, 7)),
        (r"\p{Kawi}", "unicode-property-not-found", (0, 8)),
        (r"\p{age=15.0}", "unicode-property-value-not-found", (0, 12)),
        (r"(?-u)a\B", "invalid-utf8", (6, 8)),
        (r"\p{LC}(?<n>\/)", "flag-unrecognized", (8, 9)),
    ],
)
def test_is_rejected_by_the_older_release(pattern: str, kind: str, at: tuple[int, int]) -> None:
    error = rejected_by_1_6(pattern)
    assert error is not None
    assert (error.kind, (error.position, error.end)) == (kind, at)
    assert error.hint
    with pytest.raises(RegexSyntaxError) as raised:
        rustregex.compile(pattern, crate="1.6.0")
    assert (raised.value.kind, raised.value.position, raised.value.hint) == (
        error.kind,
        error.position,
        error.hint,
    )
    assert rustregex.compile(pattern).pattern == pattern


@pytest.mark.parametrize(
    "pattern",
    [
        r"\.\#\&\-\~\[\]\{\}",
        r"\n\t\x{2F}\u002F\pL\d\b\A",
        "(?P<name>a)(?i:b)",
        r"(?x)a\ b",
        r"\B(?-u)\b",
        r"\p{Greek}\p{age=14.0}\p{gc=LC}",
        "R(?i)R",
    ],
)
def test_is_accepted_by_both(pattern: str) -> None:
    assert rejected_by_1_6(pattern) is None
    assert rustregex.compile(pattern, crate="1.6.0").pattern == pattern


def test_raises_what_both_reject() -> None:
    with pytest.raises(RegexSyntaxError, match="look-around"):
        rejected_by_1_6(r"\/(?=a)")
    with pytest.raises(RegexSyntaxError, match="look-around"):
        rustregex.compile(r"\/(?=a)", crate="1.6.0")

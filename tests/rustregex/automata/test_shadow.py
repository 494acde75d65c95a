"""What earlier patterns leave of a later one, checked against all short texts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proccli import rustregex
from proccli.rustregex.automata import Domain, Limits, Shadow, shadowed, shadows, texts_without
from tests.rustregex.automata import small

FILE_NAMES = texts_without("\0/", min_length=1, avoiding=(r"^\.\.?$",))
COMMAND_LINES = texts_without("\0", min_length=1)
TAGS = texts_without("\0", matching=(":",))


def check(shadow: Shadow, pattern: str, by: list[str], texts: tuple[str, ...]) -> None:
    """Compares the answer with what the matcher says of all these texts, which must be all texts
    of the domain up to some length."""
    longest = len(texts[-1])
    own = small.matching(pattern, texts)
    taken = set[str]().union(*(small.matching(earlier, texts) for earlier in by))
    for text, expected in ((shadow.reaches, own - taken), (shadow.taken, own & taken)):
        if text is not None and len(text) <= longest:
            assert text in expected
        if shadow.grade != "unknown":
            found = None if text is None or len(text) > longest else len(text)
            assert found == small.shortest(expected)
    if shadow.grade == "proven":
        needed = [small.matching(by[index], texts) for index in shadow.by]
        assert own <= set[str]().union(*needed)


@settings(max_examples=150, deadline=None)
@given(pattern=small.either, by=small.lists)
def test_answers_agree_with_trying_all_short_texts(pattern: str, by: list[str]) -> None:
    shadow = shadowed(pattern, by, domain=small.DOMAIN)
    assert shadow.grade != "unknown"
    check(shadow, pattern, by, small.texts())

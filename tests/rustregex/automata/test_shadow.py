"""What earlier patterns leave of a later one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli import rustregex
from proccli.rustregex.automata.domain import Domain, Limits
from proccli.rustregex.automata.shadow import Shadow, shadowed, shadows
from tests.rustregex import strategies
from tests.rustregex.automata import lists, small


def check(shadow: Shadow, pattern: str, by: list[str]) -> None:
    """Compares an answer about `small.DOMAIN` with what the matcher says of its short texts."""
    own = small.matching(pattern, small.texts())
    each = [small.matching(earlier, small.texts()) for earlier in by]
    taken = set[str]().union(*each)
    for text, expected in ((shadow.reaches, own - taken), (shadow.taken, own & taken)):
        short = text is not None and len(text) <= small.LENGTH
        if short:
            assert text in expected
        if shadow.grade != "unknown":
            assert small.shortest(expected) == (len(text or "") if short else None)
    match shadow.grade:
        case "proven":
            assert shadow.reaches is None
            assert own <= set[str]().union(*(each[index] for index in shadow.by))
        case "partial":
            assert shadow.reaches is not None
            (taker,) = shadow.by
            assert rustregex.compile(by[taker]).is_match(shadow.taken or "")
        case "disjoint":
            assert shadow.taken is None
            assert shadow.by == ()


@given(small.patterns, st.lists(small.patterns, max_size=4))
def test_answers_agree_with_trying_all_short_texts(pattern: str, by: list[str]) -> None:
    shadow = shadowed(pattern, by, domain=small.DOMAIN)
    assert shadow.grade != "unknown" or not small.exact([pattern, *by])
    check(shadow, pattern, by)


@strategies.examples(60)
@given(st.lists(small.patterns, min_size=2, max_size=5))
def test_no_pattern_of_a_proof_could_be_left_out(patterns: list[str]) -> None:
    *by, pattern = patterns
    shadow = shadowed(pattern, by, domain=small.DOMAIN)
    if shadow.grade == "proven":
        for index in shadow.by:
            fewer = [by[other] for other in shadow.by if other != index]
            assert shadowed(pattern, fewer, domain=small.DOMAIN).grade != "proven"


@strategies.examples(40)
@given(st.lists(small.patterns, max_size=4))
def test_a_list_is_answered_like_its_patterns_one_by_one(patterns: list[str]) -> None:
    together = shadows(patterns, domain=small.DOMAIN)
    assert [shadow.grade for shadow in together] == [
        shadowed(pattern, patterns[:index], domain=small.DOMAIN).grade
        for index, pattern in enumerate(patterns)
    ]
    for index, shadow in enumerate(together):
        check(shadow, patterns[index], patterns[:index])


PROVEN = [
    ("^nginx$", ["nginx"], (0,)),
    ("nginx", [".*"], (0,)),
    ("^nginx$", ["redis", ".*"], (1,)),
    ("java.*-jar", ["java"], (0,)),
    ("^sh$", ["^(sleep|bash|sh)$"], (0,)),
    ("^(sleep|bash|sh)$", ["^sh", "^(top|ps)$", "^s", "bash"], (2, 3)),
    ("Nginx", ["(?i)nginx"], (0,)),
    ("^[a-f]$", ["^[a-c]$", "x", "^[d-f]$"], (0, 2)),
    ("^.*$", [".*"], (0,)),
    ("^.*$", [".", "^$"], (0, 1)),
    ("(?s).", ["[^\n]", "\n"], (0, 1)),
    ("python3 (.*)\\.py", ["python[0-9.]*", "^java"], (0,)),
    (r"\bfoo\b", ["foo"], (0,)),
    (r"^foo\b", [r"\bfoo"], (0,)),
    (r"\d+", [r"\w"], (0,)),
    (r"^\w{1,64}$", [r"^\w{1,80}$"], (0,)),
    ("(a|b)*abb", ["bb"], (0,)),
    ("^ab?$", ["^a$", "^ab$"], (0, 1)),
    ("(?m)^a", [r"^a|\na"], (0,)),
    (r"\Aa\z", ["^a$"], (0,)),
    ("foo", [""], (0,)),
    ("a^", [], ()),
    (r"x\by", ["z"], ()),
]

PARTIAL = [
    ("nginx", ["^nginx$"], "gnginx", "nginx"),
    (".*", ["^.*$"], "\n", ""),
    ("^sh", ["^(sleep|bash|sh)$"], "shh", "sh"),
    ("(?i)nginx", ["nginx"], "NGINX", "nginx"),
    ("java", ["java.*-jar"], "java", "java-jar"),
    (r"\bfoo", [r"^foo"], "!foo", "foo"),
    (".", ["[a-z]", "[0-9]"], "A", "a"),
    ("a(?s:.)b", ["a.b"], "a\nb", "aab"),
    (r"\w", [r"(?-u:\w)"], "ª", "a"),
    (r"^\w{1,80}$", [r"^\w{1,64}$"], "a" * 65, "a"),
]


@pytest.mark.parametrize(("pattern", "by", "needed"), PROVEN)
def test_a_rule_that_gets_nothing_is_proven(
    pattern: str, by: list[str], needed: tuple[int, ...]
) -> None:
    shadow = shadowed(pattern, by)
    assert (shadow.grade, shadow.by, shadow.reaches) == ("proven", needed, None)
    assert (shadow.taken is None) == (not needed)


@pytest.mark.parametrize(("pattern", "by", "reaches", "taken"), PARTIAL)
def test_a_rule_that_gets_something_has_a_shortest_witness(
    pattern: str, by: list[str], reaches: str, taken: str
) -> None:
    shadow = shadowed(pattern, by)
    assert (shadow.grade, shadow.reaches, shadow.taken) == ("partial", reaches, taken)


@pytest.mark.parametrize(
    ("pattern", "by"),
    [("^nginx$", ["^redis$", "^nginx.+"]), ("^a", ["^[^a]"]), ("a", []), ("^a$", ["aa"])],
)
def test_rules_without_a_common_text_are_disjoint(pattern: str, by: list[str]) -> None:
    shadow = shadowed(pattern, by)
    assert (shadow.grade, shadow.taken, shadow.by) == ("disjoint", None, ())
    assert shadow.reaches is not None


@pytest.mark.parametrize(
    ("pattern", "by", "domain", "grade"),
    [
        # Only the empty text gets past, and no process has an empty name.
        (".*", ["(?s)."], lists.FILE_NAMES, "proven"),
        (".*", ["."], lists.FILE_NAMES, "partial"),
        ("/usr/bin/.*", ["nginx"], lists.FILE_NAMES, "proven"),
        ("/usr/bin/.*", ["nginx"], lists.COMMAND_LINES, "partial"),
        (r"^\.", [r"^\.\.."], lists.FILE_NAMES, "partial"),
        (r"^\.\.", [r"(?s)^\.\.."], lists.FILE_NAMES, "proven"),
        ("^owner", ["(?s)^.*:"], lists.TAGS, "proven"),
        ("^owner", ["^[^:]*:a"], lists.TAGS, "partial"),
        (r"\x00", [], lists.COMMAND_LINES, "proven"),
    ],
)
def test_only_texts_that_can_occur_count(
    pattern: str, by: list[str], domain: Domain, grade: str
) -> None:
    shadow = shadowed(pattern, by, domain=domain)
    assert shadow.grade == grade
    assert all(domain.holds(text) for text in (shadow.reaches, shadow.taken) if text is not None)


def test_beyond_the_limits_the_answer_is_unknown_and_never_wrong() -> None:
    by = ["^(a|b)*a(a|b){14}$", "^(a|b)*b(a|b){14}$", "^(a|b){0,14}$"]
    shadow = shadowed("^(a|b)*$", by, limits=Limits(steps=50_000))
    assert (shadow.grade, shadow.reaches, shadow.taken, shadow.by) == ("unknown", None, "", (2,))


def test_a_single_pattern_can_prove_what_all_together_are_too_much_for() -> None:
    by = ["^(a|b)*a(a|b){14}$", "^(a|b)*b(a|b){14}$", "^[a-z]*$"]
    shadow = shadowed("^(a|b)*$", by, limits=Limits(steps=20_000))
    assert (shadow.grade, shadow.by) == ("proven", (2,))


def test_a_witness_that_no_search_was_needed_for_is_given_all_the_same() -> None:
    by = ["^(a|b)*a(a|b){14}c$", "^(a|b)*b(a|b){14}c$", "^(a|b){0,14}$"]
    shadow = shadowed("^(a|b){15,}c?$", by, limits=Limits(steps=3_000))
    assert shadow.reaches == "a" * 15


def test_without_any_budget_nothing_is_claimed() -> None:
    limits = Limits(steps=1_000, total=0)
    unknown = Shadow(grade="unknown", reaches=None, taken=None, by=())
    assert shadows(["^a", "^b"], limits=limits) == (unknown, unknown)


def test_ordinary_lists_are_decided() -> None:
    for patterns, domain, unreachable in (
        (lists.EXACT_NAMES, lists.FILE_NAMES, []),
        (lists.NAMES, lists.FILE_NAMES, ["node_exporter"]),
        (lists.WHOLE_WORDS, lists.COMMAND_LINES, []),
        (lists.WITH_ARGUMENTS, lists.COMMAND_LINES, []),
        (lists.WITH_GAPS, lists.COMMAND_LINES, []),
        (lists.SAMPLE, lists.COMMAND_LINES, []),
    ):
        found = shadows(patterns, domain=domain)
        assert "unknown" not in [shadow.grade for shadow in found]
        proven = [p for p, shadow in zip(patterns, found, strict=True) if shadow.grade == "proven"]
        assert proven == unreachable


def test_a_proof_by_many_names_the_few_that_count() -> None:
    names = [f"svc{number}" for number in range(60)]
    shadow = shadowed("|".join(names), names)
    assert (shadow.grade, shadow.by) == ("proven", tuple(range(10)))

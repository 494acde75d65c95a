"""The facade: what callers rely on."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading

import pytest

from proccli import rustregex
from proccli.rustregex.match.regex import Regex
from proccli.rustregex.match.template import Match
from proccli.rustregex.parse.parser import parse


def found(pattern: str, text: str) -> Match:
    match = rustregex.compile(pattern).search(text)
    assert match is not None
    return match


def test_a_match_has_spans_and_texts_by_index_and_by_name() -> None:
    match = found(
        r"(?P<interpreter>python\d?) (?:-u )?(?<script>\S+)\.py(x)?", "/usr/bin/python3 app.py"
    )

    assert match.span() == (9, 23)
    assert match.span("script") == match.span(2) == (17, 20)
    assert match.group() == "python3 app.py"
    assert match.group("interpreter") == "python3"
    assert match.span(3) is None
    assert match.group(3) is None
    assert match.groups() == ("python3", "app", None)
    assert (match.start, match.end) == (9, 23)


@pytest.mark.parametrize("group", [2, -1, "nobody"])
def test_asking_for_a_group_that_is_not_there_is_an_error(group: int | str) -> None:
    with pytest.raises(IndexError, match=str(group)):
        found("(?P<n>a)", "a").span(group)


def test_group_names_begin_with_the_match_itself() -> None:
    regex = rustregex.compile("(?P<first>a)(b)(?<third>c)")
    assert regex.group_names == (None, "first", None, "third")
    assert regex.pattern == "(?P<first>a)(b)(?<third>c)"


def test_group_names_miss_the_groups_that_the_crate_loses() -> None:
    regex = rustregex.compile("(?P<lost>a){0}(?P<shifted>b)(?P<out>c)")
    assert regex.group_names == (None, "shifted", "out")
    assert regex.replace_all("bc", "[$shifted][$out][$1][$2]") == "[b][][][b]"


def test_the_error_of_an_invalid_pattern_has_message_and_position() -> None:
    with pytest.raises(rustregex.RegexSyntaxError) as error:
        rustregex.compile("a(?!b)")
    assert (error.value.position, error.value.end, error.value.pattern) == (1, 4, "a(?!b)")
    assert "look-around" in error.value.message


def test_the_same_pattern_is_compiled_once() -> None:
    assert rustregex.compile("once(.*)") is rustregex.compile("once(.*)")


def test_replacements_show_each_step() -> None:
    steps = list(rustregex.compile(r"(\w)(\d)?").replacements("a1-b", "<$2>"))
    assert [(step.match.span(), step.expanded) for step in steps] == [
        ((0, 2), "<1>"),
        ((3, 4), "<>"),
    ]


def test_find_iter_walks_as_replace_all_does() -> None:
    assert [match.span() for match in rustregex.compile("a*").find_iter("baac")] == [
        (0, 0),
        (1, 3),
        (4, 4),
    ]


def test_references_to_groups_that_are_not_there_are_named() -> None:
    regex = rustregex.compile("(?P<n>a)(b)?")
    missing = regex.missing_groups("$n $1 $2 $3 ${m} $1a $$4 ${}")
    assert [reference.group for reference in missing] == [3, "m", "1a", ""]
    assert missing[0].span == (9, 11)


def test_is_match_may_see_what_search_cannot_place() -> None:
    regex = rustregex.compile(r"(/usr/bin/)?\bjava")
    assert regex.may_err
    assert regex.is_match("xjava")
    assert regex.search("xjava") is None
    assert regex.replace_all("xjava", "!") == "xjava"
    assert not rustregex.compile(r"\bjava").may_err


def test_answers_do_not_depend_on_what_was_asked_before() -> None:
    asked_before = rustregex.compile(r"(?: b)*\ba")
    for text in ["ba", "a  ba aa", " b a"]:
        asked_before.replace_all(text, "x")
    fresh = Regex(asked_before.parsed)
    text = "a  ba aa   b   ab   "
    assert asked_before.replace_all(text, "<$0>") == fresh.replace_all(text, "<$0>")


def test_lone_surrogates_do_no_harm() -> None:
    text = "a\ud800b"
    for pattern in [".", "a.b", r"\w+", "[^x]", "é|b", r"\bb"]:
        rustregex.compile(pattern).replace_all(text, "-")
        rustregex.compile(pattern).is_match_masked(text, [(0, 1)])


@pytest.mark.parametrize("pattern", ["(?:" * 249 + "a" + ")" * 249, "(" * 124 + "a" + ")*" * 124])
def test_the_deepest_patterns_work_from_a_deep_stack(pattern: str) -> None:
    def at_depth(frames: int) -> bool:
        if frames:
            return at_depth(frames - 1)
        regex = Regex(parse(pattern))
        regex._exact._backtracks = False
        regex.replace_all("xaay", "$1")
        return regex.is_match("a") and regex.is_match_masked("xx", [(0, 1)]) is not False

    outcome: list[bool] = []
    thread = threading.Thread(target=lambda: outcome.append(at_depth(350)))
    thread.start()
    thread.join()
    assert outcome == [True]


def test_a_match_can_be_sent_to_another_process() -> None:
    match = found("(a)(b)?", "xa")
    assert pickle.loads(pickle.dumps(match)) == match


def test_importing_the_package_loads_no_engine() -> None:
    code = "import sys; from proccli import rustregex; assert 'regex' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)

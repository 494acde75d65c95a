"""Test files: read whole, or refused with one clear place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.commands.test.strict_yaml import read_root
from proccli.commands.test.test_file import (
    MadeUpProcess,
    RecordedProcess,
    Suite,
    SuiteError,
    read_suite,
)
from proccli.commands.test.write import flow_list, scalar
from proccli.config.yaml.nodes import Scalar
from proccli.config.yaml.reader import Loader

EXAMPLE = """\
config: agent.yaml
agent: "6.5"
via: file
env: {HOSTNAME: web-1}
tests:
- name: the shop
  process:
    cmdline: [/usr/bin/python3, app.py, 8080]
    user: shop
    uptime_s: -60
    parents: [[nginx, -g], []]
    tags: {owner: [alice, bob], team: blue}
  expect:
    {status: accepted, reason: rule, rule: 2, action: accept, gprocess: shop, tags: {b: 1, a: 2}}
- name: recorded
  recording: web-1.jsonl.gz
  pid: 4242
  expect: {gprocess: ~}
- name: by name
  recording: web-1.jsonl.gz
  process_name: "null"
  expect: {gprocess: "null", rule: , action: null}
- name: titled
  process: {title: "nginx: worker process"}
  expect: {tags: {}}
"""


def read(text: str) -> Suite:
    return read_suite(text.encode(), "a.test.yaml")


def in_a_test(line: str) -> str:
    """A file with one test, valid except for the given line."""
    return f"tests:\n- name: one\n{line}\n"


def test_all_keys_are_read() -> None:
    suite = read(EXAMPLE)

    shop, recorded, by_name, titled = suite.cases
    assert (suite.config, suite.agent, suite.via) == ("agent.yaml", "6.5", "file")
    assert suite.env == {"HOSTNAME": "web-1"}
    assert shop.process == MadeUpProcess(
        argv=("/usr/bin/python3", "app.py", "8080"),
        user="shop",
        uptime_s=-60,
        parents=(("nginx", "-g"), ()),
        tags=(("owner", "alice"), ("owner", "bob"), ("team", "blue")),
    )
    assert {name: expected.value for name, expected in shop.expect.items()} == {
        "status": "accepted",
        "reason": "rule",
        "rule": 2,
        "action": "accept",
        "gprocess": "shop",
        "tags": (("a", "2"), ("b", "1")),
    }
    assert (shop.at.line, shop.at.column) == (6, 3)
    assert isinstance(recorded.process, RecordedProcess)
    assert (recorded.process.recording, recorded.process.pid) == ("web-1.jsonl.gz", 4242)
    assert recorded.expect["gprocess"].value is None
    assert isinstance(by_name.process, RecordedProcess)
    assert by_name.process.process_name == "null"
    assert {name: expected.value for name, expected in by_name.expect.items()} == {
        "rule": None,
        "action": None,
        "gprocess": "null",
    }
    assert titled.process == MadeUpProcess(title="nginx: worker process")
    assert titled.expect["tags"].value == ()


def test_a_byte_order_mark_and_windows_line_ends_change_nothing() -> None:
    other = read_suite(b"\xef\xbb\xbf" + EXAMPLE.replace("\n", "\r\n").encode(), "a.test.yaml")

    for a, b in zip(other.cases, read(EXAMPLE).cases, strict=True):
        assert (a.name, a.expect) == (b.name, b.expect)
        assert (a.at.line, a.at.column) == (b.at.line, b.at.column)


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("", "1:1", "the file is empty"),
        ("# only a comment\n", "1:1", "the file is empty"),
        ("[]", "1:1", "a test file must be a mapping, not a list"),
        ("config: x\n", "1:1", "the file has no tests"),
        ("tests: []\n", "1:8", "tests is an empty list"),
        ("tests: none\n", "1:8", "tests must be a list, not none"),
        ("test: []\n", "1:1", "has no key test (did you mean tests?)"),
        ("tests: []\ntests: []\n", "2:1", "duplicate key tests in a test file"),
        ("agent: '8.1'\ntests: [x]\n", "1:8", "agent 8.1 is not known"),
        ("via: post\ntests: [x]\n", "1:6", "via must be one of server, file, not post"),
        ("tests: []\n---\ntests: []\n", "2:1", "a second YAML document begins here"),
        ("tests:\n- one\n", "2:3", "test 1 must be a mapping, not one"),
        ("tests:\n- name: x\n", "2:3", "test 1 has no expect"),
        ("tests:\n- expect: {rule: 1}\n", "2:3", "test 1 has no name"),
        ("tests:\n- {name: ' ', expect: {rule: 1}}\n", "2:10", "name of test 1 is blank"),
        (in_a_test("  expect: {rule: 1}"), "2:3", "has neither process nor recording"),
        (in_a_test("  expect: {rule: 1}\n  pid: 1"), "4:8", "selects a process of a recording"),
        (in_a_test("  expects: {rule: 1}"), "3:3", "did you mean expect?"),
        (in_a_test("  process: {}\n  expect: {rule: 1}"), "3:12", "needs either cmdline or title"),
        (
            in_a_test("  process: {cmdline: [a], title: b}\n  expect: {rule: 1}"),
            "3:12",
            "needs either cmdline or title",
        ),
        (
            in_a_test("  process: {cmdline: python3 app.py}\n  expect: {rule: 1}"),
            "3:22",
            "write a list of its arguments",
        ),
        (
            in_a_test("  process: {cmdline: [a], uptime-s: 1}\n  expect: {rule: 1}"),
            "3:27",
            "did you mean uptime_s?",
        ),
        (
            in_a_test("  process: {cmdline: [a], parents: [nginx]}\n  expect: {rule: 1}"),
            "3:37",
            "a parent must be a list, not nginx",
        ),
        (
            in_a_test("  process: {cmdline: [a], uptime_s: 1.5}\n  expect: {rule: 1}"),
            "3:37",
            "uptime_s must be a whole number",
        ),
        (
            in_a_test('  process: {cmdline: ["a\\0b"]}\n  expect: {rule: 1}'),
            "3:23",
            "contains a NUL character",
        ),
        (
            in_a_test("  process: {cmdline: [a, ]}\n  expect: {}"),
            "4:11",
            "expect is empty",
        ),
        (in_a_test("  process: {title: a}\n  expect: {rule: -1}"), "4:18", "rule must be a whole"),
        (in_a_test("  process: {title: a}\n  expect: {rule: '1'}"), "4:18", "rule must be a whole"),
        (
            in_a_test("  process: {title: a}\n  expect: {status: dropt}"),
            "4:20",
            "not dropt (write dropped)",
        ),
        (in_a_test("  process: {title: a}\n  expect: {tags: [a]}"), "4:18", "must be a mapping"),
        (
            in_a_test("  process: {title: a}\n  expect: {tags: {a: 1, a: 2}}"),
            "4:25",
            "duplicate key a in tags",
        ),
        (in_a_test("  process: {title: a}\n  expect: {gprocess: !x y}"), "4:25", "has a YAML tag"),
        (in_a_test("  process: {title: }\n  expect: {rule: 1}"), "3:19", "title is empty"),
        (in_a_test("  recording: a\n  expect: {rule: 1}"), "2:3", "add pid: N or process_name"),
        (
            in_a_test("  recording: a\n  pid: 0\n  expect: {rule: 1}"),
            "4:8",
            "pid must be a whole number from 1",
        ),
        (
            in_a_test("  recording: a\n  pid: 1\n  process_name: a\n  expect: {rule: 1}"),
            "5:17",
            "cannot have both pid and process_name",
        ),
        (
            in_a_test("  recording: a\n  process: {title: a}\n  expect: {rule: 1}"),
            "4:12",
            "cannot have both process and recording",
        ),
        ("tests: [\n", "2:1", "not valid YAML"),
        ("tests: \x01\n", "1:8", "control character U+0001"),
    ],
)
def test_an_error_is_reported_with_its_place(text: str, place: str, problem: str) -> None:
    with pytest.raises(SuiteError) as caught:
        read(text)

    assert str(caught.value).startswith(f"a.test.yaml:{place}: ")
    assert problem in str(caught.value)


def test_duplicate_test_names_are_refused() -> None:
    one = "- {name: same, process: {title: a}, expect: {rule: 1}}\n"
    with pytest.raises(SuiteError, match=r"^a\.test\.yaml:3:10: .*the first is in line 2"):
        read(f"tests:\n{one}{one}")


def test_text_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(SuiteError, match="not UTF-8: byte 0xff"):
        read_suite(b"tests: \xff", "a.test.yaml")


def test_aliases_may_repeat_up_to_a_limit() -> None:
    shared = "{cmdline: &a [x, y], parents: [*a, *a]}"
    suite = read(f"tests:\n- name: one\n  process: {shared}\n  expect: {{rule: 1}}\n")
    assert suite.cases[0].process == MadeUpProcess(
        argv=("x", "y"), parents=(("x", "y"), ("x", "y"))
    )

    long = "x" * 100_000
    bomb = f"{{cmdline: &a [{long}], parents: [{', '.join(['*a'] * 100_000)}]}}"
    with pytest.raises(SuiteError, match="characters in total"):
        read(f"tests:\n- name: one\n  process: {bomb}\n  expect: {{rule: 1}}\n")


YAML = ["- ", "{", "}", "[", "]", ": ", "&a ", "*a", "!!int ", "~", "\n", "  ", "'", '"', "|\n"]
ODD = ["<<: ", "\t", "#", "\0", "\x85", "\ufeff", "---\n", "%TAG x\n"]
PIECES = st.sampled_from([*EXAMPLE.splitlines(keepends=True), *YAML, *ODD])


@given(
    text=st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=25).map("".join)),
    loader=st.sampled_from(["libyaml", "python"]),
)
def test_any_text_is_a_test_file_or_one_error_with_a_place(text: str, loader: Loader) -> None:
    outcome(text.encode(), loader)


@given(data=st.data())
def test_a_test_file_with_typing_errors_is_read_or_refused(data: st.DataObject) -> None:
    text = EXAMPLE
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(at, min(at + 6, len(text))))
        text = text[:at] + data.draw(PIECES) + text[end:]
    outcome(text.encode(), "libyaml")


@given(data=st.binary(max_size=60))
def test_any_bytes_are_a_test_file_or_one_error_with_a_place(data: bytes) -> None:
    outcome(data, "libyaml")


def outcome(text: bytes, loader: Loader) -> None:
    problem = None
    try:
        suite = read_suite(text, "a.test.yaml", loader=loader)
    except SuiteError as error:
        problem = error
    if problem is None:
        assert suite.cases
        assert all(case.expect for case in suite.cases)
        return
    assert problem.at is not None
    assert 1 <= problem.at.line <= text.count(b"\n") + text.count(b"\r") + 1
    assert problem.problem
    assert "\n" not in str(problem)


ANY_TEXT: Any = st.text(
    alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30
)


@given(texts=st.lists(ANY_TEXT, max_size=5), like=st.sampled_from(["plain", "single", "double"]))
def test_a_written_scalar_is_read_back_unchanged(texts: list[str], like: Any) -> None:
    lines = "".join(f"    {scalar(text, like=like)}: {scalar(text)}\n" for text in set(texts))
    tags = f"\n{lines}" if texts else " {}\n"
    suite = read(
        f"tests:\n- name: one\n  process: {{cmdline: {flow_list(texts)}}}\n"
        f"  expect:\n   tags:{tags}"
    )

    assert suite.cases[0].process == MadeUpProcess(argv=tuple(texts))
    assert suite.cases[0].expect["tags"].value == tuple(sorted({(text, text) for text in texts}))


@pytest.mark.parametrize("word", ["null", "Yes", "off", "n", "TRUE", "1", "1.5", "~", "=", "-", ""])
def test_words_that_yaml_does_not_read_as_strings_are_quoted(word: str) -> None:
    node = read_root(f"[{scalar(word)}]\n")
    (item,) = getattr(node, "items")  # noqa: B009 - a list, as it is written

    assert isinstance(item, Scalar)
    assert (item.style, item.text) == ("single", word)

"""`proccli regex`: the dialect by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from proccli.commands.schema.command import schema_text
from tests.waiting import LONG_S


def run(
    *arguments: str, stdin: bytes | None = None, code: int = 0
) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(
        [sys.executable, "-m", "proccli", "regex", *arguments],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        check=False,
        timeout=LONG_S,
    )
    assert done.returncode == code, done.stderr
    return done


def as_json(*arguments: str, stdin: bytes | None = None, code: int = 0) -> Any:
    given = json.loads(run("--json", *arguments, stdin=stdin, code=code).stdout)
    Draft202012Validator(json.loads(schema_text("regex"))).validate(given)
    return given


def test_the_match_is_marked_and_its_groups_and_replacement_are_shown() -> None:
    done = run(r"python3 (.*)\.py", "run python3 app.py x", "nginx", "--replace", "$1-script")

    assert done.stdout.decode().splitlines() == [
        "run python3 app.py x",
        "    ^^^^^^^^^^^^^^",
        '  $1 = "app"',
        "  → run app-script x",
        "nginx  no match",
    ]


def test_a_refused_pattern_is_shown_with_its_fault_and_exits_with_one() -> None:
    lines = run("^nginx(?!x)", "nginx", code=1).stdout.decode().splitlines()

    assert lines[0].startswith("The agent rejects this pattern: look-around")
    assert lines[1:3] == ["  ^nginx(?!x)", "        ^^^"]
    assert lines[3].startswith("help: ")
    assert as_json("^nginx(?!x)", code=1)["error"]["position"] == 6


def test_json_tells_spans_groups_and_replacements() -> None:
    given = as_json("a(?P<tail>b)?", "xab", "a", "z", "--replace", "<$tail>")

    assert [result["span"] for result in given["results"]] == [[1, 3], [0, 1], None]
    assert [result["replaced"] for result in given["results"]] == ["x<b>", "<>", "z"]
    assert given["results"][0]["groups"] == [
        {"index": 1, "name": "tail", "text": "b", "span": [2, 3]}
    ]
    assert given["results"][1]["groups"][0]["span"] is None


def test_lines_come_from_standard_input() -> None:
    given = as_json("^b$", stdin=b"a\nb\r\nb")

    assert [(result["text"], result["span"]) for result in given["results"]] == [
        ("a", None),
        ("b\r", None),
        ("b", [0, 1]),
    ]


def test_lines_that_are_not_utf8_are_left_out_and_named() -> None:
    given = as_json("b", stdin=b"\xff\nb\n")

    assert [result["text"] for result in given["results"]] == ["b"]
    assert given["warnings"] == [{"code": "not-utf8", "message": "<stdin>:1: not UTF-8, left out"}]


def test_jsonl_is_a_line_per_text() -> None:
    lines = run("-o", "jsonl", "a", "a", "b").stdout.splitlines()

    assert [json.loads(line)["span"] for line in lines] == [[0, 1], None]


def test_a_pattern_without_texts_is_only_checked() -> None:
    assert run("^a+$").stdout == b"The agent accepts this pattern.\n"


def test_a_reference_to_no_group_is_warned_about() -> None:
    assert b"no group 1_x" in run("(a)", "a", "--replace", "$1_x").stderr


@pytest.mark.parametrize("hostile", ["\x1b[31mred", "[red]x[/red]", "a\u202eb"])
def test_hostile_text_is_made_visible(hostile: str) -> None:
    shown = run(".", hostile).stdout.decode()

    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_a_closed_pipe_ends_it_quietly() -> None:
    script = f"{sys.executable} -m proccli regex x $(seq 20000) | head -1"
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=False, timeout=LONG_S)

    assert done.stdout == b"1  no match\n"
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("agent", "code"), [("6.2.0", 1), ("6.2.2", 1), ("6.3.0", 1), ("6.3.1", 0), ("7.1", 0)]
)
def test_an_older_agent_rejects_what_only_later_releases_of_the_crate_take(
    agent: str, code: int
) -> None:
    """Source: REGEX; agents up to 6.3.0 have the crate regex 1.6.0."""
    done = run("--agent", agent, r"/usr\/bin", "/usr/bin", code=code)
    assert (b"/usr/bin" in done.stdout) == (code == 0)


def test_the_agent_must_be_known() -> None:
    assert b"agent 8.1 is not known" in run("--agent", "8.1", "a", code=2).stderr


def test_patterns_of_standard_input_are_tried_one_by_one() -> None:
    patterns = b"^nginx$\n^nginx(?!x)\n\n(it's) '$HOME'\n"
    lines = run("-", "nginx", stdin=patterns, code=1).stdout.decode().splitlines()

    assert lines[:3] == ["^nginx$", "  nginx", "  ^^^^^"]
    assert lines[3] == "^nginx(?!x)"
    assert lines[4].startswith("  The agent rejects this pattern: look-around")
    assert "(it's) '$HOME'" in lines
    assert lines[-1] == "3 patterns: 2 accepted, 1 rejected"


def test_patterns_of_standard_input_have_an_element_each() -> None:
    patterns = b"^(n)ginx$\n\xff\n(?<!x)b\n"
    given = as_json("-", "nginx", "b", "--replace", "$1_", stdin=patterns, code=1)

    assert (given["pattern"], given["error"], given["results"]) == (None, None, [])
    assert [one["pattern"] for one in given["patterns"]] == ["^(n)ginx$", "(?<!x)b"]
    assert [one["span"] for one in given["patterns"][0]["results"]] == [[0, 5], None]
    assert given["patterns"][1]["results"] == []
    assert [one["code"] for one in given["warnings"]] == ["not-utf8", "missing-group"]

    lines = run("-o", "jsonl", "-", "nginx", stdin=patterns, code=1).stdout.splitlines()
    assert [json.loads(line)["pattern"] for line in lines] == ["^(n)ginx$", "(?<!x)b"]
    assert as_json("^b$", "b")["patterns"] is None


def test_patterns_without_texts_are_only_checked() -> None:
    shown = run("-", stdin=b"a\n").stdout.decode()

    assert shown == "a\n  The agent accepts this pattern.\n1 pattern: 1 accepted\n"
    assert run("-", stdin=b"").stdout == b"0 patterns: 0 accepted\n"


def test_a_dash_as_the_only_text_reads_texts() -> None:
    given = as_json("^b$", "-", stdin=b"a\nb")

    assert [result["text"] for result in given["results"]] == ["a", "b"]
    assert b"only one of PATTERN and TEXT" in run("-", "-", code=2).stderr


def test_hostile_patterns_are_made_visible() -> None:
    shown = run("-", "x", stdin=b"\x1b[31mred\n[red]\n", code=1).stdout.decode()

    assert "\x1b" not in shown
    assert "[red]" in shown

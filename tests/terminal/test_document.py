"""JSON documents: exact, readable, and safe to look at."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.commands.scan.json import arguments
from proccli.terminal.document import lines, render
from tests.build import process


@given(st.text(st.characters(exclude_categories=[])))
def test_what_is_written_is_what_is_read(text: str) -> None:
    """But for lone surrogates, which no document may hold."""
    read = json.loads(render({"text": text}).decode("utf-8"))["text"]

    assert not lone(read)
    assert lone(text) or read == text


def lone(text: str) -> bool:
    return any(0xD800 <= ord(char) <= 0xDFFF for char in text)


def test_a_byte_that_is_no_character_is_shown() -> None:
    name = os.fsdecode(b"caf\xe9.yaml")
    written = render({"file": name, "other": "\ud83d"})

    assert json.loads(written) == {
        "file": "caf\\xe9.yaml",
        "other": "\\ud83d",
    }


def test_controls_are_escaped_and_letters_are_not() -> None:
    written = render({"text": "\x1b\x7f\x9b\u202e\u2028\u200b 注文 🚀 é"}).decode()

    assert "\\u001b\\u007f\\u009b\\u202e\\u2028\\u200b 注文 🚀 é" in written


def test_a_list_has_a_line_for_each_element() -> None:
    written = render({"a": [{"x": 1}, {"x": 2}], "b": [], "c": iter(())}).decode()

    assert written == ('{"a": [\n  {"x": 1},\n  {"x": 2}],\n "b": [],\n "c": []}\n')


def test_lines_are_documents_of_one_line() -> None:
    assert lines([{"a": "1\n2"}, {"a": None}]) == b'{"a": "1\\n2"}\n{"a": null}\n'


def test_a_number_that_json_has_not_is_a_bug_and_not_a_document() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        render({"age": float("nan")})


@pytest.mark.parametrize(
    ("cmdline", "texts", "exact"),
    [
        (None, None, None),
        (b"", [], None),
        (b"\0\0", [], None),
        (b"a\0b\0", ["a", "b"], None),
        (b"a\0\0b\0\0\0", ["a", "", "b"], None),
        (b"\0a", ["", "a"], None),
        (b"title without end", ["title without end"], None),
        ("注\0\n\0".encode(), ["注", "\n"], None),
        (b"caf\xe9\0x\0", ["caf\\xe9", "x"], ["Y2Fm6Q==", "eA=="]),
        (b"\xff\0\0", ["\\xff"], ["/w=="]),
    ],
)
def test_arguments_are_exact(
    cmdline: bytes | None, texts: list[str] | None, exact: list[str] | None
) -> None:
    assert arguments(process(1, cmdline=cmdline)) == (texts, exact)

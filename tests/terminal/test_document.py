"""JSON documents: exact, readable, and safe to look at."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.commands.scan.json import arguments
from proccli.terminal.document import Document, encode, lines
from proccli.terminal.record import Field, Type, array_of, text
from tests.build import process

TEXT = Document(
    "x",
    "A title",
    Field("text", text(), value=str),
    Field("texts", array_of(text()), value=lambda row: [row]),
    notes=lambda _: (),
)


@given(st.text(st.characters(exclude_categories=[])))
def test_what_is_written_is_what_is_read(content: str) -> None:
    """But for lone surrogates, which no document may hold."""
    read = json.loads(TEXT.render(content).decode("utf-8"))

    assert not lone(read["text"])
    assert lone(content) or read["text"] == content
    assert read["texts"] == [read["text"]]


def lone(text: str) -> bool:
    return any(0xD800 <= ord(char) <= 0xDFFF for char in text)


def test_a_byte_that_is_no_character_is_shown() -> None:
    assert json.loads(TEXT.render(os.fsdecode(b"caf\xe9.yaml")))["text"] == "caf\\xe9.yaml"
    assert json.loads(TEXT.render("\ud83d"))["text"] == "\\ud83d"


def test_controls_are_escaped_and_letters_are_not() -> None:
    written = TEXT.render("\x1b\x7f\x9b\u202e\u2028\u200b 注文 🚀 é").decode()

    assert "\\u001b\\u007f\\u009b\\u202e\\u2028\\u200b 注文 🚀 é" in written


MANY = Document(
    "x",
    "A title",
    Field("a", array_of(Type({})), value="a"),
    Field("b", array_of(Type({})), value="b"),
    Field("c", Type({}), value="c"),
    notes=lambda _: (),
)


def test_a_list_has_a_line_for_each_element() -> None:
    row = SimpleNamespace(a=[{"x": 1}, {"x": 2}], b=iter(()), c=[])

    assert MANY.render(row).decode() == (
        '{"schema": "proccli/x/v1",\n "a": [\n  {"x": 1},\n  {"x": 2}],\n "b": [],\n "c": [],\n'
        ' "warnings": []}\n'
    )


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 1000])
def test_a_document_is_the_same_whole_in_pieces_and_on_one_line(count: int) -> None:
    row = SimpleNamespace(a=range(count), b=[None], c={"key": [1, 2]})
    whole, line = MANY.render(row), b"".join(MANY.line(row))

    assert b"".join(MANY.pieces(row)) == whole
    assert max(map(len, MANY.pieces(row))) < 3000
    assert json.loads(line) == json.loads(whole)
    assert json.loads(line)["a"] == list(range(count))
    assert line.decode() == json.dumps(json.loads(line)) + "\n"


def test_lines_are_documents_of_one_line() -> None:
    assert lines(map(encode, [{"a": "1\n2"}, {"a": None}])) == b'{"a": "1\\n2"}\n{"a": null}\n'
    assert lines([]) == b""


def test_a_number_that_json_has_not_is_a_bug_and_not_a_document() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        MANY.render(SimpleNamespace(a=[], b=[], c=float("nan")))


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

"""From a character of a value to the place where it is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.config.loading import load
from proccli.config.yaml.dialects import AGENT, SERVER, prepared_for_agent, prepared_for_server
from proccli.config.yaml.nodes import Mapping, Node, Refusal, Scalar, Sequence
from proccli.config.yaml.positions import source_offset, source_span
from proccli.config.yaml.reader import read_documents
from tests.config.measured import VIAS, cases


def scalars(node: Node) -> list[Scalar]:
    if isinstance(node, Scalar):
        return [node]
    if isinstance(node, Sequence):
        return [scalar for item in node.items for scalar in scalars(item)]
    if isinstance(node, Mapping):
        return [scalar for pair in node.pairs for part in pair for scalar in scalars(part)]
    return []


def value(text: str) -> Scalar:
    (document,) = read_documents(prepared_for_agent(text), AGENT)
    return scalars(document.root)[-1]


@pytest.mark.parametrize(
    "text",
    [
        "k: a(b",
        "k:   a(b   # c",
        "k: x\n  a(b\n",
        "- &anchor !!str a(b",
        "k: 'it''s a(b'",
        "k: 'x\n\n  a(b'",
        'k: "\\x41\\u00e9\\U0001F600 a(b"',
        'k: "\\\\\\"a(b"',
        'k: "one \\\n   a(b"',
        'k: "one\n\n   a(b"',
        "k: |\n  x\n  a(b\n",
        "k: |2-\n    x\n  a(b\n",
        "k: >\n  x\n  y a(b\n\n  z\n",
        "k: >-\n\n  x\n\n    a(b\n",
        "[x, {k: a(b }]",
        "k: 😀é a(b",
        "? k\n: a(b",
        "k: \ta(b",
    ],
)
def test_the_character_is_found_in_every_style(text: str) -> None:
    scalar = value(text)
    position = scalar.text.index("(")

    assert text[source_offset(text, scalar, position)] == "("
    start, end = source_span(text, scalar, position - 1, position + 2)
    assert text[start:end] == "a(b"


@pytest.mark.parametrize(
    ("text", "part", "written"),
    [
        ("k: 'a''b'", "'", "''"),
        ('k: "a\\x28b"', "(", "\\x28"),
        ('k: "a\\tb"', "\t", "\\t"),
        ("k: 'a\n  b'", "a b", "a\n  b"),
        ("k: |\n  a\n  b\n", "a\nb", "a\n  b"),
    ],
)
def test_a_part_ends_where_its_writing_ends(text: str, part: str, written: str) -> None:
    scalar = value(text)
    position = scalar.text.index(part)
    start, end = source_span(text, scalar, position, position + len(part))

    assert text[start:end] == written


@pytest.mark.parametrize(
    ("text", "end"),
    [("k: abc # c", 6), ("k: 'abc'", 7), ('k: "abc"', 7), ("k: |\n  abc\n", 11), ("k: ''", 4)],
)
def test_the_end_of_a_value_has_a_place_too(text: str, end: int) -> None:
    scalar = value(text)

    assert source_offset(text, scalar, len(scalar.text)) == end
    assert source_span(text, scalar, len(scalar.text), len(scalar.text)) == (end, end)


def test_where_the_writing_cannot_be_followed_the_start_stands_for_it() -> None:
    text = "k: 'a\x85b('"
    (document,) = read_documents(prepared_for_server(text), SERVER)
    scalar = scalars(document.root)[-1]

    assert scalar.text == "a b("
    assert source_offset(text, scalar, 3) == scalar.start == 3


def test_every_measured_value_is_followed_character_by_character() -> None:
    followed = 0
    for case in list(cases("documents"))[::9]:
        text = case["text"]
        if any(char in text for char in "\x85\u2028\u2029\0"):
            continue
        try:
            documents = list(read_documents(prepared_for_agent(text), AGENT))
        except Refusal:
            continue
        for document in documents:
            for scalar in scalars(document.root):
                offsets = [source_offset(text, scalar, at) for at in range(len(scalar.text))]
                assert offsets == sorted(set(offsets)), text
                for char, offset in zip(scalar.text, offsets, strict=True):
                    assert text[offset] in {char, "\\", "\n", "\r"}, (text, scalar)
                followed += 1
    assert followed > 2000


@given(st.text(st.sampled_from("ab (\n\t'\"\\é😀:#-"), max_size=30))
def test_any_text_in_double_quotes_is_followed(content: str) -> None:
    written = "".join(
        f"\\u{ord(c):04x}" if ord(c) < 0x10000 else f"\\U{ord(c):08x}" for c in content
    )
    text = f'k: "{written}"'
    scalar = value(text)

    assert scalar.text == content
    for position, char in enumerate(content):
        offset = source_offset(text, scalar, position)
        digits = 8 if ord(char) > 0xFFFF else 4
        assert int(text[offset + 2 : offset + 2 + digits], 16) == ord(char)


@given(
    st.text(st.sampled_from("ab(\n "), max_size=20).filter(lambda text: text.strip() == text),
    st.sampled_from(["|", ">", "|-", ">-", "|+", ">+"]),
    st.integers(1, 6),
)
def test_any_block_is_followed(content: str, header: str, indent: int) -> None:
    lines = "".join(f"{' ' * indent}{line}\n" if line else "\n" for line in content.split("\n"))
    text = f"k: {header}\n{lines}"
    scalar = value(text)

    for position, char in enumerate(scalar.text):
        if char in "ab(":
            assert text[source_offset(text, scalar, position)] == char


def test_a_mistake_in_a_pattern_is_placed_inside_its_quotes() -> None:
    text = "os-proc-regex:\n- match-regex: 'it''s (?=x)'\n- match-regex: >-\n    foo\n    (?<n>a\n"
    for via in VIAS:
        first, second = load(text.encode(), "a.yaml", via=via).rules
        assert first.problem is not None
        assert second.problem is not None
        assert str(first.problem.at) == "a.yaml:2:23"
        assert first.problem.span is not None
        assert first.problem.span[0] == 5
        assert str(second.problem.at) == "a.yaml:5:5"
        assert second.problem.at.text == "    (?<n>a"

"""The YAML documents of a text, as each version of the agent's reader finds them."""

from __future__ import annotations

from typing import Any

import pytest

from proccli.config.yaml.agent_yaml import MAX_MENDED, agent_documents
from proccli.config.yaml.nodes import Mapping, Node, Refusal, Scalar, Sequence, resolved
from proccli.versions import YamlCrate

CRATES: tuple[YamlCrate, ...] = ("0.8.26", "0.9.25")


def plain(node: Node) -> Any:
    written = resolved(node)
    if isinstance(written, Scalar):
        return written.text
    if isinstance(written, Sequence):
        return [plain(item) for item in written.items]
    assert isinstance(written, Mapping)
    return {str(plain(key)): plain(value) for key, value in written.pairs}


def first(text: str, crate: YamlCrate) -> Any:
    return plain(next(agent_documents(text, crate)).root)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: !e!x b\n", {"a": "b"}),
        ("a: {value: |\n x}\n", {"a": {"value": "| x"}}),
        ("a: [>, |x]\n", {"a": [">", "|x"]}),
        ("a:\n/x\n", {"a": "/x"}),
        ("%FOO bar\n---\na: b\n", {"a": "b"}),
        ("# c\n%YAML 2.0\n%TAG !e! tag:e,2000:\n--- {a: !e!x b}\n", {"a": "b"}),
    ],
)
def test_the_older_reader_takes_what_libyaml_refuses(text: str, value: Any) -> None:
    assert first(text, "0.8.26") == value
    with pytest.raises(Refusal):
        first(text.replace("%TAG !e! tag:e,2000:\n", ""), "0.9.25")


@pytest.mark.parametrize(
    "text", ["%FOO\na: b\n", "%YAML x\n---\na: b\n", "a: |\nb\n", "- a\n: b\n"]
)
def test_the_older_reader_refuses_these_as_well(text: str) -> None:
    with pytest.raises(Refusal):
        first(text, "0.8.26")


def test_texts_that_need_much_mending_are_refused() -> None:
    assert first("- !e!x b\n" * (MAX_MENDED - 1), "0.8.26") == ["b"] * (MAX_MENDED - 1)
    with pytest.raises(Refusal, match="more than"):
        first("- !e!x b\n" * (MAX_MENDED + 1), "0.8.26")


def test_a_name_that_is_given_again_confuses_the_newer_reader() -> None:
    """It numbers an anchor by the names so far, so that `c` gets the second number of `a`."""
    text = "x: &a 1\ny: &a 2\nz: &c 3\nuse: [*a, *c]\n"

    assert first(text, "0.8.26")["use"] == ["2", "3"]
    assert first(text, "0.9.25")["use"] == ["3", "3"]


@pytest.mark.parametrize("crate", CRATES)
def test_an_alias_is_what_its_name_was_given_last(crate: YamlCrate) -> None:
    assert first("x: &a 1\nu: *a\ny: &b 2\nv: [*a, *b]\n", crate)["v"] == ["1", "2"]

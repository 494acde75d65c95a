"""The output of the tag command: as strict as the agent, and where it is wrong."""

from __future__ import annotations

import pytest

from proccli.config import tag_output as tagoutput
from proccli.config.tag_output import MAX_BYTES, parse_tag_output
from proccli.config.yaml import reader
from proccli.errors import TagsError, TagsTooMany


def refused(text: str | bytes) -> TagsError:
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(TagsError) as caught:
        parse_tag_output(data, "tags.yaml")
    return caught.value


def test_pairs_come_in_the_outputs_order() -> None:
    text = """\
- pid: 12
  tags:
  - key: owner
    value: alice
  - {value: shop, key: app, note: unknown fields are nothing}
  host: web-1
- {"pid": 13, "tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]}
"""
    assert parse_tag_output(text.encode(), "tags.yaml") == {
        12: (("owner", "alice"), ("app", "shop")),
        13: (("a", "1"), ("a", "2")),
    }


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("[]", {}),
        ("- {pid: 1, tags: []}", {1: ()}),
        ("- {pid: 0x10, tags: []}\n- {pid: 0o10, tags: []}", {16: (), 8: ()}),
        ("- {pid: 18446744073709551615, tags: []}", {2**64 - 1: ()}),
        ("- {pid: 1, tags: [{key: a, value: b}]}\n- {pid: 1, tags: []}", {1: ()}),
        ("- {pid: 1, tags: [{key: , value: ~}]}", {1: (("~", "~"),)}),
        ("- {pid: 1, tags: [{key: null, value: true}]}", {1: (("null", "true"),)}),
        ("- {pid: 1, tags: [{key: 1.50, value: ''}]}", {1: (("1.50", ""),)}),
        ("- {pid: 1, tags: &t [{key: a, value: b}]}\n- {pid: 2, tags: *t}", None),
        ("- [1, [[a, b]]]", {1: (("a", "b"),)}),
        ("[]\0 and more", {}),
    ],
)
def test_what_the_agent_takes(text: str, entries: dict[int, object] | None) -> None:
    expected = entries or ({} if entries == {} else {1: (("a", "b"),), 2: (("a", "b"),)})

    assert parse_tag_output(text.encode(), "tags.yaml") == expected


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("", "1:1", "no output"),
        ("# nothing\n", "1:1", "no output"),
        ("null\n", "1:1", "must be a list"),
        ("{}\n", "1:1", "must be a list, not a mapping"),
        ("pid: 1\ntags: []\n", "1:1", "must be a list"),
        ("- pid: 1\n", "1:3", "an entry has no tags"),
        ("- tags: []\n", "1:3", "an entry has no pid"),
        ("- null\n", "1:3", "an entry must be a mapping"),
        ("- {pid: '1', tags: []}", "1:9", "pid must be a whole number"),
        ("- {pid: -1, tags: []}", "1:9", "pid must be a whole number"),
        ("- {pid: 1.0, tags: []}", "1:9", "pid must be a whole number"),
        ("- {pid: 010, tags: []}", "1:9", "pid must be a whole number"),
        ("- {pid: 18446744073709551616, tags: []}", "1:9", "pid must be a whole number"),
        ("- {pid: 1, tags: }", "1:17", "tags must be a list, not empty"),
        ("- {pid: 1, tags: {a: b}}", "1:18", "tags must be a list"),
        ("- {pid: 1, tags: [{key: a}]}", "1:19", "a tag has no value"),
        ("- {pid: 1, tags: [{value: a}]}", "1:19", "a tag has no key"),
        ("- {pid: 1, tags: [{key: [a], value: b}]}", "1:25", "key must be text"),
        ("- {pid: 1, pid: 2, tags: []}", "1:12", "duplicate key pid"),
        ("- {pid: 1, tags: [], tags: []}", "1:22", "duplicate key tags"),
        ("- [1]\n", "1:3", "a list of 1"),
        ("- pid: 1\n\ttags: []\n", "2:1", "not valid YAML"),
        ("\ufeff[]", "1:1", "must be a list"),
        ("[]\n---\n[]\n", "2:1", "second YAML document"),
        ("- {pid: 1, tags: [", "1:19", "not valid YAML"),
    ],
)
def test_what_costs_all_tags_is_an_error_with_its_place(text: str, place: str, what: str) -> None:
    error = refused(text)

    assert what in error.problem
    assert str(error.at) == f"tags.yaml:{place}"
    assert "\n" not in str(error)


def test_bytes_that_are_no_utf8_become_replacement_characters() -> None:
    text = b"- {pid: 1, tags: [{key: a\xff, value: \xe4\xbd}]}\n"

    assert parse_tag_output(text, "tags.yaml") == {1: (("a\ufffd", "\ufffd"),)}


def test_tags_beyond_measure_are_refused_however_they_are_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A small text stands for a million tags."""
    monkeypatch.setattr(tagoutput, "MAX_TAGS", 5000)
    tags = "{key: a, value: b}," * 1000
    text = f"- {{pid: 1, tags: &t [{tags}]}}\n" + "- {pid: 2, tags: *t}\n" * 1000

    assert "proccli reads no more" in refused(text).problem
    assert "bytes are too many" in refused(b" " * (MAX_BYTES + 1)).problem


@pytest.mark.parametrize(
    "text",
    [
        b"[" + b"1," * 1100 + b"]",
        b"- {}\n" * 800,
        b" " * (MAX_BYTES + 1),
    ],
    ids=["scalars", "mappings", "blanks"],
)
def test_more_than_proccli_reads_is_not_an_error_of_the_output(
    text: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent may take it: the tags are not known, rather than known to be lost."""
    monkeypatch.setattr(reader, "MAX_NODES", 1000)
    with pytest.raises(TagsTooMany):
        parse_tag_output(text, "tags")

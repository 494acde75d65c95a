"""How the server stores tags."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.server.tags import TagArrival, TagPair, tag_arrivals
from proccli.versions import SERVERS

V65, V71 = SERVERS["6.5"], SERVERS["7.1"]


def arrival(key: str, value: str, version: str = "6.5") -> TagArrival:
    return tag_arrivals([(key, value)], SERVERS[version])[0]


@pytest.mark.parametrize("version", ["6.5", "7.1"])
@pytest.mark.parametrize(
    "tag",
    [("owner", "alice"), ("owner", ""), ("业务", "订单"), ("a,b", "c,d"), ("a", "b\n")],
)
def test_an_ordinary_tag_is_kept(tag: TagPair, version: str) -> None:
    assert arrival(*tag, version) == TagArrival(outcome="kept", value=tag[1])


def test_a_colon_in_a_value_is_kept_by_one_and_lost_by_the_other() -> None:
    assert arrival("url", "http://a/").outcome == "kept"
    lost = arrival("url", "http://a/", "7.1")
    assert (lost.outcome, lost.value, lost.causes) == ("lost", None, ("colon-in-value",))


def test_a_colon_in_a_key_makes_another_key() -> None:
    found = arrival("app:name", "shop")
    assert (found.outcome, found.causes) == ("lost", ("colon-in-key",))
    assert found.strays == (("app", "name:shop"),)
    assert arrival("app:name", "shop", "7.1") == TagArrival(
        outcome="lost", value=None, causes=("colon-in-key",)
    )


@pytest.mark.parametrize("version", ["6.5", "7.1"])
def test_a_comma_and_a_blank_cut_a_value(version: str) -> None:
    found = arrival("owners", "alice, bob", version)
    assert found == TagArrival(outcome="cut", value="alice", causes=("comma",))


@pytest.mark.parametrize("version", ["6.5", "7.1"])
def test_text_after_a_comma_may_become_an_extra_tag(version: str) -> None:
    found = arrival("note", "see, owner:mallory", version)
    assert (found.outcome, found.value) == ("cut", "see")
    assert found.strays == (("owner", "mallory"),)


def test_such_a_tag_replaces_an_earlier_one() -> None:
    owner, note = tag_arrivals([("owner", "alice"), ("note", "x, owner:mallory")], V65)
    assert (owner.outcome, owner.causes) == ("lost", ("key-again",))
    assert note.strays == (("owner", "mallory"),)
    note, owner = tag_arrivals([("note", "x, owner:mallory"), ("owner", "alice")], V65)
    assert (owner.outcome, owner.value) == ("kept", "alice")


def test_a_tag_may_replace_itself() -> None:
    found = arrival("a", "1, a:2")
    assert (found.outcome, found.causes) == ("lost", ("comma", "key-again"))


def test_a_key_with_a_comma_is_lost() -> None:
    found = arrival("a, b", "c")
    assert (found.outcome, found.causes, found.strays) == ("lost", ("comma",), (("b", "c"),))


@pytest.mark.parametrize("version", ["6.5", "7.1"])
@pytest.mark.parametrize("tag", [(" owner", "alice"), ("owner ", "alice"), ("owner", "  alice ")])
def test_blanks_are_trimmed(tag: TagPair, version: str) -> None:
    assert arrival(*tag, version) == TagArrival(outcome="cut", value="alice", causes=("blanks",))


def test_only_blanks_are_trimmed() -> None:
    assert arrival("a", "\tb\n").outcome == "kept"


@pytest.mark.parametrize(("length", "outcome"), [(256, "kept"), (257, "lost")])
def test_the_table_takes_256_characters(length: int, outcome: str) -> None:
    assert arrival("a", "é" * length).outcome == outcome
    assert arrival("é" * length, "a").outcome == outcome
    assert arrival("a", " " * 300 + "é" * length).outcome in (outcome, "cut")


def test_a_long_text_is_checked_after_truncation() -> None:
    assert arrival("a", "b, " + "c" * 300) == TagArrival(
        outcome="cut", value="b", causes=("comma",)
    )


def test_characters_of_four_bytes_are_refused() -> None:
    assert arrival("a", "🚀") == TagArrival(outcome="lost", value=None, causes=("four-byte",))
    assert arrival("a", "\uffff").outcome == "kept"


def test_the_last_of_equal_keys_wins() -> None:
    first, second = tag_arrivals([("a", "1"), ("a", "2")], V71)
    assert (first.outcome, first.causes) == ("lost", ("key-again",))
    assert (second.outcome, second.value) == ("kept", "2")


def test_keys_that_differ_only_in_case_clash_in_one_and_not_in_the_other() -> None:
    tags = [("App", "1"), ("app", "2"), ("apps", "3")]
    assert [found.outcome for found in tag_arrivals(tags, V65)] == ["lost", "lost", "kept"]
    assert tag_arrivals(tags, V65)[0].causes == ("key-case",)
    assert [found.outcome for found in tag_arrivals(tags, V71)] == ["kept"] * 3


def test_a_refused_tag_is_no_duplicate() -> None:
    assert [found.outcome for found in tag_arrivals([("App", "x" * 300), ("app", "2")], V65)] == [
        "lost",
        "kept",
    ]


def test_many_tags_are_processed_in_linear_time() -> None:
    tags = [(f"key-{number}", "value, and:more") for number in range(20_000)]
    started = time.process_time()
    tag_arrivals(tags, V65)
    assert time.process_time() - started < 2


def go_strings_to_map(text: str, version: str) -> dict[str, str]:
    """The server's own reading, written down a second time, on the whole text."""
    found = {}
    for piece in text.split(", "):
        pair = piece.split(":", 1) if version == "6.5" else piece.split(":")
        if len(pair) == 2:
            found[pair[0].strip(" ")] = pair[1].strip(" ")
    return found


TEXTS = st.text(alphabet=" ,:aA", max_size=6)


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=5), st.sampled_from(["6.5", "7.1"]))
def test_a_tag_arrives_as_the_joined_text_has_it(tags: list[TagPair], version: str) -> None:
    arrived = go_strings_to_map(", ".join(f"{key}:{value}" for key, value in tags), version)
    found = tag_arrivals(tags, SERVERS[version])
    told: dict[str, str] = {}
    for (key, _), one in zip(tags, found, strict=True):
        if one.value is not None:
            told[key.strip(" ")] = one.value
        assert (one.outcome == "lost") == (one.value is None)
        assert bool(one.causes) == (one.outcome != "kept") or one.strays
    assert told.items() <= arrived.items()
    strays = {key for one in found for key, _ in one.strays}
    clashing = {
        key.strip(" ")
        for (key, _), one in zip(tags, found, strict=True)
        if "key-case" in one.causes
    }
    assert arrived.keys() - told.keys() <= strays | clashing

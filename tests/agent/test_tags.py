"""How tags spread from parents to children."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.model.outcome import Tag
from proccli.model.process import FieldError
from tests.build import UNKNOWN_TAGS, Machine, config, host, process, tag_table
from tests.steps import growth

FAMILY = [
    process(1, "init"),
    process(10, "parent", ppid=1),
    process(5, "child", ppid=10),
]


def tag(key: str, value: str, from_pid: int) -> Tag:
    return Tag(key=key, value=value, from_pid=from_pid)


def test_a_child_gets_the_keys_it_lacks_nearest_ancestor_first() -> None:
    table = tag_table(
        {1: [("root", "r"), ("a", "1")], 10: [("a", "10"), ("b", "10")], 5: [("b", "5")]}
    )

    tags = Machine(FAMILY, config(), tags=table).tags_of(5)

    assert tags == (tag("b", "5", 5), tag("a", "10", 10), tag("root", "r", 1))


def test_own_duplicates_stay_and_are_inherited_once() -> None:
    table = tag_table({10: [("k", "1"), ("k", "2")]})
    machine = Machine(FAMILY, config(), tags=table)

    assert machine.tags_of(10) == (tag("k", "1", 10), tag("k", "2", 10))
    assert machine.tags_of(5) == (tag("k", "1", 10),)


def test_a_dropped_parent_breaks_the_chain() -> None:
    table = tag_table({1: [("root", "r")]})
    machine = Machine(FAMILY, config(("parent", "process_name", "drop")), tags=table)

    assert machine.tags_of(5) == ()


def test_a_parent_that_is_too_young_breaks_the_chain() -> None:
    young = process(10, "parent", ppid=1, starttime_ticks=97_444 * 100)
    machine = Machine([FAMILY[0], young, FAMILY[2]], config(), tags=tag_table({1: [("root", "r")]}))

    assert machine.outcome(10).reason == "min-lifetime"
    assert machine.tags_of(5) == ()


def test_tagged_only_filters_before_tags_spread() -> None:
    table = tag_table({10: [("k", "v")]})
    machine = Machine(FAMILY, config(tagged_only=True), tags=table)

    assert machine.outcome(5).reason == "untagged"
    assert machine.tags_of(10) == (tag("k", "v", 10),)


def test_an_entry_without_tags_counts_as_tagged() -> None:
    machine = Machine(FAMILY, config(tagged_only=True), tags=tag_table({5: []}))

    assert machine.outcome(5).status == "accepted"
    assert machine.tags_of(5) == ()


def test_unknown_tags_stay_unknown() -> None:
    assert Machine(FAMILY, config(), tags=UNKNOWN_TAGS).tags_of(5) is None


def test_without_any_tags_an_unknown_outcome_has_none() -> None:
    masked = process(5, "child", "***", ppid=10, masked_spans=((6, 9),))
    family = [*FAMILY[:2], masked]
    rules = config(("s3cret", "cmdline", "drop"))

    def seen(entries: dict[int, list[tuple[str, str]]]) -> tuple[Tag, ...] | None:
        machine = Machine(family, rules, tags=tag_table(entries))
        assert machine.outcome(5).status == "unknown"
        return machine.tags_of(5)

    assert seen({}) == seen({99: [("k", "v")]}) == ()
    assert seen({5: [("k", "v")]}) is None
    assert seen({1: [("k", "v")]}) is None


def test_without_its_parent_an_unknown_one_may_have_anybodys_tags() -> None:
    hidden = process(
        5,
        ppid=None,
        cmdline=None,
        errors=(FieldError(field="cmdline", problem="denied", detail="EACCES"),),
    )

    def seen(entries: dict[int, list[tuple[str, str]]]) -> tuple[Tag, ...] | None:
        at = host(privileged=False)
        return Machine([*FAMILY[:2], hidden], config(), tags=tag_table(entries), at=at).tags_of(5)

    assert seen({}) == ()
    assert seen({1: [("k", "v")]}) is None


def test_a_circle_of_parents_ends() -> None:
    circle = [process(1, "a", ppid=2), process(2, "b", ppid=1)]

    tags = Machine(circle, config(), tags=tag_table({2: [("k", "v")]})).tags_of(1)

    assert tags == (tag("k", "v", 2),)


def test_an_ancestor_with_an_unknown_outcome_makes_only_its_own_share_unknown() -> None:
    masked = process(10, "parent", "***", ppid=1, masked_spans=((7, 10),))
    rules = config(("s3cret", "cmdline", "drop"))
    family = [FAMILY[0], masked, FAMILY[2]]

    assert Machine(family, rules, tags=tag_table({10: [("k", "v")]})).tags_of(5) is None
    assert Machine(family, rules, tags=tag_table({5: [("k", "v")]})).tags_of(5) == (
        tag("k", "v", 5),
    )


@given(st.data())
def test_the_tags_of_any_family_are_those_of_a_walk_for_each(data: st.DataObject) -> None:
    """A witness that walks upwards from every process, as the agent does."""
    count = data.draw(st.integers(1, 7))
    family = [
        process(pid, data.draw(st.sampled_from(["a", "drop", "hidden"])), ppid=ppid)
        for pid in range(1, count + 1)
        for ppid in [data.draw(st.integers(0, count))]
    ]
    refused = FieldError(field="cmdline", problem="denied", detail="EACCES")
    family = [
        one._replace(cmdline=None, errors=(refused,)) if b"hidden" in (one.cmdline or b"") else one
        for one in family
    ]
    pairs = st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("12")), max_size=3)
    entries = data.draw(st.dictionaries(st.integers(1, count), pairs, max_size=count))
    rules = config(("drop", "process_name", "drop"))
    machine = Machine(family, rules, tags=tag_table(entries), at=host(privileged=False))

    for pid in data.draw(st.permutations(range(1, count + 1))):
        assert machine.tags_of(pid) == _walked(machine, pid, entries)


def _walked(
    machine: Machine, pid: int, entries: Mapping[int, Sequence[tuple[str, str]]]
) -> tuple[Tag, ...] | None:
    outcome = machine.outcome(pid)
    if outcome.status == "dropped":
        return ()
    tags = [tag(key, value, pid) for key, value in entries.get(pid, ())]
    certain = outcome.status == "accepted"
    if tags and not certain:
        return None
    keys, seen = {one.key for one in tags}, {pid}
    while (above := outcome.process.ppid) and above not in seen and above in machine.members:
        seen.add(above)
        outcome = machine.outcome(above)
        if outcome.status == "dropped":
            break
        certain = certain and outcome.status == "accepted"
        for key, value in entries.get(above, ()):
            if key not in keys and not certain:
                return None
            if key not in keys:
                keys.add(key)
                tags.append(tag(key, value, above))
    return tuple(tags)


@pytest.mark.parametrize("closed", [False, True])
def test_the_tags_of_a_chain_cost_its_length(closed: bool) -> None:
    def tags_of_all(length: int) -> None:
        chain = [process(pid, "x", ppid=pid - 1) for pid in range(1, length + 1)]
        if closed:
            chain[0] = process(1, "x", ppid=length)
        machine = Machine(chain, config(), tags=tag_table({1: [("k", "v")]}))
        for pid in range(1, length + 1):
            assert machine.tags_of(pid) == (tag("k", "v", 1),)

    assert growth(tags_of_all, 60) < 2.5

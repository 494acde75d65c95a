"""How tags spread from parents to children."""

from __future__ import annotations

from proccli.model.outcome import Tag
from proccli.model.process import FieldError
from tests.build import UNKNOWN_TAGS, Machine, config, host, process, tag_table

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

"""Patterns as points, and what a thread at a point can do."""

from __future__ import annotations

import pytest

from proccli.rustregex.automata.nfa import MATCHED, Nfa, Steps, TooLargeError
from proccli.rustregex.automata.partition import Partition
from proccli.rustregex.parse.parser import parse
from proccli.rustregex.tree.charset import ANY
from proccli.rustregex.tree.nodes import Repeat
from proccli.rustregex.tree.unicode import perl


def nfa_of(*patterns: str, points: int = 1000) -> tuple[Nfa, list[int]]:
    trees = [parse(pattern).root for pattern in patterns]
    nfa = Nfa(Partition(trees, ANY, perl("w")), points)
    entries = [nfa.add(tree) for tree in trees]
    nfa.complete()
    return nfa, entries


@pytest.mark.parametrize(
    ("pattern", "distance"),
    [("", 0), ("abc", 3), ("a*b", 1), ("a{3,5}", 3), ("a|bcd", 1), ("^$", 0), ("(ab){2,}", 4)],
)
def test_the_distance_is_the_least_number_of_characters_to_a_match(
    pattern: str, distance: int
) -> None:
    nfa, (entry,) = nfa_of(pattern)
    assert nfa.distance[entry] == distance


@pytest.mark.parametrize(
    ("pattern", "at_start"),
    [("^a", True), ("^a|b", False), ("^a|^b", True), ("a", False), ("(?m:^)a", False),
     (r"\ba", False), ("(?:^a|^b)c", True), ("(?:^)?a", False), (r"(?:a|\A)b", False)],
)  # fmt: skip
def test_a_pattern_that_starts_only_at_the_start_is_known(pattern: str, at_start: bool) -> None:
    nfa, (entry,) = nfa_of(pattern)
    assert nfa.starts_only_at_start(entry) is at_start


@pytest.mark.parametrize(
    ("pattern", "always"),
    [("", True), ("a*", True), ("(|a)", True), ("^", False), (r"\b|\B", False), ("a", False)],
)
def test_an_empty_match_without_conditions_is_seen(pattern: str, always: bool) -> None:
    nfa, (entry,) = nfa_of(pattern)
    assert nfa.always_matches(entry) is always


def test_a_match_that_the_next_character_completes_is_no_move() -> None:
    nfa, (entry,) = nfa_of("a[ab]*")
    partition = nfa.partition
    assert nfa.steps(entry, partition.start_kind) == Steps(partition.mask(((97, 97),)), ())


def test_loops_that_read_nothing_end() -> None:
    nfa, (entry,) = nfa_of(r"(?:(?:a*)*|(?:\b)*)*b")
    assert nfa.steps(entry, nfa.partition.start_kind).matching == nfa.partition.mask(((98, 98),))


def test_ways_are_steps_by_where_they_lead() -> None:
    nfa, (entry,) = nfa_of("(?:[ab]x|[bc]y)z")
    ab, bc = nfa.partition.mask(((97, 98),)), nfa.partition.mask(((98, 99),))
    ways = {symbols: len(points) for points, symbols in nfa.ways(entry, 0)}
    assert ways == {ab & ~bc: 1, ab & bc: 2, bc & ~ab: 1}
    assert nfa.ways(MATCHED, 0) == [((MATCHED,), nfa.partition.symbols)]


def test_a_pattern_that_is_too_large_leaves_the_others_as_they_were() -> None:
    small, large = parse("ab").root, Repeat(parse("[ab]").root, 100, 100, greedy=True)
    nfa = Nfa(Partition([small, large], ANY, perl("w")), 50)
    first = nfa.add(small)
    with pytest.raises(TooLargeError):
        nfa.add(large)
    second = nfa.add(small)
    nfa.complete()
    assert nfa.distance[first] == nfa.distance[second] == 2


def test_repeating_what_reads_nothing_takes_no_room() -> None:
    root = Repeat(parse(r"(?:|\b)").root, 4_000_000_000, None, greedy=True)
    nfa = Nfa(Partition([root], ANY, perl("w")), 10)
    nfa.add(root)

"""Matches a text that contains masked spans.

Neither the characters of a masked span (a hole) nor their number are known; there may be none. The
answer is True if the pattern matches whatever text was masked, False if it does not match whatever
text was masked, and None if this depends on the masked text or cannot be determined:

- True requires a match between two holes that does not depend on the characters in them.
- False requires that no thread reaches a match although every hole lets it through:
  in a hole each set finds one of its characters, a look-around holds if it holds for any
  neighbours, and new threads start.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from proccli.rustregex.match.alphabet import ANY_CHARACTER, END, MASKED, START, UNKNOWN
from proccli.rustregex.match.automaton import Automaton, State
from proccli.rustregex.match.positions import Sets
from proccli.rustregex.tree.nodes import Span


def is_match_masked(automaton: Automaton, text: str, holes: Sequence[Span]) -> bool | None:
    """Whether the program matches `text` with these spans masked (character offsets)."""
    merged = _merged(holes)
    if not merged:
        return automaton.is_match(text)
    if any(_matches_between(automaton, text, piece) for piece in _known(text, merged)):
        return True
    return None if _may_match(automaton, text, merged) else False


def _merged(holes: Iterable[Span]) -> list[Span]:
    """The holes in order, overlapping and adjacent ones merged; a hole may be empty."""
    merged: list[Span] = []
    for start, end in sorted(holes):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _known(text: str, holes: list[Span]) -> list[tuple[int, int, bool, bool]]:
    """The parts around the holes: start, end, whether there is a hole before and after it."""
    starts = [0, *(end for _, end in holes)]
    ends = [*(start for start, _ in holes), len(text)]
    last = len(holes)
    return [
        (start, end, number > 0, number < last)
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]


def _may_match(automaton: Automaton, text: str, holes: list[Span]) -> bool:
    sets = automaton.positions.empty
    befores = frozenset({automaton.kind(END)})
    at = 0
    for start, end in [*holes, (len(text), len(text) + 1)]:
        if at < start:
            # Only before the first character there can be several kinds.
            first = _step(automaton, sets, befores, text[at])
            state = None if first is None else _run_on(automaton, first, text, at + 1, start)
            if state is None:
                return True
            sets, befores = state.sets, frozenset({automaton.kind(text[start - 1])})
        if start == len(text) < end:
            return _step(automaton, sets, befores, END) is None
        after = automaton.kind(text[end : end + 1])
        passed = _pass_hole(automaton, sets, befores, after)
        if passed is None:
            return True
        sets, befores, at = passed, befores | ANY_CHARACTER, end
    return False


def _pass_hole(
    automaton: Automaton, sets: Sets, befores: frozenset[int], after: int
) -> Sets | None:
    """The positions that may have read the last character of a hole; None: one may match in it."""
    possible = automaton.possible(befores | ANY_CHARACTER, ANY_CHARACTER | {after})
    places, matched = automaton.positions.advance(sets, possible, start=True, skip=True)
    return None if matched else _united(sets, places)


def _united(left: Sets, right: Sets) -> Sets:
    return tuple([bits | others for bits, others in zip(left, right, strict=True)])


def _matches_between(automaton: Automaton, text: str, piece: tuple[int, int, bool, bool]) -> bool:
    """Whether there is a match in a piece of `_known` that does not depend on an adjacent hole.

    Where there is no hole, the text begins or ends.
    """
    start, end, left_hole, right_hole = piece
    before = UNKNOWN if left_hole else START
    state = automaton.state(automaton.positions.empty, before, searching=True)
    for at in range(start, end + 1):
        char = text[at] if at < end else MASKED if right_hole else END
        state, matched = automaton.edge(state, char)
        if matched:
            return True
    return False


def _step(automaton: Automaton, sets: Sets, befores: frozenset[int], char: str) -> Sets | None:
    """The positions that read `char`, also as the first one of a match, for any of the kinds
    `befores` to the left; None: a match ends before it."""
    following = automaton.positions.empty
    for before in befores:
        state, matched = automaton.edge(automaton.state(sets, before, searching=True), char)
        if matched:
            return None
        following = _united(following, state.sets)
    return following


def _run_on(automaton: Automaton, sets: Sets, text: str, start: int, end: int) -> State | None:
    """The state after text[start:end], starting with these positions; None: a match ends before
    that."""
    state = automaton.state(sets, automaton.kind(text[start - 1 : start]), searching=True)
    for at in range(start, end):
        state, matched = automaton.edge(state, text[at])
        if matched:
            return None
    return state

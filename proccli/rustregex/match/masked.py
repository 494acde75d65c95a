"""Matching a text of which parts are masked.

A hole is a part whose characters are not known, nor how many there are (there may be none). The
answer is True if the pattern matches whatever the holes hold, False if it can't match whatever
they hold, and None where that can't be told:

- True needs a match that lies between two holes and asks for nothing that a hole could change.
- False needs that no thread of the program gets to a match although every hole lets it through:
  in a hole every set finds its character, look-arounds hold if any neighbours make them hold,
  and new threads start.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from proccli.rustregex.match.program import Op
from proccli.rustregex.match.sides import ANY_CHARACTER, END, HOLE, MASKED, START, holds
from proccli.rustregex.match.simulate import Simulation, State

Span = tuple[int, int]


def is_match_masked(simulation: Simulation, text: str, holes: Sequence[Span]) -> bool | None:
    """Whether the program matches `text` with these parts (character offsets) unknown."""
    merged = _merged(holes)
    if not merged:
        return simulation.is_match(text)
    if any(_matches_between(simulation, text, piece) for piece in _known(text, merged)):
        return True
    return None if _may_match(simulation, text, merged) else False


def _merged(holes: Iterable[Span]) -> list[Span]:
    """The holes in order, with those that overlap or touch joined; a hole may be empty."""
    merged: list[Span] = []
    for start, end in sorted(holes):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _known(text: str, holes: list[Span]) -> list[tuple[int, int, bool, bool]]:
    """The parts around the holes: start, end, whether a hole is to the left, and to the right."""
    starts = [0, *(end for _, end in holes)]
    ends = [*(start for start, _ in holes), len(text)]
    last = len(holes)
    return [
        (start, end, number > 0, number < last)
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]


def _may_match(simulation: Simulation, text: str, holes: list[Span]) -> bool:
    threads: tuple[int, ...] = ()
    befores = frozenset({simulation.kind(END)})
    at = 0
    for start, end in [*holes, (len(text), len(text) + 1)]:
        if at < start:
            # Only what is before the first character may be more than one thing.
            first = _step(simulation, threads, befores, text[at])
            state = None if first is None else _run_on(simulation, first, text, at + 1, start)
            if state is None:
                return True
            threads, befores = state.threads, frozenset({simulation.kind(text[start - 1])})
        if start == len(text) < end:
            return _step(simulation, threads, befores, END) is None
        after = simulation.kind(text[end : end + 1])
        passed = _pass_hole(simulation, threads, befores, after)
        if passed is None:
            return True
        threads, befores, at = passed, befores | ANY_CHARACTER, end
    return False


def _pass_hole(
    simulation: Simulation, threads: tuple[int, ...], befores: frozenset[int], after: int
) -> tuple[int, ...] | None:
    """The threads that may come out of a hole; None if one may match in it."""
    program = simulation.program
    lefts, rights = befores | ANY_CHARACTER, ANY_CHARACTER | {after}
    possible = frozenset(
        number
        for number, kind in enumerate(program.looks)
        if any(holds(kind, left, right) for left in lefts for right in rights)
    )
    passed = dict.fromkeys(threads)
    pending = [*threads, 0]
    seen: set[int] = set()
    while pending:
        pc = pending.pop()
        if pc in seen:
            continue
        seen.add(pc)
        match program.op[pc]:
            case Op.MATCH:
                return None
            case Op.SPLIT:
                pending += program.x[pc], program.y[pc]
            case Op.LOOK:
                if program.y[pc] in possible:
                    pending.append(program.x[pc])
            case Op.SAVE:
                pending.append(program.x[pc])
            case _:
                passed[program.x[pc]] = None
                pending.append(program.x[pc])
    return tuple(passed)


def _matches_between(simulation: Simulation, text: str, piece: tuple[int, int, bool, bool]) -> bool:
    """Whether some match lies in a piece of `_known`, without help from a hole beside it.

    Where there is no hole, the text begins, or ends.
    """
    start, end, left_hole, right_hole = piece
    state = simulation.state((), HOLE if left_hole else START, searching=True)
    for at in range(start, end + 1):
        char = text[at] if at < end else MASKED if right_hole else END
        edge = simulation.edge(state, char)
        if edge.match is not None:
            return True
        state = edge.state
    return False


def _step(
    simulation: Simulation, threads: tuple[int, ...], befores: frozenset[int], char: str
) -> tuple[int, ...] | None:
    """The threads that go on over `char`, a new one included, whichever of `befores` is to the
    left; None if one of them matches."""
    following: dict[int, None] = {}
    for before in befores:
        edge = simulation.edge(simulation.state(threads, before, searching=True), char)
        if edge.match is not None:
            return None
        following.update(dict.fromkeys(edge.state.threads))
    return tuple(following)


def _run_on(
    simulation: Simulation, threads: tuple[int, ...], text: str, start: int, end: int
) -> State | None:
    """The state after text[start:end], from these threads on; None if one matches before."""
    state = simulation.state(threads, simulation.kind(text[start - 1 : start]), searching=True)
    for at in range(start, end):
        edge = simulation.edge(state, text[at])
        if edge.match is not None:
            return None
        state = edge.state
    return state

"""Matches a text that contains masked spans.

Neither the characters of a masked span (a hole) nor their number are known; there may be none. The
answer is True if the pattern matches whatever text was masked, False if it does not match whatever
text was masked, and None if this depends on the masked text or cannot be determined:

- True requires a match between two holes that does not depend on the characters in them.
- False requires that no thread of the program reaches a match although every hole lets it through:
  in a hole each set finds one of its characters, a look-around holds if it holds for any
  neighbours, and new threads start.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from proccli.rustregex.match.alphabet import ANY_CHARACTER, END, MASKED, START, UNKNOWN, holds
from proccli.rustregex.match.program import Op
from proccli.rustregex.match.simulate import Simulation, State
from proccli.rustregex.tree.nodes import Span


def is_match_masked(simulation: Simulation, text: str, holes: Sequence[Span]) -> bool | None:
    """Whether the program matches `text` with these spans masked (character offsets)."""
    merged = _merged(holes)
    if not merged:
        return simulation.is_match(text)
    if any(_matches_between(simulation, text, piece) for piece in _known(text, merged)):
        return True
    return None if _may_match(simulation, text, merged) else False


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


def _may_match(simulation: Simulation, text: str, holes: list[Span]) -> bool:
    threads: tuple[int, ...] = ()
    befores = frozenset({simulation.kind(END)})
    at = 0
    for start, end in [*holes, (len(text), len(text) + 1)]:
        if at < start:
            # Only before the first character there can be several kinds.
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
    """The threads that may continue after a hole; None: one may match in it."""
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
    """Whether there is a match in a piece of `_known` that does not depend on an adjacent hole.

    Where there is no hole, the text begins or ends.
    """
    start, end, left_hole, right_hole = piece
    state = simulation.state((), UNKNOWN if left_hole else START, searching=True)
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
    """The threads that continue after `char`, including a new one, for any of the kinds `befores`
    to the left; None: one of them matches."""
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
    """The state after text[start:end], starting with these threads; None: one matches before."""
    state = simulation.state(threads, simulation.kind(text[start - 1 : start]), searching=True)
    for at in range(start, end):
        edge = simulation.edge(state, text[at])
        if edge.match is not None:
            return None
        state = edge.state
    return state

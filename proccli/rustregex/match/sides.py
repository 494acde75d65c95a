"""What look-arounds see to the left and to the right of a position."""

from __future__ import annotations

from proccli.rustregex.tree.nodes import LookKind

START, NEWLINE_BIT, WORD_BIT, ASCII_WORD_BIT, HOLE = 1, 2, 4, 8, 16
"""What is to one side of a position: an end of the text (`START`), a sort of character, or
something unknown next to which no look-around holds (`HOLE`)."""

END = ""
"""Stands for the character after the last one."""

MASKED = "masked"
"""Stands for whatever a hole may hold."""

ANY_CHARACTER = frozenset({0, NEWLINE_BIT, WORD_BIT, WORD_BIT | ASCII_WORD_BIT})
"""The sorts of character there are."""


def holds(kind: LookKind, before: int, after: int) -> bool:
    """Whether a look-around holds between what is to the left and what is to the right."""
    match kind:
        case LookKind.START_TEXT:
            return bool(before & START)
        case LookKind.END_TEXT:
            return bool(after & START)
        case LookKind.START_LINE:
            return bool(before & (START | NEWLINE_BIT))
        case LookKind.END_LINE:
            return bool(after & (START | NEWLINE_BIT))
        case LookKind.WORD:
            return bool((before ^ after) & WORD_BIT)
        case LookKind.NOT_WORD:
            return not (before ^ after) & WORD_BIT
        case LookKind.WORD_ASCII:
            return bool((before ^ after) & ASCII_WORD_BIT)
        case LookKind.NOT_WORD_ASCII:
            return not (before ^ after) & ASCII_WORD_BIT

"""How long a text may be before a backtracking engine could take too long.

A time limit makes each search a few microseconds slower, which is more than most searches take,
so it is set only where it might be needed. A backtracking engine tries at most as many ways
through a pattern as there are combinations of branches and of repetition counts.
"""

from __future__ import annotations

from math import log

from proccli.rustregex.tree.nodes import Alternate, Concat, Group, Node, Repeat

MOST_WAYS = 1e6
"""Ways through a pattern, from all starts together, that take well below a tenth of a second."""

LENGTHS = (4096, 1024, 256, 64, 0)


def longest_safe_text(root: Node) -> int:
    """The longest text, in characters, on which a search needs no time limit."""
    for length in LENGTHS:
        if log(length + 1) + _log_ways(root, length) <= log(MOST_WAYS):
            return length
    return -1


def _log_ways(node: Node, length: int) -> float:
    match node:
        case Group(inner):
            return _log_ways(inner, length)
        case Concat(parts):
            return sum(_log_ways(part, length) for part in parts)
        case Alternate(branches):
            ways = [_log_ways(branch, length) for branch in branches]
            return max(ways) + log(len(ways))
        case Repeat(inner, low, high):
            most = length if high is None else min(high, max(length, 1))
            return log(max(most - low, 0) + 1) + most * _log_ways(inner, length)
        case _:
            return 0.0

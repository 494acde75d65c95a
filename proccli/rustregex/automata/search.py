"""A shortest text that contains matches of some patterns and none of others.

Breadth first over what reading a prefix leads to. Of the patterns that must match, one thread
each is followed: guessing it is enough. Of those that must not, all threads at once. A state is
left out if one was met before, after a prefix no longer, that has the same threads of the first
sort and only some of the second: whatever can follow here can follow there. That takes the edge
off the number of thread sets, which is exponential at worst, and it keeps a shortest text.

Source: M. De Wulf, L. Doyen, T. Henzinger, J.-F. Raskin, "Antichains: A New Algorithm for Checking
Universality of Finite Automata" (2006).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from proccli.rustregex.automata.limits import Budget
from proccli.rustregex.automata.nfa import Nfa
from proccli.rustregex.automata.unwanted import WIDE, Unwanted, UnwantedThreads, bits
from proccli.rustregex.automata.wanted import Wanted, WantedThreads


@dataclass(slots=True, eq=False)
class _Prefix:
    """A text read so far; its symbols are found by going back."""

    effort: int
    wanted: Wanted
    before: int
    unwanted: Unwanted
    parent: _Prefix | None = None
    symbol: int = -1

    def symbols(self) -> tuple[int, ...]:
        found: list[int] = []
        prefix = self
        while prefix.parent is not None:
            found.append(prefix.symbol)
            prefix = prefix.parent
        return tuple(reversed(found))


class Search:
    """One question: which text leads each of `wanted` to a match and none of `unwanted`?

    `wanted` has, for each condition, the points one of which has to lead to a match (search
    points, see `Nfa.add_search`); `unwanted` the entries of patterns. `efforts` ranks the
    symbols: among shortest texts, one of least effort is found.
    """

    def __init__(
        self,
        nfa: Nfa,
        wanted: Sequence[Sequence[int]],
        unwanted: Sequence[int],
        efforts: Sequence[int],
        budget: Budget,
    ) -> None:
        self._start_kind = nfa.partition.start_kind
        self._wanted = WantedThreads(nfa, wanted, budget)
        self._unwanted = UnwantedThreads(nfa, unwanted, budget)
        self._efforts = efforts
        self._budget = budget
        self._easiest_of: dict[int, int] = {}
        self._met: defaultdict[tuple[Wanted, int], list[Unwanted]] = defaultdict(list)

    def shortest(self, *, at_least: int, at_most: int | None) -> tuple[int, ...] | None:
        """The symbols of such a text with a length in these bounds; None: there is none.

        Raises: ExceededError.
        """
        level = [_Prefix(0, wanted, self._start_kind, 0) for wanted in self._wanted.first()]
        length = 0
        while level:
            if at_most is not None:
                left = at_most - length
                level = [prefix for prefix in level if self._wanted.within(prefix.wanted, left)]
            # What has too few characters to end must not stand for what has enough.
            if length >= at_least:
                level = self._kept(level)
                for prefix in level:
                    if self._may_end(prefix):
                        return prefix.symbols()
            level = self._longer(level)
            length += 1
        return None

    def _may_end(self, prefix: _Prefix) -> bool:
        return self._wanted.may_end(prefix.wanted, prefix.before) and self._unwanted.may_end(
            prefix.unwanted, prefix.before
        )

    def _longer(self, level: list[_Prefix]) -> list[_Prefix]:
        """All prefixes with one symbol more, of each state the one of least effort."""
        best: dict[tuple[Wanted, int, Unwanted], _Prefix] = {}
        for prefix in level:
            row = self._unwanted.row(prefix.unwanted, prefix.before)
            for before, choices, symbols in self._wanted.onward(prefix.wanted, prefix.before):
                self._budget.spend(len(row.classes) * (1 + len(choices)))
                for unwanted, alike in row.classes:
                    if not alike & symbols:
                        continue
                    symbol = self._easiest(alike & symbols)
                    effort = prefix.effort + self._efforts[symbol]
                    for wanted in choices:
                        key = wanted, before, unwanted
                        known = best.get(key)
                        if known is None or effort < known.effort:
                            best[key] = _Prefix(effort, wanted, before, unwanted, prefix, symbol)
        return list(best.values())

    def _easiest(self, symbols: int) -> int:
        """The symbol of least effort."""
        symbol = self._easiest_of.get(symbols)
        if symbol is None:
            symbol = min(bits(symbols), key=self._efforts.__getitem__)
            self._easiest_of[symbols] = symbol
        return symbol

    def _kept(self, prefixes: list[_Prefix]) -> list[_Prefix]:
        """Those that none met before makes superfluous, by their effort."""
        prefixes.sort(key=lambda prefix: (prefix.effort, prefix.unwanted.bit_count()))
        kept: list[_Prefix] = []
        for prefix in prefixes:
            unwanted = prefix.unwanted
            met = self._met[prefix.wanted, prefix.before]
            freest = self._met[self._wanted.all_matched, prefix.before]
            wide = 1 + unwanted.bit_length() // WIDE
            self._budget.spend(5 + (len(met) + len(freest)) * wide // 4)
            if any(less & unwanted == less for less in met):
                continue
            if met is not freest and any(less & unwanted == less for less in freest):
                continue
            met[:] = [more for more in met if unwanted & more != unwanted]
            met.append(unwanted)
            kept.append(prefix)
        return kept

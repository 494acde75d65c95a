"""The shortcuts of the crate's fast engines, and the wrong answers that they give.

The crate prefers fast engines to its exact one, and some of their shortcuts change the answer.
`Shortcuts` gives the same wrong answers. Such patterns and texts are rare, so callers must check
`errs_at` first.

- The crate finds the end of a match with a forward DFA and then its start with a backward one,
  which reads nothing before the position at which the search began: `x|\\bab` replaces `ab` in
  `xab`, and a search that continues at `\\B` may find no start, which ends the replacing.
- The forward DFA may be wrong about the character before it (see `lazy_dfa`): `a?\\bb` "matches"
  ` xb`, but has no span there.
- The DFAs decide look-arounds when they have read the next character, but line starts when they
  have read the last one: `\\z(?m:^)` never matches. A loop that returns to its start only then
  tries its branches in another order: see `(\\b|a)+`.
- If all matches end in a literal of three or more characters, and do not begin with a longer one,
  the crate searches for that literal first, and for matches that end there: `a.{5}bcd|.bcd` finds
  `Xbcd` in `aXbcdXbcd`, not the whole text.

Source: regex 1.8.3 `exec.rs` (is_match_at, find_at, captures_read_at, exec_dfa_reverse_suffix,
choose_match_type), regex-syntax 0.7.2 `hir::Properties` (look_set_prefix and the like).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from proccli.rustregex.match import literals
from proccli.rustregex.match.alphabet import Alphabet
from proccli.rustregex.tree.nodes import Alternate, Concat, Literal, LookKind, Node, Span
from proccli.rustregex.tree.shape import (
    edge_looks,
    empty_loops,
    looks_in,
    mirrored,
    tests_what_is_before,
)

if TYPE_CHECKING:
    from proccli.rustregex.match.lazy_dfa import LazyDfa

NO_CHARACTER = "\ud800"
"""In no set, and not ASCII: represents the last bytes of a character."""

SHORTEST_SUFFIX = 3
MANY_LITERALS = 32

_WORDS = frozenset({LookKind.WORD, LookKind.NOT_WORD, LookKind.WORD_ASCII, LookKind.NOT_WORD_ASCII})


class Shortcuts:
    """Searches as the crate's lazy DFAs do. All positions are character offsets."""

    def __init__(self, root: Node, alphabet: Alphabet) -> None:
        self._root = root
        self._alphabet = alphabet
        self._looks = looks_in(root)
        must_start, self._may_start = edge_looks(root)
        self._from_start = LookKind.START_TEXT in must_start
        self._tests_before = not self._from_start and tests_what_is_before(root)

    @cached_property
    def always_errs(self) -> bool:
        """Whether any answer may be wrong, even that of `is_match`."""
        looks = self._looks
        lines = LookKind.START_LINE in looks or LookKind.END_LINE in looks
        return bool(looks) and (
            (self._tests_before and bool(self._prefixes))
            or (lines and len(looks) > 1)
            or any(looks_in(loop) for loop in empty_loops(self._root))
        )

    @cached_property
    def _edges_of_end(self) -> tuple[frozenset[LookKind], frozenset[LookKind]]:
        return edge_looks(mirrored(self._root))

    @cached_property
    def _to_end(self) -> bool:
        return LookKind.START_TEXT in self._edges_of_end[0] and not self._from_start

    @cached_property
    def _all_prefixes(self) -> literals.Seq:
        may_start = self._may_start
        if (
            (LookKind.START_TEXT in self._looks and not self._from_start)
            or may_start & _WORDS
            or LookKind.START_LINE in may_start
        ):
            return []
        return literals.extract(self._root, suffixes=False)

    @cached_property
    def _prefixes(self) -> tuple[bytes, ...]:
        return literals.searchable(self._all_prefixes, suffixes=False)

    @cached_property
    def _suffix(self) -> bytes:
        """The literal that the crate searches for first, or nothing."""
        looks, prefixes = self._looks, self._all_prefixes
        complete = bool(self._prefixes) and not looks and all(exact for _, exact in prefixes or ())
        must_end, may_end = self._edges_of_end
        if (
            self._to_end
            or complete
            or _is_list_of_literals(self._root)
            or (LookKind.END_TEXT in looks and LookKind.START_TEXT not in must_end)
            or may_end & _WORDS
            or LookKind.START_LINE in may_end
        ):
            return b""
        suffixes = literals.extract(self._root, suffixes=True)
        suffix = literals.common_suffix(suffixes)
        length = literals.character_count(suffix)
        longest = literals.character_count(literals.common_prefix(prefixes))
        searched = literals.searchable(suffixes, suffixes=True)
        return suffix if searched and length >= SHORTEST_SUFFIX and length > longest else b""

    def errs_at(self, text: str, start: int, found: Span | None) -> bool:
        """Whether a search from `start` may not give `found`, the exact answer."""
        if self.always_errs or (start and self._tests_before):
            return True
        if not self._suffix or found is None:
            return False
        # The crate can stop too early only if the literal also ends within the match.
        suffix = self._suffix_text
        if suffix is None:
            return True
        first = text.find(suffix, max(start, found[0] - len(suffix) + 1))
        return first + len(suffix) != found[1]

    def is_match(self, text: str) -> bool:
        """The crate's `is_match`. Raises: GaveUpError where the crate uses its exact engine."""
        self._forward.clear()
        if self._to_end:
            return self._back(text, 0, len(text))[0] is not None
        if self._suffix:
            by_suffix = self._find_by_suffix(text, 0)
            if by_suffix is not None:
                return by_suffix[0] >= 0
        return self._forward.run(text, "", alone=not text, shortest=True).end is not None

    def find(self, text: str, start: int) -> Span | None:
        """The crate's `find_at`. Raises: GaveUpError where the crate uses its exact engine."""
        if start == 0:
            self._forward.clear()
        if self._to_end:
            begin, _ = self._back(text, start, len(text))
            return None if begin is None else (begin, len(text))
        if self._suffix:
            by_suffix = self._find_by_suffix(text, start)
            if by_suffix is not None:
                if by_suffix[0] < 0:
                    return None
                end = self._end(text, by_suffix[0])
                return None if end is None else (by_suffix[0], end)
        end = self._end(text, start)
        if end is None:
            return None
        if end == start:
            return (start, start)
        begin, _ = self._back(text, start, end)
        return None if begin is None else (begin, end)

    def _find_by_suffix(self, text: str, start: int) -> Span | None:
        """The match that ends at the first literal where a match ends; (-1, -1): there is none.

        None: the crate gives up this way of searching.
        """
        within = False
        for end in self._suffix_ends(text, start):
            begin, reached = self._back(text, start, end, within=within)
            if begin is not None:
                return None if begin == start and not within else (begin, end)
            if reached <= start:
                return None
            # The crate counts bytes: it stops within a character that has several.
            within = not text[reached].isascii()
            start = reached + within
        return (-1, -1)

    def _suffix_ends(self, text: str, start: int) -> Iterator[int]:
        """The ends of all occurrences of the literal, from left to right."""
        suffix = self._suffix_text
        if suffix is not None:
            at = text.find(suffix, start)
            while at >= 0:
                yield at + len(suffix)
                at = text.find(suffix, at + 1)
            return
        # The literal begins within a character.
        data = text.encode(errors="surrogatepass")
        place = data.find(self._suffix, len(text[:start].encode(errors="surrogatepass")))
        while place >= 0:
            yield len(data[: place + len(self._suffix)].decode(errors="ignore"))
            place = data.find(self._suffix, place + 1)

    def _end(self, text: str, start: int) -> int | None:
        before = text[start - 1 : start]
        if start:
            return self._forward.end(text, before, start)
        return self._forward.run(text, before, start=start, alone=not text).end

    def _back(
        self, text: str, start: int, end: int, *, within: bool = False
    ) -> tuple[int | None, int]:
        """The start of the longest match that ends at `end` and begins at `start` or later (None:
        no match), and how far back the text was read. `within`: the last bytes of a character are
        before `start`."""
        chars = text[start:end][::-1] + (NO_CHARACTER if within else "")
        outcome = self._backward.run(chars, text[end : end + 1], alone=len(text) == start)
        return None if outcome.end is None else end - outcome.end, end - outcome.read

    @cached_property
    def _suffix_text(self) -> str | None:
        try:
            return self._suffix.decode()
        except UnicodeDecodeError:
            return None

    @cached_property
    def _forward(self) -> LazyDfa:
        from proccli.rustregex.match.lazy_dfa import LazyDfa
        from proccli.rustregex.match.program import compile_program

        # A literal that was cut within a character is searched for without that character.
        jump_to = [text.decode(errors="ignore") for text in self._prefixes]
        return LazyDfa(
            compile_program(self._root, 1, self._alphabet),
            self._alphabet,
            anywhere=not self._from_start,
            jump_to=() if self._from_start else jump_to,
        )

    @cached_property
    def _backward(self) -> LazyDfa:
        from proccli.rustregex.match.lazy_dfa import LazyDfa
        from proccli.rustregex.match.program import compile_program

        program = compile_program(mirrored(self._root), 1, self._alphabet)
        return LazyDfa(program, self._alphabet, longest=True)


def _is_list_of_literals(root: Node) -> bool:
    """Whether the crate searches for the whole pattern as a list of many literals."""
    if not isinstance(root, Alternate) or len(root.branches) <= MANY_LITERALS:
        return False
    return all(
        isinstance(branch, Literal)
        or (isinstance(branch, Concat) and all(isinstance(part, Literal) for part in branch.parts))
        for branch in root.branches
    )

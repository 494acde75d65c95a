"""Compiled patterns and their matches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import cast

import regex

from proccli.rustregex import template as templates
from proccli.rustregex.alphabet import Ranges, Substitution, alphabet_of
from proccli.rustregex.automaton import GaveUpError
from proccli.rustregex.engine import Engine
from proccli.rustregex.masked import is_match_masked
from proccli.rustregex.nodes import Parsed
from proccli.rustregex.parser import parse
from proccli.rustregex.program import compile_program
from proccli.rustregex.simplify import captures, simplify
from proccli.rustregex.simulate import Simulation, Slots
from proccli.rustregex.translate import needs_simulation, translate
from proccli.rustregex.unicode import perl

TIME_LIMIT_S = 0.2
"""How long the backtracking engine may take for one search before the simulation takes over."""

CACHED_PATTERNS = 512

Span = tuple[int, int]


@lru_cache(maxsize=CACHED_PATTERNS)
def compile(pattern: str) -> Regex:  # noqa: A001 - the name that every such module uses
    """The pattern, ready to match. Raises: RegexSyntaxError where the crate would reject it."""
    return Regex(parse(pattern))


@dataclass(frozen=True, slots=True)
class Match:
    """Where a pattern matched. Spans are character offsets into `text`."""

    text: str = field(repr=False)
    spans: tuple[Span | None, ...]
    """Of each group, the whole match first; None for a group that took no part."""
    index_of: dict[str, int] = field(repr=False)

    def span(self, group: int | str = 0) -> Span | None:
        """A group's span. Raises: IndexError if the pattern has no such group."""
        return self.spans[self._index(group)]

    def group(self, group: int | str = 0) -> str | None:
        """A group's text. Raises: IndexError if the pattern has no such group."""
        span = self.span(group)
        return None if span is None else self.text[span[0] : span[1]]

    def groups(self) -> tuple[str | None, ...]:
        """The texts of groups 1 and on."""
        return tuple(self.group(index) for index in range(1, len(self.spans)))

    @property
    def start(self) -> int:
        return self._whole[0]

    @property
    def end(self) -> int:
        return self._whole[1]

    def expand(self, parts: Sequence[templates.Part]) -> str:
        """A template with this match's groups put in; one that is missing puts in nothing."""
        return templates.expand(parts, self._text_or_none)

    @property
    def _whole(self) -> Span:
        return cast(Span, self.spans[0])

    def _index(self, group: int | str) -> int:
        index = self.index_of.get(group, -1) if isinstance(group, str) else group
        if not 0 <= index < len(self.spans):
            raise IndexError(f"no such group: {group}")
        return index

    def _text_or_none(self, group: int | str) -> str | None:
        try:
            return self.group(group)
        except IndexError:
            return None


@dataclass(frozen=True, slots=True)
class Replacement:
    """One step of a `replace_all`."""

    match: Match
    expanded: str


class Regex:
    """A pattern that the crate accepts; gives the crate's answers."""

    def __init__(self, parsed: Parsed) -> None:
        self.parsed = parsed
        self._tree = simplify(parsed.root)
        self._captures = captures(self._tree)
        self._alphabet = alphabet_of(self._tree, unicode_word())
        # Whichever engine answers, the answer is the same: what differs is how long it takes.
        self._backtracking = not needs_simulation(self._tree) and self._complete()

    @property
    def pattern(self) -> str:
        return self.parsed.pattern

    @property
    def group_names(self) -> tuple[str | None, ...]:
        """A name or None for each group that a match reports; index 0 is the whole match.

        These are the crate's own `capture_names`, which miss a group after a `(…){0}`.
        """
        return self._captures.names

    @property
    def may_err(self) -> bool:
        """Whether the crate's shortcuts can make even `is_match` differ from what the pattern
        means."""
        return self._engine.always_errs

    def is_match(self, text: str) -> bool:
        """Whether the pattern matches anywhere in the text."""
        if self._engine.always_errs:
            try:
                return self._engine.is_match(text)
            except GaveUpError:
                pass
        if self._backtracking:
            try:
                return self._pattern.search(self._seen(text), timeout=TIME_LIMIT_S) is not None
            except TimeoutError:
                self._backtracking = False
        return self._simulation.is_match(text)

    def search(self, text: str, start: int = 0) -> Match | None:
        """The leftmost match that begins at `start` or later; what is before `start` still
        counts for look-arounds."""
        return self._find(text, self._seen(text) if self._backtracking else text, start)

    def find_iter(self, text: str) -> Iterator[Match]:
        """All matches from left to right, as `replace_all` walks them.

        An empty match that touches the one before it is left out; after an empty match the
        search goes on one character further.
        """
        return self._walk(text, groups=True)

    def _walk(self, text: str, *, groups: bool) -> Iterator[Match]:
        seen = self._seen(text) if self._backtracking else text
        at, last_end = 0, -1
        while at <= len(text):
            match = self._find(text, seen, at, groups=groups)
            if match is None:
                return
            at = match.end
            if match.start == match.end:
                at += 1
                if match.end == last_end:
                    continue
            last_end = match.end
            yield match

    def replacements(self, text: str, template: str) -> Iterator[Replacement]:
        """What `replace_all` puts in the place of what, from left to right."""
        parts = templates.parse(template)
        # A template without a $ has no use for groups, so the crate doesn't look for them.
        for match in self._walk(text, groups="$" in template):
            yield Replacement(match, match.expand(parts))

    def replace_all(self, text: str, template: str) -> str:
        """The text with every match replaced by the expanded template."""
        pieces: list[str] = []
        done = 0
        for step in self.replacements(text, template):
            pieces += text[done : step.match.start], step.expanded
            done = step.match.end
        pieces.append(text[done:])
        return "".join(pieces)

    def missing_groups(self, template: str) -> tuple[templates.Reference, ...]:
        """The references of a template that name no group of this pattern."""
        return tuple(
            part
            for part in templates.parse(template)
            if isinstance(part, templates.Reference) and not self._has_group(part.group)
        )

    def is_match_masked(self, text: str, holes: Sequence[Span]) -> bool | None:
        """Whether the pattern matches a text of which `holes` (character offsets) are masked.

        True: whatever they hold; False: can't, whatever they hold; None: it depends, or can't be
        told. What stands in `text` inside a hole has no influence.
        """
        return is_match_masked(self._simulation, text, holes)

    def __repr__(self) -> str:
        return f"Regex({self.pattern!r})"

    def _has_group(self, group: int | str) -> bool:
        index = self._captures.index_of.get(group, -1) if isinstance(group, str) else group
        return 0 <= index < len(self.group_names)

    def _complete(self) -> bool:
        return self._captures.complete and len(self.group_names) == len(self.parsed.group_names)

    def _seen(self, text: str) -> str:
        return text if text.isascii() else text.translate(self._substitution)

    def _search(self, text: str, seen: str, start: int) -> Match | None:
        if self._backtracking:
            try:
                found = self._pattern.search(seen, start, timeout=TIME_LIMIT_S)
            except TimeoutError:
                # A subject like the one that took too long will come again.
                self._backtracking = False
            else:
                if found is None:
                    return None
                spans = tuple(None if span[0] < 0 else span for span in found.regs)
                return Match(text, spans, self._captures.index_of)
        slots = self._simulation.search(text, start)
        return None if slots is None else Match(text, _pairs(slots), self._captures.index_of)

    def _find(self, text: str, seen: str, start: int, *, groups: bool = True) -> Match | None:
        """The crate's next match from `start` on; with `groups`, as found for their sake."""
        exact = self._search(text, seen, start)
        if not self._engine.errs_at(text, start, exact.span() if exact else None):
            return exact
        try:
            found = self._engine.find(text, start)
        except GaveUpError:
            return exact
        if found is None:
            return None
        if len(self.group_names) == 1 or not groups:
            return Match(text, (found,), self._captures.index_of)
        # For the groups the crate asks its exact engine, so the match may shift.
        match = self._search(text, seen, found[0])
        return match if match and match.start <= found[1] else None

    @cached_property
    def _engine(self) -> Engine:
        return Engine(self._tree, self._alphabet)

    @cached_property
    def _substitution(self) -> Substitution:
        return Substitution(self._alphabet)

    @cached_property
    def _pattern(self) -> regex.Pattern[str]:
        return regex.compile(translate(self._tree, self._alphabet, unicode_word()), regex.V0)

    @cached_property
    def _simulation(self) -> Simulation:
        program = compile_program(self._tree, len(self.group_names), self._alphabet)
        return Simulation(program, self._alphabet, unicode_word())


def _pairs(slots: Slots) -> tuple[Span | None, ...]:
    spans: list[Span | None] = []
    for start, end in zip(slots[::2], slots[1::2], strict=True):
        spans.append(None if start is None or end is None else (start, end))
    return tuple(spans)


@lru_cache(maxsize=1)
def unicode_word() -> Ranges:
    """The characters of `\\w`, which Unicode word boundaries ask for."""
    return perl("w")

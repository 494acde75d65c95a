"""Compiled patterns, which give the same answers as the crate, including its wrong ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Literal, TypeAlias

from proccli.rustregex.match.alphabet import Alphabet
from proccli.rustregex.match.exact import Exact
from proccli.rustregex.match.shortcuts import Shortcuts
from proccli.rustregex.match.template import Match, Reference, Replacement
from proccli.rustregex.match.template import parse as parse_template
from proccli.rustregex.parse.parser import parse
from proccli.rustregex.tree.nodes import Parsed, Span
from proccli.rustregex.tree.shape import required_folded
from proccli.rustregex.tree.simplify import captures, simplify

CACHED_PATTERNS = 4096

Crate: TypeAlias = Literal["1.6.0", "1.8.3"]
"""A release of the crate."""


@lru_cache(maxsize=CACHED_PATTERNS)
def compile(  # noqa: A001 - the name that every such module uses
    pattern: str, crate: Crate = "1.8.3"
) -> Regex:
    """The compiled pattern. Raises: RegexSyntaxError where that release of the crate would."""
    if crate == "1.6.0":
        from proccli.rustregex.parse.release_1_6 import rejected_by_1_6

        rejected = rejected_by_1_6(pattern)
        if rejected is not None:
            raise rejected
    return Regex(parse(pattern))


class Regex:
    """A pattern that the crate accepts."""

    def __init__(self, parsed: Parsed) -> None:
        self.parsed = parsed
        self._tree = simplify(parsed.root)
        self._captures = captures(self._tree)
        self._alphabet = Alphabet(self._tree)
        self._exact = Exact(self._tree, self._captures, self._alphabet)

    @property
    def pattern(self) -> str:
        return self.parsed.pattern

    @property
    def group_names(self) -> tuple[str | None, ...]:
        """The name, or None, of each group that a match reports; index 0 is the whole match.

        These are the crate's own `capture_names`, which lack a group after a `(…){0}`.
        """
        return self._captures.names

    @property
    def may_err(self) -> bool:
        """Whether even the crate's `is_match` can be wrong, because of its shortcuts."""
        return self._shortcuts.always_errs

    @property
    def is_slow(self) -> bool:
        """Whether the pattern takes the backtracking engine too long on a text so far.

        An automaton reads all following texts then, which gives the same answers.
        """
        return self._exact.is_slow

    @property
    def required(self) -> tuple[str, ...]:
        """Texts that are in every text which matches, after `str.casefold` of both; often none."""
        return () if self.may_err else required_folded(self._tree)

    def is_match(self, text: str) -> bool:
        """Whether the pattern matches anywhere in the text."""
        if self._shortcuts.always_errs:
            from proccli.rustregex.match.lazy_dfa import GaveUpError

            try:
                return self._shortcuts.is_match(text)
            except GaveUpError:
                pass
        return self._exact.is_match(text)

    def search(self, text: str) -> Match | None:
        """The leftmost match."""
        return self._find(text, 0, groups=True)

    def find_iter(self, text: str) -> Iterator[Match]:
        """All matches from left to right, as `replace_all` finds them.

        An empty match that touches the previous match is skipped; after an empty match the search
        continues one character further.
        """
        return self._walk(text, groups=True)

    def replacements(self, text: str, template: str) -> Iterator[Replacement]:
        """The replacements that `replace_all` makes, from left to right."""
        parts = parse_template(template)
        # A template without a $ needs no groups, so the crate does not search for them.
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

    def missing_groups(self, template: str) -> tuple[Reference, ...]:
        """The references of a template to groups that this pattern does not have."""
        return tuple(
            part
            for part in parse_template(template)
            if isinstance(part, Reference) and not self._has_group(part.group)
        )

    def is_match_masked(self, text: str, holes: Sequence[Span]) -> bool | None:
        """Whether the pattern matches a text with masked spans (`holes`, in character offsets).

        True: it matches, and False: it does not match, whatever text was masked. None: this depends
        on the masked text, or cannot be determined. What `text` contains there has no influence.
        """
        if not holes:
            return self.is_match(text)
        if self._shortcuts.always_errs:
            return None
        from proccli.rustregex.match.masked import is_match_masked

        return is_match_masked(self._exact.automaton, text, holes)

    def __repr__(self) -> str:
        return f"Regex({self.pattern!r})"

    def _walk(self, text: str, *, groups: bool) -> Iterator[Match]:
        at, last_end = 0, -1
        while at <= len(text):
            match = self._find(text, at, groups=groups)
            if match is None:
                return
            at = match.end
            if match.start == match.end:
                at += 1
                if match.end == last_end:
                    continue
            last_end = match.end
            yield match

    def _find(self, text: str, start: int, *, groups: bool) -> Match | None:
        """The crate's next match from `start` on, which may depend on whether it needs `groups`."""
        exact = self._exact.search(text, start)
        if self._shortcuts.errs_at(text, start, exact[0] if exact else None):
            from proccli.rustregex.match.lazy_dfa import GaveUpError

            try:
                found = self._shortcuts.find(text, start)
            except GaveUpError:
                pass
            else:
                exact = self._with_groups(text, found) if groups else found and (found,)
        return None if exact is None else Match(text, exact, self._captures.index_of)

    def _with_groups(self, text: str, found: Span | None) -> tuple[Span | None, ...] | None:
        """The groups by the crate's exact engine, which may find another match, or none."""
        if found is None or len(self.group_names) == 1:
            return found and (found,)
        spans = self._exact.search(text, found[0])
        begins_too_late = spans and spans[0] and spans[0][0] > found[1]
        return None if begins_too_late else spans

    def _has_group(self, group: int | str) -> bool:
        index = self._captures.index_of.get(group, -1) if isinstance(group, str) else group
        return 0 <= index < len(self.group_names)

    @cached_property
    def _shortcuts(self) -> Shortcuts:
        return Shortcuts(self._tree, self._alphabet)

"""What a search found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from proccli.rustregex.match import template as templates
from proccli.rustregex.tree.nodes import Span


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
        return cast(Span, self.spans[0])[0]

    @property
    def end(self) -> int:
        return cast(Span, self.spans[0])[1]

    def expand(self, parts: Sequence[templates.Part]) -> str:
        """A template with this match's groups put in; one that is missing puts in nothing."""
        return templates.expand(parts, self._text_or_none)

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

"""Replacement templates, and the matches that fill them in.

    template  = { text | "$$" | reference }
    reference = "$" word { word } | "${" { any but "}" } "}"
    word      = "0".."9" | "A".."Z" | "a".."z" | "_"

A `$` that starts none of these stands for itself. A reference that Rust parses as a number is a
group's index, any other is its name; a reference to a group that does not exist expands to nothing.

Source: regex 1.8.3 `expand.rs`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias, cast

from proccli.rustregex.tree.nodes import Span

_REFERENCE = re.compile(r"\$(?:(?P<dollar>\$)|(?P<word>[0-9A-Za-z_]+)|\{(?P<braced>[^}]*)\})")

# What Rust's usize::from_str accepts: ASCII digits, with an optional plus before them.
_NUMBER = r"\+?[0-9]+"
_USIZE_MAX = 2**64 - 1


class Text(NamedTuple):
    """Copied to the result as it is; `text` is a single `$` where the template has `$$`."""

    text: str
    span: Span
    """Character offsets into the template."""


class Reference(NamedTuple):
    """Replaced by the text of a group, which is given by index or by name."""

    group: int | str
    span: Span
    """Character offsets into the template."""


Part: TypeAlias = Text | Reference


@lru_cache(maxsize=1024)
def parse(template: str) -> tuple[Part, ...]:
    """The template's parts in order; their spans together cover the template."""
    parts: list[Part] = []
    done = 0
    for found in _REFERENCE.finditer(template):
        if found.start() > done:
            parts.append(Text(template[done : found.start()], (done, found.start())))
        done = found.end()
        if found["dollar"]:
            parts.append(Text("$", found.span()))
        else:
            name = found["word"] if found["word"] is not None else found["braced"]
            parts.append(Reference(_group(name), found.span()))
    if done < len(template):
        parts.append(Text(template[done:], (done, len(template))))
    return tuple(parts)


def _group(name: str) -> int | str:
    if re.fullmatch(_NUMBER, name):
        # Python refuses to convert thousands of digits; all such numbers are far beyond usize.
        digits = name.lstrip("+").lstrip("0") or "0"
        if len(digits) <= 20 and int(digits) <= _USIZE_MAX:
            return int(digits)
    return name


def expand(parts: Sequence[Part], group: Callable[[int | str], str | None]) -> str:
    """The parts joined; `group` returns a group's text, or None if it has none."""
    return "".join(
        part.text if isinstance(part, Text) else group(part.group) or "" for part in parts
    )


class Match(NamedTuple):
    """A match of a pattern in `text`. Spans are character offsets into it."""

    text: str
    spans: tuple[Span | None, ...]
    """The span of each group, the whole match first; None: the group did not participate."""
    index_of: dict[str, int]
    """The index of each named group."""

    def __repr__(self) -> str:
        return f"Match(spans={self.spans!r})"

    def span(self, group: int | str = 0) -> Span | None:
        """A group's span. Raises: IndexError if the pattern has no such group."""
        return self.spans[self._index(group)]

    def group(self, group: int | str = 0) -> str | None:
        """A group's text. Raises: IndexError if the pattern has no such group."""
        span = self.span(group)
        return None if span is None else self.text[span[0] : span[1]]

    def groups(self) -> tuple[str | None, ...]:
        """The texts of groups 1 and following; None for a group that did not participate."""
        return tuple(self.group(index) for index in range(1, len(self.spans)))

    @property
    def start(self) -> int:
        return cast(Span, self.spans[0])[0]

    @property
    def end(self) -> int:
        return cast(Span, self.spans[0])[1]

    def expand(self, parts: Sequence[Part]) -> str:
        """The template's text with this match's groups inserted; a missing group is empty."""
        return expand(parts, self._text_or_none)

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


class Replacement(NamedTuple):
    """One replacement of a `replace_all`: the match, and the text that replaces it."""

    match: Match
    expanded: str

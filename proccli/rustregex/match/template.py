"""Replacement templates: `$1`, `$name`, `${…}` and `$$`; everything else is itself.

    template  = { text | "$$" | reference }
    reference = "$" word { word } | "${" { any but "}" } "}"
    word      = "0".."9" | "A".."Z" | "a".."z" | "_"

A `$` that starts none of these is itself. A reference that Rust reads as a number is a group's
index, any other its name; one that names no group expands to nothing.

Source: regex 1.8.3 `expand.rs`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Span: TypeAlias = tuple[int, int]
"""Character offsets [start, end) into the template."""

_REFERENCE = re.compile(r"\$(?:(?P<dollar>\$)|(?P<word>[0-9A-Za-z_]+)|\{(?P<braced>[^}]*)\})")

# What Rust's usize::from_str takes: ASCII digits, after a plus if need be.
_NUMBER = re.compile(r"\+?[0-9]+")
_USIZE_MAX = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Text:
    """Goes into the result as it is; `text` is a single `$` where the template has `$$`."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Reference:
    """The text of a group: an index, or a name."""

    group: int | str
    span: Span


Part: TypeAlias = Text | Reference


def parse(template: str) -> tuple[Part, ...]:
    """The template's parts in order; together their spans cover it."""
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
    if _NUMBER.fullmatch(name):
        # Python refuses to convert some thousand digits, all of them far beyond usize.
        digits = name.lstrip("+").lstrip("0") or "0"
        if len(digits) <= 20 and int(digits) <= _USIZE_MAX:
            return int(digits)
    return name


def expand(parts: Sequence[Part], group: Callable[[int | str], str | None]) -> str:
    """The parts put together; `group` gives a group's text, None where there is none."""
    return "".join(
        part.text if isinstance(part, Text) else group(part.group) or "" for part in parts
    )

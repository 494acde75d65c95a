"""Warnings as values: a public code, a place and fields. Words are made from them elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from proccli.errors import Location

Counts: TypeAlias = "tuple[tuple[str, int], ...]"
"""How often each of some codes occurs, in a fixed order."""
NoteValue: TypeAlias = "str | float | bool | tuple[str, ...] | tuple[int, ...] | Counts | None"


class Note(NamedTuple):
    """A warning about a result. It is equal to another one if its code and all fields are.

    `proccli/terminal/warning_text.py` makes the sentence for people and for `warnings` in JSON.
    """

    code: str
    """One of `proccli.model.codes.WARNINGS`; a recording may hold others."""
    at: Location | None = None
    """The place in a configuration that it is about."""
    values: tuple[tuple[str, NoteValue], ...] = ()
    """Its fields by name."""
    text: str | None = None
    """The sentence, for a warning read from a recording, which holds no fields; else None."""
    source: str | None = None
    """The first source that gave it, where only some of several sources did; else None."""
    sources: int = 0
    """How many sources gave it, where `source` is set."""

    @classmethod
    def of(cls, code: str, at: Location | None = None, **values: NoteValue) -> Note:
        """A warning with these fields."""
        return cls(code=code, at=at, values=tuple(values.items()))

    @property
    def fields(self) -> Mapping[str, NoteValue]:
        """The fields by name."""
        return dict(self.values)

    def number(self, name: str) -> int:
        """A field that is a whole number. Raises: KeyError, TypeError."""
        value = self.fields[name]
        if not isinstance(value, int):
            raise TypeError(name)
        return value

    def string(self, name: str) -> str:
        """A field that is a text. Raises: KeyError, TypeError."""
        value = self.fields[name]
        if not isinstance(value, str):
            raise TypeError(name)
        return value

    def string_or_none(self, name: str) -> str | None:
        """A field that is a text, or None where it is missing. Raises: TypeError."""
        return self.string(name) if self.fields.get(name) is not None else None

    def strings(self, name: str) -> tuple[str, ...]:
        """A field that is several texts. Raises: KeyError, TypeError."""
        value = self.fields[name]
        if not isinstance(value, tuple):
            raise TypeError(name)
        return tuple(str(item) for item in value)

    def counts(self, name: str) -> Counts:
        """A field that counts codes. Raises: KeyError, TypeError."""
        value = self.fields[name]
        if not isinstance(value, tuple):
            raise TypeError(name)
        return tuple(item for item in value if isinstance(item, tuple))

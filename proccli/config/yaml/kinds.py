"""The types of a configuration's values, as one description that every reader of YAML follows.

A `Kind` reads one node; `Struct` and `Items` put kinds together to the description of
a section. A value that is refused costs only itself: the refusals are collected, so that all of
them can be shown, although the first is enough for the agent to reject everything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

from proccli.config.yaml.nodes import Node, Refusal, Scalar, resolved
from proccli.config.yaml.positions import source_offset
from proccli.config.yaml.serde_yaml import U64_MAX, Older, refused


@dataclass(slots=True)
class Reader:
    """One reading of a document, with everything that was refused in it."""

    crate: Older
    source: str
    """The user's text. The nodes have their places in it."""
    is_pushed: bool = False
    """Whether the reader reads another text than the user's: what a server wrote of it."""
    refusals: list[Refusal] = field(default_factory=list)

    def read(self, node: Node, kind: Kind, what: str) -> Any:
        """The value of a node; None where it is refused."""
        try:
            return kind(self, node, what)
        except Refusal as refusal:
            self.refusals.append(refusal)
            return None


Kind: TypeAlias = Callable[[Reader, Node, str], Any]


class Values(NamedTuple):
    """The fields of a struct that are written and not refused."""

    node: Node
    values: Mapping[str, Any]
    nodes: Mapping[str, Node]

    def get(self, name: str, default: Any) -> Any:
        """A field, or what a missing one is."""
        return self.values.get(name, default)

    def struct(self, name: str) -> Values:
        """A field that is a struct; one without fields where it is missing."""
        found = self.values.get(name)
        return found if isinstance(found, Values) else Values(self.node, {}, {})


class Struct:
    """A struct's fields. Unknown keys are passed over, and what is below them, too."""

    def __init__(self, fields: Mapping[str, Kind]) -> None:
        self.fields = fields

    def __call__(self, reader: Reader, node: Node, what: str) -> Values:
        found = reader.crate.fields(node, what, tuple(self.fields))
        values: dict[str, Any] = {}
        for name, value in found.items():
            read = reader.read(value, self.fields[name], f"{name} of {what}")
            if read is not None:
                values[name] = read
        return Values(node=node, values=values, nodes=found)


class Items:
    """A list. Refused elements are left out."""

    def __init__(self, kind: Kind, name: str = "an element of {what}") -> None:
        self.kind = kind
        self.name = name

    def __call__(self, reader: Reader, node: Node, what: str) -> tuple[Any, ...]:
        nodes = reader.crate.items(node, what)
        read = (
            reader.read(item, self.kind, self.name.format(what=what, number=number))
            for number, item in enumerate(nodes, start=1)
        )
        return tuple(value for value in read if value is not None)


class Integer:
    """A whole number within limits."""

    def __init__(self, maximum: int, minimum: int = 0) -> None:
        self.maximum = maximum
        self.minimum = minimum

    def __call__(self, reader: Reader, node: Node, what: str) -> int:
        return reader.crate.integer(node, what, self.maximum, self.minimum)


class Word:
    """A variant of an enum."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self.words = words

    def __call__(self, reader: Reader, node: Node, what: str) -> str:
        return reader.crate.word(node, what, self.words)


def boolean(reader: Reader, node: Node, what: str) -> bool:
    """A switch."""
    return reader.crate.boolean(node, what)


def text(reader: Reader, node: Node, what: str) -> str:
    """Any scalar, as it is written."""
    return reader.crate.text(node, what)


texts: Final = Items(text)
"""A list of texts."""


def duration(reader: Reader, node: Node, what: str) -> int:
    """A duration, in nanoseconds."""
    return _duration(node, what, reader.crate.text(node, what))


def duration_or_zero(reader: Reader, node: Node, what: str) -> int:
    """A duration, or exactly `0`; it must stand in the text as it is.

    Source: agent v7.1 config.rs:4044-4056.
    """
    source = None if reader.is_pushed else reader.source
    written = reader.crate.borrowed(node, what, source)
    return 0 if written == "0" else _duration(node, what, written)


def regex(reader: Reader, node: Node, what: str) -> str:
    """A pattern that the crate regex compiles."""
    pattern = reader.crate.text(node, what)
    from proccli import rustregex

    try:
        rustregex.compile(pattern)
    except rustregex.RegexSyntaxError as error:
        scalar = resolved(node)
        assert isinstance(scalar, Scalar)  # noqa: S101 - a text was read from it
        at = source_offset(reader.source, scalar.origin or scalar, error.position)
        problem = f"{what} is not a valid regex: {error.message}"
        raise Refusal(problem, at, by="agent", hint=error.hint) from None
    return pattern


_UNITS: Final[Mapping[str, tuple[int, int]]] = {
    name: unit
    for names, unit in (
        ("nanos nsec ns", (0, 1)),
        ("usec us", (0, 1_000)),
        ("millis msec ms", (0, 1_000_000)),
        ("seconds second secs sec s", (1, 0)),
        ("minutes minute min mins m", (60, 0)),
        ("hours hour hrs hr h", (3600, 0)),
        ("days day d", (86_400, 0)),
        ("weeks week w", (604_800, 0)),
        ("months month M", (2_630_016, 0)),
        ("years year y", (31_557_600, 0)),
    )
    for name in names.split()
}
"""The seconds or the nanoseconds of each unit."""
_SPACE: Final = "\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_PART: Final = re.compile(
    f"[{_SPACE}]*([0-9][0-9{_SPACE}]*)([A-Za-z]*)(?=[{_SPACE}]|[0-9]|\\Z)(?:[{_SPACE}]*\\Z)?"
)
_BILLION: Final = 1_000_000_000


def parse_duration(written: str) -> int | None:
    """The nanoseconds of a duration such as `1h 30m`; None for what is none.

    Numbers and sums are of 64 bits. Spaces may stand between digits, too.

    Source: humantime 2.1.0 duration.rs.
    """
    at, seconds, nanos = 0, 0, 0
    while at < len(written) or at == 0:
        found = _PART.match(written, at)
        if found is None:
            return None
        number = 0
        for digit in found[1]:
            if digit.isascii() and digit.isdigit():
                number = number * 10 + int(digit)
                if number > U64_MAX:
                    return None
        unit = _UNITS.get(found[2])
        if unit is None:
            return None
        more, more_nanos = number * unit[0], number * unit[1]
        nanos += more_nanos
        if max(more, more_nanos, nanos) > U64_MAX:
            return None
        if nanos > _BILLION:
            more, nanos = more + nanos // _BILLION, nanos % _BILLION
        seconds += more
        if max(more, seconds) > U64_MAX:
            return None
        at = found.end()
    return seconds * _BILLION + nanos


def _duration(node: Node, what: str, written: str) -> int:
    value = parse_duration(written)
    if value is not None:
        return value
    hint = f"write {written}s" if written.isascii() and written.isdigit() else None
    raise refused(node, what, "a duration such as 10s", hint)

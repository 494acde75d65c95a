"""Unicode 15.0 as the crate knows it: properties by name, Perl classes, simple case folding.

The tables are part of the package (`unicode15.dat`), because neither Python nor the module `regex`
lets us choose the Unicode version. Each table is read when it is first needed; a pattern of ASCII
characters needs none, not even under `(?i)`.
Source: Unicode Character Database 15.0.0; regex-syntax 0.7.2, unicode.rs.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import cache, lru_cache
from itertools import accumulate
from typing import Any, Final

from proccli.rustregex.tree import charset
from proccli.rustregex.tree.charset import WHITE_SPACE, Ranges

# The only two characters beyond ASCII that fold to ASCII: the Kelvin sign and the long s.
_ASCII_FOLDS: Final = {0x4B: 0x212A, 0x6B: 0x212A, 0x53: 0x17F, 0x73: 0x17F}
_SPACE: Final[Ranges] = charset.normalize((ord(char), ord(char)) for char in WHITE_SPACE)
# Names of boolean properties that are names of general categories or scripts as well.
_NOT_PROPERTIES: Final = frozenset(("cf", "sc", "lc"))


class UnknownPropertyError(LookupError):
    """No such property, or one that cannot be used as a class."""


class UnknownValueError(LookupError):
    """The property has no such value."""


def perl(letter: str) -> Ranges:
    """The set of `\\d`, `\\s` or `\\w`."""
    return _SPACE if letter == "s" else _perl_table(letter)


def lookup(name: str, value: str | None = None) -> Ranges:
    """The set of `\\p{name}` or `\\p{name=value}`.

    Raises: UnknownPropertyError, UnknownValueError.
    """
    return _one_name(name) if value is None else _name_and_value(name, value)


@lru_cache(maxsize=64)
def _one_name(name: str) -> Ranges:
    # The order of the crate: a boolean property, a general category, a script.
    key = normalize(name)
    canonical = _names()["properties"].get(key)
    if canonical is not None and key not in _NOT_PROPERTIES:
        ranges = _set("Boolean", canonical)
        if ranges is None:
            raise UnknownPropertyError(name)
        return ranges
    for table in ("General_Category", "Script"):
        canonical = _value_name(table, key)
        if canonical is not None:
            return _value(table, canonical)
    raise UnknownPropertyError(name)


@lru_cache(maxsize=64)
def _name_and_value(name: str, value: str) -> Ranges:
    table = _names()["properties"].get(normalize(name))
    if table is None:
        raise UnknownPropertyError(name)
    canonical = _value_name(table, normalize(value))
    if canonical is None:
        raise UnknownValueError(value)
    return _value(table, canonical)


def _value_name(table: str, key: str) -> str | None:
    special = {"any": "Any", "assigned": "Assigned", "ascii": "ASCII"}
    if table == "General_Category" and key in special:
        return special[key]
    canonical: str | None = _names()["values"].get(table, {}).get(key)
    return canonical


def _value(table: str, canonical: str) -> Ranges:
    if canonical == "Any":
        return charset.ANY
    if canonical == "ASCII":
        return ((0, charset.LAST_ASCII),)
    if canonical == "Assigned":
        return charset.negate(_value(table, "Unassigned"))
    ranges = _set(table, canonical)
    if ranges is None:
        # Values that are named in Unicode but that no character has, and the surrogates.
        raise UnknownValueError(canonical)
    return ranges


def normalize(name: str) -> str:
    """A name by UAX #44's loose matching, LM3, with the crate's two deviations.

    Only a leading `is` is dropped, unless it would turn ISO_Comment's `isc` into the category
    `c`; characters beyond ASCII are dropped too.
    """
    starts_with_is = name[:2].lower() == "is"
    kept = (name[2:] if starts_with_is else name).encode("ascii", "ignore").decode()
    folded = kept.replace(" ", "").replace("_", "").replace("-", "").lower()
    return "isc" if starts_with_is and folded == "c" else folded


def fold(ranges: Ranges) -> Ranges:
    """The set with every character that simple case folding maps to one of its members."""
    if not ranges or ranges[-1][1] <= charset.LAST_ASCII:
        return _fold_ascii(ranges)
    points, orbits = _fold_table()
    extra: list[tuple[int, int]] = []
    for low, high in ranges:
        at = bisect_left(points, low)
        while at < len(points) and points[at] <= high:
            extra.extend((point, point) for point in orbits[points[at]])
            at += 1
    return charset.normalize([*ranges, *extra])


def _fold_ascii(ranges: Ranges) -> Ranges:
    both = charset.fold_ascii(ranges)
    extra = {
        other
        for letter, other in _ASCII_FOLDS.items()
        if any(low <= letter <= high for low, high in both)
    }
    return charset.normalize([*both, *((point, point) for point in extra)])


def is_alphabetic(char: str) -> bool:
    return charset.contains(lookup("Alphabetic"), ord(char))


def is_numeric(char: str) -> bool:
    return charset.contains(lookup("Number"), ord(char))


@cache
def names() -> dict[str, str]:
    """The names that `\\p{…}` accepts without a value: normalized spelling → canonical name."""
    spellings: dict[str, str] = {}
    for table in ("Script", "General_Category"):
        values = _names()["values"][table].items()
        known = _sets(table)
        spellings.update((name, canonical) for name, canonical in values if canonical in known)
    booleans = _sets("Boolean")
    properties = _names()["properties"].items()
    spellings.update((name, canonical) for name, canonical in properties if canonical in booleans)
    return spellings


@lru_cache(maxsize=2)
def _perl_table(letter: str) -> Ranges:
    return _ranges(_table(letter))


@lru_cache(maxsize=1)
def _fold_table() -> tuple[list[int], dict[int, list[int]]]:
    orbits = {point: orbit for orbit in _table("fold") for point in orbit}
    return sorted(orbits), orbits


@lru_cache(maxsize=1)
def _names() -> Any:
    return _table("names")


def _set(table: str, canonical: str) -> Ranges | None:
    if table not in _file()[0]:
        return None
    deltas = _sets(table).get(canonical)
    return None if deltas is None else _ranges(deltas)


@cache
def _sets(table: str) -> Any:
    return _table(table)


def _ranges(deltas: list[int]) -> Ranges:
    bounds = list(accumulate(deltas))
    return tuple(zip(bounds[::2], bounds[1::2], strict=True))


def _table(name: str) -> Any:
    directory, blobs = _file()
    offset, size = directory[name]
    import zlib

    return _parsed(zlib.decompress(blobs[offset : offset + size]))


@lru_cache(maxsize=1)
def _file() -> tuple[dict[str, list[int]], bytes]:
    # pathlib takes 1 MiB, and is often loaded for nothing else.
    with open(f"{__file__.rpartition('/')[0]}/unicode15.dat", "rb") as file:  # noqa: PTH123
        directory, _, blobs = file.read().partition(b"\n")
    return _parsed(directory), blobs


def _parsed(text: bytes) -> Any:
    import json  # few patterns need a table, and most runs need none of json and zlib

    return json.loads(text)

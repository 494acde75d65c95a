"""Places in the text of a JSON object, so that a value can be changed and the rest stay."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

Span: TypeAlias = tuple[int, int]
"""Where a value stands: its first character, and the one behind it."""

_BLANK = re.compile(r"[ \t\r\n]*")
_raw_decode: Final = json.JSONDecoder(parse_int=str).raw_decode


class ValueFinder:
    """Finds the values of some keys in the text of objects that have all of them."""

    def __init__(self, keys: Collection[str]) -> None:
        self._keys = tuple(keys)
        blank = _BLANK.pattern
        self._plain = [
            (key, re.compile(f'"{re.escape(key)}"{blank}:{blank}')) for key in self._keys
        ]

    def spans(self, text: str) -> Mapping[str, Sequence[Span]]:
        """Where the values are, those of nested objects aside. A key that is there twice has two.

        Raises: RecursionError.
        """
        quick = {} if "\\" in text else self._quick(text)
        if len(quick) == len(self._keys):
            return quick
        found: dict[str, list[Span]] = {key: [] for key in self._keys}
        for key, span in _members(text):
            if key in found:
                found[key].append(span)
        return found

    def _quick(self, text: str) -> Mapping[str, Sequence[Span]]:
        # Without backslashes, a quoted word before a colon is a key. If there is only one in all
        # the text, it is that of the outermost object.
        quick = {}
        for key, pattern in self._plain:
            places = pattern.finditer(text)
            first = next(places, None)
            if first is not None and next(places, None) is None:
                quick[key] = ((first.end(), _raw_decode(text, first.end())[1]),)
        return quick


def _members(text: str) -> Iterator[tuple[str, Span]]:
    index = _after_blanks(text, text.index("{") + 1)
    while text[index] != "}":
        key, index = _raw_decode(text, index)
        colon = _after_blanks(text, index)
        start = _after_blanks(text, colon + 1)
        end = _raw_decode(text, start)[1]
        yield key, (start, end)
        index = _after_blanks(text, end)
        if text[index] == ",":
            index = _after_blanks(text, index + 1)


def _after_blanks(text: str, index: int) -> int:
    found = _BLANK.match(text, index)
    return index if found is None else found.end()


def replaced(text: str, spans: Mapping[str, Sequence[Span]], values: Mapping[str, str]) -> str:
    """The text with these values, by key, in the place of those that stood there."""
    edits = sorted((span, value) for key, value in values.items() for span in spans[key])
    pieces, index = [], 0
    for (start, end), value in edits:
        pieces += [text[index:start], value]
        index = end
    return "".join([*pieces, text[index:]])


def look_up(value: Any, path: str) -> Any:
    """What an object has under a name: a key, or a path of keys with dots between; or None."""
    if not isinstance(value, dict):
        return None
    if path in value:
        return value[path]
    for dot in re.finditer(r"\.", path):
        found = look_up(value.get(path[: dot.start()]), path[dot.end() :])
        if found is not None:
            return found
    return None

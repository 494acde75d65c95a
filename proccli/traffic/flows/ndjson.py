"""NDJSON records, one object per line: labels are inserted into the text of the object."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache, lru_cache, partial
from typing import Any, Final, NamedTuple, TypeAlias

from proccli.model.flows import AnyFlow, Flow, FlowLabels
from proccli.model.tuples import from_fields
from proccli.text import inert_json
from proccli.traffic.flows.columns import LabelColumns
from proccli.traffic.flows.fields import find_fields, paths
from proccli.traffic.flows.lines import Lines
from proccli.traffic.flows.record import FlowContext
from proccli.traffic.flows.values import FlowReader

ValueSpan: TypeAlias = tuple[int, int]
"""The position of a value in the text: start and end, end exclusive."""

_BLANK = re.compile(r"[ \t\r\n]*")
_raw_decode: Final = json.JSONDecoder(parse_int=str).raw_decode


class ValueFinder:
    """Finds the positions of values by key, in the text of objects that have all of these keys."""

    def __init__(self, keys: Collection[str]) -> None:
        self._keys = tuple(keys)
        blank = _BLANK.pattern
        self._plain = [
            (key, re.compile(f'"{re.escape(key)}"{blank}:{blank}')) for key in self._keys
        ]

    def spans(self, text: str) -> Mapping[str, Sequence[ValueSpan]]:
        """The positions of the values of the outermost object; a duplicate key has several.

        Raises: RecursionError.
        """
        quick = {} if "\\" in text else self._quick(text)
        if len(quick) == len(self._keys):
            return quick
        found: dict[str, list[ValueSpan]] = {key: [] for key in self._keys}
        for key, span in _members(text):
            if key in found:
                found[key].append(span)
        return found

    def _quick(self, text: str) -> Mapping[str, Sequence[ValueSpan]]:
        # Without backslashes, a quoted word before a colon is a key. If it occurs only once in the
        # text, it is a key of the outermost object, because that has all of these keys.
        quick = {}
        for key, pattern in self._plain:
            matches = pattern.finditer(text)
            first = next(matches, None)
            if first is not None and next(matches, None) is None:
                quick[key] = ((first.end(), _raw_decode(text, first.end())[1]),)
        return quick


def _members(text: str) -> Iterator[tuple[str, ValueSpan]]:
    index = _skip_blanks(text, text.index("{") + 1)
    while text[index] != "}":
        key, index = _raw_decode(text, index)
        colon = _skip_blanks(text, index)
        start = _skip_blanks(text, colon + 1)
        end = _raw_decode(text, start)[1]
        yield key, (start, end)
        index = _skip_blanks(text, end)
        if text[index] == ",":
            index = _skip_blanks(text, index + 1)


def _skip_blanks(text: str, index: int) -> int:
    found = _BLANK.match(text, index)
    return index if found is None else found.end()


def replaced(text: str, spans: Mapping[str, Sequence[ValueSpan]], values: Mapping[str, str]) -> str:
    """The text with the values at `spans` replaced by `values`, by key."""
    edits = sorted((span, value) for key, value in values.items() for span in spans[key])
    pieces, index = [], 0
    for (start, end), value in edits:
        pieces += [text[index:start], value]
        index = end
    return "".join([*pieces, text[index:]])


def look_up(value: Any, path: str) -> Any:
    """The value at a key or at a path of keys joined by dots; None: there is none."""
    if not isinstance(value, dict):
        return None
    if path in value:
        return value[path]
    for dot in re.finditer(r"\.", path):
        found = look_up(value.get(path[: dot.start()]), path[dot.end() :])
        if found is not None:
            return found
    return None


_BLANKS: Final = b" \t\r\n"
_SHAPES_CACHED: Final = 256
_encode = json.JSONEncoder(ensure_ascii=False).encode
_decode = json.JSONDecoder().decode
_raw_decode_all: Final = json.JSONDecoder().raw_decode
"""Takes half of the time of `_decode`, but takes no blanks before the value, and any text after."""
_USUAL_ENDS: Final = frozenset({"", "\n", "\r\n"})
_decode_long_numbers = json.JSONDecoder(parse_int=str).decode


def json_records(lines: Lines, context: FlowContext) -> Iterator[Sequence[bytes | JsonRecord]]:
    """The records; other lines unchanged as bytes; those together whose lines are already here.

    Raises: as `Lines`.
    """
    shapes = _Shapes(context)
    flat = shapes.flat
    decode: Callable[[bytes], dict[str, Any]] = parse_line
    for block in lines.blocks():
        if len(block) >= _MANY:
            decode = fast_parser()
        found: list[bytes | JsonRecord] = []
        for number, line in enumerate(block, lines.number - len(block) + 1):
            try:
                values = decode(line)
                keys = tuple(values)
                shape = flat.get(keys) or shapes.of(keys, values)
                spans = _NO_SPANS
                if shape.finder is not None:
                    spans = shape.finder.spans(line.decode(errors="surrogateescape"))
            except (ValueError, RecursionError):
                if not line.isspace():
                    context.problems.add("not-json", number)
                found.append(line)
            else:
                found.append(_new_record((*shape.read(values), line, shape, spans)))
        yield found


_MANY: Final = 64
"""So many lines at once pay for loading a faster parser."""
_NO_SPANS: Final[Mapping[str, Sequence[ValueSpan]]] = {}


def parse_line(line: bytes) -> dict[str, Any]:
    """The JSON object in a line. Raises: ValueError, also for JSON that is not an object;
    RecursionError."""
    # surrogateescape keeps bytes that are not UTF-8 unchanged.
    return parse_object(line.decode(errors="surrogateescape"))


@cache
def fast_parser() -> Callable[[bytes], dict[str, Any]]:
    """`parse_line`, in a quarter of the time if msgspec is installed.

    What msgspec accepts, it parses as Python does; it refuses infinite numbers, NaN, lone
    surrogates, bytes that are not UTF-8 and integers of thousands of digits.
    """
    try:
        from msgspec import MsgspecError
        from msgspec.json import Decoder
    except ImportError:
        return parse_line
    decode = Decoder().decode

    def parse(line: bytes) -> dict[str, Any]:
        try:
            value = decode(line)
        except (MsgspecError, UnicodeError, RecursionError):
            value = None
        return value if type(value) is dict else parse_line(line)

    return parse


def _paths_below(paths: Sequence[str], keys: Sequence[str]) -> Sequence[str]:
    """The paths that objects with these keys may have."""
    return tuple(
        path
        for path in paths
        if path not in keys and any(path[: dot.start()] in keys for dot in re.finditer(r"\.", path))
    )


def parse_object(text: str) -> dict[str, Any]:
    """The JSON object. Raises: ValueError, also for JSON that is not an object; RecursionError."""
    try:
        value, end = _raw_decode_all(text) if text.startswith("{") else (None, 0)
        if text[end:] not in _USUAL_ENDS or value is None:
            value = _decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        # Python refuses to convert more than 4300 digits to int.
        value = _decode_long_numbers(text)
    if type(value) is not dict:
        raise ValueError("not a JSON object")
    return value


class _Shapes:
    """The shapes of objects that were read last."""

    def __init__(self, context: FlowContext) -> None:
        self._context = context
        self._labels = LabelColumns(context.keys, encode=_value, append=_as_members)
        self._paths_below = lru_cache(_SHAPES_CACHED)(partial(_paths_below, paths(context.fields)))
        self.flat: dict[tuple[str, ...], _Shape] = {}
        """Those of objects without nested fields, by keys."""
        self._nested: dict[tuple[tuple[str, ...], tuple[str, ...]], _Shape] = {}
        """Those of objects that may have nested fields, by keys and the paths of the fields."""

    def of(self, keys: tuple[str, ...], values: dict[str, Any]) -> _Shape:
        """The shape of an object; its nested fields are added to its values.

        Raises: RecursionError.
        """
        below = self._paths_below(keys)
        if not below:
            shape = self.flat.get(keys)
            if shape is None:
                shape = self.flat[keys] = self._new(keys, ())
            return shape
        nested = {path: look_up(values, path) for path in below}
        found = tuple(path for path, value in nested.items() if value is not None)
        values |= nested
        shape = self._nested.get((keys, found))
        if shape is None:
            shape = self._nested[keys, found] = self._new(keys, found)
        return shape

    def _new(self, keys: tuple[str, ...], nested: tuple[str, ...]) -> _Shape:
        if len(self.flat) + len(self._nested) >= _SHAPES_CACHED:
            self.flat.clear()
            self._nested.clear()
        return _Shape(keys, nested, self._labels, self._context)


class _Shape:
    """What all objects with the same keys and nested fields have in common."""

    def __init__(
        self,
        keys: Sequence[str],
        nested: Sequence[str],
        labels: LabelColumns,
        context: FlowContext,
    ) -> None:
        """`nested`: the paths of nested fields."""
        fields = find_fields((*keys, *nested), context.fields)
        context.problems.names(keys, fields)
        self.read: Final = FlowReader(fields, context.times).read
        """Reads the flow of the values of an object."""
        self.labels = labels
        self.present = frozenset(labels.columns).intersection(keys)
        self.finder = ValueFinder(self.present) if self.present else None
        self.is_empty = not keys


def _value(value: str | None) -> str:
    return inert_json(_encode(value))


def _as_members(values: Mapping[str, str]) -> str:
    return "".join(f",{_value(name)}:{text}" for name, text in values.items())


class JsonRecord(NamedTuple):
    """An object and its original line."""

    timeless: AnyFlow
    start_s: float | None
    end_s: float | None
    line: bytes
    shape: _Shape
    spans: Mapping[str, Sequence[ValueSpan]]
    """The values of the label keys that it has."""

    @property
    def flow(self) -> Flow:
        """The flow that the object describes."""
        return self.timeless.flow._replace(start_s=self.start_s, end_s=self.end_s)

    def labelled(self, labels: FlowLabels) -> bytes:
        """The line with the label keys appended, or replaced where it already has them."""
        shape, line = self.shape, self.line
        encoded = shape.labels.encoded(shape.present, labels)
        if encoded.replaced:
            text = line.decode(errors="surrogateescape")
            text = replaced(text, self.spans, encoded.replaced)
            line = text.encode(errors="surrogateescape")
        body = line.rstrip(_BLANKS)
        tail = encoded.tail[1:] if shape.is_empty else encoded.tail
        return b"".join((body[:-1], tail, b"}", line[len(body) :]))


_new_record: Final = from_fields(JsonRecord)

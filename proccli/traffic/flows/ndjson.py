"""JSON, one object per line: the labels are put into the text of the object."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from proccli.model.flows import Flow, SideLabel
from proccli.textsafe import inert_json
from proccli.traffic.flows.columns import Labels
from proccli.traffic.flows.fields import find_places
from proccli.traffic.flows.jsontext import Span, ValueFinder, look_up, replaced
from proccli.traffic.flows.lines import Lines
from proccli.traffic.flows.reading import FlowReader
from proccli.traffic.flows.record import Context

_BLANKS: Final = b" \t\r\n"
_MOST_SHAPES: Final = 256
_encode = json.JSONEncoder(ensure_ascii=False).encode
_decode = json.JSONDecoder().decode
_decode_long_numbers = json.JSONDecoder(parse_int=str).decode


def json_records(lines: Lines, context: Context) -> Iterator[bytes | JsonRecord]:
    """The records; lines that are none, as they are. Raises: as `Lines`."""
    labels = Labels(context.keys, encode=_value, append=_members)
    shapes: dict[tuple[str, ...], _Shape] = {}
    for line in lines:
        # What is not UTF-8 goes through a str and out again unchanged.
        text = line.decode(errors="surrogateescape")
        try:
            values = parse_object(text)
            keys = tuple(values)
            shape = shapes.get(keys)
            if shape is None:
                if len(shapes) >= _MOST_SHAPES:
                    shapes.clear()
                shape = shapes[keys] = _Shape(keys, labels, context)
            spans = shape.finder.spans(text) if shape.finder is not None else {}
        except (ValueError, RecursionError):
            if not line.isspace():
                context.oddities.add("not-json", lines.number)
            yield line
        else:
            yield JsonRecord(shape.flow(values), line, shape, spans)


def parse_object(text: str) -> dict[str, Any]:
    """The JSON object. Raises: ValueError, for other JSON too; RecursionError."""
    try:
        value = _decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        # Python makes no int of more than 4300 digits.
        value = _decode_long_numbers(text)
    if type(value) is not dict:
        raise ValueError("no JSON object")
    return value


class _Shape:
    """What is the same for all objects with the same keys."""

    def __init__(self, keys: Sequence[str], labels: Labels, context: Context) -> None:
        places = find_places(keys, context.fields)
        context.oddities.names(keys, places)
        self._reader = FlowReader(places, context.times)
        self._paths = tuple(places.names.difference(keys))
        self.labels = labels
        self.present = frozenset(labels.columns).intersection(keys)
        self.finder = ValueFinder(self.present) if self.present else None
        self.is_empty = not keys

    def flow(self, values: dict[str, Any]) -> Flow:
        """What the object tells of."""
        for path in self._paths:
            values[path] = look_up(values, path)
        return self._reader.read(values)


def _value(value: str | None) -> str:
    return inert_json(_encode(value))


def _members(values: Mapping[str, str]) -> str:
    return "".join(f",{_value(name)}:{text}" for name, text in values.items())


class JsonRecord:
    """An object, and the line that it is written in."""

    __slots__ = ("_line", "_shape", "_spans", "flow")

    def __init__(
        self, flow: Flow, line: bytes, shape: _Shape, spans: Mapping[str, Sequence[Span]]
    ) -> None:
        self.flow = flow
        self._line = line
        self._shape = shape
        self._spans = spans

    def labelled(self, side_0: SideLabel, side_1: SideLabel) -> bytes:
        """The line with the added keys. Those that it has already change where they are."""
        shape = self._shape
        encoded = shape.labels.encoded(shape.present, side_0, side_1)
        line = self._line
        if encoded.replaced:
            text = line.decode(errors="surrogateescape")
            text = replaced(text, self._spans, encoded.replaced)
            line = text.encode(errors="surrogateescape")
        body = line.rstrip(_BLANKS)
        tail = encoded.tail[1:] if shape.is_empty else encoded.tail
        return b"".join((body[:-1], tail, b"}", line[len(body) :]))

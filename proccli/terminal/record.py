"""Records of the JSON output, each declared once: its JSON, its schema, its titles in tables.

    END = Record("end", Field("ip", text()), Field("port", integer(0, 65_535)))
    SOCKET = Record(
        "socket",
        Field("pid", integer(), title="PID"),
        Field("local", END, value="row.local"),
        Field("peer", nullable(PEER), "The process at the other end, if it is on this machine."),
    )

A field's value is read from the row at the attribute path `value` (by default, the key), or
computed by it. The types are the part of JSON Schema (draft 2020-12) that the output needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias

Json: TypeAlias = dict[str, Any]
Value: TypeAlias = str | Callable[[Any], object]
_Convert: TypeAlias = Callable[[Any], object]

_NOTHING = "__class__"
"""An attribute that every row has: it stands where the value is computed."""


class Type(NamedTuple):
    """The type of a field: its schema, and how a Python value becomes a JSON value."""

    schema: Json
    convert: _Convert | None = None
    """None: the value is JSON as it is."""
    uses: tuple[Definition, ...] = ()
    """What the schema refers to under `$defs`."""
    each: _Convert | None = None
    """Of an array: how an element becomes JSON; None: it is JSON as it is."""


class Shared(NamedTuple):
    """A type with a name, which a schema contains once under `$defs`."""

    name: str
    type: Type

    def schema(self) -> Json:
        """Its schema, as it stands under `$defs`."""
        return self.type.schema

    def as_type(self) -> Type:
        """A reference to it."""
        return self.type._replace(schema=_reference(self.name), uses=(self,))


class Field(NamedTuple):
    """One key of a record."""

    key: str
    type: AnyType
    about: str = ""
    """Its description in the schema."""
    value: Value = ""
    """Attribute path in the row, or a function of the row; empty: the attribute named `key`."""
    title: str | None = None
    """Heading of the table column that shows it."""

    def read(self, row: Any) -> object:
        """Its value in this row, not yet converted to JSON."""
        value = self.value or self.key
        return value(row) if callable(value) else attrgetter(value)(row)


class Record:
    """An object of the JSON output. All keys are always present, in the order of the fields."""

    __slots__ = ("_computed", "_converted", "_keys", "_read", "about", "fields", "name")

    def __init__(self, name: str, *fields: Field, about: str = "") -> None:
        """An empty `name`: the schema of the record is written where it is used."""
        self.name = name
        self.fields = fields
        self.about = about
        self._keys = tuple(field.key for field in fields)
        values: list[tuple[str, Value]] = [
            (field.key, field.value or field.key) for field in fields
        ]
        paths = [_NOTHING if callable(value) else value for _, value in values]
        # With one path more than there are keys, attrgetter always returns a tuple.
        self._read = attrgetter(*paths, _NOTHING, _NOTHING)
        self._computed = tuple((key, value) for key, value in values if callable(value))
        converts = ((field.key, as_type(field.type).convert) for field in fields)
        self._converted = tuple((key, convert) for key, convert in converts if convert)

    def json(self, row: Any) -> Json:
        """The row as a JSON object."""
        # zip ends with the keys; the two paths more are not read.
        result = dict(zip(self._keys, self._read(row)))  # noqa: B905
        for key, compute in self._computed:
            result[key] = compute(row)
        for key, convert in self._converted:
            result[key] = convert(result[key])
        return result

    def schema(self) -> Json:
        """The JSON Schema of the record alone: `$defs` are the document's."""
        schema: Json = {
            "type": "object",
            "properties": {field.key: _property(field) for field in self.fields},
            "required": list(self._keys),
            "additionalProperties": False,
        }
        return schema | {"description": self.about} if self.about else schema

    def title(self, key: str) -> str:
        """The heading of the table column that shows this field."""
        return next(field.title for field in self.fields if field.key == key and field.title)

    def fields_of(self, path: str) -> tuple[Field, ...]:
        """Its fields for another record, whose rows have a row of this one at `path`."""
        return tuple(field._replace(value=_below(path, field)) for field in self.fields)

    def as_type(self) -> Type:
        """A field's type that is this record."""
        if self.name:
            return Type(_reference(self.name), self.json, (self,))
        return Type(self.schema(), self.json, tuple(_used(self)))


Definition: TypeAlias = Record | Shared
AnyType: TypeAlias = Type | Record | Shared


def boolean() -> Type:
    """True or false."""
    return Type({"type": "boolean"})


def integer(minimum: int | None = None, maximum: int | None = None) -> Type:
    """A whole number within these limits; None: no limit."""
    limits = {"minimum": minimum, "maximum": maximum}
    return Type({"type": "integer", **{key: n for key, n in limits.items() if n is not None}})


def number() -> Type:
    """A number that need not be whole."""
    return Type({"type": "number"})


def text(pattern: str | None = None) -> Type:
    """A string; `pattern` is a regular expression (ECMA 262) that it matches."""
    return Type({"type": "string"} if pattern is None else {"type": "string", "pattern": pattern})


def enum(*values: str | int | None) -> Type:
    """One of these values: `enum(*get_args(Status))` takes those of a `Literal`."""
    return Type({"enum": list(values)})


def constant(value: str | int) -> Type:
    """Always this value."""
    return Type({"const": value})


def nullable(kind: AnyType) -> Type:
    """A value of this type, or null for Python's None."""
    kind = as_type(kind)
    schema = kind.schema
    if "enum" in schema:
        schema = {**schema, "enum": [*schema["enum"], None]}
    elif schema.get("type") in ("boolean", "integer", "number", "string"):
        schema = {**schema, "type": [schema["type"], "null"]}
    else:
        schema = {"anyOf": [schema, {"type": "null"}]}
    convert = kind.convert
    if convert is None:
        return Type(schema, None, kind.uses)
    return Type(schema, lambda value: None if value is None else convert(value), kind.uses)


def array_of(kind: AnyType, *, unique: bool = False) -> Type:
    """A list of values of this type; `unique`: no value occurs twice."""
    kind = as_type(kind)
    schema: Json = {"type": "array", "items": kind.schema}
    if unique:
        schema["uniqueItems"] = True
    each = kind.convert
    if each is None:
        return Type(schema, list, kind.uses)
    return Type(schema, lambda values: [each(value) for value in values], kind.uses, each)


def mapping_of(kind: Type) -> Type:
    """An object whose keys are data, with values of this type."""
    return Type({"type": "object", "additionalProperties": kind.schema}, None, kind.uses)


def definitions(*roots: Record) -> dict[str, Json]:
    """The schemas of everything that these records refer to, for `$defs`: first used, first."""
    found: dict[str, Definition] = {}

    def collect(definition: Definition) -> None:
        known = found.setdefault(definition.name, definition)
        if known is not definition and known.schema() != definition.schema():
            raise ValueError(f"two definitions are named {definition.name}")
        for used in _used(definition):
            if used.name not in found:
                collect(used)

    for root in roots:
        for used in _used(root):
            collect(used)
    return {name: definition.schema() for name, definition in found.items()}


def _used(definition: Definition) -> Iterator[Definition]:
    if isinstance(definition, Shared):
        yield from definition.type.uses
    else:
        for field in definition.fields:
            yield from as_type(field.type).uses


def as_type(kind: AnyType) -> Type:
    return kind if isinstance(kind, Type) else kind.as_type()


def _below(path: str, field: Field) -> Value:
    value = field.value or field.key
    if not callable(value):
        return f"{path}.{value}"
    row_of, compute = attrgetter(path), value
    return lambda row: compute(row_of(row))


def _reference(name: str) -> Json:
    return {"$ref": f"#/$defs/{name}"}


def _property(field: Field) -> Json:
    schema = as_type(field.type).schema
    return {**schema, "description": field.about} if field.about else schema

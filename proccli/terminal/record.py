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

A machine has thousands of sockets, and reading a declaration for each takes four times as long as
a function with a hand-written dict. So this function is written from the declaration and compiled,
once, when the first row of a record is printed. Of `SOCKET`:

    def convert(value):
        return {"pid": value.pid,
                "local": {"ip": (row_1 := value.row.local).ip, "port": row_1.port},
                "peer": None if (row_2 := value.peer) is None else {"pid": row_2.pid, …}}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property, partial
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias, cast

Json: TypeAlias = dict[str, Any]
Value: TypeAlias = str | Callable[[Any], object]
Convert: TypeAlias = Callable[[Any], Any]


class Type(NamedTuple):
    """The type of a field: its schema, and how a Python value becomes a JSON value."""

    schema: Json
    convert: Convert | Record | None = None
    """By this function, or as a row of this record; None: the value is JSON as it is."""
    uses: tuple[Definition, ...] = ()
    """What the schema refers to under `$defs`."""
    items: Type | None = None
    """Of an array: the type of its elements."""
    null: bool = False
    """Whether None is a value, too."""


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


class Record:
    """An object of the JSON output. All keys are always present, in the order of the fields."""

    def __init__(self, name: str, *fields: Field, about: str = "") -> None:
        """An empty `name`: the schema of the record is written where it is used."""
        self.name = name
        self.fields = fields
        self.about = about

    @cached_property
    def json(self) -> Callable[[Any], Json]:
        """The function that makes a JSON object of a row."""
        return _compiled(Type({}, self))

    def schema(self) -> Json:
        """The JSON Schema of the record alone: `$defs` are the document's."""
        schema: Json = {
            "type": "object",
            "properties": {field.key: _property(field) for field in self.fields},
            "required": [field.key for field in self.fields],
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
            return Type(_reference(self.name), self, (self,))
        return Type(self.schema(), self, tuple(_used(self)))


Definition: TypeAlias = Record | Shared
AnyType: TypeAlias = Type | Record | Shared


def boolean() -> Type:
    """True or false."""
    return Type({"type": "boolean"})


def integer(minimum: int | None = None, maximum: int | None = None) -> Type:
    """A whole number within these limits; None: no limit."""
    limits = {"minimum": minimum, "maximum": maximum}
    return Type({"type": "integer", **{key: n for key, n in limits.items() if n is not None}})


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
    return kind._replace(schema=schema, null=True)


def array_of(kind: AnyType, *, unique: bool = False) -> Type:
    """A list of values of this type; `unique`: no value occurs twice."""
    kind = as_type(kind)
    schema: Json = {"type": "array", "items": kind.schema}
    if unique:
        schema["uniqueItems"] = True
    return Type(schema, uses=kind.uses, items=kind)


def mapping_of(kind: Type) -> Type:
    """An object whose keys are data, with values of this type, which are JSON as they are."""
    return Type({"type": "object", "additionalProperties": kind.schema}, dict, kind.uses)


def itself(row: Any) -> object:
    """The value of a field that groups fields of the same row."""
    return row


def iterated(kind: AnyType) -> Type:
    """The same type; of an array, the JSON is an iterator: not all elements exist at once."""
    kind = as_type(kind)
    each = None if kind.items is None or kind.null else _converter(kind.items)
    return kind if each is None else kind._replace(convert=partial(map, each), items=None)


def _converter(kind: Type) -> Convert | None:
    """The function that makes JSON of a value of this type; None: the value is JSON as it is."""
    if kind.items is None and (kind.convert is None or not kind.null):
        return kind.convert.json if isinstance(kind.convert, Record) else kind.convert
    return _compiled(kind)


def _compiled(kind: Type) -> Convert:
    writer = _Writer()
    source = f"def convert(value):\n    return {writer.converted(kind, 'value')}\n"
    # The text consists of keys and attribute paths that this program declares, never of data.
    exec(compile(source, "<record>", "exec"), writer.names)  # noqa: S102
    return cast("Convert", writer.names["convert"])


class _Writer:
    """Writes the expressions of a converter, and collects the objects that they refer to."""

    def __init__(self) -> None:
        self.names: dict[str, object] = {}
        self._rows = 0

    def converted(self, kind: Type, value: str) -> str:
        """The JSON of the value of an expression, which is evaluated once."""
        if kind.convert is None and kind.items is None:
            return value
        if kind.null:
            row = self._new_row()
            return f"None if ({row} := {value}) is None else {self._not_null(kind, row)}"
        return self._not_null(kind, value)

    def _not_null(self, kind: Type, value: str) -> str:
        if kind.items is not None:
            each = _converter(kind.items)
            return f"list({value})" if each is None else f"list(map({self._name(each)}, {value}))"
        if isinstance(kind.convert, Record):
            return self._record(kind.convert, value)
        return f"{self._name(kind.convert)}({value})"

    def _record(self, record: Record, value: str) -> str:
        row = value if value.isidentifier() else self._new_row()
        # The fields are evaluated in their order: the first one assigns the row to its name.
        source = row if row == value else f"({row} := {value})"
        members = []
        for field in record.fields:
            read = field.value or field.key
            read = f"{self._name(read)}({source})" if callable(read) else f"{source}.{read}"
            members.append(f"{field.key!r}: {self.converted(as_type(field.type), read)}")
            source = row
        return f"{{{', '.join(members)}}}"

    def _name(self, given: object) -> str:
        name = f"given_{len(self.names)}"
        self.names[name] = given
        return name

    def _new_row(self) -> str:
        self._rows += 1
        return f"row_{self._rows}"


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

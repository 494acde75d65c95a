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

A machine has thousands of sockets, and to make a dict of each and have it encoded takes four times
as long as to write its text. So a function that writes it is made from the declaration, and
compiled, once, when the first row of a record is printed. Of `SOCKET`:

    def line(row):
        value_1 = row.pid
        row_2 = row.row.local
        value_3 = quoted(row_2.ip)
        value_4 = row_2.port
        value_5 = "null" if (given_5 := row.peer) is None else line_of_peer(given_5)
        return f'{{"pid": {value_1}, "local": {{"ip": {value_3}, "port": {value_4}}}, …}}'
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias, cast

Json: TypeAlias = dict[str, Any]
Value: TypeAlias = str | Callable[[Any], object]
Convert: TypeAlias = Callable[[Any], Any]
Write: TypeAlias = Callable[[Any], str]
"""Writes a row or a value as JSON, on one line."""


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
    def line(self) -> Write:
        """The function that writes a row as a JSON object."""
        writer = _Writer()
        return writer.compiled(f"f{writer.record(self, 'row')!r}")

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


class Member:
    """A field of a document, written by itself."""

    def __init__(self, field: Field) -> None:
        self.key = field.key
        kind = as_type(field.type)
        self._items = None if kind.null else kind.items
        writer = _Writer()
        self._write: Callable[[Any], Any] = (
            writer.value(field) if self._items is None else writer.elements(field, self._items)
        )

    def elements(self, row: Any) -> Iterable[str] | None:
        """The elements of an array, which may be an iterator, so that not all exist at once; None:
        it is no array."""
        return None if self._items is None else self._write(row)

    def value(self, row: Any) -> str:
        """The value of another field."""
        return cast("str", self._write(row))


class _Writer:
    """Writes a function that writes JSON, and collects the objects that it refers to.

    Its text consists of keys and attribute paths that this program declares, never of data.
    """

    def __init__(self) -> None:
        # The table of scan imports this module, and writes no JSON.
        from json.encoder import JSONEncoder, encode_basestring

        encoder = JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False)
        self._names: dict[str, object] = {"quoted": encode_basestring, "encoded": encoder.encode}
        self._statements: list[str] = []
        self._count = 0

    def compiled(self, result: str) -> Write:
        """The function of a row that has been written so far and returns this expression."""
        body = "".join(f"    {statement}\n" for statement in self._statements)
        source = f"def line(row):\n{body}    return {result}\n"
        exec(compile(source, "<record>", "exec"), self._names)  # noqa: S102 - see above
        return cast("Write", self._names["line"])

    def value(self, field: Field) -> Write:
        """The function that writes a field of a row."""
        return self.compiled(self._text(as_type(field.type), self._read(field, "row")))

    def elements(self, field: Field, kind: Type) -> Write:
        """The function that writes each element, of this type, of a field of a row."""
        return self.compiled(f"map({self._function(kind)}, {self._read(field, 'row')})")

    def record(self, record: Record, row: str) -> str:
        """The text of a record, for an f-string, once statements have assigned its values."""
        members = []
        for field in record.fields:
            kind, value = as_type(field.type), self._read(field, row)
            if isinstance(kind.convert, Record) and not kind.null:
                text = self.record(kind.convert, self._assigned(value))
            else:
                text = f"{{{self._assigned(self._text(kind, value, number='{}'))}}}"
            key = self._names["quoted"](field.key)  # type: ignore[operator]
            members.append(f"{key.replace('{', '{{').replace('}', '}}')}: {text}")
        return f"{{{{{', '.join(members)}}}}}"

    def _assigned(self, value: str) -> str:
        """A name that a statement assigns the value to; the statements are in the fields' order."""
        if value.isidentifier():
            return value
        name = self._new("value")
        self._statements.append(f"{name} = {value}")
        return name

    def _read(self, field: Field, row: str) -> str:
        read = field.value or field.key
        return f"{self._name(read)}({row})" if callable(read) else f"{row}.{read}"

    def _text(self, kind: Type, value: str, number: str = "str({})") -> str:
        """An expression for the text of an expression's value, which is evaluated once; `number`:
        that of a whole number, which an f-string takes as it is."""
        if kind.null:
            given = self._new("given")
            text = self._text(kind._replace(null=False), given, number)
            return f'"null" if ({given} := {value}) is None else {text}'
        if kind.items is not None:
            return f'"[" + ", ".join(map({self._function(kind.items)}, {value})) + "]"'
        if isinstance(kind.convert, Record):
            return f"{self._name(kind.convert.line)}({value})"
        if kind.convert is not None:
            return f"encoded({self._name(kind.convert)}({value}))"
        match _scalar(kind.schema):
            case "integer":
                return number.format(value)
            case "boolean":
                return f'("true" if {value} else "false")'
            case "string":
                return f"quoted({value})"
            case _:
                return f"encoded({value})"

    def _function(self, kind: Type) -> str:
        """The name of a function that writes a value of this type."""
        if isinstance(kind.convert, Record) and not kind.null:
            return self._name(kind.convert.line)
        writer = _Writer()
        return self._name(writer.compiled(writer._text(kind, "row")))

    def _name(self, given: object) -> str:
        name = self._new("known")
        self._names[name] = given
        return name

    def _new(self, what: str) -> str:
        self._count += 1
        return f"{what}_{self._count}"


def _scalar(schema: Json) -> str | None:
    """The JSON type of all values of a schema; None: there are several, or it is not known."""
    kinds = {schema["type"]} if isinstance(schema.get("type"), str) else set(schema.get("type", ()))
    values = [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())]
    kinds.update("string" if isinstance(one, str) else "other" for one in values if one is not None)
    kinds.discard("null")
    return kinds.pop() if len(kinds) == 1 else None


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

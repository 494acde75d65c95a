"""Records: JSON, schema and titles from one declaration."""

from __future__ import annotations

import json
from operator import attrgetter
from types import SimpleNamespace
from typing import Any, NamedTuple, TypeAlias

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from proccli.terminal.document import Document
from proccli.terminal.record import (
    AnyType,
    Field,
    Json,
    Record,
    Type,
    array_of,
    as_type,
    boolean,
    constant,
    definitions,
    enum,
    integer,
    nullable,
    text,
)


class Port(NamedTuple):
    number: int
    service: str | None = None


class Host(NamedTuple):
    name: str
    main: Port | None
    ports: tuple[Port, ...] = ()


PORT = Record("port", Field("port", integer(1), value="number"), Field("service", nullable(text())))
HOST = Record(
    "host",
    Field("name", text(), title="HOST"),
    Field("main", nullable(PORT), "null: none."),
    Field("ports", array_of(PORT)),
    Field("count", integer(0), value=lambda host: len(host.ports)),
)


@pytest.mark.parametrize("main", [None, Port(80, "http")])
def test_values_are_read_converted_and_computed_in_the_order_of_the_fields(
    main: Port | None,
) -> None:
    given = json.loads(HOST.line(Host("a", main, (Port(22),))))

    assert list(given) == ["name", "main", "ports", "count"]
    assert given == {
        "name": "a",
        "main": main and {"port": 80, "service": "http"},
        "ports": [{"port": 22, "service": None}],
        "count": 1,
    }
    schema = HOST.schema() | {"$defs": definitions(HOST)}
    Draft202012Validator(schema).validate(given)


Values: TypeAlias = st.SearchStrategy[Any]
Kinds: TypeAlias = st.SearchStrategy[tuple[AnyType, Values]]
"""Types, each with its possible values."""


def records(kinds: Kinds) -> Kinds:
    """Records of one to four fields: read from the row, from a row in it, or computed."""
    fields = st.tuples(kinds, st.sampled_from(["", "inner.{}", "computed"]))
    return st.lists(fields, min_size=1, max_size=4).map(record_of)


def record_of(fields: list[tuple[tuple[AnyType, Values], str]]) -> tuple[AnyType, Values]:
    declared, values = [], {}
    for number, ((kind, value), how) in enumerate(fields):
        key = f"key_{number}"
        read = attrgetter(key) if how == "computed" else how.format(key)
        declared.append(Field(key, kind, value=read))
        values[key] = value
    return Record("", *declared), st.fixed_dictionaries(values).map(
        lambda row: SimpleNamespace(**row, inner=SimpleNamespace(**row))
    )


KINDS: Kinds = st.recursive(
    st.sampled_from(
        [
            (text(), st.text()),
            (integer(), st.integers()),
            (boolean(), st.booleans()),
            (enum('a"', "é"), st.sampled_from(['a"', "é"])),
            (enum(1, "b"), st.sampled_from([1, "b"])),
            (constant(7), st.just(7)),
            (Type({"type": "number"}), st.floats(allow_nan=False, allow_infinity=False)),
            (Type({}, len), st.text(max_size=3)),
        ]
    ),
    lambda kinds: (
        records(kinds)
        | kinds.map(lambda kind: (nullable(kind[0]), st.none() | kind[1]))
        | kinds.map(lambda kind: (array_of(kind[0]), st.lists(kind[1], max_size=3).map(tuple)))
    ),
    max_leaves=12,
)


def interpreted(kind: AnyType, value: Any) -> Any:
    """What a declaration says of a value, read step by step."""
    kind = as_type(kind)
    if kind.null and value is None:
        return None
    if kind.items is not None:
        return [interpreted(kind.items, each) for each in value]
    if isinstance(kind.convert, Record):
        return {
            field.key: interpreted(
                field.type,
                field.value(value)
                if callable(field.value)
                else attrgetter(field.value or field.key)(value),
            )
            for field in kind.convert.fields
        }
    return value if kind.convert is None else kind.convert(value)


@for_all(st.data())
def test_the_compiled_function_does_what_the_declaration_says(data: st.DataObject) -> None:
    record, rows = data.draw(records(KINDS))
    row = data.draw(rows)
    assert isinstance(record, Record)

    expected = interpreted(record, row)
    assert record.line(row) == json.dumps(expected, ensure_ascii=False)
    written = list(expected.items())
    document = Document("x", "A title", *record.fields, notes=lambda _: ()).render(row)

    assert list(json.loads(document).items()) == [
        ("schema", "proccli/x/v1"),
        *written,
        ("warnings", []),
    ]


def test_a_value_is_read_once() -> None:
    class Row:
        reads = 0

        @property
        def port(self) -> Port:
            self.reads += 1
            return Port(self.reads)

    record = Record("", Field("port", PORT))

    row = Row()
    assert json.loads(record.line(row)) == {"port": {"port": 1, "service": None}}
    assert json.loads(Record("", Field("port", nullable(PORT))).line(row))["port"]["port"] == 2


def test_a_record_of_one_field_is_read_like_any_other() -> None:
    assert Record("", Field("name", text())).line(Host("a", None)) == '{"name": "a"}'


def test_a_schema_requires_every_key_and_allows_no_other() -> None:
    schema = HOST.schema()
    assert schema["required"] == list(schema["properties"]) == ["name", "main", "ports", "count"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["main"] == {
        "anyOf": [{"$ref": "#/$defs/port"}, {"type": "null"}],
        "description": "null: none.",
    }


def test_what_a_record_uses_is_defined_once() -> None:
    assert definitions(HOST) == {"port": PORT.schema()}


def test_two_records_of_one_name_must_be_the_same() -> None:
    other = Record("port", Field("other", text()))
    with pytest.raises(ValueError, match="port"):
        definitions(HOST, Record("", Field("x", other)))


def test_a_record_without_a_name_is_written_in_place() -> None:
    inner = Record("", Field("port", PORT))
    outer = Record("outer", Field("inner", inner))

    assert outer.schema()["properties"]["inner"] == inner.schema()
    assert definitions(outer) == {"port": PORT.schema()}


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        (text(), {"type": ["string", "null"]}),
        (integer(0), {"type": ["integer", "null"], "minimum": 0}),
        (enum("a", "b"), {"enum": ["a", "b", None]}),
        (
            array_of(text()),
            {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]},
        ),
        (PORT, {"anyOf": [{"$ref": "#/$defs/port"}, {"type": "null"}]}),
    ],
)
def test_every_type_can_be_nullable(kind: Type | Record, schema: Json) -> None:
    assert nullable(kind).schema == schema


def test_fields_can_be_taken_over_by_a_record_that_holds_the_row() -> None:
    class Named(NamedTuple):
        host: Host
        network: str

    named = Record("named", *HOST.fields_of("host"), Field("network", text()))

    host = Host("a", None, (Port(1),))
    assert named.line(Named(host, "n")) == HOST.line(host)[:-1] + ', "network": "n"}'


def test_a_heading_is_the_fields_title() -> None:
    assert HOST.title("name") == "HOST"


def test_a_document_has_a_line_per_element_of_an_array_that_may_be_an_iterator() -> None:
    names = Field("names", array_of(PORT), value=iter)
    document = Document("x", "A title", names, notes=lambda _: ())

    assert document.render([Port(1), Port(2)]) == (
        b'{"schema": "proccli/x/v1",\n "names": [\n'
        b'  {"port": 1, "service": null},\n  {"port": 2, "service": null}],\n'
        b' "warnings": []}\n'
    )

"""The schemas: strict, and true of what is printed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from proccli.commands.schema.command import schema_names, schema_text
from tests.commands.goldens import content
from tests.schemas import schema_text as declared


def schema(name: str) -> Any:
    return json.loads(schema_text(name))


def objects(part: Any) -> Iterator[Any]:
    """Every schema of an object, however deep."""
    if isinstance(part, dict):
        if part.get("type") == "object":
            yield part
        for value in part.values():
            yield from objects(value)
    elif isinstance(part, list):
        for value in part:
            yield from objects(value)


LINES = {"label"}
"""Commands that print lines, and no document around them."""


@pytest.mark.parametrize("name", schema_names())
def test_schemas_are_those_of_the_declared_records(name: str) -> None:
    """`python -m tests.schemas` writes them anew."""
    assert schema_text(name) == declared(name)


@pytest.mark.parametrize("name", schema_names())
def test_a_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(schema(name))
    assert schema(name)["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    told = schema(name)["properties"].get("schema", {"const": None})["const"]
    assert told == (None if name in LINES else f"proccli/{name}/v1")


ELEMENTS = {
    "scan": ("processes", "process"),
    "explain": ("processes", "process"),
    "sockets": ("sockets", "socket"),
    "doctor": ("gates", "gate"),
    "tot": ("options", "option"),
}
"""The main list of a document, and what its elements are called in the schema."""


@pytest.mark.parametrize("name", ELEMENTS)
def test_no_key_may_be_missing_or_unknown(name: str) -> None:
    for part in objects(schema(name)):
        assert part["additionalProperties"] is False
        assert part["required"] == list(part["properties"])


def test_what_two_schemas_share_is_the_same() -> None:
    scan, explain = schema("scan")["$defs"], schema("explain")["$defs"]
    sockets = schema("sockets")["$defs"]
    assert all(sockets[name] == scan[name] for name in sockets.keys() & scan.keys() - {"summary"})
    for name in scan.keys() & explain.keys() - {"process"}:
        assert scan[name] == explain[name]
    process = explain["process"]["properties"]
    assert {name: process[name] for name in scan["process"]["properties"]} == (
        scan["process"]["properties"]
    )


@pytest.mark.parametrize("name", ELEMENTS)
def test_documents_are_valid_and_in_the_order_of_their_schema(name: str) -> None:
    given, known = json.loads(content(f"{name}.json")), schema(name)

    Draft202012Validator(known).validate(given)
    parts = known if "oneOf" not in known else known["$defs"][name]
    assert list(given) == list(parts["properties"])
    many, one = ELEMENTS[name]
    for element in given[many]:
        assert list(element) == list(known["$defs"][one]["properties"])


@pytest.mark.parametrize("name", ELEMENTS)
def test_lines_are_valid_elements(name: str) -> None:
    known = schema(name)
    element = {"$ref": f"#/$defs/{ELEMENTS[name][1]}", "$defs": known["$defs"]}
    for line in content(f"{name}.jsonl").decode().splitlines():
        Draft202012Validator(element).validate(json.loads(line))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["processes", 0, "status"], "maybe"),
        (["processes", 0, "extra"], 1),
        (["processes", 0, "start_time"], "2026-01-01 00:00:00"),
        (["processes", 0, "pid"], None),
        (["warnings", 0], "a text"),
        (["schema"], "proccli/scan/v2"),
    ],
)
def test_what_is_not_promised_is_refused(path: list[Any], value: Any) -> None:
    given = json.loads(content("scan.json"))
    place = given
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value

    assert not Draft202012Validator(schema("scan")).is_valid(given)

"""The JSON of a topology is what its schema says."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from proccli.commands.schema.command import schema_text
from proccli.commands.topology.json import topology_document, topology_lines
from proccli.model.topology import Topology
from tests.commands.topology.edges import empty, every_kind, fleet, hostile, small

SCHEMA: Any = json.loads(schema_text("topology"))
TOPOLOGIES = {
    "small": small(),
    "kinds": every_kind(),
    "fleet": fleet(500),
    "hostile": hostile(),
    "empty": empty(),
}


def document(result: Topology) -> Any:
    return json.loads(b"".join(topology_document(result)))


@pytest.mark.parametrize("result", TOPOLOGIES.values(), ids=TOPOLOGIES)
def test_documents_are_valid_and_in_the_order_of_their_schema(result: Topology) -> None:
    given = document(result)

    Draft202012Validator(SCHEMA).validate(given)
    assert list(given) == list(SCHEMA["properties"])
    for many, one in (("hosts", "host"), ("nodes", "node"), ("edges", "edge")):
        for element in given[many]:
            assert list(element) == list(SCHEMA["$defs"][one]["properties"])


def test_outputs_of_sync_were_made_with_configurations_of_their_own() -> None:
    given = document(replace(small(), config=None))

    Draft202012Validator(SCHEMA).validate(given)
    assert given["config"] is None


@pytest.mark.parametrize("result", TOPOLOGIES.values(), ids=TOPOLOGIES)
def test_a_line_is_an_edge_of_the_document(result: Topology) -> None:
    lines = b"".join(topology_lines(result.edges)).decode().splitlines()

    assert [json.loads(line) for line in lines] == document(result)["edges"]


def test_no_key_may_be_missing_or_unknown() -> None:
    for part in (SCHEMA, *SCHEMA["$defs"].values()):
        if part.get("type") == "object":
            assert part["additionalProperties"] is False
            assert part["required"] == list(part["properties"])


def test_what_it_shares_with_other_schemas_is_the_same() -> None:
    sockets = json.loads(schema_text("sockets"))["$defs"]

    assert {name: SCHEMA["$defs"][name] for name in ("config", "time", "warning")} == {
        name: sockets[name] for name in ("config", "time", "warning")
    }


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["edges", 0, "certainty"], "sure"),
        (["edges", 0, "remote"], "nowhere"),
        (["edges", 0, "connections"], 0),
        (["edges", 0, "extra"], 1),
        (["nodes", 0, "id"], "n 1"),
        (["hosts", 0, "kind"], "made-up"),
        (["hosts", 0, "taken_at"], "today"),
        (["left_out", "ipv6"], -1),
        (["group_by"], "os.app."),
        (["schema"], "proccli/topology/v2"),
    ],
)
def test_what_is_not_promised_is_refused(path: list[Any], value: Any) -> None:
    given = document(small())
    place = given
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value

    assert not Draft202012Validator(SCHEMA).is_valid(given)


def test_values() -> None:
    given = document(every_kind())

    assert given["summary"] == {
        "hosts": 2,
        "nodes": 3,
        "edges": 515,
        "connections": 1_062,
        "shown": 1_062,
        "by_certainty": {"both-ends": 22, "client-end": 8, "server-end": 1_032},
    }
    assert given["left_out"] == {"ipv6": 12, "min-lifetime": 4, "listening": 0}
    assert given["nodes"][2]["tags"] == [
        {"name": "os.app.app", "key": "app", "value": "shop"},
        {"name": "os.app.owner", "key": "owner", "value": "alice"},
    ]
    assert given["hosts"][1] == {
        "name": "db-1",
        "source": "db-1.jsonl.gz",
        "kind": "recording",
        "network": "",
        "taken_at": "2026-01-02T03:05:40Z",
        "addresses": ["10.0.0.9"],
    }
    (psql,) = [edge for edge in given["edges"] if edge["remote_process"] == "psql"]
    assert psql == {
        "client": None,
        "server": "n1",
        "protocol": "tcp",
        "client_ip": "10.0.0.5",
        "server_ip": "10.0.0.9",
        "server_port": 5432,
        "connections": 1,
        "certainty": "server-end",
        "remote": "not-sent",
        "remote_host": "web-1",
        "remote_process": "psql",
        "remote_reason": "min-lifetime",
    }

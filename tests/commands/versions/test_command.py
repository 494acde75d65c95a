"""`proccli versions`: the whole table, with words and a source for each line."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from proccli.commands.schema.command import schema_text
from proccli.versions import (
    AGENTS,
    CONFIG_SERVERS,
    SERVERS,
    STEPS,
    ConfigServer,
    ServerVersion,
)
from tests.cli.runner import call


def test_the_document_follows_its_schema_and_has_every_version() -> None:
    ran = call("versions", "--json")
    assert (ran.code, ran.err) == (0, "")
    document = json.loads(ran.out)
    Draft202012Validator(json.loads(schema_text("versions"))).validate(document)
    assert [agent["version"] for agent in document["agents"]] == list(AGENTS)
    for key, known in (("servers", SERVERS), ("config_servers", CONFIG_SERVERS)):
        assert {number for group in document[key] for number in group["servers"]} == set(known)


def test_every_change_of_the_table_is_a_line_with_a_source() -> None:
    rows = [json.loads(line) for line in call("versions", "-o", "jsonl").out.splitlines()]
    told = {(row["dialect"], row["since"], row["field"]) for row in rows}
    for dialect, steps in STEPS.items():
        for step in steps:
            assert {(dialect, step.since, field) for field in step.changes} <= told
    for row in rows:
        assert row["change"]
        assert "@" in row["source"]
        assert row["before"] != row["now"]


@pytest.mark.parametrize(
    ("field", "value", "agents"),
    [
        ("implicit_accept", True, ["6.2.3"]),
        ("rename", "match", ["7.0.4", "7.0.5", "7.0.6"]),
        ("ignore", "removes", ["6.6.9.2504", "7.0.7", "7.0.8", "7.0.9"]),
    ],
)
def test_a_step_lists_the_agents_that_answer_alike(
    field: str, value: object, agents: list[str]
) -> None:
    rows = [json.loads(line) for line in call("versions", "-o", "jsonl").out.splitlines()]
    assert [row["agents"] for row in rows if (row["field"], row["now"]) == (field, value)] == [
        agents
    ]


def test_the_table_fits_a_terminal_and_names_every_agent() -> None:
    text = call("versions").out
    assert all(number in text for number in AGENTS)


def test_the_defaults_are_the_matchers_and_not_the_name_of_a_list() -> None:
    document = json.loads(call("versions", "--json").out)
    of_agent = {number: row for row in document["defaults"] for number in row["agents"]}
    assert of_agent["6.6.6"]["values"]["matchers"] == []
    assert [
        (matcher["match_type"], matcher["match_regex"], matcher["enabled_features"])
        for matcher in of_agent["7.0.0"]["values"]["matchers"]
    ] == [
        (
            "process_name",
            "deepflow-.*",
            ["ebpf.profile.on_cpu", "ebpf.profile.off_cpu", "proc.gprocess_info"],
        )
    ]
    text = call("versions").out
    for row in document["defaults"]:
        for matcher in row["values"]["matchers"]:
            assert matcher["match_regex"] in text


def test_what_servers_do_is_said_in_words() -> None:
    text = call("versions").out
    servers = text[text.index("Servers: how processes are identified") :]
    fields = {*ServerVersion._fields, *ConfigServer._fields}
    assert not [field for field in fields if "_" in field and f"{field} " in servers]
    assert "each pid of an agent is a gprocess" in servers


def test_the_sources_say_nothing_that_a_user_cannot_look_up() -> None:
    assert "FACTS" not in call("versions", "--json").out

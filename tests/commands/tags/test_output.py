"""Tags as a table and as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from rich.cells import cell_len

from proccli.agent.inputs import Inputs
from proccli.commands.schema.command import schema_text
from proccli.commands.tags.output import tags_document, tags_lines, tags_table
from proccli.commands.tags.tags import TagsResult, tags
from proccli.model.process import TagTable
from proccli.terminal.document import OfHost
from proccli.terminal.view import View
from tests.build import NO_ENVIRONMENT, UNKNOWN_TAGS, ListSource, config, process, tag_table

PROCESSES = [
    process(20, "/usr/bin/python3", "/opt/shop/app.py"),
    process(21, "sleep", "60", ppid=20),
    process(22, "\x1b[31mworker", ppid=20),
    process(23, "注文サーバー"),
]
TAGS = tag_table(
    {
        20: [("owner", "alice"), ("team", "shop, line:2")],
        21: [("owner", "bob")],
        22: [("[red]m[/]", "\u202eevil\n"), ("note", "x" * 300)],
        23: [("empty", ""), (" key ", "v")],
        999: [("a", "1")],
    }
)


def result(table: TagTable = TAGS) -> TagsResult:
    inputs = Inputs(
        config=config(("^sleep$", "process_name", "drop")),
        source=ListSource(PROCESSES),
        environment=NO_ENVIRONMENT,
        tags=table,
        notes=(),
    )
    return tags(inputs)


def table(width: int | None = None) -> list[str]:
    found = result()
    return tags_table(found, found.rows, View(width=width)).splitlines()


def test_a_line_tells_process_tag_origin_and_arrival() -> None:
    lines = [" ".join(line.split()) for line in table()]

    assert lines[0] == "PID PROCESS KEY VALUE FROM RESULT"
    assert "20 python3 owner alice kept" in lines
    assert (
        '20 python3 team shop, line:2 truncated to "shop": contains ", "; creates line=2' in lines
    )
    assert "21 sleep owner bob not sent: dropped by #1" in lines
    assert r"22 \x1b[31mworker owner alice 20 kept" in lines
    assert '23 注文サーバー empty "" kept' in lines
    assert '23 注文サーバー key v truncated to "v": leading or trailing space' in lines
    assert "999 no such process a 1 not sent" in lines
    assert lines[-2:] == [
        "10 tags of 5 processes: 4 kept, 3 truncated, 1 lost, 2 not sent",
        "server 6.5 · tags from a test",
    ]


def test_untrusted_text_is_printed_as_text() -> None:
    text = "\n".join(table())
    assert r"\u202eevil\x0a" in text
    assert "[red]m[/]" in text
    assert not [char for char in text if (ord(char) < 32 and char != "\n") or char == "\u202e"]


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(cell_len(line) for line in table(width)) <= width


def test_unknown_tags_are_no_empty_list() -> None:
    found = result(UNKNOWN_TAGS)
    assert tags_table(found, found.rows, View()) == "Tags are unknown.\n"


def document(found: TagsResult) -> Any:
    given = json.loads(tags_document(found, found.rows))
    Draft202012Validator(json.loads(schema_text("tags"))).validate(given)
    return given


def test_json_tells_each_tag() -> None:
    given = document(result())

    assert given["schema"] == "proccli/tags/v1"
    assert (given["known"], given["origin"], given["server"]) == (True, "a test", "6.5")
    assert given["tags"][1] == {
        "host": "web-1",
        "pid": 20,
        "exists": True,
        "process_name": "python3",
        "key": "team",
        "value": "shop, line:2",
        "from_pid": 20,
        "server": "cut",
        "sent": True,
        "arrives_as": "shop",
        "causes": ["comma"],
        "strays": [{"key": "line", "value": "2"}],
    }
    assert given["tags"][-1] | {"pid": 999, "exists": False, "sent": False} == given["tags"][-1]
    assert given["tags"][-1]["process_name"] is None
    assert given["summary"]["tags"] == len(given["tags"]) == 10


def test_json_of_unknown_tags_says_so() -> None:
    assert document(result(UNKNOWN_TAGS))["known"] is False


def test_json_lines_are_the_elements_of_the_list() -> None:
    found = result()
    rows = (OfHost(found.host.name, row) for row in found.rows)
    lines = b"".join(tags_lines(rows)).decode().splitlines()
    assert [json.loads(line) for line in lines] == document(found)["tags"]

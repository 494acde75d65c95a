"""The shop's recordings in docs/example, which the documentation is written around."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from proccli.config import loading
from tests.lab.example import CONFIG, FOLDER, MOST_BYTES
from tests.lab.reading import topology

HOSTS = ("web-1", "app-1", "db-1")
RECORDINGS = [FOLDER / f"shop-{name}.jsonl" for name in HOSTS]


@pytest.mark.parametrize("via", ["server", "file"])
def test_the_configuration_loads_without_a_remark(via: Any) -> None:
    config = loading.load(CONFIG.read_bytes(), "shop.yaml", via=via)

    assert config.sync_enabled
    assert config.notes == ()
    assert all(rule.problem is None for rule in config.rules)


def test_they_show_who_talks_to_whom() -> None:
    document = topology("-c", CONFIG, *RECORDINGS)

    names = {node["id"]: f"{node['gprocess']} @{node['host']}" for node in document["nodes"]}
    both_ends = {
        (names[edge["client"]], names[edge["server"]], edge["server_port"])
        for edge in document["edges"]
        if edge["certainty"] == "both-ends"
    }
    assert both_ends == {
        ("nginx @web-1", "app @app-1", 8000),
        ("health @web-1", "nginx @web-1", 80),
        ("app @app-1", "redis @db-1", 6379),
        ("app @app-1", "postgres @db-1", 5432),
        ("worker @app-1", "redis @db-1", 6379),
        ("report @db-1", "nginx @web-1", 80),
        ("exporter @db-1", "redis @db-1", 6379),
    }


def test_they_show_every_reason_why_an_end_has_no_name() -> None:
    document = topology("-c", CONFIG, *RECORDINGS)

    assert {edge["remote"] for edge in document["edges"]} == {
        None,
        "elsewhere",
        "not-sent",
        "absent",
    }
    assert document["left_out"] == {"ipv6": 2, "process-not-accepted": 1}


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name)
def test_they_are_small_and_tell_nothing_of_where_they_were_made(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert len(text) < MOST_BYTES
    places = set(re.findall(r'"(/\w+)/', text))
    assert places <= {"/usr", "/opt", "/sbin", "/proc"}
    for line in map(json.loads, text.splitlines()):
        if line["type"] == "process":
            assert all(group.endswith(":/") for group in line["cgroup"].splitlines())

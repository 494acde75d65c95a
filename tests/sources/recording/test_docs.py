"""docs/recording.md describes what is written."""

from __future__ import annotations

import json
import re

from proccli.model.process import PROCESS_FIELDS
from proccli.sources.recording.format import (
    FORMAT,
    MAX_LINE_BYTES,
    MAX_RECORDING_BYTES,
    VERSION,
)
from tests.paths import DATA, DOCS

DOCUMENT = (DOCS / "recording.md").read_text()
TITLES = DATA / "snapshots" / "titles.jsonl"


def section(kind: str) -> str:
    found = re.search(rf"^### `{kind}`.*?(?=^##)", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert found, kind
    return found[0]


def test_every_key_of_every_line_is_described() -> None:
    lines = [json.loads(line) for line in TITLES.read_text().splitlines()]
    assert {line["type"] for line in lines} == {"header", "process", "users", "net", "end"}
    for line in lines:
        for key in line.keys() - {"type"}:
            assert f"`{key}`" in section(line["type"]), key


def test_names_and_limits_are_the_real_ones() -> None:
    assert f"`{FORMAT}`" in section("header")
    assert f"| `version` | {VERSION}." in section("header")
    assert all(f"`{field}`" in section("process") for field in PROCESS_FIELDS)
    assert f"{MAX_RECORDING_BYTES >> 30} GiB" in DOCUMENT
    assert f"{MAX_LINE_BYTES >> 20} MiB per line" in DOCUMENT

"""Writes proccli/schemas from the declarations of the records: `python -m tests.schemas`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import proccli
from proccli.commands.explain.json import EXPLAIN
from proccli.commands.regex.output import REGEX
from proccli.commands.scan.json import scan_schema
from proccli.commands.sockets.output import SOCKETS
from proccli.commands.tags.output import TAGS
from proccli.terminal.record import Json

FOLDER = Path(proccli.__file__).parent / "schemas"

SCHEMAS: Mapping[str, Callable[[], Json]] = {
    "explain": EXPLAIN.schema,
    "regex": REGEX.schema,
    "scan": scan_schema,
    "sockets": SOCKETS.schema,
    "tags": TAGS.schema,
}


def schema_text(name: str) -> str:
    """The schema as it is written."""
    return json.dumps(SCHEMAS[name](), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    for name in SCHEMAS:
        (FOLDER / f"{name}.json").write_text(schema_text(name), encoding="utf-8")


if __name__ == "__main__":
    main()

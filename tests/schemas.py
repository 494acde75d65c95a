"""Writes proccli/schemas from the declarations of the records: `python -m tests.schemas`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import proccli
from proccli.commands.audit.output import AUDIT
from proccli.commands.check.json import CHECK
from proccli.commands.diff.json import DIFF
from proccli.commands.doctor.output import DOCTOR
from proccli.commands.explain.json import EXPLAIN
from proccli.commands.fleet.output import FLEET_DOCUMENTS
from proccli.commands.label.output import label_schema
from proccli.commands.migrate.output import MIGRATE
from proccli.commands.record.output import RECORD
from proccli.commands.regex.output import REGEX
from proccli.commands.scan.gprocesses_json import scan_schema
from proccli.commands.sockets.output import SOCKETS
from proccli.commands.suggest.output import SUGGEST
from proccli.commands.sync.json import SYNC
from proccli.commands.tags.output import TAGS
from proccli.commands.test.json import TEST
from proccli.commands.topology.json import TOPOLOGY
from proccli.commands.tot.output import TOT
from proccli.commands.versions.output import VERSIONS
from proccli.terminal.record import Json

FOLDER = Path(proccli.__file__).parent / "schemas"
WIDTH = 100

SCHEMAS: Mapping[str, Callable[[], Json]] = {
    "audit": AUDIT.schema,
    "check": CHECK.schema,
    "diff": DIFF.schema,
    "doctor": DOCTOR.schema,
    "explain": EXPLAIN.schema,
    **{name: document.schema for name, document in FLEET_DOCUMENTS.items()},
    "label": label_schema,
    "migrate": MIGRATE.schema,
    "record": RECORD.schema,
    "regex": REGEX.schema,
    "scan": scan_schema,
    "sockets": SOCKETS.schema,
    "suggest": SUGGEST.schema,
    "sync": SYNC.schema,
    "tags": TAGS.schema,
    "test": TEST.schema,
    "topology": TOPOLOGY.schema,
    "tot": TOT.schema,
    "versions": VERSIONS.schema,
}


def schema_text(name: str) -> str:
    """The schema as it is written."""
    return _written(SCHEMAS[name](), 0, 0) + "\n"


def _written(part: object, indent: int, before: int) -> str:
    """JSON on one line if it fits after so many characters, else with a line per element."""
    line = json.dumps(part, ensure_ascii=False)
    if not isinstance(part, (dict, list)) or indent + before + len(line) <= WIDTH:
        return line
    inner = indent + 2
    if isinstance(part, dict):
        elements = [
            f"{json.dumps(key)}: {_written(value, inner, len(json.dumps(key)) + 3)}"
            for key, value in part.items()
        ]
    else:
        elements = [_written(value, inner, 1) for value in part]
    opening, closing = "{}" if isinstance(part, dict) else "[]"
    body = "".join(f"\n{' ' * inner}{element}," for element in elements).removesuffix(",")
    return f"{opening}{body}\n{' ' * indent}{closing}"


def main() -> None:
    for name in SCHEMAS:
        (FOLDER / f"{name}.json").write_text(schema_text(name), encoding="utf-8")


if __name__ == "__main__":
    main()

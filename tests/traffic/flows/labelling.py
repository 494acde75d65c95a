"""Labels files of flow records; returns the output and what was read."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proccli.model.flows import Flow, FlowLabels, SideLabel
from proccli.model.note import Note
from proccli.traffic.flows.detect import FlowFormat
from proccli.traffic.flows.fields import NO_FIELDS, FieldMap
from proccli.traffic.flows.stream import open_flows

SAMPLES = Path(__file__).parent / "samples"
SHOP = SideLabel(
    label="socket",
    gprocess="shop",
    auto_instance="shop",
    tags=(("owner", "alice"), ("team", "blue, or green")),
    pid=4242,
    host="web-1",
)
NOBODY = SideLabel(label="no-socket")
KEYS = ("owner", "team")
COLUMNS = (
    "gprocess_0",
    "gprocess_1",
    "auto_instance_0",
    "auto_instance_1",
    "os.app.owner_0",
    "os.app.owner_1",
    "os.app.team_0",
    "os.app.team_1",
    "label_0",
    "label_1",
)
ADDED = {
    "gprocess_0": "shop",
    "gprocess_1": None,
    "auto_instance_0": "shop",
    "auto_instance_1": None,
    "os.app.owner_0": "alice",
    "os.app.owner_1": None,
    "os.app.team_0": "blue, or green",
    "os.app.team_1": None,
    "label_0": "socket",
    "label_1": "no-socket",
}
"""What `SHOP` and `NOBODY` add."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What came of a file."""

    out: bytes
    flows: Sequence[Flow]
    notes: Sequence[Note]

    @property
    def codes(self) -> Sequence[str]:
        return [note.code for note in self.notes]

    @property
    def objects(self) -> Sequence[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    def rows(self, delimiter: str = ",") -> Sequence[dict[str, str]]:
        text = io.StringIO(self.out.decode(), newline="")
        return list(csv.DictReader(text, delimiter=delimiter))


def read_csv(text: str, delimiter: str) -> list[list[str]]:
    """What Python's csv module reads; that of 3.10 takes no NUL."""
    stand_in = next(char for char in map(chr, range(0xE000, 0xF900)) if char not in text)
    lines = io.StringIO(text.replace("\0", stand_in), newline="")
    return [
        [cell.replace(stand_in, "\0") for cell in row]
        for row in csv.reader(lines, delimiter=delimiter)
    ]


def label(
    data: bytes,
    *,
    form: FlowFormat | None = None,
    fields: FieldMap = NO_FIELDS,
    keys: Sequence[str] = KEYS,
    sides: tuple[SideLabel, SideLabel] = (SHOP, NOBODY),
) -> Ran:
    """Every record with the same labels."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return label_file(file.name, form=form, fields=fields, keys=keys, sides=sides)


def label_file(
    path: str,
    *,
    form: FlowFormat | None = None,
    fields: FieldMap = NO_FIELDS,
    keys: Sequence[str] = KEYS,
    sides: tuple[SideLabel, SideLabel] = (SHOP, NOBODY),
) -> Ran:
    """The same of a file that already exists, or of stdin."""
    stream = open_flows(path, form=form, fields=fields, keys=keys)
    out, flows = [], []
    for item in stream:
        if isinstance(item, bytes):
            out.append(item)
        else:
            flows.append(item.flow)
            out.append(item.labelled(FlowLabels(*sides, ("none", "none"))))
    return Ran(out=b"".join(out), flows=flows, notes=stream.notes)


def flow_of(record: dict[str, Any], fields: FieldMap = NO_FIELDS) -> Flow:
    """What one JSON record tells of."""
    ran = label(json.dumps(record).encode(), fields=fields)
    return ran.flows[0]

"""docs/labels.md describes what is read and written."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from proccli.traffic.flows.fields import (
    IS_IPV4,
    KINDS,
    NO_FIELDS,
    SIDE_FIELDS,
    FieldNames,
    FlowPart,
    find_fields,
    parse_fields,
)
from proccli.traffic.flows.lines import MAX_LINE_BYTES
from proccli.traffic.flows.stream import FORMATS
from proccli.traffic.flows.values import TimeReader
from tests.paths import DOCS
from tests.traffic.flows.labelling import label

DOCUMENT = (DOCS / "labels.md").read_text()
SECTION = DOCUMENT[DOCUMENT.index("## Flow records") :].split("\n## ")[0]


def names_of(family: FieldNames) -> list[str]:
    return [
        *(name for pair in (family.ips, family.ip4s, family.ip6s, family.ports, family.pids)
          for names in pair for name in names),
        *family.protocol, *family.starts, *family.ends, *family.durations, *family.hosts,
    ]  # fmt: skip


def test_every_known_name_is_in_the_document() -> None:
    of_sides = [name for names in SIDE_FIELDS.values() for name in names]
    of_kinds = [name for kind in KINDS for name in names_of(kind)]
    for name in [*of_kinds, *IS_IPV4, *of_sides]:
        shown = [name.format(n="N"), name.format(n=0)]
        assert any(f"`{each}`" in SECTION for each in shown), name


def test_every_name_of_the_table_is_known() -> None:
    table = SECTION[SECTION.index("| part |") : SECTION.index("| part | Suricata")]
    columns = [row.split("|")[2:4] for row in table.splitlines() if row.startswith("|")]
    for deepflow, zeek in columns[2:]:
        for cell, base in ((deepflow, "ip_0"), (zeek, "id.orig_h")):
            for name in re.findall(r"`([^`]+)`", cell):
                one = name.replace("_N", "_1")
                names = {base, one, "ts"} if one == "duration" else {base, one}
                if one != base:
                    assert one in find_fields(names, NO_FIELDS).names, name


def test_every_name_of_the_other_programs_is_known() -> None:
    table = SECTION[SECTION.index("| part | Suricata") :].split("\n\n")[0]
    known = {name for kind in KINDS for name in names_of(kind)}
    rows = [line for line in table.splitlines()[2:] if line.startswith("|")]

    shown = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert len(shown) > 20
    assert shown <= known


def test_formats_parts_and_limits_are_the_real_ones() -> None:
    assert re.findall(r"^\| `(\w+)` \|", SECTION, re.MULTILINE)[: len(FORMATS)] == list(FORMATS)
    assert f"{MAX_LINE_BYTES >> 20} MiB" in SECTION
    for part in get_args(FlowPart):
        assert parse_fields(f"{part}=x").names == {part: "x"}
        assert f"`{part}`" in SECTION


@pytest.mark.parametrize("zone", re.findall(r"`(zone=[^`]+)`", SECTION))
def test_zones_in_the_document_are_zones(zone: str) -> None:
    assert parse_fields(zone).zone is not None


@pytest.mark.parametrize(("power", "per_second"), [(11, 1), (14, 10**3), (17, 10**6)])
def test_units_change_at_the_documented_values(power: int, per_second: int) -> None:
    superscript = str(power).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    bound = 10**power

    assert f"below 10{superscript}" in SECTION
    assert TimeReader(None).read(bound - 1) == pytest.approx(bound / per_second)
    assert TimeReader(None).read(bound) == pytest.approx(bound / per_second / 1000)


def test_the_columns_are_named_in_their_order() -> None:
    added = SECTION[SECTION.index("### Added columns") :]
    shown = re.findall(r"`([^`]+)`", added)[:8]
    made = label(b"{}", keys=["KEY"]).objects[0]

    assert shown == list(made)

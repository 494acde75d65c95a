"""Names and tags that would like to be something else, in what `proccli label` writes."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.server.tags import arriving_tags
from proccli.traffic.captures.packets import MAGIC_BYTES, is_capture
from proccli.traffic.flows.stream import FORMATS
from proccli.versions import SERVERS
from tests.build import NOW_S
from tests.cli.runner import call, on_a_terminal
from tests.commands.label.flowfiles import FORMS, syns
from tests.commands.label.labelling import (
    EXAMPLE,
    Record,
    label,
    label_bytes,
    objects,
    two_connections,
    two_hosts,
)

HOSTILE = (
    "=cmd|' /C calc'!A0",
    "+1+1",
    "a,b;c\td",
    'say "hi"',
    '"',
    '""',
    "'",
    "two\nlines",
    "two\r\nlines",
    "\r",
    "\x1b[31mred\x1b]0;title\x07",
    "\x00",
    "\x7f\x85\x9b31m",
    "\u202etxt.exe",
    "\u2028",
    "\ufeff",
    "\U0001f642",
    "日本",
    "\\x1b",
    "\\",
    "\\N",
    "-",
    "(empty)",
    "",
    " ",
    "#close",
    "null",
    "[bold]x[/bold]",
    "<script>",
    "x" * 257,
)


def sync_output(folder: Path, name: str, *tags: tuple[str, str]) -> tuple[str, ...]:
    """The option that names a host with a client of this name, with these tags."""
    ran = call("sync", "--once", "--no-state", "--json", *two_hosts(folder)[:4])
    document: dict[str, Any] = json.loads(ran.out)
    (process,) = document["processes"]
    process |= {
        "name": name,
        "os_app_tags": [{"key": key, "value": value} for key, value in tags],
    }
    path = folder / "sync.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return ("-s", str(path))


def unescaped(text: str) -> str:
    """What Zeek's `\\xNN` stand for."""
    raw = re.sub(rb"\\x([0-9a-f]{2})", lambda found: bytes([int(found[1], 16)]), text.encode())
    return raw.decode()


def read(form: str, text: str) -> list[Record]:
    """The records, each cell as its format means it."""
    if form == "zeek":
        return zeek_rows(text)
    if form in DELIMITERS:
        # The csv module of Python 3.10 takes no NUL.
        lines = io.StringIO(text.replace("\0", STAND_IN), newline="")
        return [
            {key.replace(STAND_IN, "\0"): cell.replace(STAND_IN, "\0") for key, cell in row.items()}
            for row in csv.DictReader(lines, delimiter=DELIMITERS[form])
        ]
    return [json.loads(line) for line in text.split("\n")[:-1]]


STAND_IN = "\ue000"
DELIMITERS = {"deepflow-csv": ",", "semicolons": ";", "deepflow-tsv": "\t"}
ESCAPING = [form for form in FORMS if form not in DELIMITERS]
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def nothing(form: str) -> str | None:
    return None if form.endswith("json") else "-" if form == "zeek" else ""


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
@pytest.mark.parametrize("form", FORMS)
def test_a_name_comes_out_as_it_is(form: str, name: str, tmp_path: Path) -> None:
    """And the records beside it stay what they were."""
    content = FORMS[form].write(two_connections(), NOW_S)

    ran = label(*sync_output(tmp_path, name), stdin=content)

    found = read(form, ran.out)
    assert [row["gprocess_0"] for row in found] == [name, nothing(form)]
    assert [row["label_0"] for row in found] == ["socket", "no-connection"]
    if form in ESCAPING:
        assert not CONTROLS.search(ran.out)


def tags_of(row: Record) -> Record:
    return {name: value for name, value in row.items() if name.startswith("os.app.")}


def columns(arrived: Record, nothing: str | None) -> Record:
    """Those of a record whose side 0 has these tags, and side 1 none."""
    return {f"os.app.{key}_{n}": nothing if n else arrived[key] for key in arrived for n in (0, 1)}


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
@pytest.mark.parametrize("form", FORMS)
def test_a_tag_comes_out_as_it_arrives(form: str, text: str, tmp_path: Path) -> None:
    """Its key is the name of a column, its value a cell of it; both are the server's to change."""
    tags = ((text, "value of it"), ("key", text))
    arrived = dict(arriving_tags(tags, SERVERS["6.5"]))
    content = FORMS[form].write(two_connections(), NOW_S)

    ran = label(*sync_output(tmp_path, "x", *tags), stdin=content)

    one, other = map(tags_of, read(form, ran.out))
    assert one == columns(arrived, nothing(form))
    assert other == dict.fromkeys(one, nothing(form))
    if form in ESCAPING:
        assert not CONTROLS.search(ran.out)


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_captured_connection_has_them_too(text: str, tmp_path: Path) -> None:
    tags = ((text, "value of it"), ("key", text))
    arrived = dict(arriving_tags(tags, SERVERS["6.5"]))
    one, _ = two_connections()

    ran = label(*sync_output(tmp_path, text, *tags), stdin=syns([one], NOW_S))

    (found,) = objects(ran)
    assert (found["gprocess_0"], found["auto_instance_0"]) == (text, text)
    assert tags_of(found) == columns(arrived, None)
    assert not CONTROLS.search(ran.out)


@pytest.mark.parametrize("form", FORMS)
def test_bytes_that_are_no_text_are_written_as_escapes(form: str, tmp_path: Path) -> None:
    """As a variable of the environment may hold them, which a rule puts into a name."""
    hosts = two_hosts(tmp_path)
    Path(hosts[1]).write_text(
        "static_config:\n  os-proc-sync-enabled: true\n  os-proc-regex:\n"
        "  - {match-regex: .*, rewrite-name: 'x%NAME%'}\n",
        encoding="utf-8",
    )
    content = FORMS[form].write(two_connections(), NOW_S)

    ran = label(*hosts, "--env", os.fsdecode(b"NAME=\xff\xc3(\xe6"), stdin=content)

    written = r"x\xff\xc3(\xe6"
    assert read(form, ran.out)[0]["gprocess_0"] == written
    (found,) = objects(
        label(
            *hosts,
            "--env",
            os.fsdecode(b"NAME=\xff\xc3(\xe6"),
            stdin=syns(two_connections()[:1], NOW_S),
        )
    )
    assert found["gprocess_0"] == written


@pytest.mark.parametrize("name", ["x\x1b[31m.ndjson", "two\nlines", "[bold]x", "x" * 200])
def test_a_name_of_a_file_acts_on_nothing(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b'{"ip_0": "10.0.0.1"}\nno record\n')

    ran = label(*two_hosts(tmp_path), str(path))
    shown = on_a_terminal("label", *two_hosts(tmp_path), str(path), columns=40)
    missing = label(*two_hosts(tmp_path), f"{path}.none", code=3)

    assert not CONTROLS.search(ran.err + missing.err + ESCAPE.sub("", shown.out))
    assert missing.err.count("\n") == 1
    assert ran.err.count("\n") == 2


ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def zeek_rows(text: str) -> list[Record]:
    """As Zeek would read them: an unset or empty field is one only if it is written as it is."""
    lines = text.split("\n")
    (names,) = (line.split("\t")[1:] for line in lines if line.startswith("#fields"))
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    assert [len(row) for row in rows] == [len(names)] * len(rows)
    return [
        {
            unescaped(name): "" if cell == "(empty)" else unescaped(cell)
            for name, cell in zip(names, row, strict=True)
        }
        for row in rows
    ]


@st.composite
def inputs(draw: st.DrawFn) -> bytes:
    """Anything, or records that are broken in some places."""
    if draw(st.booleans()):
        return draw(st.binary())
    form = FORMS[draw(st.sampled_from(sorted(FORMS)))]
    content = bytearray(form.write(two_connections(), NOW_S))
    for piece in draw(st.lists(st.binary(max_size=4), max_size=5)):
        at = draw(st.integers(0, len(content)))
        content[at : at + len(piece)] = piece
    return bytes(content)


@given(inputs(), st.sampled_from([None, *FORMATS]))
def test_any_input_gives_a_line_per_record_or_one_error(content: bytes, form: str | None) -> None:
    """In as many lines, or in one that says what is wrong."""
    option = [] if form is None else ["--format", form]

    code, out, err = label_bytes("-s", SOURCE, *option, "-", stdin=content)

    # A format of flow records contradicts a capture.
    contradicts = form is not None and is_capture(content[:MAGIC_BYTES])
    assert code in ((2,) if contradicts else (0, 3))
    assert err.count(b"error:") == (code != 0)
    assert not CONTROLS.search(err.decode())
    if form == "ndjson" and code == 0 and not content.startswith((b"\x1f\x8b", b"\xef\xbb\xbf")):
        assert out.count(b"\n") == content.count(b"\n")


SOURCE = str(EXAMPLE / "shop-app-1.jsonl")

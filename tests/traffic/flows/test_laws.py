"""The output is the input with labels, and nothing else."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from proccli.errors import ProccliError
from proccli.model.flows import SideLabel
from proccli.traffic.flows.csv import DELIMITERS
from proccli.traffic.flows.detect import FlowFormat
from tests.traffic.flows.labelling import ADDED, COLUMNS, NOBODY, SAMPLES, SHOP, label, read_csv
from tests.traffic.flows.test_zeek import read_by_zeek, said

JSON = (SAMPLES / "l4_flow_log.jsonl").read_bytes().replace(b"auto_", b"own_").replace(b"gp", b"q")
CSV = (SAMPLES / "l4_flow_log.csv").read_bytes()
ZEEK = (SAMPLES / "conn.log").read_bytes()

WORDS = st.text(max_size=12) | st.sampled_from(["", "-", "(empty)", "#", "\t", '"', ",", "\udcff"])
BOM = b"\xef\xbb\xbf"
"""UTF-8's byte order mark, which a JSON text must not start with: it is removed there."""
KEYS = st.lists(
    st.text(alphabet='ab,"\t\\é\udc80', min_size=1, max_size=4), max_size=3, unique=True
)
JSON_NAMES = st.sampled_from([*COLUMNS, "ip_0", "a", "a.b", 'label_0"', "\\label_0"]) | st.text()
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(JSON_NAMES, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def side_labels(draw: st.DrawFn, keys: Sequence[str]) -> SideLabel:
    tags = [(key, draw(WORDS)) for key in keys if draw(st.booleans())]
    return SideLabel(
        label=draw(WORDS),
        gprocess=draw(st.none() | WORDS),
        auto_instance=draw(st.none() | WORDS),
        tags=tuple(tags),
    )


@st.composite
def pairs_of_sides(draw: st.DrawFn) -> tuple[Sequence[str], tuple[SideLabel, SideLabel]]:
    keys = draw(KEYS)
    return keys, (draw(side_labels(keys)), draw(side_labels(keys)))


def utf8(text: str) -> str:
    """Text as it is said where a half of a surrogate pair can't be."""
    return "".join(
        f"\\x{ord(c) - 0xDC00:02x}" if 0xDC80 <= ord(c) <= 0xDCFF else
        f"\\u{ord(c):04x}" if 0xD800 <= ord(c) <= 0xDFFF else c
        for c in text
    )  # fmt: skip


def expected(keys: Sequence[str], sides: tuple[SideLabel, SideLabel]) -> dict[str, str | None]:
    """Every added column with its value."""
    made: dict[str, str | None] = {}
    for name in ("gprocess", "auto_instance", *keys, "label"):
        for n, side in enumerate(sides):
            if name in ("gprocess", "auto_instance", "label"):
                value = getattr(side, name)
                made[f"{name}_{n}"] = value and utf8(value)
    for key in keys:
        for n, side in enumerate(sides):
            value = dict(side.tags).get(key)
            made[f"os.app.{utf8(key)}_{n}"] = value and utf8(value)
    return made


@given(
    st.lists(st.dictionaries(JSON_NAMES, JSON_VALUES, max_size=6), min_size=1, max_size=4),
    pairs_of_sides(),
    st.booleans(),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " : ")]),
)
def test_an_object_is_the_old_one_and_the_labels(
    records: list[dict[str, Any]],
    labels: tuple[Sequence[str], tuple[SideLabel, SideLabel]],
    escaped: bool,
    separators: tuple[str, str],
) -> None:
    keys, sides = labels
    text = "\n".join(
        json.dumps(record, ensure_ascii=escaped, separators=separators) for record in records
    )
    data = text.encode(errors="replace")
    before = [json.loads(line) for line in data.split(b"\n")]
    out = label(data, form="ndjson", keys=keys, sides=sides).out

    for old, line in zip(before, out.split(b"\n"), strict=True):
        new = json.loads(line.decode("utf-8"))
        want = old | expected(keys, sides)
        for name in ("auto_instance_0", "auto_instance_1"):
            if want[name] is None:
                want[name] = old.get(name)
        assert new == want
        assert list(new)[: len(old)] == list(old)


@given(
    st.lists(st.lists(st.text(max_size=6), min_size=3, max_size=3), max_size=4),
    pairs_of_sides(),
    st.sampled_from(DELIMITERS),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_a_row_is_the_old_one_and_the_labels(
    rows: list[list[str]],
    labels: tuple[Sequence[str], tuple[SideLabel, SideLabel]],
    delimiter: str,
    end: str,
    quoting: Any,
) -> None:
    keys, sides = labels
    # Some versions of the csv module leave a lone carriage return unquoted; 3.10's writes no NUL.
    rows = [[cell.replace("\r", "\r\n").replace("\0", "") for cell in row] for row in rows]
    header = ["ip_0", "ip_1", "label_1"]
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerows([header, *rows])
    data = file.getvalue().encode(errors="replace")
    before = [[utf8_replaced(cell) for cell in row] for row in rows]
    out = label(data, keys=keys, sides=sides).out.decode()
    read = read_csv(out, delimiter)

    want = {name: value or "" for name, value in expected(keys, sides).items()}
    assert read[0][:3] == header
    assert set(read[0]) == {*header, *want}
    for old, new in zip(before, read[1:], strict=True):
        made = dict(zip(read[0], new, strict=True))
        assert made == {"ip_0": old[0], "ip_1": old[1], **want}


def utf8_replaced(text: str) -> str:
    return text.encode(errors="replace").decode()


@given(pairs_of_sides())
def test_a_row_of_zeek_is_the_old_one_and_the_labels(
    labels: tuple[Sequence[str], tuple[SideLabel, SideLabel]],
) -> None:
    keys, sides = labels
    out = label(ZEEK, keys=keys, sides=sides).out
    old, new = read_by_zeek(ZEEK), read_by_zeek(out)

    for before, after in zip(old, new, strict=True):
        said_names = {said(name): value for name, value in after.items()}
        assert said_names == before | expected(keys, sides)


def stripped(out: bytes) -> bytes:
    """What came out without the labels of `SHOP` and `NOBODY`."""
    object_tail = json.dumps(ADDED, separators=(",", ":")).encode()
    out = out.replace(b"," + object_tail[1:], b"}").replace(object_tail[1:], b"}")
    for delimiter in DELIMITERS:
        cells = [delimiter.join(("", *COLUMNS))]
        values = ["" if value is None else value for value in ADDED.values()]
        quoted = [f'"{value}"' if delimiter in value else value for value in values]
        unset = [value or "-" for value in values]
        cells += [delimiter.join(("", *row)) for row in (quoted, unset)]
        for tail in cells:
            out = out.replace(tail.encode(), b"")
    return out.replace(b"\tstring" * len(COLUMNS), b"")


@given(
    st.sampled_from([JSON, CSV, ZEEK, b'{"a":1}\n{}\n']),
    st.lists(st.tuples(st.integers(0, 4000), st.binary(max_size=4)), max_size=5),
)
@example(b'{"a":1}\n{}\n', [(0, BOM)])
def test_damage_anywhere_loses_no_byte(data: bytes, damage: list[tuple[int, bytes]]) -> None:
    # What is written for nothing is looked for in the end, so it stays.
    begin = max(data.find(b"#path"), 0)
    for place, new in damage:
        at = begin + place % (len(data) - begin)
        data = data[:at] + new + data[at + len(new) :]
    try:
        ran = label(data)
    except ProccliError as error:
        assert str(error).isprintable()  # noqa: PT017 - a law of both outcomes
    else:
        is_csv = ran.out.startswith(BOM)
        assert stripped(ran.out) == (data if is_csv else data.removeprefix(BOM))


@given(
    st.binary(max_size=60) | st.text(alphabet='{}[]",:1a#\n\t\r\\', max_size=60).map(str.encode),
    st.sampled_from([None, "ndjson", "csv", "tsv", "zeek"]),
)
def test_any_bytes_come_out_again_or_are_refused(data: bytes, form: FlowFormat | None) -> None:
    try:
        ran = label(data, form=form)
    except ProccliError as error:
        assert str(error).isprintable()  # noqa: PT017 - a law of both outcomes
    else:
        assert stripped(ran.out).removeprefix(BOM) == data.removeprefix(BOM)


def test_the_samples_lose_nothing() -> None:
    for data in (JSON, CSV, ZEEK):
        out = label(data).out
        assert stripped(out) == data
        assert out != data
        assert label(data, sides=(NOBODY, SHOP)).out != out

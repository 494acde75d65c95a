"""Which format a file of flow records is in, told by how it begins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

from proccli.captures import is_capture
from proccli.errors import FlowsError
from proccli.recording.format import FORMAT
from proccli.traffic.flows.csv import detect_delimiter
from proccli.traffic.flows.fields import FieldMap
from proccli.traffic.flows.lines import Lines
from proccli.traffic.flows.ndjson import parse_object

FlowFormat: TypeAlias = Literal["ndjson", "csv", "tsv", "zeek"]

_LINES: Final = 20
"""So many are looked at where the first tells nothing."""

_MAGIC: Final = (
    (b"\x28\xb5\x2f\xfd", "packed with zstd"),
    (b"\xfd7zXZ\x00", "packed with xz"),
    (b"BZh", "packed with bzip2"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PAR1", "a Parquet file"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)
_BOM: Final = b"\xef\xbb\xbf"


def take_bom(lines: Lines) -> bytes:
    """The byte order mark of UTF-8, if the file begins with one. It is gone from the line."""
    first = lines.peek(0)
    if not first.startswith(_BOM):
        return b""
    lines.replace_next(first.removeprefix(_BOM))
    return _BOM


def detect(lines: Lines, fields: FieldMap) -> FlowFormat:
    """The format. An empty file is NDJSON without lines.

    It reads no further than it has to: the next line may be long in coming.

    Raises: FlowsError.
    """
    _refuse_magic(lines)
    start = b""
    for line in _ahead(lines):
        if line.startswith((b"#separator ", b"#fields")):
            return "zeek"
        value = _object(line)
        if value is not None:
            _refuse_sources(value, lines)
            _refuse_answers(value, lines)
            return "ndjson"
        if not start:
            start = line.strip()
            if start in (b"{", b"[") or start.startswith(b"[{"):
                break
            if detect_delimiter(lines, fields) is not None:
                return "csv"
    if not start:
        return "ndjson"
    if start.startswith(_OUTPUT):
        raise _source("an output of proccli", lines)
    if start.startswith((b"{", b"[")):
        raise FlowsError("JSON, but not one object per line", lines.at(), hint=_ONE_PER_LINE)
    raise FlowsError("no flow records in a known format", lines.at(), hint=_KNOWN)


_KNOWN: Final = (
    "known are NDJSON, CSV whose header names DeepFlow's columns or those that --fields does, "
    "and Zeek's logs; each may be packed with gzip"
)
_ONE_PER_LINE: Final = "jq -c '.[]' makes that of an array, jq -c '.data[]' of ClickHouse's JSON"
_OUTPUT: Final = b'{"schema": "proccli/'
_SOURCES: Final = "sources are given with -s, each with one of its own"
_FROM_QUERIER: Final = (
    "jq -c '.result | .columns as $c | .values[] | [$c, .] | transpose | map({(.[0]): .[1]}) | add'"
    " makes a line of each row"
)


def _refuse_magic(lines: Lines) -> None:
    first = lines.peek(0)
    # A newer capture begins with one.
    begin = first + lines.peek(1) if first == b"\n" else first
    what = next((what for magic, what in _MAGIC if begin.startswith(magic)), None)
    if is_capture(begin):
        what = "a packet capture"
    if what is not None:
        raise FlowsError(f"no flow records, but {what}", lines.at(), hint=_KNOWN)


def _ahead(lines: Lines) -> Iterator[bytes]:
    """The lines to look at, without blank ones."""
    for index in range(_LINES):
        line = lines.peek(index)
        if not line:
            return
        if not line.isspace():
            yield line


def _object(line: bytes) -> dict[str, object] | None:
    if not line.lstrip().startswith(b"{"):
        return None
    try:
        return parse_object(line.decode(errors="surrogateescape"))
    except (ValueError, RecursionError):
        return None


def _refuse_sources(value: dict[str, object], lines: Lines) -> None:
    """What tells of hosts is easily given in the place of what tells of flows."""
    if value.get("format") == FORMAT:
        raise _source("a recording of proccli", lines)
    if str(value.get("schema")).startswith("proccli/"):
        raise _source("an output of proccli", lines)


def _source(what: str, lines: Lines) -> FlowsError:
    return FlowsError(f"no flow records, but {what}", lines.at(), hint=_SOURCES)


def _refuse_answers(value: dict[str, object], lines: Lines) -> None:
    """An answer of DeepFlow's querier is one object with a table in it, and no record."""
    result = value.get("result")
    if isinstance(result, dict) and {"columns", "values"} <= result.keys():
        problem = "an answer of DeepFlow's querier, not one object per line"
        raise FlowsError(problem, lines.at(), hint=_FROM_QUERIER)

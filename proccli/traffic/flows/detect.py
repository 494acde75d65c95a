"""The format of a file of flow records, detected from its start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

from proccli.errors import FlowsError
from proccli.sources.recording.format import FORMAT
from proccli.traffic.captures.packets import is_capture
from proccli.traffic.flows.blanks import is_header
from proccli.traffic.flows.csv import detect_delimiter
from proccli.traffic.flows.fields import FieldMap
from proccli.traffic.flows.lines import Lines
from proccli.traffic.flows.ndjson import parse_object

FlowFormat: TypeAlias = Literal["ndjson", "csv", "tsv", "blanks", "zeek"]

_LINES: Final = 20
"""The maximum number of lines to examine."""

_MAGIC: Final = (
    (b"\x28\xb5\x2f\xfd", "zstd-compressed data"),
    (b"\xfd7zXZ\x00", "xz-compressed data"),
    (b"BZh", "bzip2-compressed data"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PAR1", "a Parquet file"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)
_BOM: Final = b"\xef\xbb\xbf"


def take_bom(lines: Lines) -> bytes:
    """The UTF-8 byte order mark, removed from the next line; empty if there is none."""
    first = lines.peek(0)
    if not first.startswith(_BOM):
        return b""
    lines.replace_next(first.removeprefix(_BOM))
    return _BOM


def detect(lines: Lines, fields: FieldMap) -> FlowFormat:
    """The format. An empty file is NDJSON without records.

    Reads as few lines as possible, because in a pipe the next line may arrive much later.

    Raises: FlowsError.
    """
    _reject_magic(lines)
    start = b""
    for line in _ahead(lines):
        if line.startswith((b"#separator ", b"#fields")):
            return "zeek"
        value = _object(line)
        if value is not None:
            _reject_sources(value, lines)
            _reject_response(value, lines)
            return "ndjson"
        if not start:
            start = line.strip()
            if start in (b"{", b"[") or start.startswith(b"[{"):
                break
            if detect_delimiter(lines, fields) is not None:
                return "csv"
            if is_header(line, fields):
                return "blanks"
    if not start:
        return "ndjson"
    raise _unknown(start, lines)


def _unknown(start: bytes, lines: Lines) -> FlowsError:
    if start.startswith(_OUTPUT):
        return _source_error("output of proccli", lines)
    if start.startswith((b"{", b"[")):
        return FlowsError("JSON, but not one object per line", lines.at(), hint=_ONE_PER_LINE)
    return FlowsError("unknown format of flow records", lines.at(), hint=_KNOWN)


_KNOWN: Final = (
    "supported formats: NDJSON, CSV and tables with blanks whose header has known columns or those "
    "of --fields, and Zeek's logs; each may be compressed with gzip"
)
_ONE_PER_LINE: Final = "convert an array with jq -c '.[]', ClickHouse's JSON with jq -c '.data[]'"
_OUTPUT: Final = b'{"schema": "proccli/'
_SOURCES: Final = "give each source with its own -s"
_FROM_QUERIER: Final = (
    "jq -c '.result | .columns as $c | .values[] | [$c, .] | transpose | map({(.[0]): .[1]}) | add'"
    " writes one object per row"
)


def _reject_magic(lines: Lines) -> None:
    first = lines.peek(0)
    # A pcapng file starts with a line end.
    begin = first + lines.peek(1) if first == b"\n" else first
    what = next((what for magic, what in _MAGIC if begin.startswith(magic)), None)
    if is_capture(begin):
        what = "a packet capture"
    if what is not None:
        raise FlowsError(f"not flow records but {what}", lines.at(), hint=_KNOWN)


def _ahead(lines: Lines) -> Iterator[bytes]:
    """The lines to examine, without blank ones."""
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


def _reject_sources(value: dict[str, object], lines: Lines) -> None:
    """Reject recordings and outputs of proccli: they belong to `-s`."""
    if value.get("format") == FORMAT:
        raise _source_error("a recording of proccli", lines)
    if str(value.get("schema")).startswith("proccli/"):
        raise _source_error("output of proccli", lines)


def _source_error(what: str, lines: Lines) -> FlowsError:
    return FlowsError(f"not flow records but {what}", lines.at(), hint=_SOURCES)


def _reject_response(value: dict[str, object], lines: Lines) -> None:
    """Reject a response of DeepFlow's querier, which is one object with a table, not a record."""
    result = value.get("result")
    if isinstance(result, dict) and {"columns", "values"} <= result.keys():
        problem = "a response of DeepFlow's querier, not one object per line"
        raise FlowsError(problem, lines.at(), hint=_FROM_QUERIER)

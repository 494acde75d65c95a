"""JSON documents and JSON Lines, as bytes: the interface for scripts.

A document is written with a line per key and per element of a list: it can be diffed and grepped.
It comes in pieces, so that the text of thousands of elements need not exist at once.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import islice
from json.encoder import JSONEncoder
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple, get_args

from proccli.model.note import Note
from proccli.model.process import SourceKind
from proccli.terminal.record import (
    Field,
    Json,
    Member,
    Record,
    Shared,
    Type,
    Value,
    array_of,
    boolean,
    constant,
    definitions,
    enum,
    integer,
    nullable,
    text,
)
from proccli.terminal.words import moment, rfc3339
from proccli.text import inert_json
from proccli.versions import Dialect

DRAFT = "https://json-schema.org/draft/2020-12/schema"

encode = JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False).encode
"""The JSON text of a value that no record declares, on one line."""
_MANY = 256
"""The number of elements that are in memory as text."""


def _visible_surrogate(error: UnicodeError) -> tuple[str, int]:
    """A lone surrogate as a visible escape; it can only occur inside a string."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lone = (ord(char) for char in error.object[error.start : error.end])
    # Python hides a byte that it could not decode, of a file name say, in U+DC80 to U+DCFF.
    escapes = (f"\\\\x{c - 0xDC00:02x}" if 0xDC80 <= c <= 0xDCFF else f"\\\\u{c:04x}" for c in lone)
    return "".join(escapes), error.end


codecs.register_error("proccli-json", _visible_surrogate)


class OfHost(NamedTuple):
    """The row of a record made by `of_host`."""

    host: str | None
    row: Any


def of_host(record: Record) -> Record:
    """The same record with the name of the host; its rows are `OfHost`."""
    return Record(
        record.name,
        Field("host", nullable(text()), "The host; null: made up."),
        *record.fields_of("row"),
        about=record.about,
    )


class Selected(NamedTuple):
    """The row of a document that shows a selection of a command's result."""

    result: Any
    shown: Iterable[Any]


class Document:
    """A document of `proccli/<command>/v1`: the schema's name, the fields of a row, the warnings.

    The value of a field that is an array may be an iterator, so that thousands of dicts need not
    exist at once.
    """

    def __init__(
        self, command: str, title: str, *fields: Field, notes: Value = "notes", about: str = ""
    ) -> None:
        """`notes`: where the row has its warnings."""
        identifier = f"proccli/{command}/v1"
        self.title = title
        self.record = Record(
            "",
            Field("schema", constant(identifier), value=lambda _: identifier),
            *fields,
            Field("warnings", array_of(WARNING), value=notes),
            about=about,
        )

    def render(self, row: Any) -> bytes:
        """The document of this row: a line per key, and per element of a list."""
        return b"".join(self.pieces(row))

    def pieces(self, row: Any) -> Iterator[bytes]:
        """The same in pieces. Each value is read when it is reached: after the elements of an array
        that is an iterator, others may have changed."""
        return self._pieces(row, ",\n ", "[\n  ", ",\n  ")

    def line(self, row: Any) -> Iterator[bytes]:
        """The document on one line, in pieces."""
        return self._pieces(row, ", ", "[", ", ")

    def _pieces(self, row: Any, comma: str, opened: str, between: str) -> Iterator[bytes]:
        before = "{"
        for member in self._members:
            before += f"{encode(member.key)}: "
            elements = member.elements(row)
            if elements is None:
                before += member.value(row)
            else:
                empty = True
                for many in _joined(elements, between):
                    yield _utf8(before + (opened if empty else between) + many)
                    before, empty = "", False
                before += "[]" if empty else "]"
            before += comma
        yield _utf8(before.removesuffix(comma) + "}\n")

    @cached_property
    def _members(self) -> tuple[Member, ...]:
        return tuple(map(Member, self.record.fields))

    def schema(self) -> Json:
        """The JSON Schema of the document, with everything that it refers to."""
        return complete_schema(self.title, self.record)


def complete_schema(title: str, record: Record) -> Json:
    """The JSON Schema of a record, with everything that it refers to."""
    return {
        "$schema": DRAFT,
        "title": title,
        **record.schema(),
        "$defs": definitions(record),
    }


def one_of(documents: Mapping[str, Document]) -> Json:
    """The JSON Schema of a command that prints one of several documents, by their names in it."""
    first = next(iter(documents.values()))
    return {
        "$schema": DRAFT,
        "title": first.title,
        "properties": {"schema": first.record.schema()["properties"]["schema"]},
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in documents],
        "$defs": {
            **{name: document.record.schema() for name, document in documents.items()},
            **definitions(*(document.record for document in documents.values())),
        },
    }


def line_pieces(texts: Iterable[str]) -> Iterator[bytes]:
    """Each JSON text on a line, many lines at a time."""
    for many in _joined(texts, "\n"):
        yield _utf8(f"{many}\n")


def lines(texts: Iterable[str]) -> bytes:
    """Each JSON text on a line."""
    return b"".join(line_pieces(texts))


def _joined(texts: Iterable[str], between: str) -> Iterator[str]:
    """Many texts at a time, joined."""
    remaining = iter(texts)
    while many := between.join(islice(remaining, _MANY)):
        yield many


def _utf8(text: str) -> bytes:
    return inert_json(text).encode("utf-8", "proccli-json")


TIME = Shared(
    "time",
    Type(
        {
            "type": "string",
            "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$",
            "description": "RFC 3339, UTC.",
        },
        rfc3339,
    ),
)
"""The value is in seconds since the epoch; a time beyond the year 9999 is null in JSON."""

MOMENT = Shared(
    "moment",
    Type(
        {
            "type": "string",
            "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$",
            "description": "RFC 3339, UTC, to the microsecond.",
        },
        moment,
    ),
)
"""Like `TIME`, for seconds that need not be whole."""

SNAPSHOT = Record(
    "snapshot",
    Field(
        "kind",
        enum(*get_args(SourceKind)),
        "Source of the processes; ps: the output of ps; made-up: described on the command line.",
    ),
    Field("host", nullable(text()), value="name"),
    Field("taken_at", nullable(TIME), value=lambda host: host.taken_at_ns // 1_000_000_000),
    Field("proc_root", text()),
    Field("redacted", boolean(), "Whether secrets in command lines were masked when recording."),
)
"""Where and when the processes were read; the row is a `Host`."""


def snapshot_fields(hosts: str) -> tuple[Field, Field]:
    """`snapshot` and `snapshots`, for a row with the `Host` of each source at this path."""
    read = attrgetter(hosts)

    def only(row: Any) -> object:
        found = read(row)
        return found[0] if len(found) == 1 else None

    return (
        Field("snapshot", nullable(SNAPSHOT), "null: several sources.", value=only),
        Field("snapshots", array_of(SNAPSHOT), "Of each source.", value=hosts),
    )


CONFIG = Record(
    "config",
    Field("file", nullable(text()), "null: the agent's built-in defaults."),
    Field("dialect", enum(*get_args(Dialect))),
    Field("feature", nullable(text()), "inputs.proc: the feature whose matchers are applied."),
    Field("agent", text(), "The agent version."),
    Field("via", enum("server", "file"), "How the agent gets its configuration."),
    Field("rules", integer(0), "Number of rules.", value=lambda config: len(config.rules)),
    Field("sync_enabled", boolean()),
)
"""The configuration, and the agent version that it is read for; the row is a `Config`."""


def _message(note: Note) -> str:
    from proccli.terminal.warning_text import message  # the words of all warnings, of few notes

    return message(note)


WARNING = Record("warning", Field("code", text()), Field("message", text(), value=_message))
"""A warning, as on stderr; the row is a `Note`."""

END = Record("end", Field("ip", text()), Field("port", integer(0, 65_535)))
"""One end of a connection; the row is an `Endpoint`."""

KEY_AND_VALUE = Record(
    "", Field("key", text(), value=itemgetter(0)), Field("value", text(), value=itemgetter(1))
)
"""A tag; the row is a pair."""


_OFFSET = {"type": "integer", "minimum": 0}
SPAN = Shared(
    "span",
    Type(
        {
            "type": "array",
            "prefixItems": [_OFFSET, _OFFSET],
            "items": False,
            "minItems": 2,
            "description": "Character offsets [start, end).",
        }
    ),
)

GROUP = Record(
    "group",
    Field("index", integer(1)),
    Field("name", nullable(text())),
    Field("text", nullable(text())),
    Field("span", nullable(SPAN)),
)
"""A capture group; the row is a `GroupMatch`."""

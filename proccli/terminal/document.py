"""JSON documents and JSON Lines, as bytes: the interface for scripts.

A document is written with a line per key and per element of a list: it can be diffed and
grepped, and costs no more than the C encoder takes for the elements.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from proccli.model.config import Config
from proccli.model.note import Note
from proccli.model.process import Host
from proccli.terminal.warning_text import message
from proccli.terminal.words import rfc3339
from proccli.text import inert_json

Json: TypeAlias = dict[str, Any]

_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False).encode


def _visible_surrogate(error: UnicodeError) -> tuple[str, int]:
    """A lone surrogate as a visible escape; it can only occur inside a string."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lone = (ord(char) for char in error.object[error.start : error.end])
    # Python hides a byte that it could not decode, of a file name say, in U+DC80 to U+DCFF.
    escapes = (f"\\\\x{c - 0xDC00:02x}" if 0xDC80 <= c <= 0xDCFF else f"\\\\u{c:04x}" for c in lone)
    return "".join(escapes), error.end


codecs.register_error("proccli-json", _visible_surrogate)


def document(command: str, parts: Json) -> bytes:
    """One document of `proccli/<command>/v1`, the schema first, then the parts in their order."""
    parts = {"schema": f"proccli/{command}/v1", **parts}
    keys = (f"{_encode(key)}: {_value(value)}" for key, value in parts.items())
    return _utf8("{" + ",\n ".join(keys) + "}\n")


def lines(elements: Iterable[Json]) -> bytes:
    """Each element as JSON on one line."""
    return _utf8("".join(f"{_encode(element)}\n" for element in elements))


def _value(value: object) -> str:
    # A list may come as an iterator, so that thousands of dicts need not be there at once.
    if isinstance(value, Iterator) or (value and isinstance(value, list)):
        elements = ",\n  ".join(map(_encode, value))
        return f"[\n  {elements}]" if elements else "[]"
    return _encode(value)


def _utf8(text: str) -> bytes:
    return inert_json(text).encode("utf-8", "proccli-json")


def snapshot_json(host: Host) -> Json:
    """Where and when the processes were read."""
    return {
        "kind": host.kind,
        "host": host.name,
        "taken_at": rfc3339(host.taken_at_ns // 1_000_000_000),
        "proc_root": host.proc_root,
        "redacted": host.redacted,
    }


def config_json(config: Config) -> Json:
    """The configuration, and the agent version that it is read for."""
    return {
        "file": config.file,
        "dialect": config.dialect,
        "agent": config.agent,
        "via": config.via,
        "rules": len(config.rules),
        "sync_enabled": config.sync_enabled,
    }


def warnings_json(notes: Sequence[Note]) -> list[Json]:
    """The warnings, as on stderr."""
    return [{"code": note.code, "message": message(note)} for note in notes]

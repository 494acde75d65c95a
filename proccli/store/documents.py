"""Documents of `proccli sync` in files, checked and ready to be loaded.

A file may hold several documents, a line each or indented. What can't be loaded is read again by
slower code, for a message that says what is wrong.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO, Final

from proccli.errors import Location, RecordingError, SourceError
from proccli.sources.recording.lines import has_more_elements
from proccli.sources.recording.sync_document import (
    MAX_SYNC_BYTES,
    MAX_SYNC_ELEMENTS,
    SCHEMA,
    parse_sync_output,
)
from proccli.store.engine import missing_extra
from proccli.store.loadable import Document, Refused
from proccli.streams import BadLine, opened, read_line, unpacked

_RECORDING: Final = re.compile(rb'\{"type"\s*:\s*"header"\s*,\s*"format"\s*:\s*"proccli-recording"')
_NO_DOCUMENT: Final = "not the output of proccli sync"
_A_RECORDING: Final = f"a recording, {_NO_DOCUMENT} (-c agent.yaml says what its agent would send)"
_BEGINNING: Final = re.compile(rb'\s*\{\s*"schema"\s*:')
_FEW_BYTES: Final = 1 << 20
"""A text of this size has less than `MAX_SYNC_ELEMENTS` values."""


def files_of(paths: Sequence[str]) -> Iterator[str]:
    """The files of these operands: a directory stands for its *.jsonl, *.json and their *.gz."""
    for path in paths:
        if path != "-" and Path(path).is_dir():
            inside = sorted(Path(path).iterdir())
            yield from (str(one) for one in inside if _is_document(one.name))
        else:
            yield path


def _is_document(name: str) -> bool:
    return name.removesuffix(".gz").endswith((".jsonl", ".json")) and not name.startswith(".")


def read_documents(path: str, network: str) -> Iterator[Document | Refused]:
    """The documents of a file, and what of it can't be loaded, which is the last element.

    Raises: StoreError if the parser is not installed.
    """
    if find_spec("msgspec") is None:
        raise missing_extra()
    try:
        with opened(path) as (file, name):
            for line, text in _texts(unpacked(file), name):
                if not text.strip():
                    continue
                try:
                    yield _document(text, name, line, network)
                except RecordingError as error:
                    yield refused(error, name)
    except SourceError as error:
        yield refused(error, "<stdin>" if path == "-" else path)


def documents_in(text: bytes, name: str, network: str) -> Iterator[Document | Refused]:
    """The documents in a text that stands for a file of this name.

    Raises: StoreError if the parser is not installed.
    """
    if find_spec("msgspec") is None:
        raise missing_extra()
    try:
        for line, one in _texts(io.BytesIO(text), name):
            yield _document(one, name, line, network)
    except RecordingError as error:
        yield refused(error, name)


def is_recording(path: str) -> bool:
    """Whether a file begins as a recording does; False for one that can't be read, or stdin."""
    if path == "-":
        return False
    try:
        with opened(path) as (file, _):
            return bool(_RECORDING.match(read_line(unpacked(file), 1 << 20)))
    except (SourceError, BadLine):
        return False


def refused(error: SourceError, name: str) -> Refused:
    """Why a file of this name is not loaded."""
    place = str(error.at) if error.at else name
    return Refused(place, error.problem if error.at else str(error))


def _texts(file: BinaryIO, name: str) -> Iterator[tuple[int, bytes]]:
    """The text of each document, with its line. One begins where a line begins with a brace."""
    begun, line, waiting, size = 1, 0, list[bytes](), 0
    try:
        while text := read_line(file, MAX_SYNC_BYTES):
            line += 1
            if text.startswith(b"{") and waiting:
                yield begun, b"".join(waiting)
                waiting, size = [], 0
            if not waiting:
                begun = line
                if not _BEGINNING.match(text) and text.strip() not in (b"", b"{"):
                    problem = _A_RECORDING if _RECORDING.match(text) else _NO_DOCUMENT
                    raise RecordingError(problem, Location(name, line, 1))
            waiting.append(text)
            size += len(text)
            if size > MAX_SYNC_BYTES:
                raise BadLine(f"document exceeds {MAX_SYNC_BYTES >> 20} MiB")  # noqa: TRY301
    except BadLine as error:
        raise RecordingError(str(error), Location(name, line + 1, 1)) from error
    if waiting:
        yield begun, b"".join(waiting)
    elif not line:
        raise RecordingError("the file is empty", Location(name, 1, 1))


def _document(text: bytes, name: str, line: int, network: str) -> Document:
    from msgspec import MsgspecError

    from proccli.store.staging import staged

    at = Location(name, line, 1)
    if len(text) > _FEW_BYTES and has_more_elements(text, MAX_SYNC_ELEMENTS):
        raise RecordingError(f"more than {MAX_SYNC_ELEMENTS:,} values in a document", at)
    try:
        return staged(text.decode(), network, f"{name}:{line}")
    except UnicodeEncodeError as error:
        # Of the network; the parser refuses those in documents.
        raise RecordingError("a text contains a lone surrogate", at) from error
    except (MsgspecError, RecursionError, KeyError, ValueError) as error:
        raise RecordingError(_what_is_wrong(text) or f"{error}", at) from error


def _what_is_wrong(text: bytes) -> str | None:
    """What slower code says about a document that can't be loaded; None: it finds nothing."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        what = error.msg if isinstance(error, json.JSONDecodeError) else "not JSON"
        return f"not JSON, or cut short: {what}"
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        return f"its schema is not {SCHEMA}"
    try:
        if parse_sync_output(text, "").host is None:
            return "the host has no name"
    except RecordingError as error:
        return error.problem
    return None

"""The recording format's names, limits and how its values are written.

docs/recording.md describes the whole.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from functools import lru_cache

from proccli.model.process import NS_PER_S, FieldError

FORMAT = "proccli-recording"
VERSION = 1
"""Raised by whatever an earlier reader would misread or not know."""

MAX_LINE_BYTES = 64 << 20
"""A process's command line is at most 8 MiB (procfs.files), and no byte takes more than six
characters here."""
MAX_RECORDING_BYTES = 1 << 30

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z", re.ASCII)
_SECONDS_KEPT = 1024
"""Most sockets of a recording were first seen in the same few."""
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def encode_cmdline(cmdline: bytes) -> list[str | dict[str, str]]:
    """What stands between the NUL bytes, as text where it is UTF-8.

    Joining the pieces with NUL gives the bytes back; the last piece is therefore empty where the
    last argument is terminated, as it usually is.
    """
    return [_encode_piece(piece) for piece in cmdline.split(b"\0")] if cmdline else []


def _encode_piece(piece: bytes) -> str | dict[str, str]:
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(piece).decode("ascii")}


def decode_cmdline(pieces: Sequence[object]) -> bytes:
    """The bytes again. Raises: ValueError saying what is wrong with a piece."""
    return b"\0".join(_decode_piece(piece) for piece in pieces)


def _decode_piece(piece: object) -> bytes:
    match piece:
        case str():
            try:
                raw = piece.encode()
            except UnicodeEncodeError as error:
                raise ValueError("an argument holds half a surrogate pair") from error
        case {"base64": str(text), **rest} if not rest:
            try:
                raw = base64.b64decode(text, validate=True)
            except (binascii.Error, ValueError) as error:
                raise ValueError(f"not base64: {error}") from error
        case _:
            raise ValueError('an argument is neither a string nor {"base64": …}')
    if b"\0" in raw:
        raise ValueError("an argument holds a NUL byte")
    return raw


def encode_time(ns: int) -> str:
    """Nanoseconds since the epoch as RFC 3339 in UTC, with all nine decimals."""
    seconds, rest = divmod(ns, NS_PER_S)
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def decode_time(text: str) -> int:
    """Nanoseconds since the epoch. Raises: ValueError."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError("not a time like 2026-01-02T03:04:05.000000000Z")
    return _seconds(found[1]) * NS_PER_S + int(found[2])


@lru_cache(_SECONDS_KEPT)
def _seconds(text: str) -> int:
    since = datetime.fromisoformat(text).replace(tzinfo=timezone.utc) - _EPOCH
    return since.days * 86_400 + since.seconds


def encode_error(error: FieldError) -> Mapping[str, str]:
    """Why a field could not be read."""
    return {"field": error.field, "problem": error.problem, "detail": error.detail}

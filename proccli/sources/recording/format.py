"""The format of recordings: names, limits, how values are written and how objects are checked.

docs/recording.md describes the format.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from functools import lru_cache
from typing import cast, get_args, overload

from proccli.errors import Location, RecordingError
from proccli.model.process import NS_PER_S, FieldError, Problem

FORMAT = "proccli-recording"
VERSION = 2
"""Incremented for every change that an earlier reader would misread or not know.

2: the name in `status`, and programs whose path is not UTF-8.
"""

MAX_LINE_BYTES = 64 << 20
"""A process's command line is at most 8 MiB (procfs.files), and no byte takes more than six
characters here."""
MAX_LINE_ELEMENTS = 1_000_000
"""Values of one line: a small text may hold many, each fifty times its size in memory."""
MAX_RECORDING_BYTES = 1 << 30
MAX_PIECES = 100_000
"""A command line of more is written in one."""
SOCKETS_PER_LINE = 10_000
"""More sockets of one process take several lines."""

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z", re.ASCII)
_TIMES_KEPT = 1024
"""Most sockets of a recording were first seen in the same few seconds, and those of a process in
the same tick of the kernel's clock."""
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MISSING = object()
_PROBLEMS: Mapping[str, Problem] = {problem: problem for problem in get_args(Problem)}


def encode_cmdline(cmdline: bytes) -> list[str | dict[str, str]]:
    """The pieces between the NUL bytes, as text where they are UTF-8.

    Joining the pieces with NUL gives the bytes back; the last piece is therefore empty where the
    last argument is terminated, as it usually is. More than `MAX_PIECES` are written as one.
    """
    if cmdline.count(b"\0") >= MAX_PIECES:
        return [_as_base64(cmdline)]
    return [_encode_piece(piece) for piece in cmdline.split(b"\0")] if cmdline else []


def _encode_piece(piece: bytes) -> str | dict[str, str]:
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return _as_base64(piece)


def _as_base64(raw: bytes) -> dict[str, str]:
    return {"base64": base64.b64encode(raw).decode("ascii")}


def decode_cmdline(pieces: Sequence[object]) -> bytes:
    """The bytes of the pieces. Raises: ValueError for an invalid piece."""
    try:
        raw = "\0".join(cast("Sequence[str]", pieces)).encode()
        if raw.count(b"\0") == max(len(pieces) - 1, 0):
            return raw
    except (TypeError, UnicodeEncodeError):
        pass  # not all are strings, or one is not valid
    return b"\0".join(_decode_piece(piece) for piece in pieces)


def _decode_piece(piece: object) -> bytes:
    match piece:
        case str():
            try:
                raw = piece.encode()
            except UnicodeEncodeError as error:
                raise ValueError("an argument contains a lone surrogate") from error
            if b"\0" in raw:
                raise ValueError("an argument holds a NUL byte")
        case {"base64": str(text), **rest} if not rest:
            raw = decode_bytes(text)
        case _:
            raise ValueError('an argument is neither a string nor {"base64": …}')
    return raw


def encode_bytes(raw: bytes) -> str:
    """Bytes as base64 text."""
    return base64.b64encode(raw).decode("ascii")


def decode_bytes(text: str) -> bytes:
    """The bytes of a base64 text. Raises: ValueError."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"not base64: {error}") from error


def encode_time(ns: int) -> str:
    """Nanoseconds since the epoch as RFC 3339 in UTC, with all nine decimals."""
    seconds, rest = divmod(ns, NS_PER_S)
    return f"{_encoded_seconds(seconds)}.{rest:09d}Z"


@lru_cache(_TIMES_KEPT)
def _encoded_seconds(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%S}"


@lru_cache(_TIMES_KEPT)
def decode_time(text: str) -> int:
    """Nanoseconds since the epoch. Raises: ValueError."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError("not a time like 2026-01-02T03:04:05.000000000Z")
    return _seconds(found[1]) * NS_PER_S + int(found[2])


@lru_cache(_TIMES_KEPT)
def _seconds(text: str) -> int:
    since = datetime.fromisoformat(text).replace(tzinfo=timezone.utc) - _EPOCH
    return since.days * 86_400 + since.seconds


def encode_error(error: FieldError) -> Mapping[str, str]:
    """Why a field could not be read."""
    return {"field": error.field, "problem": error.problem, "detail": error.detail}


# ---- reading objects ------------------------------------------------------------------------


@lru_cache(1 << 12)
def canonical_ipv4(text: str) -> str:
    """An IPv4 address with its dots: the same few are read again and again. Raises: ValueError."""
    from ipaddress import IPv4Address

    return str(IPv4Address(text))


class Checked:
    """One JSON object of a recording. What is not as described raises RecordingError."""

    def __init__(self, value: object, at: Location, what: str) -> None:
        self.at = at
        self.what = what
        if not isinstance(value, dict):
            raise self.wrong("not a JSON object")
        self._values: dict[str, object] = dict(value)

    def wrong(self, problem: str) -> RecordingError:
        """The error for something wrong with this object."""
        return RecordingError(f"{self.what}: {problem}", self.at)

    def _take(self, name: str) -> object:
        value = self._values.pop(name, _MISSING)
        if value is _MISSING:
            raise self.wrong(f"no {name}")
        return value

    @overload
    def integer(self, name: str, *, low: int = 0, high: int) -> int: ...
    @overload
    def integer(self, name: str, *, low: int = 0, high: int, or_null: bool) -> int | None: ...
    def integer(self, name: str, *, low: int = 0, high: int, or_null: bool = False) -> int | None:
        """A whole number from `low` to `high`."""
        value = self._take(name)
        if value is None and or_null:
            return None
        if type(value) is not int:
            raise self.wrong(f"{name} is not a whole number")
        if not low <= value <= high:
            raise self.wrong(f"{name} is not between {low} and {high}")
        return value

    @overload
    def text(self, name: str) -> str: ...
    @overload
    def text(self, name: str, *, or_null: bool) -> str | None: ...
    def text(self, name: str, *, or_null: bool = False) -> str | None:
        """A string that can be written as UTF-8."""
        value = self._take(name)
        if value is None and or_null:
            return None
        return self.as_text(value, name)

    def as_text(self, value: object, name: str) -> str:
        """As `text`, for a value."""
        if not isinstance(value, str):
            raise self.wrong(f"{name} is not a string")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise self.wrong(f"{name} contains a lone surrogate") from error
        return value

    def as_ipv4(self, value: object, name: str) -> str:
        """An IPv4 address with its dots."""
        text = self.as_text(value, name)
        try:
            return canonical_ipv4(text)
        except ValueError as error:
            raise self.wrong(f"{name} is not an IPv4 address") from error

    def ipv4(self, name: str) -> str:
        """As `as_ipv4`, for the value of a key."""
        return self.as_ipv4(self._take(name), name)

    def flag(self, name: str) -> bool:
        """true or false."""
        value = self._take(name)
        if not isinstance(value, bool):
            raise self.wrong(f"{name} is neither true nor false")
        return value

    @overload
    def items(self, name: str) -> Sequence[object]: ...
    @overload
    def items(self, name: str, *, or_null: bool) -> Sequence[object] | None: ...
    def items(self, name: str, *, or_null: bool = False) -> Sequence[object] | None:
        """An array."""
        value = self._take(name)
        if value is None and or_null:
            return None
        if not isinstance(value, list):
            raise self.wrong(f"{name} is not an array")
        return value

    def mapping(self, name: str) -> Mapping[str, object]:
        """An object whose keys are not fixed."""
        value = self._take(name)
        if not isinstance(value, dict):
            raise self.wrong(f"{name} is not an object")
        return value

    def part(self, name: str) -> Checked | None:
        """An object inside this one, or null."""
        value = self._take(name)
        return None if value is None else Checked(value, self.at, name)

    def parts(self, name: str) -> Iterator[Checked]:
        """An array of objects, each checked when it is reached."""
        return self._parts(name, self.items(name))

    def parts_or_null(self, name: str) -> Iterator[Checked] | None:
        """An array of objects, or null."""
        values = self.items(name, or_null=True)
        return None if values is None else self._parts(name, values)

    def _parts(self, name: str, values: Sequence[object]) -> Iterator[Checked]:
        return (Checked(value, self.at, f"{name}[{n}]") for n, value in enumerate(values))

    def field_error(self, fields: Container[str]) -> FieldError:
        """This object as the error of one of these fields."""
        field = self.text("field")
        problem = _PROBLEMS.get(self.text("problem"))
        if field not in fields or problem is None:
            raise self.wrong("not an error of a field")
        error = FieldError(field=field, problem=problem, detail=self.text("detail"))
        self.done()
        return error

    def done(self) -> None:
        """Raises: RecordingError if the object has a key that was not read."""
        if self._values:
            raise self.wrong(f"unknown key {next(iter(self._values))!a}")

"""The state file: one JSON document, replaced atomically, and renamed if it is unusable."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, Final

from proccli.commands.sync.state.memory import Memory
from proccli.commands.sync.state.place import ELSEWHERE, own_file
from proccli.errors import OutputError, StateError
from proccli.files import atomic_output
from proccli.model.note import Note
from proccli.model.sockets import SocketKey, SyncedProcess, SyncedSocket
from proccli.text import visible

FORMAT: Final = "proccli-sync-state"
VERSION: Final = 2
"""Version 1 was an SQLite database."""
MAX_STATE_BYTES: Final = 256 << 20
"""Far more than the processes and sockets of any machine need."""
_MANY: Final = 256
"""The number of elements that are in memory as text."""
_SQLITE_MAGIC: Final = b"SQLite format 3\0"


class StateFile:
    """A state on disk. The caller must hold the lock of the state."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> tuple[Memory | None, tuple[Note, ...]]:
        """The state that the last run saved, or None; and a note if the file is unusable.

        A damaged file, or one of another version, is renamed and treated as missing.

        Raises: StateError if it can't be read or renamed, or is not a regular file of this user.
        """
        if not own_file(self._path):
            return None, ()
        try:
            return _memory_of(self._content()), ()
        except _Malformed as finding:
            return None, (self._move_aside(str(finding)),)

    def save(self, memory: Memory) -> None:
        """Replace the state. On any failure, the old state remains unchanged.

        Raises: StateError.
        """
        own_file(self._path)
        prefix = f".proccli-{self._path.name}-"
        self._remove_leftovers(prefix)
        try:
            with atomic_output(
                str(self._path), force=True, follow_links=False, prefix=prefix
            ) as file:
                left = MAX_STATE_BYTES
                for piece in _pieces(memory):
                    left -= len(piece)
                    if left < 0:
                        raise self._error(f"more than {MAX_STATE_BYTES >> 20} MiB")
                    file.write(piece)
        except OutputError as error:
            raise StateError(visible(error.problem), hint=ELSEWHERE) from error

    def _remove_leftovers(self, prefix: str) -> None:
        """Delete temporary files of runs that were killed while saving, if possible."""
        with suppress(OSError):
            for entry in self._path.parent.iterdir():
                if entry.name.startswith(prefix) and entry.name.endswith(".tmp"):
                    entry.unlink(missing_ok=True)

    def _content(self) -> bytes:
        """The file's content. Raises: _Malformed if it is too large; StateError."""
        try:
            fd = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
            with open(fd, "rb") as file:  # noqa: PTH123 - a descriptor
                content = file.read(MAX_STATE_BYTES + 1)
        except OSError as error:
            raise self._error(error.strerror or str(error)) from error
        if len(content) > MAX_STATE_BYTES:
            raise _Malformed(f"it is larger than {MAX_STATE_BYTES >> 20} MiB")
        return content

    def _move_aside(self, why: str) -> Note:
        for number in itertools.count(1):
            suffix = ".damaged" if number == 1 else f".damaged-{number}"
            aside = self._path.with_name(self._path.name + suffix)
            if not os.path.lexists(aside):
                break
        try:
            self._path.replace(aside)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise self._error(error.strerror or str(error)) from error
        return Note.of(
            "state-damaged",
            path=visible(str(self._path)),
            problem=visible(why),
            moved_to=visible(str(aside)),
        )

    def _error(self, why: str) -> StateError:
        return StateError(f"the state {visible(str(self._path))}: {visible(why)}", hint=ELSEWHERE)


class _Malformed(Exception):  # noqa: N818 - a finding
    """The content is not a valid state."""


def _pieces(memory: Memory) -> Iterator[bytes]:
    """The memory as JSON in ASCII: text from /proc may hold lone surrogates, as escapes. In pieces:
    the text of a state is twice as large as the memory."""
    encode = json.JSONEncoder(separators=(",", ":")).encode
    head = {
        "format": FORMAT,
        "version": VERSION,
        "host": memory.host,
        "boot_id": memory.boot_id,
        "boot_time_s": memory.boot_time_s,
        "config": memory.config,
        "enabled": memory.enabled,
        "digest": memory.digest,
        "warned": sorted(memory.warned),
        "written_to": memory.written_to,
        "sampled_at_ns": memory.sampled_at_ns,
        "reader": memory.reader,
    }
    processes = (
        {name: getattr(process, name) for name in _PROCESS_TYPES}
        | {"os_app_tags": process.os_app_tags}
        for process in memory.processes
    )
    first_seen = ((*key, seen_ns) for key, seen_ns in memory.first_seen_ns.items())
    before = encode(head).removesuffix("}")
    lists: tuple[tuple[str, Iterable[object]], ...] = (
        ("processes", processes),
        ("sockets", memory.sockets),
        ("first_seen_ns", first_seen),
    )
    for key, elements in lists:
        before += f',"{key}":['
        remaining = iter(elements)
        while some := list(islice(remaining, _MANY)):
            yield (before + encode(some)[1:-1]).encode("ascii")
            before = ","
        before = f"{before.removesuffix(',')}]"
    yield f"{before}}}\n".encode("ascii")


def _memory_of(content: bytes) -> Memory | None:
    """The memory in a document; None: it is empty. Raises: _Malformed."""
    if not content:
        return None
    if content.startswith(_SQLITE_MAGIC):
        raise _Malformed("it is an SQLite database, written by an older proccli")
    try:
        text = content.decode("ascii")
        del content
        document = _typed(json.loads(text), dict)
        del text
        if document.get("format") != FORMAT:
            raise _Malformed("it is not a state of proccli")
        version = _typed(document["version"], int)
        if version != VERSION:
            raise _Malformed(f"it has version {version}; this proccli reads version {VERSION}")
        return Memory(
            host=_typed(document["host"], str, None),
            boot_id=_typed(document["boot_id"], str, None),
            boot_time_s=_typed(document["boot_time_s"], int, None),
            config=_typed(document["config"], str),
            enabled=_typed(document["enabled"], bool),
            digest=_typed(document["digest"], str, None),
            warned=frozenset(_typed(one, str) for one in _typed(document["warned"], list)),
            written_to=_typed(document["written_to"], str, None),
            sampled_at_ns=_typed(document["sampled_at_ns"], int, None),
            reader=_typed(document["reader"], str),
            processes=tuple(map(_process, _taken(document["processes"]))),
            sockets=tuple(_sockets(document["sockets"])),
            first_seen_ns=dict(map(_first_seen, _taken(document["first_seen_ns"]))),
        )
    except KeyError as error:
        raise _Malformed(f"the key {error} is missing") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise _Malformed(str(error)) from error


_PROCESS_TYPES: Final[dict[str, tuple[type | None, ...]]] = {
    "pid": (int,),
    "name": (str,),
    "process_name": (str,),
    "cmdline": (str,),
    "user": (str,),
    "start_time": (int,),
    "netns_id": (int, None),
    "container_id": (str, None),
    "starttime_ticks": (int, None),
}
"""Types of the fields of a `SyncedProcess`, except its tags."""
_SOCKET_TYPES: Final[tuple[tuple[type | None, ...], ...]] = (
    (str,),
    (str,),
    (int, None),
    (str,),
    (int,),
    (int, None),
    (str,),
    (int,),
    (int, None),
)
"""Types of the fields of a `SyncedSocket`, in order."""


def _process(value: object) -> SyncedProcess:
    saved = _typed(value, dict)
    tags = _typed(saved["os_app_tags"], list, None)
    return SyncedProcess(
        os_app_tags=None
        if tags is None
        else tuple((_typed(key, str), _typed(text, str)) for key, text in tags),
        **{name: _typed(saved[name], *types) for name, types in _PROCESS_TYPES.items()},
    )


def _sockets(saved: object) -> Iterator[SyncedSocket]:
    """Thousands have the same few texts, which JSON has once for each: here they are shared."""
    shared: dict[str, Any] = {}
    for value in _taken(saved):
        typed = zip(_typed(value, list), _SOCKET_TYPES, strict=True)
        fields = [_typed(field, *types) for field, types in typed]
        yield SyncedSocket(
            *(shared.setdefault(one, one) if type(one) is str else one for one in fields)
        )


def _first_seen(value: object) -> tuple[SocketKey, int]:
    pid, ticks, fd, inode, seen_ns = _typed(value, list)
    numbers = (_typed(pid, int), _typed(ticks, int, None), _typed(fd, int), _typed(inode, int))
    return numbers, _typed(seen_ns, int)


def _taken(value: object) -> Iterator[object]:
    """The elements of a list, each removed when it is returned, so that its memory can be used for
    what is made of it. Raises: TypeError."""
    waiting = _typed(value, list)
    waiting.reverse()
    while waiting:
        yield waiting.pop()


def _typed(value: Any, *types: type | None) -> Any:
    """The value, if it is of exactly one of these types. Raises: TypeError."""
    if (None if value is None else type(value)) not in types:
        raise TypeError(f"unexpected {type(value).__name__}")
    return value

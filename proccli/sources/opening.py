"""The source that a command's options name."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, cast

from proccli.errors import Location, RecordingError, SourceError
from proccli.model.source import Source
from proccli.streams import GZIP_MAGIC, gzip_errors, gzip_problem, opened, rejoined, unpacked

if TYPE_CHECKING:
    from proccli.model.process import Field
    from proccli.sources.recording.sync_document import SyncOutput

_INSTEAD: Final = (
    "written by proccli record FILE, or proccli sync --once --out FILE;"
    " the output of ps has no sockets"
)
_OR_PS: Final = (
    "write one with proccli record FILE, or give the output of ps -ww -eo pid,ppid,user,comm,args"
)


class NamedSource(NamedTuple):
    """A source to read, and the network of its addresses."""

    path: str | None
    """A recording, a directory laid out like /proc, the output of `sync`, or `-` for a recording
    or output on stdin; None: the live machine."""
    network: str = ""

    @property
    def name(self) -> str:
        """The name shown in messages and results."""
        return "live" if self.path is None else "<stdin>" if self.path == "-" else self.path


def sources_of(named: Iterable[NamedSource]) -> tuple[NamedSource, ...]:
    """The sources that these stand for, each file once: it may be in a folder that is given, too.

    Stdin is left as often as it is given, which is an error elsewhere.
    """
    inside = [
        source._replace(path=path)
        for source in named
        for path in ((None,) if source.path is None else sources_in(source.path))
    ]
    found: dict[object, NamedSource] = {}
    for number, source in enumerate(inside):
        path = source.path
        file = number if path is None or path == "-" else os.path.realpath(path)
        found.setdefault((source.network, file), source)
    return tuple(found.values())


def sources_in(path: str) -> Sequence[str]:
    """The recordings in a folder, sorted, if it is not laid out like /proc; else the path itself.

    Folders inside it, and files whose names begin with a dot, are not read.
    """
    if not _is_directory(path):
        return (path,)
    try:
        names = sorted(os.listdir(path))  # noqa: PTH208 - pathlib takes long to load
    except OSError:
        return (path,)  # opening it reports why
    if any(name.isdecimal() and _is_directory(f"{path}/{name}") for name in names):
        return (path,)
    found = [
        os.path.join(path, name)  # noqa: PTH118 - pathlib takes long to load
        for name in names
        if name.endswith((".jsonl", ".jsonl.gz")) and not name.startswith(".")
    ]
    return found or (path,)


def open_source(spec: str | None, proc_root: str = "/proc", jobs: int | None = 1) -> Source:
    """The live machine (None), a directory laid out like /proc, a recording, or the output of ps
    (`-`: on stdin).

    `jobs`: how many workers read the live machine; None: as many as pay.

    Raises: SourceError; RecordingError.
    """
    # A run reads one kind of source: the others are not loaded.
    if spec is None:
        from proccli.sources.procfs.live import LiveSource

        return LiveSource(proc_root, jobs)
    if _is_directory(spec):
        from proccli.sources.procfs.directory import DirectorySource

        if sources_in(spec) != (spec,):
            raise SourceError(
                f"{spec} is a folder of recordings, and one source is needed",
                hint="give one of its files",
            )
        return DirectorySource(spec)
    from proccli.sources.recording.reader import parse_recording

    with opened(spec) as (given, name):
        file = given if isinstance(given, io.BufferedReader) else rejoined(b"", given)
        # A recording is an object a line, or gzip data; an empty file is a recording cut short.
        if file.peek(1)[:1] in (b"{", GZIP_MAGIC[:1], b""):
            return parse_recording(file, name)
        return _other_text(file, name)


def read_ahead(proc_root: str, jobs: int | None, fields: frozenset[Field]) -> Source | None:
    """The live machine, of which workers begin to read these fields of all processes and the
    sockets in them; None where workers don't pay, or it can't be read: `open_source` reports why.
    """
    from proccli.sources.procfs.live import LiveSource

    try:
        source = LiveSource(proc_root, jobs)
        return source if source.read_ahead(fields) else None
    except SourceError:
        return None


def _other_text(file: BinaryIO, name: str) -> Source:
    """The source in a text that does not begin as a recording does.

    Raises: RecordingError.
    """
    from proccli.sources.ps_output import MAX_PS_BYTES, looks_like_ps, parse_ps

    content = file.read(MAX_PS_BYTES + 1)
    if looks_like_ps(content):
        return parse_ps(content, name, _modified_ns(name))
    from proccli.sources.recording.reader import parse_recording

    return parse_recording(rejoined(content, file), name, instead=_OR_PS)


def _modified_ns(name: str) -> int:
    """When a file was written; now, for what is no file."""
    try:
        return os.stat(name).st_mtime_ns  # noqa: PTH116 - pathlib takes long to load
    except OSError:
        return time.time_ns()


def _read(file: BinaryIO, at_least: int) -> bytes:
    """So many bytes or some more; all, if there are fewer.

    In pieces: asked for 64 MiB, Python first makes room for them, which takes longer than to unpack
    a document.
    """
    pieces: list[bytes] = []
    size = 0
    while size < at_least and (piece := file.read(_PIECE)):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


_PIECE: Final = 1 << 16


def _is_directory(spec: str) -> bool:
    """Whether it is a directory; False also where stat fails: opening it then reports why."""
    return spec != "-" and os.path.isdir(spec)  # noqa: PTH112 - pathlib takes long to load


def open_source_or_output(spec: str) -> Source | SyncOutput:
    """The same for a path, which may also be the output of `proccli sync`.

    Raises: SourceError; RecordingError.
    """
    if _is_directory(spec):
        from proccli.sources.procfs.directory import DirectorySource

        return DirectorySource(spec)
    from proccli.sources.recording.reader import parse_recording
    from proccli.sources.recording.sync_document import (
        MAX_SYNC_BYTES,
        ONE_DOCUMENT,
        is_sync_output,
        parse_sync_output,
    )

    with opened(spec) as (file, name):
        start = Location(name, 1, 1)
        text = io.BufferedReader(cast("io.RawIOBase", unpacked(file)))
        try:
            if not is_sync_output(text.peek()):
                return parse_recording(cast("BinaryIO", text), name, instead=_INSTEAD)
            content = _read(text, MAX_SYNC_BYTES + 1)
        except gzip_errors() as error:
            raise RecordingError(gzip_problem(error), start) from error
    if len(content) > MAX_SYNC_BYTES:
        problem = f"more than {MAX_SYNC_BYTES >> 20} MiB of sync output"
        raise RecordingError(problem, start, hint=ONE_DOCUMENT)
    return parse_sync_output(content, name)

"""The store of a command: the one of --store, or a temporary one with the documents of files."""

from __future__ import annotations

import gc
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import partial
from typing import Final, NamedTuple

from proccli.commands.inputs import InputOptions, open_inputs, read_config_once
from proccli.errors import NoSourceRead, SourceError, StoreError, UsageError
from proccli.model.note import Note
from proccli.model.process import MAX_U32
from proccli.sources.opening import NamedSource
from proccli.store.address import StoreAddress, parse_address, read_password
from proccli.store.current import DAY_S, Moment, newest_s
from proccli.store.documents import (
    documents_in,
    files_of,
    is_recording,
    read_documents,
    refused,
)
from proccli.store.engine import Engine, open_engine
from proccli.store.load import Loaded, load
from proccli.store.loadable import Document, Refused
from proccli.store.questions import confused_hosts, hosts_ahead, silent_hosts
from proccli.store.schema import create_tables, require_tables

_UNIT_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": DAY_S, "w": 7 * DAY_S}
_AHEAD_S: Final = 3_600
"""A document that is later than now by more than this is of a host whose clock is wrong."""
_DURATION: Final = re.compile(r"(\d{1,9})([smhdw])")


class StoreRequest(NamedTuple):
    """Which documents to ask: those of a store, or those of files."""

    store: str | None
    """A DSN; None: the files."""
    password_file: str | None
    sources: Sequence[tuple[str, str]] = ()
    """Network and path of each file or directory."""
    of_recordings: InputOptions | None = None
    """The configuration with which recordings are evaluated; None: they are refused."""


class StoredDocuments(NamedTuple):
    """The documents of a store at one moment."""

    request: StoreRequest
    at_s: int | None
    """None: the time of the newest document."""
    max_age_s: int | None
    """How old a document may be; None: a day."""


class OpenStore(NamedTuple):
    """A store that can be asked."""

    engine: Engine
    database: str
    name: str | None
    """As it was given; None: the documents of files."""
    loaded: Loaded | None
    """What was read from files."""

    def refusals(self) -> tuple[Note, ...]:
        """Warnings about files that can't be used."""
        refused = self.loaded.refused if self.loaded else ()
        return tuple(
            Note.of("document-refused", place=one.source, problem=one.problem) for one in refused
        )


@contextmanager
def opened_store(
    request: StoreRequest,
    progress: Callable[[int, int], None] = lambda _, __: None,
    *,
    ends: bool = True,
) -> Iterator[OpenStore]:
    """The store of a request. `ends`: whether the question is about ends of connections.

    Raises: UsageError, StoreError, StateLocked.
    """
    if request.store is not None:
        if request.sources:
            raise UsageError("--store and SOURCE are two sets of documents: give one of them")
        address = parse_address(request.store)
        with open_engine(address, read_password(request.password_file)) as engine:
            require_tables(engine, address.database)
            yield OpenStore(engine, address.database, address.text, None)
        return
    if not request.sources:
        raise UsageError("give --store, or files with the output of proccli sync")
    folder = tempfile.mkdtemp(prefix="proccli-")
    try:
        address = StoreAddress(text="the embedded engine", directory=folder)
        with open_engine(address, "", create=True) as engine:
            create_tables(engine, address.database)
            loaded = load_files(engine, address.database, request, progress, ends=ends)
            yield OpenStore(engine, address.database, None, loaded)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def store_to_load(request: StoreRequest) -> Iterator[OpenStore]:
    """A store to write to, created if needed. Raises: UsageError, StoreError, StateLocked."""
    assert request.store is not None  # noqa: S101 - a required option
    address = parse_address(request.store)
    with open_engine(address, read_password(request.password_file), create=True) as engine:
        create_tables(engine, address.database)
        yield OpenStore(engine, address.database, address.text, None)


def load_files(
    engine: Engine,
    database: str,
    request: StoreRequest,
    progress: Callable[[int, int], None],
    *,
    ends: bool = True,
) -> Loaded:
    """Load the documents of all files. Raises: StoreError; ConfigError for recordings."""
    files = [(network, path) for network, given in request.sources for path in files_of([given])]
    options = request.of_recordings and read_config_once(request.of_recordings)
    # The values of documents have no cycles, and there are millions of them.
    gc.disable()
    try:
        return load(engine, database, _documents(files, options, progress), ends=ends)
    finally:
        gc.enable()


def _documents(
    files: Sequence[tuple[str, str]],
    options: InputOptions | None,
    progress: Callable[[int, int], None],
) -> Iterator[Document | Refused]:
    with _reader(files, options) as read:
        for done, (network, path) in enumerate(files, start=1):
            yield from read(path, network)
            progress(done, len(files))


@contextmanager
def _reader(
    files: Sequence[tuple[str, str]], options: InputOptions | None
) -> Iterator[Callable[[str, str], Iterable[Document | Refused]]]:
    """A function that returns the documents in the file of a path and a network, asked in their
    order; with options, a recording gives what `sync` would print for it."""
    if options is None:
        yield read_documents
        return
    from proccli.commands.hosts.parallel import parallel_reader

    recordings = [NamedSource(path, network) for network, path in files if is_recording(path)]
    known = frozenset(recordings)
    evaluate = partial(_sync_line, options._replace(announce=None))
    with parallel_reader(recordings, evaluate, here=evaluate) as next_line:

        def read(path: str, network: str) -> Iterable[Document | Refused]:
            source = NamedSource(path, network)
            if source not in known:
                return read_documents(path, network)
            try:
                return documents_in(next_line(source), path, network)
            except SourceError as error:
                return (refused(error, path),)

        yield read


def _sync_line(options: InputOptions, source: NamedSource) -> bytes:
    """What `sync` would print for a recording. Raises: ConfigError, SourceError."""
    from proccli.commands.samples import NO_WAIT
    from proccli.commands.sync.json import sync_line
    from proccli.commands.sync.sync import sync

    inputs = open_inputs(options._replace(snapshot=source.path))
    return b"".join(sync_line(sync(inputs, None, NO_WAIT, remembering=False)))


def moment_of(opened: OpenStore, at_s: int | None = None, max_age_s: int | None = None) -> Moment:
    """The moment to ask about: by default that of the newest document.

    One clock that is ahead must not make all other hosts silent, or `prune` drop their documents.
    `max_age_s`: how old a document may be; None: a day in a store, any age in files.
    Raises: StoreError if there is no document; NoSourceRead if all files are refused.
    """
    newest = newest_s(opened.engine, opened.database)
    if newest is None and opened.loaded is not None and opened.loaded.refused:
        raise NoSourceRead(
            [SourceError(f"{one.source}: {one.problem}") for one in opened.loaded.refused]
        )
    if newest is None:
        raise StoreError("there are no documents", hint="proccli fleet load adds some")
    end = newest if at_s is None else at_s
    if at_s is None and newest > (latest := _latest_s()):
        # If all are ahead, the clock of this machine is behind.
        end = newest_s(opened.engine, opened.database, latest) or newest
    if max_age_s is None:
        max_age_s = end if opened.name is None else DAY_S
    return Moment(opened.database, end, max(end - max_age_s, 0), is_newest=end >= newest)


def _latest_s() -> int:
    return min(int(time.time()) + _AHEAD_S, MAX_U32)


def host_notes(opened: OpenStore, moment: Moment) -> Iterator[Note]:
    """Warnings about hosts that don't count, and hosts that are several machines."""
    yield from opened.refusals()
    count, example = silent_hosts(opened.engine, moment)
    if count:
        yield Note.of("hosts-silent", hosts=count, host=example, since_s=moment.from_s)
    if moment.at_s <= (latest := _latest_s()):
        count, example = hosts_ahead(opened.engine, moment, latest)
        if count:
            yield Note.of("hosts-ahead", hosts=count, host=example)
    for _, host in confused_hosts(opened.engine, moment):
        yield Note.of("host-confused", host=host)


def parse_duration(text: str) -> int:
    """Seconds of `30d`, `12h`, `15m`, `90s` or `2w`. Raises: ValueError."""
    found = _DURATION.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is not a duration such as 30d, 12h or 15m")
    return int(found[1]) * _UNIT_S[found[2]]


def parse_time(text: str) -> int:
    """Seconds since the epoch of `2026-01-02T03:04:05Z` or `2026-01-02`. Raises: ValueError."""
    for form in ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"):
        try:
            moment = datetime.strptime(text, form).replace(tzinfo=timezone.utc)
        except ValueError:
            continue
        return int(moment.timestamp())
    raise ValueError(f"{text!r} is not a time such as 2026-01-02T03:04:05Z or 2026-01-02")


def split_network(text: str, network: str) -> tuple[str, str]:
    """Network and path of `NETWORK=PATH`; if a file has this whole name, it is the path."""
    name, equals, path = text.partition("=")
    plain = re.fullmatch(r"[A-Za-z0-9_.-]+", name)
    if not equals or not plain or os.path.lexists(text):
        return network, text
    return name, path

"""Loading documents into a store: safe to repeat, and to interrupt at any moment."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from proccli.errors import StoreError
from proccli.store.engine import Engine
from proccli.store.loadable import Document, Refused
from proccli.store.schema import STAGING, create_staging, from_staging
from proccli.store.text import quoted

_BATCH_BYTES: Final = 64 << 20
_BATCH_DAYS: Final = 50
"""An insert of ClickHouse may be into 100 partitions at most; a partition is a day."""
_ABANDONED_S: Final = 24 * 3600
"""A staging table of this age belongs to a load that was killed."""


@dataclass(slots=True)
class Loaded:
    """What a load has done so far."""

    documents: int = 0
    processes: int = 0
    sockets: int = 0
    known: int = 0
    """Documents that were in the store already."""
    hosts: set[tuple[str, str]] = field(default_factory=set)
    """Network and name."""
    refused: list[Refused] = field(default_factory=list)


def load(
    engine: Engine,
    database: str,
    documents: Iterable[Document | Refused],
    progress: Callable[[], None] = lambda: None,
    *,
    ends: bool = True,
) -> Loaded:
    """Load all documents. Those counted in the result are in the store, whatever happens next.

    `progress` is called after each document is read. `ends`: also the ends of connections, which
    takes most of the engine's time. Raises: StoreError.
    """
    result = Loaded()
    _drop_abandoned(engine, database)
    for batch in _batches(documents, result, progress):
        new = _new_documents(engine, database, batch, result)
        if new:
            _insert(engine, database, new, ends=ends)
        for document in new:
            result.documents += 1
            result.processes += document.processes
            result.sockets += document.sockets
            result.hosts.add((document.network, document.host))
    return result


def _batches(
    documents: Iterable[Document | Refused], result: Loaded, progress: Callable[[], None]
) -> Iterator[list[Document]]:
    batch: list[Document] = []
    size, days = 0, set[int]()
    for document in documents:
        progress()
        if isinstance(document, Refused):
            result.refused.append(document)
            continue
        batch.append(document)
        size += len(document.row)
        days.add(document.taken_at_s // 86_400)
        if size >= _BATCH_BYTES or len(days) >= _BATCH_DAYS:
            yield batch
            batch, size = [], 0
            days.clear()
    if batch:
        yield batch


def _new_documents(
    engine: Engine, database: str, batch: list[Document], result: Loaded
) -> list[Document]:
    """Those that are not in the store. Another document of the same host and time is refused."""
    first = min(document.taken_at_s for document in batch)
    last = max(document.taken_at_s for document in batch)
    found = engine.rows(
        "SELECT network, host, toUInt32(taken_at), toString(document), source"
        f" FROM {database}.hosts WHERE taken_at >= toDateTime({first})"
        f" AND taken_at <= toDateTime({last})"
    )
    known = {
        (network, host, int(taken_at)): (int(content), source)
        for network, host, taken_at, content, source in found
    }
    new = []
    for document in batch:
        content, source = known.setdefault(document.key, (document.content, ""))
        if content != document.content:
            where = source or "this load"
            problem = f"another document of {document.host} at the same time is in {where}"
            result.refused.append(Refused(document.source, problem))
        elif source:
            result.known += 1
        else:
            known[document.key] = (content, document.source)
            new.append(document)
    return new


def _insert(engine: Engine, database: str, documents: list[Document], *, ends: bool) -> None:
    name = f"{STAGING}{int(time.time())}_{secrets.token_hex(4)}"
    engine.run(create_staging(database, name))
    try:
        engine.insert(
            f"{database}.{name}", b"".join(document.row for document in documents), "RowBinary"
        )
        for statement in from_staging(database, name, ends=ends):
            engine.run(statement)
    finally:
        with suppress(StoreError):
            engine.run(f"DROP TABLE IF EXISTS {database}.{name}")


def _drop_abandoned(engine: Engine, database: str) -> None:
    found = engine.rows(
        f"SELECT name FROM system.tables WHERE database = {quoted(database)}"
        f" AND name LIKE '{STAGING}%'"
    )
    for (name,) in found:
        made = name.removeprefix(STAGING).partition("_")[0]
        if made.isdigit() and int(made) < time.time() - _ABANDONED_S:
            engine.run(f"DROP TABLE IF EXISTS {database}.{name}")

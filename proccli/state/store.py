"""The SQLite file of a state: read whole, replaced in one transaction, moved aside if damaged."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from proccli.errors import StateError, StateLocked
from proccli.model.config import Notice
from proccli.state.memory import Memory
from proccli.state.place import ELSEWHERE, own_file
from proccli.state.tables import (
    APPLICATION_ID,
    KEYS,
    SCHEMA,
    VERSION,
    Malformed,
    Row,
    memory_of,
    rows_of,
)
from proccli.textsafe import visible

if TYPE_CHECKING:
    import sqlite3

_SIDECARS = ("-journal", "-wal", "-shm")
_ROLLBACK_JOURNAL = b"\1\1"
_KEPT_ASIDE = 9
_CIRCUMSTANCES = (
    "unable to open database file",
    "attempt to write a readonly database",
    "disk I/O error",
    "database or disk is full",
    "out of memory",
    "large file support is disabled",
)
"""SQLite's words for what is not the file's fault; Python 3.10 has no error codes."""
_BUSY_S = 5.0


class Store:
    """The state in one file. Whoever uses it holds the state's lock."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> tuple[Memory | None, tuple[Notice, ...]]:
        """What the last run left, None where there is nothing; and what to say about it.

        A file that is damaged, or of another version, is moved aside, and counts as nothing.

        Raises: StateError if it can't be read or written at all; StateLocked.
        """
        if not self._ours() or not self._path.stat().st_size:
            return None, ()
        try:
            with self._connected() as connection:
                return (None if _is_empty(connection) else memory_of(_read(connection))), ()
        except Malformed as finding:
            return None, (self._move_aside(str(finding)),)

    def save(self, memory: Memory) -> tuple[Notice, ...]:
        """Make this what the next run finds: all of it, or, whatever happens, none of it.

        Raises: StateError; StateLocked.
        """
        told: tuple[Notice, ...] = ()
        try:
            self._write(memory)
        except Malformed as finding:
            # Somebody has damaged it since it was loaded.
            told = (self._move_aside(str(finding)),)
            try:
                self._write(memory)
            except Malformed as again:
                raise self._error(str(again)) from again
        return told

    def _write(self, memory: Memory) -> None:
        if not self._ours():
            try:
                os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
            except OSError as error:
                raise self._error(error.strerror or str(error)) from error
        with self._connected() as connection:
            empty = _is_empty(connection)  # a transaction begins with a page of its own
            connection.execute("BEGIN IMMEDIATE")
            if empty:
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {VERSION}")
                for statement in SCHEMA.values():
                    connection.execute(statement)
            _replace(connection, _read(connection), rows_of(memory))
            connection.execute("COMMIT")

    def _ours(self) -> bool:
        """Whether the file is there. Raises: StateError if it, or a sidecar, is somebody's."""
        for suffix in _SIDECARS:
            own_file(self._path.with_name(self._path.name + suffix))
        return own_file(self._path)

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """The file, opened. Raises: Malformed; StateError; StateLocked."""
        try:
            import sqlite3
        except ImportError as error:
            raise StateError("this Python has no sqlite3 module", hint="--no-state") from error

        try:
            with closing(
                sqlite3.connect(
                    f"file:{quote(os.fsencode(self._path))}?mode=rw",
                    uri=True,
                    timeout=_BUSY_S,
                    isolation_level=None,
                )
            ) as connection:
                connection.text_factory = bytes
                connection.execute("PRAGMA trusted_schema = OFF")
                # The first look at the file rolls back what a killed run had begun to write.
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
                self._check_header()
                yield connection
        except sqlite3.Error as error:
            # A full disk, missing rights, another program's lock: the file itself may be sound.
            if "database is locked" in str(error):
                problem = f"another program holds {visible(str(self._path))} open"
                raise StateLocked(problem, hint="close it, and run again") from error
            if any(circumstance in str(error) for circumstance in _CIRCUMSTANCES):
                raise self._error(str(error)) from error
            raise Malformed(str(error)) from error
        except UnicodeDecodeError as error:
            # The names of columns, which the module decodes on its own.
            raise Malformed(str(error)) from error

    def _check_header(self) -> None:
        """A file that SQLite takes for read-only, or for one with a WAL, is none of ours.

        Source: the SQLite file format, the database header.
        """
        try:
            with self._path.open("rb") as file:
                header = file.read(100)
        except OSError as error:
            raise self._error(error.strerror or str(error)) from error
        if header and header[18:20] != _ROLLBACK_JOURNAL:
            raise Malformed("its header is not as we write it")

    def _move_aside(self, why: str) -> Notice:
        """Rename the file, and what SQLite keeps beside it, which must not meet a new one."""
        for number in range(1, _KEPT_ASIDE + 1):
            suffix = ".damaged" if number == 1 else f".damaged-{number}"
            aside = self._path.with_name(self._path.name + suffix)
            if not os.path.lexists(aside):
                break
        try:
            for sidecar in (*_SIDECARS, ""):
                found = self._path.with_name(self._path.name + sidecar)
                if os.path.lexists(found):
                    found.replace(aside.with_name(aside.name + sidecar))
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise self._error(error.strerror or str(error)) from error
        message = (
            f"the state {visible(str(self._path))} can't be used ({visible(why)}): it is now"
            f" {visible(str(aside))}, and this run starts a new one"
        )
        return Notice(code="state-damaged", message=message)

    def _error(self, why: str) -> StateError:
        return StateError(f"the state {visible(str(self._path))}: {visible(why)}", hint=ELSEWHERE)


def _is_empty(connection: sqlite3.Connection) -> bool:
    """Whether nothing was ever committed: a run was killed before it had got so far."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    return not pages


def _read(connection: sqlite3.Connection) -> Mapping[str, set[Row]]:
    """The rows of every table. Raises: Malformed if it is not a sound file of this version."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise Malformed("it is not a state of proccli")
    if version != VERSION:
        raise Malformed(f"it is of version {version}, and this proccli keeps version {VERSION}")
    found = {
        bytes(name): bytes(sql)
        for name, sql in connection.execute("SELECT name, sql FROM sqlite_master")
        if isinstance(name, bytes) and isinstance(sql, bytes)
    }
    if found != {name.encode(): sql.encode() for name, sql in SCHEMA.items()}:
        raise Malformed("its tables are not as we make them")
    checked = connection.execute("PRAGMA quick_check(1)").fetchone()
    if checked != (b"ok",):
        raise Malformed("SQLite finds it damaged")
    # The names are those of our own table of tables.
    return {
        name: set(connection.execute(f"SELECT * FROM {name}"))  # noqa: S608
        for name in SCHEMA
    }


def _replace(
    connection: sqlite3.Connection,
    before: Mapping[str, set[Row]],
    after: Mapping[str, set[Row]],
) -> None:
    """Write what differs: most of it is as it was, and the disk need not hear of it."""
    for name, keys in KEYS.items():
        old = {tuple(_plain(value) for value in row) for row in before[name]}
        where = " AND ".join(f"{key} = ?" for key in keys)
        connection.executemany(
            f"DELETE FROM {name} WHERE {where}",  # noqa: S608
            [row[: len(keys)] for row in old - after[name]],
        )
        new = list(after[name] - old)
        if new:
            places = ", ".join("?" * len(new[0]))
            connection.executemany(f"INSERT INTO {name} VALUES ({places})", new)  # noqa: S608


def _plain(value: object) -> object:
    return value.decode(errors="surrogateescape") if isinstance(value, bytes) else value

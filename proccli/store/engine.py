"""Running SQL on the embedded engine or on a ClickHouse server, in the same way."""

from __future__ import annotations

import json
import logging
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeAlias, cast

from proccli.errors import ProccliError, StateLocked, StoreError
from proccli.store.address import StoreAddress
from proccli.store.child import DATA_FILE, Answer, Request, socket_pair

INSTALL: Final = "install proccli with the extra fleet"
_LONGEST: Final = 300
"""Characters of an engine's message that are shown."""
_NAME: Final = re.compile(r" \([A-Z_]+\)\Z")
_SENTENCE: Final = re.compile(
    r"DB::Exception: (.*?)(?:\(version [^)]*\)|, Stack trace|, e\.what|$)", re.DOTALL
)


Form: TypeAlias = Literal["JSONEachRow", "RowBinary"]

GIVEN: Final = "given_rows"
"""The name, in a query, of the table that is sent along with it. No right to write is needed."""


class Given(NamedTuple):
    """A table that is sent along with a query."""

    structure: str
    """Names and types of its columns."""
    rows: bytes
    """In RowBinary."""


class Engine(Protocol):
    """Runs SQL. All methods raise StoreError."""

    def run(self, sql: str) -> None:
        """Run a statement without a result."""

    def insert(self, table: str, rows: bytes, form: Form) -> None:
        """Insert rows in this format."""

    def rows(self, sql: str) -> list[list[Any]]:
        """The rows of a query; 64-bit integers may be text."""

    def packed(self, sql: str, given: Given | None = None) -> bytes:
        """The rows of a query in RowBinary: numbers are little-endian, without padding.

        `given`: the table `GIVEN` of the query.
        """


@contextmanager
def open_engine(address: StoreAddress, password: str, *, create: bool = False) -> Iterator[Engine]:
    """The engine of a store. `create`: make the directory if there is none.

    Raises: StoreError; StateLocked if another process uses the directory.
    """
    if address.directory is None:
        server = _Server(address, password)
        try:
            yield server
        finally:
            server.close()
        return
    embedded = _Embedded(address.directory, address.text, create=create)
    try:
        yield embedded
    except BaseException:
        embedded.kill()
        raise
    finally:
        embedded.close()


class _Embedded:
    """The engine in a child process."""

    def __init__(self, directory: str, name: str, *, create: bool) -> None:
        self._name = name
        self._pipe, theirs = socket_pair()
        # Not `-m`: the current directory must not be a place for modules.
        path = [str(Path(entry).absolute()) for entry in sys.path]
        code = (
            f"import sys; sys.path[:] = {path!r}; from proccli.store.child import main;"
            f" main({theirs.fileno()}, {directory!r}, {create!r})"
        )
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-c", code],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # Ctrl-C is for the parent, which ends the child
            )
        try:
            self._answer()
        except BaseException:
            self.kill()
            self.close()
            raise

    def run(self, sql: str) -> None:
        self._ask(Request(sql))

    def insert(self, table: str, rows: bytes, form: Form) -> None:
        sql = f"INSERT INTO {table} FROM INFILE {DATA_FILE} FORMAT {form}"
        self._ask(Request(sql, data=rows))

    def rows(self, sql: str) -> list[list[Any]]:
        return _data(self._ask(Request(sql, "JSONCompact")))

    def packed(self, sql: str, given: Given | None = None) -> bytes:
        if given is None:
            return self._ask(Request(sql, "RowBinary"))
        # This engine does not accept a table with a query, but it can read files.
        file = f"file({DATA_FILE}, 'RowBinary', '{given.structure}')"
        return self._ask(Request(sql.replace(GIVEN, file), "RowBinary", given.rows))

    def _ask(self, request: Request) -> bytes:
        try:
            self._pipe.send(request)
        except OSError:
            raise self._ended() from None
        return self._answer()

    def _answer(self) -> bytes:
        try:
            answer: Answer = self._pipe.recv()
        except (EOFError, OSError):
            raise self._ended() from None
        if answer.kind == "ok":
            return cast("bytes", answer.value)
        raise self._refused(answer)

    def _refused(self, answer: Answer) -> ProccliError:
        if answer.kind == "missing":
            return missing_extra()
        if answer.kind == "locked":
            who = f" (pid {answer.value})" if answer.value else ""
            return StateLocked(
                f"another proccli{who} is using {self._name}",
                hint="one process at a time can use an embedded store; try again when it has ended",
            )
        if answer.kind == "directory":
            return StoreError(
                f"can't use {self._name}: {answer.value}",
                hint="proccli fleet load creates a store in a new or empty directory",
            )
        return StoreError(f"{self._name}: {engine_message(answer.value)}")

    def _ended(self) -> StoreError:
        try:
            code = self._process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
            code = self._process.wait()
        if code < 0:
            name = signal.Signals(-code).name if -code in signal.valid_signals() else str(-code)
            how = f"by signal {name}"
        else:
            how = f"with exit code {code}"
        hint = "not enough memory?" if code == -signal.SIGKILL else None
        return StoreError(f"{self._name}: the database engine ended {how}", hint=hint)

    def kill(self) -> None:
        """End the process at once, also in the middle of a query."""
        self._process.kill()

    def close(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.wait()


class _Server:
    """A ClickHouse server."""

    def __init__(self, address: StoreAddress, password: str) -> None:
        try:
            import clickhouse_connect
        except ImportError:
            raise missing_extra() from None
        from clickhouse_connect.driver.exceptions import Error

        # Its messages would be printed to stderr, next to our own error.
        logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())
        self._name = address.text
        self._errors = (Error, OSError)
        self._client: Any = None
        try:
            self._client = clickhouse_connect.get_client(
                host=address.host,
                port=address.port,
                username=address.user,
                password=password,
                database="default",
                interface="https" if address.secure else "http",
                verify=address.verify,
                ca_cert=address.ca_cert,
                # A session would be bound to one server behind a load balancer.
                autogenerate_session_id=False,
                query_retries=0,
            )
        except self._errors as error:
            raise self._failed(error, password) from None

    def run(self, sql: str) -> None:
        self._call("command", sql)

    def insert(self, table: str, rows: bytes, form: Form) -> None:
        self._call("raw_insert", table, insert_block=rows, fmt=form)

    def rows(self, sql: str) -> list[list[Any]]:
        return _data(self._call("raw_query", sql, fmt="JSONCompact"))

    def packed(self, sql: str, given: Given | None = None) -> bytes:
        sent = None
        if given is not None:
            from clickhouse_connect.driver.external import ExternalData

            sent = ExternalData(
                file_name=GIVEN, data=given.rows, fmt="RowBinary", structure=given.structure
            )
        answer = self._call("raw_query", sql, fmt="RowBinary", external_data=sent)
        return cast("bytes", answer)

    def _call(self, method: str, first: str, **others: Any) -> Any:
        try:
            return getattr(self._client, method)(first, **others)
        except self._errors as error:
            raise self._failed(error) from None

    def _failed(self, error: Exception, password: str = "") -> StoreError:
        message = _system_error(error) or engine_message(str(error))
        if password:
            message = message.replace(password, "***")
        return StoreError(f"{self._name}: {message}")

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()


def _data(answer: bytes) -> list[list[Any]]:
    if not answer:
        return []
    return cast("list[list[Any]]", json.loads(answer)["data"])


def _system_error(error: BaseException) -> str | None:
    """What the system says, such as `Connection refused`, if that is the cause of an error."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return f"can't connect: {cause.strerror}"
        cause = cause.__cause__
    return None


def missing_extra() -> StoreError:
    """The error where the libraries are not installed."""
    return StoreError("a store requires clickhouse-connect, chDB and msgspec", hint=INSTALL)


def engine_message(text: str) -> str:
    """What an engine says about an error, on one line, without versions and stack traces."""
    found = _SENTENCE.search(text)
    message = " ".join((found.group(1) if found else text).split())
    if len(message) <= _LONGEST:
        return message
    name = _NAME.search(message)
    return f"{message[:_LONGEST]}…{name.group() if name else ''}"

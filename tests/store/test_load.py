"""Loading: repeated, interrupted, contradicting."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from proccli.errors import StoreError
from proccli.store.address import parse_address
from proccli.store.engine import Engine, Form, Given, open_engine
from proccli.store.load import load
from proccli.store.loadable import Document, Refused
from proccli.store.schema import STAGING, create_tables, from_staging, require_tables
from tests.paths import ROOT
from tests.store.documents import NOW_S, Link, document, loadable, process

NewStore = Callable[[], str]
LINK = Link("tcp", "client", 7, ("10.0.0.1", 4000), ("10.0.0.2", 80))


def staged(*documents: Mapping[str, Any], network: str = "") -> list[Document | Refused]:
    return [loadable(one, network, f"x:{number}") for number, one in enumerate(documents, start=1)]


def counts(engine: Engine, database: str) -> list[int]:
    return [
        int(engine.rows(f"SELECT count() FROM {database}.{table}")[0][0])
        for table in ("hosts", "processes", "ends")
    ]


def web(at_s: int = NOW_S, name: str = "app") -> dict[str, Any]:
    return document("web-1", [process(7, name), process(8, "db")], [LINK], at_s=at_s)


def test_documents_are_loaded_once(engine: Engine, new_store: NewStore) -> None:
    store = new_store()

    first = load(engine, store, staged(web(), web(NOW_S + 60)))
    again = load(engine, store, staged(web(), web(NOW_S + 60), web(NOW_S + 120), web()))

    assert (first.documents, first.processes, first.sockets, first.known) == (2, 4, 2, 0)
    assert (again.documents, again.known, again.refused) == (1, 3, [])
    assert counts(engine, store)[:2] == [3, 6]


def test_ends_keep_their_first_and_last_sighting(engine: Engine, new_store: NewStore) -> None:
    store = new_store()
    for at_s in (NOW_S + 60, NOW_S, NOW_S + 600):
        load(engine, store, staged(web(at_s)))

    seen = engine.rows(
        "SELECT toUInt32(minMerge(first_seen)), toUInt32(maxMerge(last_seen)), gprocess"
        f" FROM {store}.ends GROUP BY gprocess"
    )

    assert seen == [[NOW_S, NOW_S + 600, "app"]]


def test_another_document_of_the_same_time_is_refused(engine: Engine, new_store: NewStore) -> None:
    store = new_store()
    load(engine, store, staged(web()))

    result = load(engine, store, staged(web(name="other"), web(NOW_S + 1)))

    assert result.documents == 1
    assert [one.source for one in result.refused] == ["x:1"]
    assert "another document of web-1 at the same time is in x:1" in result.refused[0].problem


def test_networks_keep_equal_names_apart(engine: Engine, new_store: NewStore) -> None:
    store = new_store()

    result = load(engine, store, [*staged(web(), network="blue"), *staged(web(), network="green")])

    assert (result.documents, len(result.hosts)) == (2, 2)


def test_documents_of_many_days(engine: Engine, new_store: NewStore) -> None:
    """An insert may be into 100 partitions at most."""
    store = new_store()
    days = [web(NOW_S - day * 86_400) for day in range(120)]

    assert load(engine, store, staged(*days)).documents == 120


@pytest.mark.parametrize("done", [0, 1, 2])
def test_what_was_interrupted_is_loaded_whole_the_next_time(
    done: int, engine: Engine, new_store: NewStore
) -> None:
    """Between any two statements."""
    store = new_store()

    with pytest.raises(StoreError):
        load(_Broken(engine, store, done), store, staged(web()))
    assert counts(engine, store)[0] == 0
    result = load(engine, store, staged(web()))

    assert result.documents == 1
    distinct = engine.rows(f"SELECT DISTINCT pid, gprocess FROM {store}.processes ORDER BY pid")
    assert distinct == [[7, "app"], [8, "db"]]
    assert engine.rows(f"SELECT pid FROM {store}.ends GROUP BY pid") == [[7]]


class _Broken:
    """An engine that fails after some of the statements of a load."""

    def __init__(self, engine: Engine, store: str, statements: int) -> None:
        self._engine, self._left = engine, statements
        self._inserts = len(list(from_staging(store, "x")))

    def run(self, sql: str) -> None:
        if sql.startswith("INSERT"):
            if self._left == 0:
                raise StoreError("gone")
            self._left -= 1
        self._engine.run(sql)

    def insert(self, table: str, rows: bytes, form: Form) -> None:
        self._engine.insert(table, rows, form)

    def rows(self, sql: str) -> list[list[Any]]:
        return self._engine.rows(sql)

    def packed(self, sql: str, given: Given | None = None) -> bytes:
        return self._engine.packed(sql, given)


def test_tables_of_a_killed_load_are_removed(engine: Engine, new_store: NewStore) -> None:
    store = new_store()
    for name in (f"{STAGING}1700000000_0a", f"{STAGING}99999999999_0b"):
        engine.run(f"CREATE TABLE {store}.{name} (x UInt8) ENGINE = Memory")

    load(engine, store, [])

    left = engine.rows(
        f"SELECT name FROM system.tables WHERE database = '{store}' AND name LIKE '{STAGING}%'"
    )
    assert left == [[f"{STAGING}99999999999_0b"]]


def test_refused_documents_are_reported(engine: Engine, new_store: NewStore) -> None:
    refused = Refused("x", "broken")

    result = load(engine, new_store(), [refused, *staged(web())])

    assert (result.documents, result.refused) == (1, [refused])


def test_a_store_of_another_version_is_refused(engine: Engine, new_store: NewStore) -> None:
    store = new_store()
    engine.run(f"CREATE TABLE {store}.proccli_schema_999 (x UInt8) ENGINE = Log")

    with pytest.raises(StoreError, match="another version"):
        create_tables(engine, store)
    with pytest.raises(StoreError, match="no tables of proccli fleet"):
        require_tables(engine, "system")


_LOAD_FOREVER = """
import sys
from tests.store.documents import document, loadable, process
from proccli.store.load import load
from proccli.store.address import parse_address
from proccli.store.engine import open_engine
from proccli.store.schema import create_tables

with open_engine(parse_address(sys.argv[1]), "", create=True) as engine:
    create_tables(engine, "proccli")
    start = int(sys.argv[2])
    for number in range(start, start + 10_000):
        processes = [process(pid, f"app-{number}") for pid in range(1, 200)]
        made = loadable(document(f"h{number}", processes), "", "x")
        assert load(engine, "proccli", [made]).documents == 1
        print(number, flush=True)
"""


def test_a_kill_loses_nothing_that_was_reported(tmp_path: Path) -> None:
    """At several moments of a load; engine and all."""
    store = f"chdb://{tmp_path}/store"
    reported: set[str] = set()
    for round_ in range(2):
        with subprocess.Popen(
            [sys.executable, "-c", _LOAD_FOREVER, store, str(round_ * 10_000)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        ) as running:
            assert running.stdout is not None
            for _ in range(4 + 3 * round_):
                reported.add(f"h{running.stdout.readline().strip()}")
            children = _children(running.pid)
            for pid in (*children, running.pid):
                os.kill(pid, signal.SIGKILL)
            reported |= {f"h{line.strip()}" for line in running.stdout}

    with open_engine(parse_address(store), "") as engine:
        found = engine.rows(
            "SELECT host, uniqExact(pid) FROM proccli.processes"
            " WHERE (network, host, taken_at)"
            " IN (SELECT network, host, taken_at FROM proccli.hosts)"
            " GROUP BY host"
        )

    assert len(reported) >= 2 * 4
    whole = {host for host, pids in found if int(pids) == 199}
    assert reported <= whole
    assert len(whole) == len(found)


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(child) for child in text.split()]

"""The tables of a store.

All SQL here is understood by ClickHouse from 18.16 to today, and by chDB. Times are seconds in UTC.

- A document of `proccli sync` is one row of `hosts`, which is written last: it is the commit mark.
  Rows of other tables without it are of a load that was interrupted.
- `ends` has an end of a connection once a day, with its first and last sighting: loading a document
  twice changes nothing.
- Nothing is deleted by age (a TTL would silently drop old documents while they are loaded): `fleet
  prune` drops whole days.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from proccli.errors import StoreError
from proccli.model.sockets import Protocol, SocketRole
from proccli.store.engine import Engine

SCHEMA_VERSION: Final = 1
TIME: Final = "DateTime('UTC')"
RULE_UNKNOWN: Final = -1

HOSTS: Final = (
    ("network", "String"),
    ("host", "String"),
    ("taken_at", TIME),
    ("document", "UInt64"),  # a hash of its content
    ("source", "String"),
    ("proccli", "String"),  # empty: not known
    ("host_id", "String"),  # empty: not known
    ("boot_time", "UInt32"),  # 0: not known
    ("addresses", "Array(UInt32)"),
    ("agent", "String"),
    ("dialect", "String"),
    ("via", "String"),
    ("config_file", "String"),
    ("config_sha256", "String"),  # empty: not known
    ("rules", "UInt32"),
    ("enabled", "UInt8"),
    ("redacted", "UInt8"),
    ("digest", "String"),  # empty: not known
    ("processes", "UInt32"),
    ("sockets", "UInt32"),
    ("left_out_known", "UInt8"),
    ("left_out_reasons", "Array(String)"),
    ("left_out_counts", "Array(UInt32)"),
    ("warnings", "Array(String)"),  # codes
)
"""Columns and their types; the same names in a staged document."""

PROCESSES: Final = (
    ("pid", "UInt32"),
    ("gprocess", "String"),
    ("rule", "Int32"),  # 0: the implicit accept; RULE_UNKNOWN
    ("process_name", "String"),
    ("cmdline", "String"),
    ("user", "String"),
    ("start_time", "UInt32"),
    ("tags_known", "UInt8"),
    ("tag_keys", "Array(String)"),
    ("tag_values", "Array(String)"),
    ("netns", "UInt32"),
    ("container_known", "UInt8"),
    ("container_id", "String"),
)
"""Of a process; a staged document has an array of each, named `p.…`."""

ENDS: Final = (
    ("protocol", "UInt8"),
    ("role", "UInt8"),
    ("client_ip", "UInt32"),
    ("client_port", "UInt16"),
    ("server_ip", "UInt32"),
    ("server_port", "UInt16"),
    ("netns", "Int64"),  # of a loopback connection: tells apart the namespaces of a host
    ("pid", "UInt32"),
    ("gprocess", "String"),
)
"""Of an end of a connection; a staged document has an array of each, named `e.…`."""

PROTOCOLS: Final[tuple[Protocol, ...]] = ("tcp", "udp")
ROLES: Final[tuple[SocketRole, ...]] = ("client", "server")
_KEY: Final = "network, host, taken_at"
END_KEY: Final = (
    "scope, server_ip, server_port, client_ip, client_port, protocol, role, network, host, pid,"
    " gprocess"
)
_DAY: Final = "toYYYYMMDD(taken_at)"


def create_tables(engine: Engine, database: str) -> None:
    """Create what does not exist. Raises: StoreError; also for the store of another version."""
    for statement in _statements(database):
        engine.run(statement)
    require_tables(engine, database)


def require_tables(engine: Engine, database: str) -> None:
    """Raises: StoreError if the database is not a store of this version."""
    found = engine.rows(
        "SELECT name FROM system.tables"
        f" WHERE database = '{database}' AND name LIKE 'proccli_schema_%'"
    )
    names = {name for (name,) in found}
    if f"proccli_schema_{SCHEMA_VERSION}" in names and len(names) == 1:
        return
    if names:
        raise StoreError(
            f"the store has tables of another version of proccli ({', '.join(sorted(names))})",
            hint="load the documents into a new store",
        )
    raise StoreError(
        f"the database {database} has no tables of proccli fleet",
        hint="proccli fleet load creates them",
    )


def _statements(database: str) -> Iterator[str]:
    yield f"CREATE DATABASE IF NOT EXISTS {database}"

    def table(name: str, columns: str, engine: str) -> str:
        return f"CREATE TABLE IF NOT EXISTS {database}.{name} ({columns}) ENGINE = {engine}"

    yield table(
        "hosts",
        _columns(HOSTS),
        f"ReplacingMergeTree PARTITION BY {_DAY} ORDER BY ({_KEY})",
    )
    yield table(
        "processes",
        f"network String, host String, taken_at {TIME}, {_columns(PROCESSES)}",
        f"ReplacingMergeTree PARTITION BY {_DAY} ORDER BY ({_KEY}, pid)",
    )
    yield table(
        "ends",
        "day UInt32, scope UInt64, server_ip UInt32, server_port UInt16, client_ip UInt32,"
        " client_port UInt16, protocol UInt8, role UInt8, network String, host String,"
        " pid UInt32, gprocess String,"
        f" first_seen AggregateFunction(min, {TIME}),"
        f" last_seen AggregateFunction(max, {TIME})",
        f"AggregatingMergeTree PARTITION BY day ORDER BY ({END_KEY})",
    )
    yield table(f"proccli_schema_{SCHEMA_VERSION}", "version UInt8", "Log")


def _columns(columns: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in columns)


STAGING: Final = "staging_"
"""The beginning of the name of a table of documents that are being loaded."""


STAGED: Final = (
    *HOSTS,
    *((f"p.{column}", f"Array({kind})") for column, kind in PROCESSES),
    *((f"e.{column}", f"Array({kind})") for column, kind in ENDS),
)
"""The columns of such a table: a row is a whole document."""


def create_staging(database: str, name: str) -> str:
    """The statement for a staging table."""
    columns = _columns(tuple((f"`{column}`", kind) for column, kind in STAGED))
    return f"CREATE TABLE {database}.{name} ({columns}) ENGINE = Memory"


def from_staging(database: str, name: str, *, ends: bool = True) -> Iterator[str]:
    """The statements that put staged documents into the tables; the commit mark is the last.

    `ends`: also the ends of connections.
    """
    staged = f"{database}.{name}"
    of_process = ", ".join(f"`p.{column}`" for column, _ in PROCESSES)
    yield (
        f"INSERT INTO {database}.processes SELECT {_KEY}, {of_process} FROM {staged} ARRAY JOIN p"
    )
    if ends:
        yield _ends_from(staged, database)
    columns = ", ".join(column for column, _ in HOSTS)
    yield f"INSERT INTO {database}.hosts SELECT {columns} FROM {staged}"


def _ends_from(staged: str, database: str) -> str:
    of_end = ", ".join(f"`e.{column}` AS {column}" for column, _ in ENDS)
    loopback = "intDiv(server_ip, 16777216) = 127"
    return (
        f"INSERT INTO {database}.ends"
        f" SELECT {_DAY} AS day,"
        f" if({loopback}, cityHash64(network, host, netns), cityHash64(network)) AS scope,"
        " server_ip, server_port, client_ip, client_port, protocol, role, network, host, pid,"
        # The table merges equal ends itself; GROUP BY takes four times as long.
        " gprocess, arrayReduce('minState', [taken_at]), arrayReduce('maxState', [taken_at])"
        f" FROM (SELECT {_KEY}, {of_end} FROM {staged} ARRAY JOIN e)"
    )

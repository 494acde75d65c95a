"""Reading DeepFlow's own ClickHouse: names, tags, agents, reports and labelled flows.

Only reading, and every query is bounded. Messages of the server are not passed on where they may
contain the password of DeepFlow's MySQL: of an error, only its name is.

Source: server/controller/tagrecorder (dictionaries), server/ingester/event and flow_log (tables);
branches v6.5, v6.6, main.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from proccli.errors import StoreError
from proccli.store.engine import Engine
from proccli.store.text import quoted
from proccli.versions import StoredTables, stored_tables

DELETED: Final = " (deleted)"
DICTIONARIES: Final = ("gprocess_map", "os_app_tag_map", "vtap_map")
MAX_ROWS: Final = 1_000_000
_LIMITS: Final = {
    "max_execution_time": 60,
    "max_threads": 2,
    "max_memory_usage": 2_000_000_000,
    # DeepFlow's default profile has 1: the answer of a broken cluster would be silently partial.
    "skip_unavailable_shards": 0,
}
_ERROR_NAME: Final = re.compile(r"\(([A-Z][A-Z_]+)\)\s*\Z")
_REPORTED: Final = "agent (.+) report process "
_FLOWS_AT_ONCE: Final = 1_000


class Dictionary(NamedTuple):
    """A dictionary of the database flow_tag."""

    name: str
    exists: bool
    rows: int | None
    """None: it can't be read."""
    problem: str | None
    """The name of the error when it was read; None: none."""
    updated_s: int | None
    """Its last successful update; None: not known."""


class Agent(NamedTuple):
    """An agent that the server knows."""

    id: int
    name: str
    chost_id: int
    chost_name: str


class Gprocess(NamedTuple):
    """A gprocess that the server knows, deleted or not."""

    id: int
    name: str
    chost_id: int


class FlowKey(NamedTuple):
    """Addresses as numbers, and ports."""

    protocol: int
    client_ip: int
    client_port: int
    server_ip: int
    server_port: int


class DeepFlow:
    """DeepFlow's tables, of one organisation. All methods raise StoreError."""

    def __init__(self, engine: Engine, *, organisation: int = 1) -> None:
        self._engine = engine
        self._prefix = "" if organisation == 1 else f"{organisation:04}_"
        self.limited = True
        """Whether the limits could be set; a user with `readonly = 1` can't."""

    def rows(self, sql: str) -> list[list[Any]]:
        """The rows of a query, within the limits where they can be set."""
        if self.limited:
            settings = ", ".join(f"{name} = {value}" for name, value in _LIMITS.items())
            try:
                return self._engine.rows(f"{sql} SETTINGS {settings}")
            except StoreError as error:
                if error_name(error) != "READONLY":
                    raise
            self.limited = False
        return self._engine.rows(sql)

    def table(self, database: str, name: str) -> str:
        """The whole name of a table of this organisation."""
        return f"`{self._prefix}{database}`.{name}"

    def columns(self) -> Mapping[str, frozenset[str]]:
        """The columns of each dictionary that exists."""
        names = ", ".join(map(quoted, DICTIONARIES))
        found: dict[str, set[str]] = {}
        for table, column in self.rows(
            "SELECT table, name FROM system.columns"
            f" WHERE database = {quoted(self._prefix + 'flow_tag')} AND table IN ({names})"
        ):
            found.setdefault(table, set()).add(column)
        return {table: frozenset(columns) for table, columns in found.items()}

    def tables(self, columns: Mapping[str, frozenset[str]]) -> StoredTables | None:
        """What the tables tell about the version; None: they are of no version that is known."""
        return stored_tables(
            tags=columns.get("os_app_tag_map", frozenset()),
            names=columns.get("gprocess_map", frozenset()),
        )

    def dictionaries(self, columns: Mapping[str, frozenset[str]]) -> Iterator[Dictionary]:
        """The state of each; to be asked for a row makes a dictionary load."""
        counts: dict[str, tuple[int | None, str | None]] = {}
        for name in DICTIONARIES:
            if name in columns:
                try:
                    ((count,),) = self.rows(f"SELECT count() FROM {self.table('flow_tag', name)}")
                    counts[name] = (int(count), None)
                except StoreError as error:
                    counts[name] = (None, error_name(error))
        updated = {
            name: int(at_s)
            for name, at_s in self.rows(
                "SELECT name, toUInt32(last_successful_update_time) FROM system.dictionaries"
                f" WHERE database = {quoted(self._prefix + 'flow_tag')}"
            )
        }
        for name in DICTIONARIES:
            count, problem = counts.get(name, (None, None))
            yield Dictionary(name, name in columns, count, problem, updated.get(name) or None)

    def agents(self) -> list[Agent]:
        """All agents."""
        return [
            Agent(int(number), name, int(chost), chost_name)
            for number, name, chost, chost_name in self.rows(
                f"SELECT id, name, chost_id, chost_name FROM {self.table('flow_tag', 'vtap_map')}"
                f" LIMIT {MAX_ROWS}"
            )
        ]

    def gprocesses(self) -> list[Gprocess]:
        """All gprocesses."""
        return [
            Gprocess(int(number), name, int(chost))
            for number, name, chost in self.rows(
                f"SELECT id, name, chost_id FROM {self.table('flow_tag', 'gprocess_map')}"
                f" LIMIT {MAX_ROWS}"
            )
        ]

    def tags(self, key: str, wanted: Sequence[int]) -> Mapping[int, Mapping[str, str]]:
        """The tags of these gprocesses. `key`: the column with their id."""
        found: dict[int, dict[str, str]] = {}
        for first in range(0, len(wanted), 10_000):
            some = ", ".join(map(str, wanted[first : first + 10_000]))
            for number, name, value in self.rows(
                f"SELECT {key}, key, value FROM {self.table('flow_tag', 'os_app_tag_map')}"
                f" WHERE {key} IN ({some}) LIMIT {MAX_ROWS}"
            ):
                found.setdefault(int(number), {})[name] = value
        return found

    def last_reports(self, from_s: int, to_s: int) -> Mapping[str, int]:
        """When each agent last reported a process that it had not reported before, by its name."""
        return {
            agent: int(at_s)
            for agent, at_s in self.rows(
                f"SELECT extract(event_desc, {quoted(_REPORTED)}) AS agent, toUInt32(max(time))"
                f" FROM {self.table('event', 'event')}"
                f" WHERE time >= toDateTime({from_s}) AND time <= toDateTime({to_s})"
                f" AND agent != '' GROUP BY agent LIMIT {MAX_ROWS}"
            )
        }

    def labels(
        self, wanted: Sequence[FlowKey], from_s: int, to_s: int
    ) -> Iterator[tuple[FlowKey, int, int, int]]:
        """Of each connection with flows: the gprocess ids of client and server, number of flows."""
        columns = "protocol, toUInt32(ip4_0), client_port, toUInt32(ip4_1), server_port"
        for first in range(0, len(wanted), _FLOWS_AT_ONCE):
            keys = ", ".join(str(tuple(key)) for key in wanted[first : first + _FLOWS_AT_ONCE])
            for *key, client, server, flows in self.rows(
                f"SELECT {columns}, gprocess_id_0, gprocess_id_1, count()"
                f" FROM {self.table('flow_log', 'l4_flow_log')}"
                f" WHERE time >= toDateTime({from_s}) AND time <= toDateTime({to_s})"
                f" AND ({columns}) IN ({keys})"
                f" GROUP BY {columns}, gprocess_id_0, gprocess_id_1 LIMIT {MAX_ROWS}"
            ):
                yield FlowKey(*map(int, key)), int(client), int(server), int(flows)


def error_name(error: StoreError) -> str:
    """The name of an error of ClickHouse, without its text, which may contain a password."""
    found = _ERROR_NAME.search(error.problem)
    return found.group(1) if found else "error"

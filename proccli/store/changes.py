"""What changed between two moments: hosts, names, configurations, and who talks to whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

from proccli.errors import StoreError
from proccli.store.current import PROCESS, Moment, pairs_sql
from proccli.store.engine import Engine
from proccli.store.questions import EXAMPLES

Kind: TypeAlias = Literal["host", "config", "name", "connection"]


class Change(NamedTuple):
    """Something that is there at one of the moments only, on some hosts."""

    kind: Kind
    change: Literal["added", "removed"]
    subject: str
    """The gprocess; for a connection, that of the client; for a config, its file and hash."""
    server: str | None
    """Of a connection: the gprocess, the protocol and the port of the server."""
    hosts: int
    examples: tuple[str, ...]
    """Some of the hosts; of a connection, none."""


def changes(engine: Engine, before: Moment, after: Moment) -> list[Change]:
    """All changes: hosts, configurations, names, connections; of each, the most common first.

    Names and configurations are compared on hosts that count at both moments. Restarts change
    nothing. Raises: StoreError.
    """
    found = [
        *_hosts(engine, before, after),
        *_configs(engine, before, after),
        *_names(engine, before, after),
        *_connections(engine, before, after),
    ]
    kinds: tuple[Kind, ...] = ("host", "config", "name", "connection")
    return sorted(
        found,
        key=lambda one: (
            kinds.index(one.kind),
            -one.hosts,
            one.subject,
            one.server or "",
            one.change,
        ),
    )


def _difference(engine: Engine, what: str, old: str, new: str) -> Iterator[tuple[list[str], bool]]:
    """The rows of one of two queries only, and whether it is the new one."""
    for *row, is_new in engine.rows(
        f"SELECT {what}, max(is_new) FROM (SELECT {what}, 0 AS is_new FROM ({old}) AS old"
        f" UNION ALL SELECT {what}, 1 AS is_new FROM ({new}) AS new) AS compared"
        f" GROUP BY {what} HAVING min(is_new) = max(is_new)"
    ):
        yield row, bool(is_new)


def _grouped(
    kind: Kind, rows: Iterator[tuple[list[str], bool]], common: set[tuple[str, str]]
) -> Iterator[Change]:
    """One change for each subject, with its hosts; rows are network, host and subject."""
    hosts: dict[tuple[str, bool], list[str]] = {}
    for (network, host, *subject), is_new in rows:
        if (network, host) in common:
            hosts.setdefault((" ".join(filter(None, subject)), is_new), []).append(host)
    for (subject_text, is_new), names in hosts.items():
        yield Change(
            kind=kind,
            change="added" if is_new else "removed",
            subject=subject_text,
            server=None,
            hosts=len(names),
            examples=tuple(sorted(names)[:EXAMPLES]),
        )


def _hosts(engine: Engine, before: Moment, after: Moment) -> Iterator[Change]:
    old, new = (
        f"SELECT DISTINCT network, host FROM ({moment.documents})" for moment in (before, after)
    )
    for (_, host), is_new in _difference(engine, "network, host", old, new):
        change: Literal["added", "removed"] = "added" if is_new else "removed"
        yield Change("host", change, host, None, 1, (host,))


def _common(engine: Engine, before: Moment, after: Moment) -> set[tuple[str, str]]:
    sets = []
    for moment in (before, after):
        rows = engine.rows(f"SELECT network, host FROM ({moment.documents})")
        sets.append({(network, host) for network, host in rows})
    return sets[0] & sets[1]


def _configs(engine: Engine, before: Moment, after: Moment) -> Iterator[Change]:
    what = "network, host, config_file, config_sha256, agent"
    old, new = (
        f"SELECT {what} FROM {moment.database}.hosts WHERE {moment.of_documents}"
        for moment in (before, after)
    )
    rows = _difference(engine, what, old, new)
    shown = (
        ([network, host, file or "the agent's defaults", sha256[:12], f"agent {agent}"], is_new)
        for (network, host, file, sha256, agent), is_new in rows
    )
    yield from _grouped("config", shown, _common(engine, before, after))


def _names(engine: Engine, before: Moment, after: Moment) -> Iterator[Change]:
    what = "network, host, gprocess"
    old, new = (
        f"SELECT {what} FROM {moment.database}.processes WHERE {moment.of_documents}"
        for moment in (before, after)
    )
    yield from _grouped("name", _difference(engine, what, old, new), _common(engine, before, after))


def _connections(engine: Engine, before: Moment, after: Moment) -> Iterator[Change]:
    """Between which names there are connections; only those with a process at both ends."""
    # One moment after the other: to join all connections takes the most memory of all questions.
    old, new = (
        {tuple(row) for row in engine.rows(_named_pairs(moment))} for moment in (before, after)
    )
    for client, server, protocol, port in old ^ new:
        name = "udp" if int(protocol) else "tcp"
        is_new = (client, server, protocol, port) in new
        change: Literal["added", "removed"] = "added" if is_new else "removed"
        yield Change("connection", change, client, f"{server} {name}/{port}", 1, ())


def _named_pairs(moment: Moment) -> str:
    """A query for the names at both ends of connections."""
    found = (
        "SELECT DISTINCT client, server, protocol, server_port"
        f" FROM ({pairs_sql(moment)}) WHERE client != 0 AND server != 0"
    )
    for side in ("client", "server"):
        names = (
            f"SELECT DISTINCT {PROCESS} AS {side}, gprocess AS {side}_name"
            f" FROM {moment.database}.processes WHERE {moment.of_documents}"
        )
        found = f"SELECT * FROM ({found}) AS pairs ALL INNER JOIN ({names}) AS named USING ({side})"
    return f"SELECT DISTINCT client_name, server_name, protocol, server_port FROM ({found})"


def prune(engine: Engine, database: str, *, before_s: int, dry_run: bool) -> dict[str, int]:
    """Drop the days that end before this time; returns the number of documents of each day.

    The documents go first: what is interrupted then leaves rows that no question sees, and the
    next run drops. Raises: StoreError.
    """
    ((kind,),) = engine.rows(
        f"SELECT engine FROM system.tables WHERE database = '{database}' AND name = 'hosts'"
    )
    if kind == "Distributed":
        raise StoreError(
            f"the tables of {database} are distributed, and have no days to drop",
            hint="prune the database of each shard",
        )
    first_kept = engine.rows(f"SELECT toYYYYMMDD(toDateTime({before_s}))")[0][0]
    days: dict[str, int] = {}
    for day, count in engine.rows(
        f"SELECT toYYYYMMDD(taken_at) AS day, count() FROM {database}.hosts"
        f" WHERE day < {first_kept} GROUP BY day ORDER BY day"
    ):
        days[str(day)] = int(count)
    if dry_run:
        return days
    for table in ("hosts", "processes", "ends"):
        for (partition,) in engine.rows(
            "SELECT DISTINCT partition FROM system.parts WHERE active"
            f" AND database = '{database}' AND table = '{table}' ORDER BY partition"
        ):
            if int(partition) < int(first_kept):
                engine.run(f"ALTER TABLE {database}.{table} DROP PARTITION {int(partition)}")
    return days

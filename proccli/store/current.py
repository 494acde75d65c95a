"""What a store knows at one moment: the newest document of each host, and the ends in it."""

from __future__ import annotations

from typing import Final, NamedTuple

from proccli.store.engine import Engine
from proccli.store.schema import END_KEY

DAY_S: Final = 86_400
PROCESS: Final = "intDiv(cityHash64(network, host, pid), 2) * 2"
"""A number for a process of the newest documents: even, and 0 for none.

To group strings instead takes three times the CPU time and memory. Two processes with the same
number would be confused; `StoredFleet` makes sure that there are none.
"""
HOST: Final = "cityHash64(network, host)"
LOOPBACK: Final = "intDiv(server_ip, 16777216) = 127"


class Moment(NamedTuple):
    """Which documents count: of each host the newest one up to `at_s`, unless it is too old."""

    database: str
    at_s: int
    from_s: int
    """Hosts without a document since then are silent, and don't count."""
    is_newest: bool = True
    """Whether the store has no later document."""

    @property
    def documents(self) -> str:
        """A query for network, host and time of the documents that count."""
        return f"SELECT network, host, {self._newest}"

    @property
    def _newest(self) -> str:
        return (
            f"max(taken_at) FROM {self.database}.hosts"
            f" WHERE taken_at >= toDateTime({self.from_s}) AND taken_at <= toDateTime({self.at_s})"
            " GROUP BY network, host"
        )

    @property
    def of_documents(self) -> str:
        """The condition for rows of `hosts` and `processes`."""
        return (
            f"taken_at >= toDateTime({self.from_s}) AND taken_at <= toDateTime({self.at_s})"
            f" AND (network, host, taken_at) IN ({self.documents})"
        )

    @property
    def ends(self) -> str:
        """The source of a query for the ends in these documents: a table with a condition.

        An end is in a document if its first sighting is not later, and its last not earlier. In
        the newest document of a host, its last sighting is the document's time, which is cheaper
        to find out. The same end may have several rows: each load makes a part of the table.
        """
        if self.is_newest:
            # By the hash of a host, which `scope` relies on as well: half the time of its names.
            seen = f"({HOST}, finalizeAggregation(last_seen))"
            return f"{self._days} AND {seen} IN (SELECT {HOST}, {self._newest})"
        rows = (
            f"SELECT day, {HOST} AS number, {END_KEY}, finalizeAggregation(first_seen) AS first,"
            f" finalizeAggregation(last_seen) AS last FROM {self._days}"
        )
        return f"({self._in_documents(rows)}) AS sighted WHERE 1"

    def sighted(self, wanted: str) -> str:
        """A query for the ends in these documents, each once, with the hash of the host (`number`)
        and the time of their first sighting on that day (`first`). `wanted`: a condition.
        """
        rows = (
            f"SELECT day, {HOST} AS number, {END_KEY},"
            " min(finalizeAggregation(first_seen)) AS first,"
            " max(finalizeAggregation(last_seen)) AS last"
            f" FROM {self._days} AND {wanted} GROUP BY day, {END_KEY}"
        )
        return self._in_documents(rows)

    @property
    def _days(self) -> str:
        days = [f"toYYYYMMDD(toDateTime({second}))" for second in (self.from_s, self.at_s)]
        return f"{self.database}.ends WHERE day >= {days[0]} AND day <= {days[1]}"

    def _in_documents(self, rows: str) -> str:
        newest = self._newest.replace("max(taken_at)", "max(taken_at) AS document")
        return (
            f"SELECT number, {END_KEY}, first FROM ({rows}) AS seen"
            f" ALL INNER JOIN (SELECT {HOST} AS number, {newest}) AS newest USING (number)"
            " WHERE first <= document AND last >= document AND day = toYYYYMMDD(document)"
        )


def newest_s(engine: Engine, database: str, until_s: int | None = None) -> int | None:
    """The time of the newest document up to then; None: there is none. Raises: StoreError."""
    until = "" if until_s is None else f" WHERE taken_at <= toDateTime({until_s})"
    ((count, newest),) = engine.rows(
        f"SELECT count(), toUInt32(max(taken_at)) FROM {database}.hosts{until}"
    )
    return int(newest) if int(count) else None


def pairs_sql(moment: Moment) -> str:
    """A query for the connections between processes, joined as the server does.

    Its rows are protocol, ip_0, ip_1, server_port; client and server, each a `PROCESS` or 0 if it
    is not known; several: whether several processes have an end; port_0: the client's port, of UDP
    with one end only. See `join_ends` in `proccli/server/join.py`: if there is one process for
    either side, they are joined; otherwise each end stands alone.
    """
    ends = f"groupArray({PROCESS} + role) AS all_ends"
    by_addresses = (
        "SELECT protocol, client_ip AS ip_0, server_ip AS ip_1, client_port, server_port,"
        f" {ends} FROM {moment.ends} AND NOT ({LOOPBACK})"
        " GROUP BY scope, protocol, client_ip, client_port, server_ip, server_port"
    )
    # Of a loopback connection, the server compares ports only.
    by_ports = (
        "SELECT protocol, min(client_ip) AS ip_0, min(server_ip) AS ip_1, client_port, server_port,"
        f" {ends} FROM {moment.ends} AND {LOOPBACK}"
        " GROUP BY scope, protocol, client_port, server_port"
    )
    each = (
        "SELECT protocol, ip_0, ip_1, client_port, server_port, arrayDistinct(all_ends) AS ends,"
        " length(ends) = 2 AND ends[1] % 2 != ends[2] % 2 AS joined,"
        " length(ends) > 1 AND NOT joined AS several,"
        f" arrayJoin(if(joined, [toUInt64(0)], ends)) AS alone"
        f" FROM ({by_addresses} UNION ALL {by_ports})"
    )
    client_of_two = "if(ends[1] % 2 = 0, ends[1], ends[2])"
    server_of_two = "intDiv(if(ends[1] % 2 = 0, ends[2], ends[1]), 2) * 2"
    return (
        "SELECT protocol, ip_0, ip_1, server_port,"
        f" if(joined, {client_of_two}, if(alone % 2 = 0, alone, 0)) AS client,"
        f" if(joined, {server_of_two}, if(alone % 2 = 0, 0, intDiv(alone, 2) * 2)) AS server,"
        " several, if(protocol = 1 AND NOT joined, client_port, 0) AS port_0"
        f" FROM ({each})"
    )


def joined_sql(moment: Moment) -> str:
    """A query for the connections of `pairs_sql`, with the number of those with equal rows."""
    columns = "protocol, ip_0, ip_1, server_port, client, server, several, port_0"
    return f"SELECT {columns}, count() FROM ({pairs_sql(moment)}) GROUP BY {columns}"

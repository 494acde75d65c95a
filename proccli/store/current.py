"""What a store knows at one moment: the newest document of each host, and the ends in it."""

from __future__ import annotations

from typing import Final, NamedTuple

from proccli.store.engine import Engine
from proccli.store.schema import END_KEY

DAY_S: Final = 86_400
_WITH_ALL: Final = "(network, host, pid, gprocess)"
_NOBODY: Final = "('', '', toUInt32(0), '')"
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
        return (
            f"SELECT network, host, max(taken_at) FROM {self.database}.hosts"
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
        to find out.
        """
        days = [f"toYYYYMMDD(toDateTime({second}))" for second in (self.from_s, self.at_s)]
        table = f"{self.database}.ends WHERE day >= {days[0]} AND day <= {days[1]}"
        if self.is_newest:
            seen = "(network, host, finalizeAggregation(last_seen))"
            return f"{table} AND {seen} IN ({self.documents})"
        sighted = (
            f"SELECT day, {END_KEY}, minMerge(first_seen) AS first, maxMerge(last_seen) AS last"
            f" FROM {table} GROUP BY day, {END_KEY}"
        )
        documents = self.documents.replace("max(taken_at)", "max(taken_at) AS document")
        return (
            f"({sighted}) AS sighted ALL INNER JOIN ({documents}) AS newest USING (network, host)"
            " WHERE first <= document AND last >= document AND day = toYYYYMMDD(document)"
        )


def newest_s(engine: Engine, database: str, until_s: int | None = None) -> int | None:
    """The time of the newest document up to then; None: there is none. Raises: StoreError."""
    until = "" if until_s is None else f" WHERE taken_at <= toDateTime({until_s})"
    ((count, newest),) = engine.rows(
        f"SELECT count(), toUInt32(max(taken_at)) FROM {database}.hosts{until}"
    )
    return int(newest) if int(count) else None


def by_key_sql(moment: Moment) -> str:
    """A query for the clients and servers of each connection, as the server distinguishes them.

    Its rows are protocol, ip_0, ip_1, port_0 and server_port, and the arrays clients and servers
    of network, host, pid and gprocess.
    """
    key = f"scope, protocol, client_port, server_port, if({LOOPBACK}, 0, client_ip)"
    return (
        "SELECT protocol, min(client_ip) AS ip_0, min(server_ip) AS ip_1,"
        " min(client_port) AS port_0, server_port,"
        f" groupUniqArrayIf({_WITH_ALL}, role = 0) AS clients,"
        f" groupUniqArrayIf({_WITH_ALL}, role = 1) AS servers"
        f" FROM {moment.ends} GROUP BY {key}, if({LOOPBACK}, 0, server_ip)"
    )


def joined_sql(moment: Moment) -> str:
    """A query for the connections between processes, joined as the server does.

    Its rows are protocol, address of the client, address and port of the server; network, host and
    pid of client and server, each empty if it is not known; whether several processes have an end;
    the client's port, of UDP with one end only; number of connections. See `join_ends` in
    `proccli/server/join.py`: if there is one process for either side, they are joined; otherwise
    each end stands alone.
    """
    both = "length(clients) = 1 AND length(servers) = 1"
    alone = (
        f"arrayConcat(arrayMap(one -> (one, {_NOBODY}), clients),"
        f" arrayMap(one -> ({_NOBODY}, one), servers))"
    )
    each = (
        f"SELECT protocol, ip_0, ip_1, port_0, server_port, {both} AS joined,"
        " length(clients) + length(servers) > 1 AS several,"
        f" arrayJoin(if(joined, [(clients[1], servers[1])], {alone}))"
        f" AS pair FROM ({by_key_sql(moment)})"
    )
    parts = ", ".join(
        f"tupleElement(tupleElement(pair, {side}), {part})" for side in (1, 2) for part in (1, 2, 3)
    )
    port = "if(protocol = 1 AND NOT joined, port_0, 0)"
    columns = f"protocol, ip_0, ip_1, server_port, {parts}, several AND NOT joined, {port}"
    return f"SELECT {columns}, count() FROM ({each}) GROUP BY {columns}"

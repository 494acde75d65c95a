"""Which ends belong together: decided on the ends that share a key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from proccli.model.sockets import Endpoint, Protocol, SocketRole, SocketStatus
from proccli.model.topology import Certainty, Remote


@dataclass(slots=True)
class SeenEnd:
    """An end of a connection and the host on which it was seen."""

    host: int
    pid: int
    protocol: Protocol
    role: SocketRole
    client: Endpoint
    server: Endpoint
    status: SocketStatus
    reason: str | None
    since_ns: int | None

    @property
    def near(self) -> Endpoint:
        """Its own address."""
        return self.client if self.role == "client" else self.server

    @property
    def far(self) -> Endpoint:
        """The address at the other end."""
        return self.server if self.role == "client" else self.client


@dataclass(slots=True)
class Link:
    """A connection of which at least one end is sent."""

    client: SeenEnd | None
    """None: not sent, or not seen."""
    server: SeenEnd | None
    remote: Remote | None
    """Why one end is None, as far as the ends of one key tell: `absent` if there is no other."""
    other: SeenEnd | None = None
    """The other end where it was seen, and is not sent."""

    @property
    def seen(self) -> SeenEnd:
        """An end that is sent."""
        found = self.client or self.server
        assert found is not None  # noqa: S101 - see above
        return found

    @property
    def certainty(self) -> Certainty:
        """Whose ends are sent."""
        if self.client is None:
            return "server-end"
        return "client-end" if self.server is None else "both-ends"


def linked(ends: Sequence[SeenEnd]) -> Iterator[Link]:
    """The connections of all ends that share one key.

    The server keeps one process for each side, the one it came upon last; where several claim a
    side, or may, which of them it is can't be told from the addresses, and no two are linked.

    Source: server/controller/trisolaris/vtap/process_info.go (v6.5), addData.
    """
    clients = [end for end in ends if end.role == "client"]
    servers = [end for end in ends if end.role == "server"]
    sent_clients, sent_servers = _sent(clients), _sent(servers)
    claimed_once = _claims(clients) == _claims(servers) == 1
    if claimed_once and len(sent_clients) == len(sent_servers) == 1:
        yield Link(client=sent_clients[0], server=sent_servers[0], remote=None)
        return
    for end in sent_clients:
        remote, other = _remote(clients, servers)
        yield Link(client=end, server=None, remote=remote, other=other)
    for end in sent_servers:
        remote, other = _remote(servers, clients)
        yield Link(client=None, server=end, remote=remote, other=other)


def _sent(ends: Sequence[SeenEnd]) -> list[SeenEnd]:
    """Those that are sent, one for each process: a namespace that the agent can't tell from
    another gives its connections twice."""
    return list({(end.host, end.pid): end for end in ends if end.status == "synced"}.values())


def _claims(ends: Sequence[SeenEnd]) -> int:
    """How many processes the server may hear of for one side."""
    return len({(end.host, end.pid) for end in ends if end.status != "skipped"})


def _remote(here: Sequence[SeenEnd], there: Sequence[SeenEnd]) -> tuple[Remote, SeenEnd | None]:
    """What is known of the other end of one that is sent."""
    if _claims(here) > 1 or len({(end.host, end.pid) for end in there}) > 1:
        return "ambiguous", None
    if not there:
        return "absent", None
    undecided = [end for end in there if end.status == "undecided"]
    return ("undecided", undecided[0]) if undecided else ("not-sent", there[0])

"""What is known of the end of a connection that has no node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from proccli.model.fleet import Party
from proccli.model.topology import Remote
from proccli.server.join import Link, SeenEnd
from proccli.server.store import Fleet

UDP_CLIENT = "udp-client"
"""A `remote_reason`: the far end is there and sent, as the client's end of another connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Far:
    """Why it has none, and whose it is; all None where both ends have one."""

    remote: Remote | None = None
    host: str | None = None
    process: str | None = None
    reason: str | None = None


class FarEnds:
    """Asks all sources for them."""

    def __init__(
        self, fleet: Fleet, names: Sequence[str], party: Callable[[int, int], Party | None]
    ) -> None:
        """`names` are what the hosts are called; `party` finds a process of one."""
        self._fleet = fleet
        self._names = names
        self._party = party
        self.shared: dict[str, None] = {}
        """Far addresses that several hosts of one network use."""

    def of(self, link: Link) -> Far:
        """What is known of the one of this connection."""
        if link.remote is None:
            return Far()
        seen = link.seen
        owners = self._fleet.owners(seen)
        if len(owners) > 1:
            self.shared[seen.far.ip] = None
        if link.remote in ("not-sent", "undecided") and link.other is not None:
            party = self._party(link.other.host, link.other.pid)
            return Far(
                remote=link.remote,
                host=self._names[link.other.host],
                process=_called(party),
                reason=_why(link.other, party),
            )
        if link.remote != "absent" or not owners:
            remote: Remote = "elsewhere" if link.remote == "absent" else "ambiguous"
            return Far(remote=remote)
        (host, *others) = owners
        if others:
            return Far(remote="absent")
        turned = self._turned(seen, host)
        listening = self._fleet.listening(host, seen.far) if seen.role == "client" else ()
        names = {_called(self._party(host, pid)) for pid in turned or listening}
        return Far(
            remote="absent",
            host=self._names[host],
            process=names.pop() if len(names) == 1 else None,
            reason=UDP_CLIENT if turned else None,
        )

    def _turned(self, seen: SeenEnd, host: int) -> Sequence[int]:
        """The processes of a host that have the same connection the other way round: each end of
        a UDP connection calls itself the client, so the server has two of it."""
        if seen.protocol == "tcp":
            return ()
        found = self._fleet.find("udp", seen.server, seen.client)
        return [end.pid for end in found if end.host == host]


def _called(party: Party | None) -> str | None:
    if party is None:
        return None
    return party.gprocess if party.gprocess is not None else party.process_name


def _why(end: SeenEnd, party: Party | None) -> str | None:
    """Of a process that is not sent, the reason for that says more."""
    if end.reason != "process-not-accepted" or party is None or party.status == "accepted":
        return end.reason
    return party.why_not_accepted

"""Which connections a user asks to see."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from proccli.model.fleet import Party
from proccli.model.sockets import Protocol
from proccli.model.topology import Certainty
from proccli.server.graph import Sides


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSelection:
    """Questions that are not asked are empty; a connection has to answer every question that is,
    each with any one of the values given."""

    names: Sequence[str] = ()
    """Globs for the gprocess at either end."""
    hosts: Sequence[str] = ()
    """Globs for the host of either end."""
    tags: Sequence[tuple[str, str]] = ()
    """Keys, and globs for the value, of either end."""
    protocols: Collection[Protocol] = ()
    ports: Collection[int] = ()
    """Of the server."""
    certainties: Collection[Certainty] = ()

    def asks_for(self, sides: Sides, host_names: Sequence[str]) -> bool:
        """Whether to show a connection."""
        link = sides.link
        seen = link.seen
        parties = [party for party in (sides.client, sides.server) if party is not None]
        ends = [end for end in (link.client, link.server) if end is not None]
        return (
            (not self.protocols or seen.protocol in self.protocols)
            and (not self.ports or seen.server.port in self.ports)
            and (not self.certainties or link.certainty in self.certainties)
            and (not self.names or any(_like(party.gprocess, self.names) for party in parties))
            and (not self.hosts or any(_like(host_names[end.host], self.hosts) for end in ends))
            and (not self.tags or any(map(self._tagged, parties)))
        )

    def _tagged(self, party: Party) -> bool:
        return any(
            key == wanted and fnmatchcase(value, glob)
            for key, value in party.tags or ()
            for wanted, glob in self.tags
        )


def _like(text: str | None, globs: Sequence[str]) -> bool:
    return text is not None and any(fnmatchcase(text, glob) for glob in globs)

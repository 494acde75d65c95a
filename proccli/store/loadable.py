"""What is loaded into a store, and what is not."""

from __future__ import annotations

from typing import NamedTuple


class Document(NamedTuple):
    """A document of `proccli sync`, as it is loaded."""

    network: str
    host: str
    taken_at_s: int
    content: int
    """A hash of what it says; equal for the same document in another layout."""
    processes: int
    sockets: int
    row: bytes
    """The row of the staging table, in RowBinary."""
    source: str
    """The file, and the line in it."""

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells documents of a store apart."""
        return self.network, self.host, self.taken_at_s


class Refused(NamedTuple):
    """A file, or the rest of one, that is not loaded."""

    source: str
    problem: str

"""Which processes hold a socket, and to which of them the agent assigns it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from proccli.model.outcome import Outcome
from proccli.model.sockets import SocketFd

Held: TypeAlias = tuple[Outcome, Sequence[SocketFd]]
"""A process with its sockets."""


@dataclass(slots=True)
class Hold:
    """One file descriptor of one process."""

    outcome: Outcome
    socket: SocketFd


def by_inode(held: Iterable[Held]) -> Mapping[int, Sequence[Hold]]:
    """The file descriptors of each socket, in the order of `held`: by pid, then fd."""
    holds: dict[int, list[Hold]] = {}
    for outcome, sockets in held:
        for socket in sockets:
            if (known := holds.get(socket.inode)) is None:
                holds[socket.inode] = [Hold(outcome, socket)]
            else:
                known.append(Hold(outcome, socket))
    return holds


def lost_to_another(holds: Sequence[Hold]) -> Sequence[bool | None]:
    """For each file descriptor, whether the agent assigns the socket to a later one; None: it may.

    Every accepted process that holds a socket overwrites the owner noted before, so the owner is
    the highest pid among them, with its highest fd.

    Source: agent v6.5 linux_socket.rs:258-265.
    """
    answer: bool | None = False
    lost: list[bool | None] = []
    for hold in reversed(holds):
        lost.append(answer)
        if hold.outcome.status == "accepted":
            answer = True
        elif hold.outcome.status == "unknown" and answer is False:
            answer = None
    lost.reverse()
    return lost


def best_known(holds: Sequence[Hold]) -> int:
    """Index of the one that stands for the socket: the agent's choice, or the last."""
    for index in reversed(range(len(holds))):
        if holds[index].outcome.status == "accepted":
            return index
    return len(holds) - 1

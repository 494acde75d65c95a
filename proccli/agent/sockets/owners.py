"""Which processes hold a socket, and to which of them the agent gives it."""

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

    verdict: Outcome
    socket: SocketFd


def by_inode(held: Iterable[Held]) -> Mapping[int, Sequence[Hold]]:
    """The holds on each socket, in the order of pids and fds, in which `held` comes."""
    holds: dict[int, list[Hold]] = {}
    for verdict, sockets in held:
        for socket in sockets:
            if (known := holds.get(socket.inode)) is None:
                holds[socket.inode] = [Hold(verdict, socket)]
            else:
                known.append(Hold(verdict, socket))
    return holds


def lost_to_another(holds: Sequence[Hold]) -> Sequence[bool | None]:
    """For each hold, whether the agent gives the socket to a later one; None: it may.

    Every accepted process that holds a socket overwrites what was noted of it before, so it goes
    to the highest pid among them, and there to the highest fd.

    Source: agent v6.5 linux_socket.rs:258-265.
    """
    answer: bool | None = False
    lost: list[bool | None] = []
    for hold in reversed(holds):
        lost.append(answer)
        if hold.verdict.status == "accepted":
            answer = True
        elif hold.verdict.status == "unknown" and answer is False:
            answer = None
    lost.reverse()
    return lost


def best_known(holds: Sequence[Hold]) -> int:
    """Which of the holds a socket is best known by: the agent's choice, or the last."""
    for index in reversed(range(len(holds))):
        if holds[index].verdict.status == "accepted":
            return index
    return len(holds) - 1

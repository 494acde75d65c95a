"""How old a socket is, as far as that can be told."""

from __future__ import annotations

from proccli.model.process import NS_PER_S, Host
from proccli.model.sockets import SocketFd


def age_s(socket: SocketFd, host: Host) -> int | None:
    """Its age in whole seconds as the agent counts them; None where nothing tells.

    The agent subtracts the seconds of the ctime of the link in /proc/PID/fd from those of the
    clock. The kernel makes the link when somebody first looks at it, so this is how long it has
    been known, and not more than its age; a link whose number was used before keeps the ctime of
    its predecessor.

    Source: agent v6.5 linux_socket.rs:484-500, 665-676.
    """
    if socket.since_ns is None:
        return None
    # A link that nobody had looked at comes into being while we look, after the look began.
    return max(host.taken_at_ns // NS_PER_S - socket.since_ns // NS_PER_S, 0)


def old_enough(socket: SocketFd, age: int | None, host: Host, min_lifetime_s: int) -> bool | None:
    """Whether a socket of this age has lived for the minimum lifetime; None where only a later
    look can tell.

    On a first look a link that seems young says nothing: it may be our own look that made it.
    """
    if age is None or socket.since_ns is None or age >= min_lifetime_s:
        return True
    watched = host.observed_since_ns is not None and socket.since_ns > host.observed_since_ns
    return False if watched else None

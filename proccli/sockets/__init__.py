"""Which sockets the agent would send, in which role, and why not the others."""

from proccli.sockets.look import SocketLook, look, look_at
from proccli.sockets.peers import find_peers
from proccli.sockets.results import counts_by_pid, synced_sockets

__all__ = ["SocketLook", "counts_by_pid", "find_peers", "look", "look_at", "synced_sockets"]

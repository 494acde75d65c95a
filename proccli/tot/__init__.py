"""TCP option tracing: what kind 253 says of a segment's sender, and connections with it."""

from proccli.tot.connections import ConnectionCounts, connections
from proccli.tot.decode import Decoded, decode

__all__ = ["ConnectionCounts", "Decoded", "connections", "decode"]

"""Many hosts: what the server makes of the connections that their agents send."""

from proccli.fleet.graph import Graph, Sides, graph
from proccli.fleet.grouping import GROUPINGS, TAG_PREFIX, Grouping, grouping
from proccli.fleet.keys import Network, is_loopback
from proccli.fleet.labelling import Labeller
from proccli.fleet.pairing import Link, SeenEnd
from proccli.fleet.selection import ConnectionSelection
from proccli.fleet.store import Fleet
from proccli.fleet.view import host_view, synced_view
from proccli.fleet.whose import Timing

__all__ = [
    "GROUPINGS",
    "TAG_PREFIX",
    "ConnectionSelection",
    "Fleet",
    "Graph",
    "Grouping",
    "Labeller",
    "Link",
    "Network",
    "SeenEnd",
    "Sides",
    "Timing",
    "graph",
    "grouping",
    "host_view",
    "is_loopback",
    "synced_view",
]

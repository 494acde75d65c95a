"""A topology as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import get_args

from proccli.commands.topology.words import by_certainty
from proccli.model.sockets import Protocol
from proccli.model.topology import Certainty, RemoteStatus, Topology, TopologyEdge
from proccli.terminal.document import CONFIG, KEY_AND_VALUE, TIME, Document, line_pieces
from proccli.terminal.record import (
    Field,
    Record,
    array_of,
    enum,
    integer,
    itself,
    mapping_of,
    nullable,
    text,
)

_NODE_ID = text("^[A-Za-z0-9.]+$")

HOST = Record(
    "host",
    Field("name", text()),
    Field("source", text(), "The recording, directory or document as it was given, or live."),
    Field(
        "kind",
        enum("live", "directory", "recording", "sync"),
        "sync: the output of proccli sync.",
    ),
    Field(
        "network",
        text(),
        "Within a network, an address belongs to one host; empty: the network without a name.",
    ),
    Field(
        "taken_at",
        nullable(TIME),
        "By the clock of the host.",
        value=lambda host: host.taken_at_ns // 1_000_000_000,
    ),
    Field("addresses", array_of(text()), "IPv4 addresses that its sockets use, without loopback."),
)
"""The row is a `TopologyHost`."""

NODE = Record(
    "node",
    Field("id", _NODE_ID, "Unique in the document; it may be different in the next one."),
    Field("host", nullable(text()), "null: processes of several hosts."),
    Field("gprocess", nullable(text()), "null: processes of several names."),
    Field("label", text(), "The displayed name: the gprocess, the host, or the tag's value."),
    Field("hosts", array_of(text()), "All hosts of its processes, sorted."),
    Field("pids", array_of(integer()), "Ascending; of all hosts of the node."),
    Field(
        "gprocesses",
        Record(
            "",
            Field("at_least", integer(0), value=itemgetter(0)),
            Field("at_most", integer(0), value=itemgetter(1)),
        ),
        "How many gprocesses these processes are for the server.",
    ),
    Field(
        "tags",
        nullable(
            array_of(
                Record(
                    "tag",
                    Field("name", text(r"^os\.app\."), value=lambda pair: f"os.app.{pair[0]}"),
                    *KEY_AND_VALUE.fields,
                )
            )
        ),
        "The tags that all its processes have, as they arrive at the server; null: the tags of at"
        " least one process are not known.",
    ),
)
"""The row is a `TopologyNode`."""

EDGE = Record(
    "edge",
    Field(
        "client", nullable(_NODE_ID), "The id of a node; null: not known, remote has the reason."
    ),
    Field("server", nullable(_NODE_ID), "Like client."),
    Field("protocol", enum(*get_args(Protocol))),
    Field("client_ip", text()),
    Field("server_ip", text()),
    Field("server_port", integer(0, 65_535)),
    Field("connections", integer(1)),
    Field("certainty", enum(*get_args(Certainty)), "The ends that are sent."),
    Field(
        "remote",
        nullable(enum(*get_args(RemoteStatus))),
        "Why an end has no node. elsewhere: no source has the address; absent: a source has the"
        " address, but not this connection; not-sent: its agent does not send this end; undecided:"
        " it is not known whether its agent sends this end; ambiguous: several processes have this"
        " end. null for both-ends.",
    ),
    Field(
        "remote_host",
        nullable(text()),
        "The host with the remote address, if it is the host of a source.",
    ),
    Field(
        "remote_process",
        nullable(text()),
        "The process that has the remote end, if that end is not sent; the process that listens"
        " there, if the connection is absent.",
    ),
    Field(
        "remote_reason",
        nullable(text()),
        "Why the remote end is not sent, or may not be: a reason of sockets or of scan; dropped:"
        " by a rule.",
    ),
)
"""The row is a `TopologyEdge`."""

TOPOLOGY = Document(
    "topology",
    "proccli topology --json: which processes talk to which, over many hosts",
    Field(
        "config",
        nullable(CONFIG),
        "null: all sources are outputs of sync, each with its own configuration.",
    ),
    Field(
        "group_by",
        text(r"^(gprocess|name|host|pid|os\.app\.[\s\S]+)$"),
        "The processes of one node have the same name and host, the same name, the same host, the"
        " same pid and host, or the same value of a tag.",
    ),
    Field(
        "server",
        text(),
        "The server version whose rules decide which processes are one gprocess.",
    ),
    Field("hosts", array_of(HOST)),
    Field("nodes", array_of(NODE), "By host, then label."),
    Field(
        "edges",
        array_of(EDGE),
        "By number of connections, largest first; -o jsonl prints one of these a line.",
    ),
    Field(
        "summary",
        Record(
            "summary",
            Field("hosts", integer(0), value=lambda result: len(result.hosts)),
            Field("nodes", integer(0), value=lambda result: len(result.nodes)),
            Field("edges", integer(0), value=lambda result: len(result.edges)),
            Field("connections", integer(0), "All, shown or not."),
            Field(
                "shown",
                integer(0),
                "Those of the edges in this document.",
                value=lambda result: sum(edge.connections for edge in result.edges),
            ),
            Field(
                "by_certainty",
                Record(
                    "",
                    *(
                        Field(certainty, integer(0), value=itemgetter(certainty))
                        for certainty in get_args(Certainty)
                    ),
                ),
                "The shown connections, by the ends that are sent.",
                value=lambda result: by_certainty(result.edges),
            ),
        ),
        value=itself,
    ),
    Field(
        "left_out",
        mapping_of(integer(0)),
        "Ends of connections that are not sent, by reason; undecided: it is not known whether they"
        " are sent.",
    ),
)


def topology_document(result: Topology) -> Iterator[bytes]:
    """The document `proccli/topology/v1`, in pieces."""
    return TOPOLOGY.pieces(result)


def topology_lines(edges: Sequence[TopologyEdge]) -> Iterator[bytes]:
    """A line for each edge, in pieces."""
    return line_pieces(map(EDGE.line, edges))

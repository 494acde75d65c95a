"""Folding: what is one vertex, what is one line, and that no connection gets lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.commands.topology.vertices import PER_NODE, PER_PORT, DrawnGraph, Vertex, drawn_graph
from proccli.commands.topology.words import why_unknown
from proccli.model.topology import RemoteStatus, Topology, TopologyEdge
from tests.commands.topology.edges import edge, every_kind, fleet, host, node, topology

NODES = [node(1, "web-1", "nginx"), node(2, "web-1", "shop"), node(3, "db-1", "postgres")]
REMOTES: Sequence[RemoteStatus] = ("elsewhere", "absent", "not-sent", "undecided", "ambiguous")


def shown(*edges: TopologyEdge) -> DrawnGraph:
    return drawn_graph(topology([host("web-1"), host("db-1")], NODES, edges))


def far(graph: DrawnGraph) -> list[Vertex]:
    return [vertex for vertex in graph.vertices if vertex.node is None]


def clients(number: int, server: int = 1, port: int = 80) -> list[TopologyEdge]:
    return [
        edge(None, server, port, client_ip=f"198.51.{at // 250}.{at % 250}") for at in range(number)
    ]


def test_few_addresses_are_shown_one_by_one() -> None:
    assert [vertex.label for vertex in far(shown(*clients(PER_PORT)))] == [
        "198.51.0.0",
        "198.51.0.1",
        "198.51.0.2",
    ]


def test_many_addresses_at_one_port_are_one_vertex() -> None:
    (vertex,) = far(shown(*clients(500)))

    assert vertex.label == "500 addresses"
    assert len(vertex.addresses) == 500
    assert shown(*clients(500)).bundles[0].connections == 500


def test_the_same_address_beside_two_nodes_is_one_vertex() -> None:
    drawn = shown(edge(1, None, 53, server_ip="10.0.0.2"), edge(2, None, 53, server_ip="10.0.0.2"))

    assert [vertex.label for vertex in far(drawn)] == ["10.0.0.2:53"]
    assert len(drawn.links) == 2


def test_many_ports_of_one_address_are_one_vertex_that_is_named_for_it() -> None:
    drawn = shown(*(edge(1, None, 7000 + at, server_ip="10.9.9.9") for at in range(PER_NODE + 1)))

    assert [vertex.label for vertex in far(drawn)] == ["10.9.9.9"]
    assert len(drawn.bundles) == 1
    assert drawn.bundles[0].port is None
    assert len(drawn.bundles[0].ports) == PER_NODE + 1


def test_many_addresses_at_many_ports_are_one_vertex() -> None:
    drawn = shown(
        *(edge(1, None, 7000 + at, server_ip=f"10.9.9.{at}") for at in range(PER_NODE + 1))
    )

    assert [vertex.label for vertex in far(drawn)] == ["9 addresses"]


def test_a_process_that_is_not_sent_is_one_vertex_beside_all_nodes() -> None:
    redis = {
        "remote": "not-sent",
        "remote_host": "db-1",
        "remote_process": "redis",
        "remote_reason": "dropped",
    }
    drawn = shown(
        edge(1, None, 6379, **redis),
        edge(2, None, 6379, server_ip="10.0.0.7", **redis),
        edge(None, 3, 5432, **redis),
    )

    (vertex,) = far(drawn)
    assert (vertex.label, vertex.host) == ("redis", "db-1")
    assert {link.client.id for link in drawn.links} == {"n1", "n2", vertex.id}


def test_who_listens_where_a_connection_is_missing_does_not_hold_it() -> None:
    """The listener may have nothing to do with this connection, so it names no vertex."""
    (vertex,) = far(
        shown(edge(1, None, 6379, remote="absent", remote_host="db-1", remote_process="redis"))
    )

    assert vertex.label == "10.0.0.2:6379"
    assert vertex.note == "not found on db-1, where redis listens"


def test_ends_that_are_unknown_for_different_reasons_are_different() -> None:
    drawn = shown(
        edge(1, None, 80, remote="elsewhere"),
        edge(1, None, 80, remote="ambiguous", client_ip="10.0.0.6"),
    )

    assert len(far(drawn)) == 2


def test_connections_to_several_ports_are_one_line_of_several_bundles() -> None:
    drawn = shown(
        edge(1, 2, 8080, connections=2),
        edge(1, 2, 8081, connections=5),
        edge(1, 2, 8081, connections=1, protocol="udp", certainty="client-end"),
        edge(2, 1, 80),
    )

    (link, back) = drawn.links
    assert [(s.protocol, s.port, s.connections) for s in link.bundles] == [
        ("tcp", 8081, 5),
        ("tcp", 8080, 2),
        ("udp", 8081, 1),
    ]
    assert (link.connections, link.certainty) == (8, "mixed")
    assert (back.connections, back.certainty) == (1, "both-ends")


def test_ids_of_unknown_ends_are_free() -> None:
    """Nodes may be called as those would be."""
    drawn = drawn_graph(
        topology(
            [],
            [node(1, None, "a"), *(replace(node(9, None, name), id=name) for name in ("x1", "x2"))],
            clients(1),
        )
    )

    assert [vertex.id for vertex in drawn.vertices] == ["n1", "x1", "x2", "x3"]


def test_only_the_busiest_are_shown_and_the_others_counted() -> None:
    result = topology([], NODES, [edge(1, 2, 80, connections=9), edge(2, 3, 81), edge(None, 3, 82)])

    drawn = drawn_graph(result, 1)

    assert [vertex.id for vertex in drawn.vertices] == ["n1", "n2"]
    assert (len(drawn.bundles), len(drawn.links), drawn.quieter) == (1, 1, 2)


@pytest.mark.parametrize(
    "result", [every_kind(), fleet(40), fleet(500)], ids=["kinds", "40", "500"]
)
def test_no_connection_is_lost(result: Topology) -> None:
    whole_and_links(result)


def whole_and_links(result: Topology) -> None:
    drawn = drawn_graph(result)
    assert sum(bundle.connections for bundle in drawn.bundles) == result.connections
    assert sum(link.connections for link in drawn.links) == result.connections
    assert sorted(map(id, (e for s in drawn.bundles for e in s.edges))) == sorted(
        map(id, result.edges)
    )


ENDS = st.sampled_from([None, 1, 2, 3])


@st.composite
def edges(draw: st.DrawFn) -> TopologyEdge:
    client, server = draw(ENDS), draw(ENDS)
    known = client is not None and server is not None
    remote = None if known else draw(st.sampled_from(REMOTES))
    return edge(
        client,
        server,
        draw(st.integers(1, 30)),
        protocol=draw(st.sampled_from(["tcp", "udp"])),
        client_ip=f"10.0.0.{draw(st.integers(1, 30))}",
        server_ip=f"10.0.1.{draw(st.integers(1, 30))}",
        connections=draw(st.integers(1, 5)),
        certainty="both-ends" if known else draw(st.sampled_from(["client-end", "server-end"])),
        remote=remote,
        remote_host=draw(st.sampled_from([None, "db-1"])),
        remote_process=draw(st.sampled_from([None, "redis", ""])),
        remote_reason=draw(st.sampled_from([None, "ipv6", "dropped", "new-in-a-later-version"])),
    )


@given(st.lists(edges(), max_size=60))
def test_whatever_the_edges_each_is_in_one_bundle(some: list[TopologyEdge]) -> None:
    result = topology([host("web-1")], NODES, some)
    whole_and_links(result)
    drawn = drawn_graph(result)

    assert len({vertex.id for vertex in drawn.vertices}) == len(drawn.vertices)
    for bundle in drawn.bundles:
        for one in bundle.edges:
            assert bundle.client.id == one.client or bundle.client.node is None is one.client
            assert bundle.server.id == one.server or bundle.server.node is None is one.server
            assert bundle.note == why_unknown(one)
            assert one.server_port in bundle.ports
            assert (one.protocol, one.certainty) == (bundle.protocol, bundle.certainty)

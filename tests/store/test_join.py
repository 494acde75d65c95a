"""The store joins connections as the join in `proccli/server` does."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from proccli.errors import StoreError
from proccli.server.graph import ConnectionSelection, Graph, build_graph
from proccli.server.grouping import parse_grouping
from proccli.server.host_view import synced_view
from proccli.server.store import Fleet
from proccli.sources.recording.sync_document import parse_sync_output
from proccli.store.current import Moment
from proccli.store.engine import Engine
from proccli.store.load import load
from proccli.store.loadable import Document
from proccli.store.stored_fleet import StoredFleet
from proccli.versions import server_version
from tests.store.documents import NOW_S, Link, document, loadable, process, random_fleet

NewStore = Callable[[], str]
SERVER = server_version("6.5")


def graph(fleet: Any, by: str) -> Graph:
    names = [f"{view.network}/{view.name}" for view in fleet.hosts]
    return build_graph(fleet, parse_grouping(by), names, ConnectionSelection(), SERVER)


def in_process(documents: Sequence[tuple[str, Any]], by: str) -> Graph:
    with Fleet() as fleet:
        for number, (network, document) in enumerate(documents):
            output = parse_sync_output(json.dumps(document).encode(), f"{number}")
            fleet.add(synced_view(output, f"{number}", network))
        return graph(fleet, by)


def in_store(engine: Engine, database: str, by: str, *, is_newest: bool = True) -> Graph:
    moment = Moment(database, NOW_S + 60, NOW_S - 60, is_newest)
    return graph(StoredFleet(engine, moment), by)


def staged(documents: Sequence[tuple[str, Any]]) -> list[Document]:
    return [
        loadable(document, network, f"file:{number}")
        for number, (network, document) in enumerate(documents)
    ]


def comparable(result: Graph) -> Any:
    """Without the choice between several addresses of 127/8."""
    edges = [
        (
            *(
                ("127.*" if ip.startswith("127.") else ip)
                for ip in (edge.client_ip, edge.server_ip)
            ),
            edge.client,
            edge.server,
            edge.protocol,
            edge.server_port,
            edge.certainty,
            edge.remote,
            edge.remote_host,
            edge.remote_process,
            edge.remote_reason,
        )
        for edge in result.edges
        for _ in range(edge.connections)
    ]
    key = lambda edge: tuple(map(str, edge))  # noqa: E731
    return result.nodes, sorted(edges, key=key), result.connections, dict(result.by_remote)


FLEETS = 120


@pytest.fixture(scope="module")
def documents() -> Sequence[tuple[str, Any]]:
    """Random fleets, each in a network of its own but for some that share one."""
    made = [
        (f"{seed // 2 if seed % 4 == 0 else seed:03}", document)
        for seed in range(FLEETS)
        for document in random_fleet(seed)
    ]
    unique = {(network, one["snapshot"]["host"]): (network, one) for network, one in made}
    return sorted(unique.values(), key=lambda pair: (pair[0], pair[1]["snapshot"]["host"]))


@pytest.fixture(scope="module")
def loaded(documents: Sequence[tuple[str, Any]], engine: Engine, new_store: NewStore) -> str:
    """A store with all of them."""
    database = new_store()
    result = load(engine, database, staged(documents))
    assert (result.documents, result.refused) == (len(documents), [])
    return database


@pytest.mark.parametrize("by", ["gprocess", "pid", "name", "host"])
@pytest.mark.parametrize("is_newest", [True, False])
def test_a_store_has_the_edges_of_the_join_in_process(
    by: str, is_newest: bool, documents: Sequence[tuple[str, Any]], loaded: str, engine: Engine
) -> None:
    expected = in_process(documents, by)

    found = in_store(engine, loaded, by, is_newest=is_newest)

    assert comparable(found) == comparable(expected)
    assert set(found.shared_addresses) == set(expected.shared_addresses)


def test_an_end_that_is_there_twice_is_one(engine: Engine, new_store: NewStore) -> None:
    """The kernel may list a socket twice in one read; and two loads make two parts of a table."""
    link = Link("tcp", "client", 7, ("10.0.0.1", 4000), ("10.0.0.2", 80))
    other = link._replace(role="server", pid=9)
    documents = [
        ("", document("a", [process(7, "app")], [link, link])),
        ("", document("b", [process(9, "web")], [other, other])),
    ]
    database = new_store()
    load(engine, database, staged(documents))
    engine.run(f"INSERT INTO {database}.ends SELECT * FROM {database}.ends")

    found = in_store(engine, database, "pid")

    assert [(edge.certainty, edge.connections) for edge in found.edges] == [("both-ends", 1)]
    assert comparable(found) == comparable(in_process(documents, "pid"))


def test_processes_with_the_same_number_are_an_error(
    documents: Sequence[tuple[str, Any]],
    loaded: str,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rather than edges of the wrong process."""
    monkeypatch.setattr("proccli.store.stored_fleet.PROCESS", "toUInt64(pid * 2)")

    with pytest.raises(StoreError, match="same number"):
        in_store(engine, loaded, "pid")


def test_the_random_fleets_have_every_kind_of_edge() -> None:
    """Otherwise the test above would show little."""
    found: set[tuple[object, ...]] = set()
    for seed in range(FLEETS):
        result = in_process([("", one) for one in random_fleet(seed)], "pid")
        found |= {(edge.certainty, edge.remote, edge.remote_reason) for edge in result.edges}
        found |= {("127", edge.certainty) for edge in result.edges if "127" in edge.server_ip}

    assert found >= {
        ("both-ends", None, None),
        ("client-end", "absent", None),
        ("client-end", "absent", "udp-client"),
        ("client-end", "ambiguous", None),
        ("client-end", "elsewhere", None),
        ("server-end", "absent", None),
        ("server-end", "ambiguous", None),
        ("server-end", "elsewhere", None),
        ("127", "both-ends"),
        ("127", "client-end"),
    }

"""Labels of flows by a store equal those of the documents, and of all ends in the store."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from proccli.errors import StoreError
from proccli.model.flows import Flow, SideLabel
from proccli.model.sockets import Endpoint
from proccli.server.host_view import synced_view
from proccli.server.join import process_id
from proccli.server.labels import Labeller, Needs
from proccli.server.senders import Timing
from proccli.server.store import Fleet
from proccli.sources.recording.sync_document import parse_sync_output
from proccli.store.current import Moment
from proccli.store.engine import Engine
from proccli.store.load import load
from proccli.store.stored_fleet import whole_views
from proccli.store.stored_flows import StoredFlows
from proccli.versions import server_version
from tests.server.building import captured, option
from tests.store.documents import NOW_S, Link, document, loadable, process, random_fleet
from tests.store.flows import labels, random_flows

NewStore = Callable[[], str]
Documents = Sequence[tuple[str, Any]]
CONNECTION = (Endpoint("10.0.0.1", 4000), Endpoint("10.0.0.2", 5432))
LINKS = [Link("tcp", "client", 7, *CONNECTION)]
NOW = Moment("", NOW_S + 60, NOW_S - 7_200)


def loaded(engine: Engine, database: str, documents: Documents) -> str:
    """The database, with these documents in as many parts as there are."""
    for number, (network, one) in enumerate(documents):
        assert load(engine, database, [loadable(one, network, f"{number}")]).documents == 1
    return database


def of_documents(documents: Documents, flows: Iterator[Flow], **more: Any) -> Any:
    """The labels without a store."""
    with Fleet() as fleet:
        for number, (network, one) in enumerate(documents):
            output = parse_sync_output(json.dumps(one).encode(), f"{number}")
            fleet.add(synced_view(output, f"{number}", network))
        return labels(fleet, flows, **more)


def of_all_ends(engine: Engine, moment: Moment, flows: Iterator[Flow], **more: Any) -> Any:
    """The labels by all ends of a store, as a fleet in this process."""
    with Fleet() as fleet:
        for view in whole_views(engine, moment):
            fleet.add(view)
        return labels(fleet, flows, **more)


def fleet_of(*seeds: int) -> Documents:
    """Random fleets in networks of their own."""
    made = [(f"{seed}"[1:], one) for seed in seeds for one in random_fleet(seed)]
    return sorted(made, key=lambda pair: (pair[0], pair[1]["snapshot"]["host"]))


def test_labels_of_random_fleets_equal_those_of_the_documents(
    engine: Engine, new_store: NewStore
) -> None:
    seen = set()
    for seeds in ((4,), (5, 16), (8,)):
        documents = fleet_of(*seeds)
        database = new_store()
        load(engine, database, [loadable(one, network) for network, one in documents])
        moment = NOW._replace(database=database)
        for network in {None, *(network for network, _ in documents)}:
            found = labels(StoredFlows(engine, moment), random_flows(), network=network)

            assert found == of_documents(documents, random_flows(), network=network)
            seen |= {side.label for sides in found for side in sides}
    assert seen >= {"socket", "pid", "no-connection", "no-host", "ambiguous", "other-agent"}


def changing_fleet() -> Iterator[tuple[str, Any]]:
    """Each host twice, an hour apart: connections stay, end, begin, and get another process."""
    for seed in (5, 16):
        for now in random_fleet(seed):
            host = now["snapshot"]["host"]
            now["snapshot"]["host"] += f"{seed}"[1:]  # so that a name is that of one host
            before = [
                link
                for number, link in enumerate(now["sockets"])
                if number % 3 or link["protocol"] == "udp"
            ]
            older = json.loads(json.dumps(now))
            older["snapshot"]["taken_at"] = "2026-01-02T02:04:05Z"
            older["sockets"] = before
            older["processes"][0]["name"] = "before"
            now["enabled"] = host != "c"
            now["processes"][1]["os_app_tags"] = [{"key": "owner", "value": "x"}]
            now["processes"][2] |= {"os_app_tags": None, "container_id": "5f"}
            yield f"{seed}"[1:], older
            yield f"{seed}"[1:], now


@pytest.fixture(scope="module")
def changing(engine: Engine, new_store: NewStore) -> str:
    """A store with these documents."""
    return loaded(engine, new_store(), list(changing_fleet()))


@pytest.mark.parametrize(
    ("at_s", "is_newest"), [(NOW_S + 60, True), (NOW_S + 60, False), (NOW_S - 1_800, False)]
)
def test_times_of_labels_equal_those_of_all_ends(
    at_s: int, is_newest: bool, changing: str, engine: Engine
) -> None:
    """First sightings, which are in another part of the table than the last ones."""
    moment = Moment(changing, at_s, at_s - 7_200, is_newest)
    seen = set()
    times = (None, NOW_S, NOW_S - 1_800, NOW_S - 3_600 - 30, NOW_S - 7_200)
    stored = StoredFlows(engine, moment)

    for network in ("", "6"):
        found = labels(stored, random_flows(times), network=network)

        assert found == of_all_ends(engine, moment, random_flows(times), network=network)
        seen |= {side.label for sides in found for side in sides}
    assert seen >= {"socket", "other-time", "no-connection", "ambiguous"}
    assert "pid" in seen or at_s < NOW_S  # then they had just been started


def test_the_process_of_an_option_is_fetched(engine: Engine, new_store: NewStore) -> None:
    """It has no connection that is known."""
    documents = [("", document("a", [process(7, "app"), process(8, "db")], LINKS))]
    moment = NOW._replace(database=loaded(engine, new_store(), documents))
    stored = StoredFlows(engine, moment)
    one = captured("10.0.0.1:9 > 10.0.0.2:80", [option("10.0.0.1:9", 8)])
    labeller = Labeller(
        stored, ["a"], network=None, timing=Timing(within_s=60), server=server_version("6.5")
    )
    needs = Needs.nothing()
    labeller.add_needs_of_connection(one, needs)
    stored.use(stored.fetch(needs))

    assert labeller.label_connection(one)[0] == SideLabel(
        label="tot", gprocess="db", auto_instance="db", pid=8, host="a"
    )
    assert list(labeller.tag_keys()) == []


def test_only_what_flows_need_is_fetched(engine: Engine, new_store: NewStore) -> None:
    other = [process(9, "postgres"), process(10, "idle")]
    more = LINKS[0]._replace(client=("10.0.0.1", 4001))
    documents = [
        ("", document("a", [process(7, "app"), process(8, "db")], [*LINKS, more])),
        ("", document("b", other, [LINKS[0]._replace(role="server", pid=9)])),
    ]
    stored = StoredFlows(engine, NOW._replace(database=loaded(engine, new_store(), documents)))

    nothing = stored.fetch(Needs.nothing())
    absent = stored.fetch(Needs([("udp", *CONNECTION)], set(), set()))
    known = stored.fetch(Needs([("tcp", CONNECTION[1], CONNECTION[0])], set(), {process_id(1, 10)}))

    assert nothing == absent == (b"", {}, {})
    assert [len(ends) for ends in known.ends.values()] == [2]
    assert len(known.processes) == 3
    stored.use(known)
    found = [stored.process(0, 7), stored.process(1, 9), stored.process(1, 10)]
    assert [one and one.gprocess for one in found] == ["app", "postgres", "idle"]
    assert stored.process(0, 8) is None


def test_documents_that_come_in_between_are_an_error(engine: Engine, new_store: NewStore) -> None:
    """Not a label by half of them."""
    database = loaded(engine, new_store(), [("", document("a", [process(7, "app")], LINKS))])
    stored = StoredFlows(engine, NOW._replace(database=database))
    other = document("b", [process(9, "new")], [LINKS[0]._replace(role="server", pid=9)])
    loaded(engine, database, [("", other)])

    with pytest.raises(StoreError, match="in the meantime"):
        stored.fetch(Needs([("tcp", *CONNECTION)], set(), set()))

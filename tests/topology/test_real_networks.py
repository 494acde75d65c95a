"""Real hosts between which addresses are translated, or mean different hosts.

What can't be joined by addresses must not be, and that must be said.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.lab.joining import Joined, join
from tests.lab.namespaces import Host
from tests.lab.reading import Document, codes, edges, topology
from tests.lab.recorded import CONFIG, lab_or_skip, name_of, with_lifetime
from tests.lab.recorder import Recorder
from tests.lab.routed import (
    CLIENT,
    EDGE,
    FAR_ROUTER,
    FORWARDED,
    ROUTER,
    SERVER,
    STORE,
    TERMINAL,
    running_pair,
    translated_network,
)
from tests.lab.witness import Seen, see

pytestmark = pytest.mark.root

AT_ONCE = with_lifetime(CONFIG.read_text(encoding="utf-8"), 0)
DIRECT, FORWARD, REDIS = (
    ("edge-1", "direct"),
    ("terminal-1", "forwarded"),
    ("store-1", "redis"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """Recordings by label, and what was to be seen of each host."""

    config: Path
    paths: Mapping[str, Path]
    seen: Mapping[str, Seen]


@pytest.fixture(scope="module")
def translated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    with lab_or_skip(), translated_network() as lab:
        hosts = {host.name: host for host in (lab.edge, lab.terminal, lab.router, lab.store)}
        yield recorded(tmp_path_factory.mktemp("nat"), hosts)


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    """Two networks with hosts of the same names and addresses, and an equal port."""
    with lab_or_skip(), contextlib.ExitStack() as stack:
        hosts: dict[str, Host] = {}
        for number, network in enumerate(("blue", "red"), start=1):
            pair = stack.enter_context(
                running_pair("till", "store", booted_earlier_s=1000 * number)
            )
            hosts |= {f"{network}/till": pair.client, f"{network}/store": pair.server}
        yield recorded(tmp_path_factory.mktemp("twins"), hosts)


def recorded(folder: Path, hosts: Mapping[str, Host]) -> Recorded:
    config = folder / "agent.yaml"
    config.write_text(AT_ONCE, encoding="utf-8")
    recorder = Recorder(config=AT_ONCE)
    paths: dict[str, Path] = {}
    for label, host in hosts.items():
        (folder / label).mkdir(parents=True)
        paths |= {label: recorder.record([host], folder / label)[host.name]}
    seen = {
        label: replace(see(host), host=label, network=label.rpartition("/")[0])
        for label, host in hosts.items()
    }
    return Recorded(config=config, paths=paths, seen=seen)


def test_nothing_is_joined_across_address_translation(translated: Recorded) -> None:
    """Each of the two connections is seen from both ends, with other addresses at each."""
    paths = [path for name, path in translated.paths.items() if name != "router-1"]
    seen = [one for name, one in translated.seen.items() if name != "router-1"]

    document = topology("-c", translated.config, *paths)

    found = edges(document)
    assert found == join(seen, name_of)
    assert found == {
        Joined(DIRECT, None, "tcp", EDGE, STORE, 6379, "client-end", "absent"): 1,
        Joined(None, REDIS, "tcp", FAR_ROUTER, STORE, 6379, "server-end", "elsewhere"): 1,
        Joined(FORWARD, None, "tcp", TERMINAL, ROUTER, FORWARDED, "client-end", "elsewhere"): 1,
        Joined(None, REDIS, "tcp", TERMINAL, STORE, 6379, "server-end", "absent"): 1,
    }


def test_translation_is_named_as_a_reason(translated: Recorded) -> None:
    document = topology("-c", translated.config, *translated.paths.values())

    (message,) = (one["message"] for one in document["warnings"] if one["code"] == "one-end")
    assert "NAT" in message
    (direct,) = (edge for edge in document["edges"] if edge["client_ip"] == EDGE)
    assert (direct["remote_host"], direct["remote_process"]) == ("store-1", "redis")


def test_a_router_that_is_recorded_joins_nothing_either(translated: Recorded) -> None:
    """It has the addresses in between, and no socket."""
    document = topology("-c", translated.config, *translated.paths.values())

    assert edges(document) == join(list(translated.seen.values()), name_of)
    remotes = {(edge["remote_host"], edge["remote"]) for edge in document["edges"]}
    assert ("router-1", "absent") in remotes
    assert {edge["certainty"] for edge in document["edges"]} == {"client-end", "server-end"}


def test_networks_with_equal_addresses_are_kept_apart(twins: Recorded) -> None:
    arguments: list[str | Path] = []
    for network in ("blue", "red"):
        paths = [path for label, path in twins.paths.items() if label.startswith(network)]
        arguments += [f"{network}={path}" for path in paths]

    document = topology("-c", twins.config, *arguments)

    found = edges(document, calling(twins, document))
    assert found == join(list(twins.seen.values()), name_of)
    assert {edge.certainty for edge in found} == {"both-ends"}
    assert "networks-collide" in codes(document)


def test_without_their_names_equal_addresses_are_ambiguous(twins: Recorded) -> None:
    document = topology("-c", twins.config, *twins.paths.values())

    found = edges(document, calling(twins, document))
    seen = [replace(one, network="") for one in twins.seen.values()]
    assert found == join(seen, name_of)
    ambiguous = {edge: times for edge, times in found.items() if edge.remote == "ambiguous"}
    addresses = ("tcp", CLIENT, SERVER, 6379)
    assert ambiguous == {
        Joined(("blue/till", "fixed"), None, *addresses, "client-end", "ambiguous"): 1,
        Joined(("red/till", "fixed"), None, *addresses, "client-end", "ambiguous"): 1,
        Joined(None, ("blue/store", "redis"), *addresses, "server-end", "ambiguous"): 1,
        Joined(None, ("red/store", "redis"), *addresses, "server-end", "ambiguous"): 1,
    }
    (message,) = (one["message"] for one in document["warnings"] if one["code"] == "ambiguous")
    assert "-s NETWORK=PATH" in message


def calling(twins: Recorded, document: Document) -> Mapping[str, str]:
    """From the names that the document gives to hosts to our labels."""
    labels = {str(path): label for label, path in twins.paths.items()}
    return {host["name"]: labels[host["source"]] for host in document["hosts"]}

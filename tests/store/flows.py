"""Flows between the hosts of random fleets, and their labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from proccli.model.flows import Flow, SideLabel
from proccli.model.sockets import Endpoint
from proccli.server.labels import LabelledHosts, Labeller, Needs
from proccli.server.senders import Timing
from proccli.store.stored_flows import StoredFlows
from proccli.versions import server_version
from tests.server.building import timeless
from tests.store.documents import NOW_S, RANDOM_IPS, RANDOM_PORTS

_ENDS = [Endpoint(ip, port) for ip, port in product(RANDOM_IPS, RANDOM_PORTS)]


def random_flows(times: Sequence[float | None] = (NOW_S,)) -> Iterator[Flow]:
    """All that there may be between the addresses of `random_fleet`, seen by any of its hosts."""
    for number, (one, other) in enumerate(product(_ENDS, _ENDS)):
        for host in (None, "a", "b", "nobody")[:: 1 + number % 3]:
            yield Flow(
                protocol="udp" if number % 4 == 0 else "tcp",
                side_0=one,
                side_1=other,
                start_s=times[number % len(times)],
                host=host,
                pid_0=(None, 1, 2, 9)[number % 4],
                pid_1=(3, None, 1)[number % 3],
                instance_1=("none", "pod")[number % 2],
            )


def labels(
    fleet: LabelledHosts, flows: Iterator[Flow], *, server: str = "main", **more: Any
) -> list[tuple[SideLabel, SideLabel]]:
    """The labels of all of them; those of a store as fetched in several parts."""
    names = [f"{view.network}/{view.name}" for view in fleet.hosts]
    labeller = Labeller(
        fleet, names, timing=Timing(within_s=60), server=server_version(server), **more
    )
    if not isinstance(fleet, StoredFlows):
        return [label_of(labeller, flow) for flow in flows]
    all_flows = list(flows)
    found = []
    for part in (all_flows[:500], all_flows[500:501], all_flows[501:]):
        needs = Needs.nothing()
        for flow in part:
            labeller.add_needs(flow, needs)
            labeller.add_needs(timeless(flow), needs)
        fleet.use(fleet.fetch(needs))
        labeller.forget()
        found += [label_of(labeller, flow) for flow in part]
    return found


def label_of(labeller: Labeller, flow: Flow) -> tuple[SideLabel, SideLabel]:
    """The labels of a flow; those of the quick way must be the same."""
    sides = labeller.label_flow(flow)
    labels = labeller.label_timed(timeless(flow), flow.start_s, flow.end_s)
    assert [side.shown for side in sides] == [labels.side_0.shown, labels.side_1.shown]
    return sides

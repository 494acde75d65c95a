"""Joins, labels and reduced command lines, held against what the server's and the agent's own code
was measured to do. Source: tests/data/server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from proccli.model.flows import Flow
from proccli.model.hosts import HostView
from proccli.model.sockets import Endpoint
from proccli.server.gprocess import ReportedProcess, identify_gprocesses
from proccli.versions import SERVERS
from tests.server.building import labeller, links
from tests.server.fleets import entries
from tests.server.measured import Fleet, Known, measured_fleets, read_lines
from tests.server.reference import look_ups

FLEETS = measured_fleets()


def by_seed(fleet: object) -> str:
    return str(fleet.seed) if isinstance(fleet, Fleet) else ""


@pytest.mark.parametrize("fleet", FLEETS, ids=by_seed)
def test_ends_are_joined_where_the_server_always_has_the_same_two(fleet: Fleet) -> None:
    assert Counter(found_links(fleet)) == Counter(measured_links(fleet))


Link = tuple[tuple[object, ...], str | None, str | None, bool]
"""The key without the namespace, both processes, and whether several have one side."""


def found_links(fleet: Fleet) -> Iterator[Link]:
    for link in links(*fleet.views):
        end = link.sent_end
        agent = fleet.views[end.host].name
        key: tuple[object, ...] = (end.protocol, *end.client, *end.server)
        if end.server.ip.startswith("127."):
            key = (end.protocol, "lo", int(agent[1:]), end.client.port, end.server.port)
        names = [
            None if end is None else f"{fleet.views[end.host].name}p{end.pid}"
            for end in (link.client, link.server)
        ]
        yield key, names[0], names[1], link.remote == "ambiguous"


def measured_links(fleet: Fleet) -> Iterator[Link]:
    for join in fleet.joins:
        protocol, *at = join["key"]
        key = (protocol, *(at[:2] + at[3:] if at[0] == "lo" else at))
        if len(join["known"]) == 1:
            client, server = map(gprocess, join["known"][0])
            yield key, client, server, False
        else:
            clients, servers = join["claims"]
            yield from ((key, gprocess(one), None, True) for one in clients)
            yield from ((key, None, gprocess(one), True) for one in servers)


def gprocess(claim: Sequence[Any] | None) -> str | None:
    return None if claim is None else f"{claim[0]}p{claim[1]}"


@pytest.mark.parametrize("fleet", FLEETS, ids=by_seed)
def test_a_side_gets_the_process_that_it_was_always_seen_to_have_and_no_other(
    fleet: Fleet,
) -> None:
    with labeller(*fleet.views) as made:
        for flow, known in fleet.labels:
            possible = possible_answers(flow, fleet.views)
            sides = zip(made.label_flow(flow), known, possible, ends_of(flow), strict=True)
            for label, seen, all_possible, address in sides:
                assert seen <= all_possible  # the model of test_lookup.py is the agent's
                if len(all_possible) > 1:
                    assert label.gprocess is None
                elif label.label == "ambiguous" and flow.host is None:
                    assert sum(address.ip in view.addresses for view in fleet.views) > 1
                else:
                    assert {label.gprocess} == seen


def ends_of(flow: Flow) -> tuple[Endpoint, Endpoint]:
    assert flow.side_0 is not None
    assert flow.side_1 is not None
    return flow.side_0, flow.side_1


def test_orders_that_were_not_measured_are_few() -> None:
    """Only there may a side without a process have been measured as certain."""
    more = [
        (fleet.seed, len(seen))
        for fleet in FLEETS
        for flow, known in fleet.labels
        for seen, possible in zip(known, possible_answers(flow, fleet.views), strict=True)
        if seen != possible
    ]

    assert more == [(900030, 2), (900086, 2), (900086, 1), (900201, 2), (900201, 2)]


def possible_answers(flow: Flow, views: Sequence[HostView]) -> tuple[Known, Known]:
    """By gprocess, what each side may have, in any order."""
    assert flow.protocol is not None
    rows = [entry._replace(epc="") for entry in entries(views)]
    found = look_ups(rows, flow.protocol, *ends_of(flow), agent=flow.host)
    side_0, side_1 = (frozenset(map(gprocess, side)) for side in found)
    return side_0, side_1


def test_command_lines_are_reduced_as_the_server_does() -> None:
    for number, line in enumerate(read_lines("reduction.jsonl.gz")):
        reported = ReportedProcess(
            pid=number,
            name=line["name"],
            process_name=line["process_name"],
            cmdline=line["cmdline"],
        )
        reduced = replace(reported, cmdline=line["key"], process_name="other")
        identities = identify_gprocesses([reported, reduced], SERVERS["7.1"])
        assert identities[0].group == identities[1].group, line

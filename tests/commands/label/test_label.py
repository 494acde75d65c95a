"""A run of labels: what is refused at its beginning, and what there is to say at its end."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from proccli.commands.hosts.gather import gather
from proccli.commands.inputs import InputOptions
from proccli.commands.label.label import Labelling, Tally, evicted_notes
from proccli.commands.label.output import label_summary
from proccli.commands.samples import NO_WAIT
from proccli.errors import UsageError
from proccli.model.flows import FlowLabels, SideLabel
from proccli.server.store import Fleet
from proccli.sources.opening import NamedSource
from proccli.terminal.warning_text import message as words_of
from proccli.traffic.flows.stream import read_flows
from proccli.traffic.tot.connections import ConnectionCounts
from proccli.versions import SERVERS
from tests.build import BOOT_S, NOW_S
from tests.server.building import captured
from tests.server.building import flow as a_flow
from tests.server.recordings import config, later, recorded

FLOW = {
    "ip_0": "10.0.0.1",
    "client_port": 4000,
    "ip_1": "10.0.0.2",
    "server_port": 80,
    "protocol": 6,
    "start_time": NOW_S,
}


def hosts(folder: Path) -> list[NamedSource]:
    """A client on `a` and a server on `b`."""
    client = {"client": ["10.0.0.1:4000 10.0.0.2:80"]}
    server = {"server": ["10.0.0.2:80", "10.0.0.2:80 10.0.0.1:4000"]}
    return [
        NamedSource(path=recorded(folder, "a", client, "10.0.0.1")),
        NamedSource(path=recorded(folder, "b", server, "10.0.0.2")),
    ]


@contextmanager
def labelling(
    folder: Path,
    sources: Sequence[NamedSource],
    *,
    network: str | None = None,
    agents: Mapping[int, str] | None = None,
) -> Iterator[Labelling]:
    options = InputOptions(config=config(folder))
    gathered = gather(options, sources, NO_WAIT, lambda _done, _of: None)
    with gathered.fleet:
        yield Labelling(
            gathered,
            network=network,
            within_s=60,
            server=SERVERS["6.5"],
            agents=agents or {},
        )


def labelled(run: Labelling, *records: dict[str, Any]) -> list[dict[str, Any]]:
    """What becomes of these."""
    text = "".join(f"{json.dumps(FLOW | record)}\n" for record in records)
    stream = read_flows(io.BytesIO(text.encode()), "flows", keys=run.keys())
    return [json.loads(line) for line in b"".join(run.flows(stream)).splitlines()]


def messages(run: Labelling) -> dict[str, str]:
    return {note.code: words_of(note) for note in run.notes()}


def test_what_was_labelled_is_counted(tmp_path: Path) -> None:
    with labelling(tmp_path, hosts(tmp_path)) as run:
        labelled(
            run, {}, {"ip_1": "10.0.0.9"}, {"ip_0": "10.0.0.2", "ip_1": "10.0.0.1"}, {"ip_0": 1}
        )

        tally = run.tally
        assert (tally.records, tally.both, tally.one, tally.untimed) == (4, 1, 0, 0)
        assert tally.reasons == {"no-connection": 3, "no-host": 1, "no-flow": 2}
        assert label_summary(tally) == (
            "4 records: 1 labelled at both ends, 0 at one end, 3 not labelled"
            " (3 no-connection, 2 no-flow, 1 no-host)"
        )
        assert messages(run) == {}


def test_one_side_is_one_side(tmp_path: Path) -> None:
    with labelling(tmp_path, hosts(tmp_path)[:1]) as run:
        labelled(run, {})

        assert label_summary(run.tally) == (
            "1 record: 0 labelled at both ends, 1 at one end, 0 not labelled (1 no-host)"
        )


def test_nothing_is_summed_up_as_nothing() -> None:
    assert (
        label_summary(Tally()) == "0 records: 0 labelled at both ends, 0 at one end, 0 not labelled"
    )


def test_sides_of_another_time_are_told(tmp_path: Path) -> None:
    with labelling(tmp_path, hosts(tmp_path)) as run:
        labelled(run, {"start_time": NOW_S + 100}, {})

        assert messages(run)["other-time"].startswith(
            "2 sides are of connections that a source has"
        )
        assert "(--within 60 sets the tolerance in seconds)" in messages(run)["other-time"]


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([None], "1 labelled record has no time: the label holds for the moment of its source"),
        ([None, None, NOW_S], "2 labelled records have no time: "),
    ],
)
def test_records_without_a_time_are_told(
    times: list[int | None], expected: str, tmp_path: Path
) -> None:
    with labelling(tmp_path, hosts(tmp_path)) as run:
        labelled(run, *({"start_time": time} for time in times))

        assert messages(run)["untimed"].startswith(expected)


def test_records_without_a_time_and_without_a_label_are_nothing_to_tell(tmp_path: Path) -> None:
    with labelling(tmp_path, hosts(tmp_path)) as run:
        labelled(run, {"start_time": None, "client_port": 1})

        assert messages(run) == {}


@pytest.mark.parametrize(
    ("instance", "label", "told"),
    [
        ("none", "socket", True),
        ("none", "tot", True),
        ("none", "tot-likely", True),
        ("none", "dropped", False),
        ("pod", "socket", False),
    ],
)
def test_a_container_whose_pod_the_server_may_know_is_counted(
    instance: str, label: str, *, told: bool
) -> None:
    tally = Tally()
    flow = a_flow("10.0.0.1:4000 > 10.0.0.2:80", instance_0=instance, instance_1="pod")

    sides = SideLabel(label=label, gprocess="x"), SideLabel(label="no-host")
    tally.add(FlowLabels(*sides, (flow.instance_0, flow.instance_1)), untimed=False)

    assert tally.possible_pods == told


def test_captured_connections_are_counted_like_records(tmp_path: Path) -> None:
    with labelling(tmp_path, hosts(tmp_path)) as run:
        one, other = captured("10.0.0.1:4000 > 10.0.0.2:80"), captured("10.0.0.1:1 > 10.0.0.9:80")

        found = [[side.label for side in sides] for _, *sides in run.captured([one, other])]

        assert found == [["socket", "socket"], ["no-connection", "no-host"]]
        assert (run.tally.records, run.tally.both) == (2, 1)


@pytest.mark.parametrize(("count", "said"), [(0, []), (1, ["x.pcap: too many connections"])])
def test_connections_that_came_out_early_are_told(count: int, said: list[str]) -> None:
    notes = evicted_notes(ConnectionCounts(evicted=count), "x.pcap")

    assert [words_of(note)[: len("x.pcap: too many connections")] for note in notes] == said


@pytest.mark.parametrize(("network", "known"), [("", None), ("blue", "none has a name")])
def test_a_network_has_to_be_one_of_the_sources(
    network: str, known: str | None, tmp_path: Path
) -> None:
    if known is None:
        with labelling(tmp_path, hosts(tmp_path), network=network) as run:
            (found,) = labelled(run, {})
        assert found["label_0"] == "socket"
    else:
        with (
            pytest.raises(UsageError, match=known),
            labelling(tmp_path, hosts(tmp_path), network=network),
        ):
            pass


def test_an_agent_has_to_be_on_a_host_that_is_there(tmp_path: Path) -> None:
    """Not on one of which there is a newer recording, although that had another name."""
    connections = {"client": ["10.0.0.1:4000 10.0.0.2:80"]}
    sources = [
        recorded(tmp_path, "web", connections, "10.0.0.1", file="old"),
        recorded(tmp_path, "web", connections, "10.0.0.1", file="new", **later(60)),
        recorded(tmp_path, "web", {}, "10.0.0.7", file="other", boot_time_s=BOOT_S + 50_000),
    ]
    named = [NamedSource(path=path) for path in sources]
    old, new, other = (f"web [{path}]" for path in sources)

    with labelling(tmp_path, named, agents={7: new, 8: other, 9: new}):
        pass
    for gone in (old, "web", "", "web-1"):
        with pytest.raises(UsageError) as refused, labelling(tmp_path, named, agents={7: gone}):
            pass
        assert str(refused.value) == (
            f"no source is of the host {gone!r} of --agent-id ({new}, {other})"
        )


def test_the_records_of_a_connection_take_one_look_up(tmp_path: Path) -> None:
    """A long connection has one record per minute."""
    with labelling(tmp_path, hosts(tmp_path)) as run, ExitStack() as stack:
        looked_up = stack.enter_context(
            patch.object(Fleet, "between", autospec=True, side_effect=Fleet.between)
        )
        records = [{"protocol": 6, "start_time": NOW_S - 10 * n} for n in range(6)]
        records.append({"protocol": 6, "start_time": NOW_S - 86_400})
        found = labelled(run, *records[:6])

        assert looked_up.call_count == 1
        assert [record["label_0"] for record in found] == ["socket"] * 6
        assert labelled(run, records[6])[0]["label_0"] == "other-time"

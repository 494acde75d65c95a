"""Outputs of `proccli sync` as hosts of a fleet."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proccli.errors import RecordingError
from proccli.model.hosts import HostView
from proccli.model.sockets import Endpoint
from proccli.server.host_view import synced_view
from proccli.sources.recording.sync_document import parse_sync_output
from tests.server.building import links, view, who

PROCESS: dict[str, Any] = {
    "name": "shop",
    "pid": 7,
    "process_name": "python3",
    "cmdline": "python3 app.py",
    "user": "shop",
    "start_time": 1_767_225_600,
    "os_app_tags": [{"key": "owner", "value": "alice"}],
    "netns_id": 4026531840,
    "container_id": "",
}
SOCKET: dict[str, Any] = {
    "protocol": "tcp",
    "role": "client",
    "pid_0": 7,
    "ip_0": "10.0.0.5",
    "port_0": 4000,
    "pid_1": None,
    "ip_1": "10.0.0.9",
    "port_1": 80,
    "netns_idx": 1,
}
TURNED = SOCKET | {"role": "server", "pid_0": None, "pid_1": 7}


def document(**values: Any) -> bytes:
    snapshot = {"host": "web-1", "taken_at": "2026-01-02T03:04:05Z", "redacted": False}
    whole = {
        "schema": "proccli/sync/v1",
        "snapshot": snapshot | values.pop("snapshot", {}),
        "enabled": True,
        "processes": [PROCESS],
        "sockets": [SOCKET],
    }
    return json.dumps(whole | values).encode()


def viewed(**values: Any) -> HostView:
    return synced_view(parse_sync_output(document(**values), "web-1.json"), "web-1.json", "blue")


def test_what_is_sent_is_there_and_nothing_else() -> None:
    found = viewed(sockets=[SOCKET, TURNED | {"ip_1": "10.0.0.6"}])

    assert (found.name, found.source, found.network, found.kind) == (
        "web-1",
        "web-1.json",
        "blue",
        "sync",
    )
    assert found.addresses == ("10.0.0.5", "10.0.0.6")
    assert (found.boot_time_s, found.listeners, found.left_out) == (None, (), {})
    (host_process,) = found.processes.values()
    assert (host_process.pid, host_process.gprocess, host_process.tags) == (
        7,
        "shop",
        (("owner", "alice"),),
    )
    assert [(end.role, end.pid, end.status) for end in found.ends] == [
        ("client", 7, "synced"),
        ("server", 7, "synced"),
    ]
    assert found.ends[0].client == Endpoint("10.0.0.5", 4000)
    assert found.taken_at_ns == found.ends[0].since_ns == 1_767_323_045 * 1_000_000_000


def test_an_output_joins_with_another_host() -> None:
    far = parse_sync_output(document(sockets=[TURNED], snapshot={"host": "db-1"}), "db-1.json")

    (link,) = links(viewed(), synced_view(far, "db-1.json", "blue"))

    assert (who(link.client), who(link.server)) == ((0, 7), (1, 7))


def test_an_output_of_a_nameless_host_is_called_by_its_file() -> None:
    assert viewed(snapshot={"host": None}).name == "web-1.json"


def test_what_is_not_known_of_a_process_is_not_known() -> None:
    process = PROCESS | {"os_app_tags": None, "start_time": 0}

    (host_process,) = viewed(processes=[process]).processes.values()

    assert (host_process.tags, host_process.started_s) == (None, None)


def test_a_disabled_agent_sends_nothing() -> None:
    found = viewed(enabled=False, processes=[], sockets=[])

    assert (found.enabled, list(found.ends), found.processes) == (False, [], {})
    assert not links(found, view("b"))


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"processes": []}, "a socket of pid 7, which is not one of its processes"),
        (
            {"sockets": [TURNED | {"pid_1": 8}]},
            "a socket of pid 8, which is not one of its processes",
        ),
        ({"processes": [PROCESS, PROCESS]}, "two processes have the same pid"),
        ({"snapshot": {"taken_at": "2026-01-02T03:04:05"}}, "taken_at is not a time"),
        ({"snapshot": {"taken_at": "2026-01-02"}}, "taken_at is not a time"),
        ({"snapshot": {"taken_at": "2026-01-02T03:04:05+01:00"}}, "taken_at is not a time"),
        ({"snapshot": {"taken_at": ""}}, "taken_at is not a time"),
    ],
)
def test_a_document_that_no_sync_prints_is_refused(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(RecordingError, match=problem):
        viewed(**values)


@pytest.mark.parametrize("year", ["0001", "1969", "9999"])
def test_any_year_will_do(year: str) -> None:
    found = viewed(snapshot={"taken_at": f"{year}-01-02T03:04:05Z"})

    assert [link.remote for link in links(found)] == ["absent"]

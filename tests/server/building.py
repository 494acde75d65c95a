"""Helpers that build hosts, ends of connections and flows for tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from proccli.model.flows import (
    ACK,
    SYN,
    AnyFlow,
    CapturedConnection,
    CapturedOption,
    Flow,
    SideLabel,
    TotOption,
)
from proccli.model.hosts import ConnectionEnd, HostProcess, HostView, Listener
from proccli.model.sockets import Endpoint
from proccli.server.graph import ConnectionSelection, Graph, build_graph
from proccli.server.grouping import parse_grouping
from proccli.server.join import HostEnd, JoinedConnection
from proccli.server.labels import Labeller
from proccli.server.senders import Timing
from proccli.server.store import Fleet
from proccli.traffic.flows.fields import NO_FIELDS, find_fields
from proccli.traffic.flows.values import FlowReader, TimeReader
from proccli.versions import SERVERS, ServerVersion
from tests.build import BOOT_S, NOW_S

NS_PER_S = 1_000_000_000
NOW_NS = NOW_S * NS_PER_S
STARTED_S = BOOT_S + 3_600


def endpoint(text: str) -> Endpoint:
    """Of `10.0.0.1:80`."""
    ip, _, port = text.rpartition(":")
    return Endpoint(ip, int(port))


def host_process(pid: int, name: str | None = None, **fields: Any) -> HostProcess:
    """An accepted process with this name; `fields` overrides any field."""
    known: dict[str, Any] = {
        "gprocess": f"p{pid}" if name is None else name,
        "process_name": f"comm{pid}",
        "tags": (),
        "status": "accepted",
        "reason": "rule",
        "started_s": STARTED_S,
        "cmdline": f"/usr/bin/{pid}",
        "container_id": "",
    }
    return HostProcess(pid=pid, **known | fields)


def refused(pid: int, status: str = "dropped", reason: str = "rule", **fields: Any) -> HostProcess:
    """A process that is not accepted, or may not be."""
    known: dict[str, Any] = {"gprocess": None, "status": status, "reason": reason}
    return host_process(pid, **known | fields)


def end(text: str, pid: int, **fields: Any) -> ConnectionEnd:
    """Of `10.0.0.1:4000 > 10.0.0.2:80`, the client at the left, or, with `<`, at the right: the
    end of the one at the left. It is sent, unless something else is said."""
    ours = " > " in text
    one, other = (endpoint(side) for side in text.split(" > " if ours else " < "))
    known: dict[str, Any] = {
        "protocol": "tcp",
        "netns": 1,
        "status": "synced",
        "reason": None,
        "since_ns": NOW_NS,
    }
    client, server = (one, other) if ours else (other, one)
    return ConnectionEnd(
        role="client" if ours else "server",
        client_ip=client.ip,
        client_port=client.port,
        server_ip=server.ip,
        server_port=server.port,
        pid=pid,
        **known | fields,
    )


def view(
    name: str, *ends: ConnectionEnd, processes: Iterable[HostProcess] | None = None, **fields: Any
) -> HostView:
    """A host with a process for each pid at an end, and the addresses of those."""
    if processes is None:
        processes = [
            host_process(pid)
            if any(one.status == "synced" for one in ends if one.pid == pid)
            else refused(pid)
            for pid in sorted({one.pid for one in ends})
        ]
    near = {one.client.ip if one.role == "client" else one.server.ip for one in ends}
    known: dict[str, Any] = {
        "source": f"{name}.jsonl",
        "kind": "recording",
        "network": "",
        "taken_at_ns": NOW_NS,
        "boot_time_s": BOOT_S,
        "addresses": tuple(sorted(ip for ip in near if not ip.startswith("127."))),
        "listeners": (),
    }
    return HostView(
        name=name, ends=ends, processes={one.pid: one for one in processes}, **known | fields
    )


def listener(at: str, pid: int) -> Listener:
    """Of `10.0.0.1:80`."""
    return Listener(address=endpoint(at), pid=pid)


@contextmanager
def fleet(*views: HostView) -> Iterator[Fleet]:
    """These hosts."""
    with Fleet() as made:
        for one in views:
            made.add(one)
        yield made


def links(*views: HostView) -> list[JoinedConnection]:
    """Their connections."""
    with fleet(*views) as made:
        return list(made.joined_connections())


def drawn(*views: HostView, by: str = "gprocess", names: Sequence[str] | None = None) -> Graph:
    """Their graph."""
    called = [one.name for one in views] if names is None else names
    with fleet(*views) as made:
        return build_graph(made, parse_grouping(by), called, ConnectionSelection(), SERVERS["6.5"])


def who(seen: HostEnd | None) -> tuple[int, int] | None:
    """The host's number and the pid."""
    return None if seen is None else (seen.host, seen.pid)


Labels = tuple[SideLabel, SideLabel]


@contextmanager
def labeller(
    *views: HostView,
    network: str | None = None,
    within_s: float = 60,
    names: Sequence[str] | None = None,
    server: ServerVersion = SERVERS["6.5"],
    agents: Mapping[int, str] | None = None,
    assume_enabled: bool = False,
) -> Iterator[Labeller]:
    """A labeller of these hosts."""
    called = [one.name for one in views] if names is None else names
    timing = Timing(within_s=within_s)
    with fleet(*views) as made:
        yield Labeller(
            made,
            called,
            network=network,
            timing=timing,
            server=server,
            agents=agents,
            assume_enabled=assume_enabled,
        )


def labels(of: Flow | CapturedConnection, *views: HostView, **how: Any) -> Labels:
    """The labels of both sides, by what these hosts show."""
    with labeller(*views, **how) as made:
        return made.label_flow(of) if isinstance(of, Flow) else made.label_connection(of)


def words(of: Flow | CapturedConnection, *views: HostView, **how: Any) -> tuple[str, str]:
    """How each side was labelled, or why it was not."""
    one, other = labels(of, *views, **how)
    return one.label, other.label


def flow(text: str, **fields: Any) -> Flow:
    """Of `10.0.0.1:4000 > 10.0.0.2:80`: a TCP connection now."""
    one, other = (endpoint(side) for side in text.split(" > "))
    known: dict[str, Any] = {"protocol": "tcp", "start_s": NOW_S - 1.0, "end_s": float(NOW_S)}
    return Flow(side_0=one, side_1=other, **known | fields)


def option(source: str, pid: int, flags: int = SYN, **fields: Any) -> CapturedOption:
    """A TOT option that names a pid, seen now in a segment from here."""
    known: dict[str, Any] = {
        "time_s": float(NOW_S),
        "destination": endpoint("203.0.113.9:9"),
        "seq": 1,
    }
    tot: dict[str, Any] = {"version": 1, "address": endpoint(source).ip}
    carried = {
        name: fields.pop(name)
        for name in (*tot, "agent_id", "ambiguous", "candidate")
        if name in fields
    }
    return CapturedOption(
        source=endpoint(source),
        flags=flags,
        option=TotOption(pid=pid, **tot | carried),
        **known | fields,
    )


SYN_ACK = SYN | ACK


def captured(
    text: str,
    options_0: Sequence[CapturedOption] = (),
    options_1: Sequence[CapturedOption] = (),
    *,
    ended: bool = False,
    **fields: Any,
) -> CapturedConnection:
    """A captured connection with these options."""
    return CapturedConnection(
        flow=flow(text, **fields),
        client_certain=True,
        ended=ended,
        packets=10,
        options_0=tuple(options_0),
        options_1=tuple(options_1),
    )


def timeless(flow: Flow) -> AnyFlow:
    """The flow without times, as it is read from a record."""
    assert flow.side_0 is not None
    assert flow.side_1 is not None
    sides = {"ip_0": flow.side_0.ip, "ip_1": flow.side_1.ip}
    sides |= {"port_0": f"{flow.side_0.port}", "port_1": f"{flow.side_1.port}"}
    more: dict[str, object] = {"protocol": flow.protocol, "agent": flow.host}
    more |= {"process_id_0": flow.pid_0, "process_id_1": flow.pid_1}
    more |= {f"pod_{n}": "x" * (flow[8 + n] == "pod") for n in (0, 1)}
    more |= {f"auto_instance_{n}": "x" * (flow[8 + n] == "other") for n in (0, 1)}
    values = sides | more
    reader = FlowReader(find_fields(tuple(values), NO_FIELDS), TimeReader(None))
    read, start_s, end_s = reader.read(values)
    assert start_s is end_s is None
    assert read.flow == flow._replace(start_s=None, end_s=None)
    return read

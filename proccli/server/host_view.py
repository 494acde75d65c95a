"""What the server can know of one host, from a snapshot or from the output of `sync`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from proccli.agent.sockets.collect import SocketSample
from proccli.agent.sockets.result import connections_left_out
from proccli.model.hosts import ConnectionEnd, EndColumns, HostProcess, HostView, Listener
from proccli.model.outcome import Outcome, Tag
from proccli.model.process import NS_PER_S, Host
from proccli.model.sockets import Socket, SyncedProcess
from proccli.server.gprocess import ReportedProcess
from proccli.server.join import ip_to_int, is_loopback
from proccli.sources.recording.sync_document import SyncOutput


def host_view(
    *,
    host: Host,
    source: str,
    network: str,
    outcomes: Iterable[Outcome],
    tags_of: Callable[[Outcome], tuple[Tag, ...] | None],
    reported: Callable[[Outcome], ReportedProcess],
    sample: SocketSample,
    addresses: Iterable[str],
    enabled: bool,
) -> HostView:
    """The view of a host from a snapshot.

    Each socket is included once, with the process that the agent assigns it to. `addresses`: those
    of the host's network namespaces, as far as they can be read.
    """
    known = (*sample.best_known, *sample.hidden)
    connected = [socket for socket in known if socket.role is not None]
    ends = [end for socket in connected if (end := _end(socket, host)) is not None]
    return HostView(
        name=host.name or source,
        source=source,
        kind=host.kind,
        network=network,
        taken_at_ns=host.taken_at_ns,
        boot_time_s=host.boot_time_s,
        addresses=_addresses((*addresses, *(socket.row.local.ip for socket in known))),
        processes={
            outcome.process.pid: _host_process(outcome, tags_of(outcome), reported(outcome))
            for outcome in outcomes
        },
        ends=ends,
        listeners=_listeners(sample.best_known),
        left_out=connections_left_out(sample),
        enabled=enabled,
    )


def synced_view(output: SyncOutput, source: str, network: str) -> HostView:
    """The view of a host from the output of `sync`, which has only what is sent."""
    sockets, count = output.sockets, len(output.sockets.pids)
    near = {
        client_ip if role == "client" else server_ip
        for role, client_ip, server_ip in zip(
            sockets.roles, sockets.client_ips, sockets.server_ips, strict=True
        )
    }
    return HostView(
        name=output.host or source,
        source=source,
        kind="sync",
        network=network,
        taken_at_ns=output.taken_at_ns,
        boot_time_s=None,
        addresses=_addresses(near),
        processes={
            process.pid: _synced_process(process, masked=output.redacted)
            for process in output.processes
        },
        ends=EndColumns(
            *sockets, ("synced",) * count, (None,) * count, (output.taken_at_ns,) * count
        ),
        left_out=output.left_out,
        enabled=output.enabled,
    )


def _synced_process(process: SyncedProcess, *, masked: bool) -> HostProcess:
    # The document does not have the positions of the masked spans.
    masked_spans = ((0, len(process.cmdline)),) if masked else ()
    return HostProcess(
        pid=process.pid,
        gprocess=process.name,
        process_name=process.process_name,
        tags=process.os_app_tags,
        status="accepted",
        reason=None,
        started_s=process.start_time or None,
        cmdline=process.cmdline,
        masked_spans=masked_spans,
        container_id=process.container_id,
    )


def _addresses(ips: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(filter(_is_host_address, set(ips)), key=ip_to_int))


def _is_host_address(ip: str) -> bool:
    return ":" not in ip and ip != _ANY and not is_loopback(ip)


_ANY = "0.0.0.0"  # noqa: S104 - compared, not bound


def _host_process(
    outcome: Outcome, tags: tuple[Tag, ...] | None, reported: ReportedProcess
) -> HostProcess:
    return HostProcess(
        pid=outcome.process.pid,
        gprocess=outcome.gprocess,
        process_name=outcome.process_name or outcome.process.comm,
        tags=None if tags is None else tuple((tag.key, tag.value) for tag in tags),
        status=outcome.status,
        reason=outcome.reason,
        started_s=outcome.start_s,
        cmdline=outcome.cmdline,
        masked_spans=reported.masked_spans,
        container_id=reported.container_id,
    )


def _end(socket: Socket, host: Host) -> ConnectionEnd | None:
    """The socket's end of a connection; None: IPv6, which agents do not send."""
    row = socket.row
    if socket.role is None or ":" in row.local.ip or ":" in row.remote.ip:
        return None
    client, server = row.local, row.remote
    if socket.role == "server":
        client, server = server, client
    netns = socket.netns_idx
    if netns is None and socket.netns is not None:
        netns = -socket.netns
    since = None if socket.age_s is None else host.taken_at_ns - socket.age_s * NS_PER_S
    return ConnectionEnd(
        protocol=row.protocol,
        role=socket.role,
        client_ip=client.ip,
        client_port=client.port,
        server_ip=server.ip,
        server_port=server.port,
        netns=netns,
        pid=socket.pid,
        status=socket.status,
        reason=socket.reason,
        since_ns=since,
    )


def _listeners(sockets: Iterable[Socket]) -> tuple[Listener, ...]:
    """Listeners of accepted processes, on IPv4 addresses or on `::`."""
    return tuple(
        Listener(address=socket.row.local, pid=socket.pid)
        for socket in sockets
        if socket.reason == "listening"
        and socket.gprocess is not None
        and (":" not in socket.row.local.ip or socket.row.local.ip == "::")
    )

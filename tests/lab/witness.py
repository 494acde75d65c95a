"""What `ss` and `ps` say of hosts.

web-1:  tcp ESTAB 0 0 10.77.0.1:44612 10.77.0.2:8000 users:(("nginx",pid=11,fd=9))
app-1:  tcp ESTAB 0 0 [::ffff:10.77.0.2]:8000 [::ffff:10.77.0.1]:44612 users:(("python3",…))
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tests.lab.namespaces import Host

_USER = re.compile(r"\(\"[^\"]*\",pid=(\d+),fd=(\d+)\)")


class At(NamedTuple):
    """An address and a port."""

    ip: str
    port: int


class Line(NamedTuple):
    """One socket of ss, in one network namespace."""

    protocol: str
    state: str
    local: At
    remote: At
    pids: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """A host at one moment."""

    host: str
    network: str
    namespaces: Sequence[Sequence[Line]]
    """The sockets of each of its network namespaces."""
    commands: Mapping[int, str]
    """Command lines by pid."""
    addresses: Collection[str]
    """Over IPv4, without loopback."""
    too_young: Collection[int]
    """The ports whose connections nobody knows for long enough."""


def sockets_of(host: Host, *, netns_of: int | None = None) -> list[Line]:
    """All TCP and UDP sockets of a network namespace, with the processes that hold them."""
    return [_line(text) for text in host.run("ss", "-Htunap", netns_of=netns_of).splitlines()]


def connections_of(host: Host) -> set[tuple[str, At, At]]:
    """The connections of a host by protocol and addresses, without a look at who holds them:
    that would tell the kernel to remember since when."""
    lines = map(_line, host.run("ss", "-Htun").splitlines())
    return {(line.protocol, line.local, line.remote) for line in lines if line.state == "ESTAB"}


def see(
    host: Host, *, network: str = "", pods: Sequence[int] = (), too_young: Collection[int] = ()
) -> Seen:
    """A host as it is now; `pods` are processes in further network namespaces."""
    lines = host.run("ps", "-eo", "pid=,args=").splitlines()
    interfaces = [
        line
        for pid in (None, *pods)
        for line in host.run("ip", "-4", "-o", "addr", netns_of=pid).splitlines()
    ]
    commands = (line.strip().partition(" ") for line in lines)
    return Seen(
        host=host.name,
        network=network,
        namespaces=[sockets_of(host), *(sockets_of(host, netns_of=pid) for pid in pods)],
        commands={int(pid): command.strip() for pid, _, command in commands},
        addresses={line.split()[3].partition("/")[0] for line in interfaces} - {"127.0.0.1"},
        too_young=too_young,
    )


def _line(text: str) -> Line:
    protocol, state, _, _, local, remote, *users = text.split(maxsplit=6)
    pids = frozenset(int(found[1]) for found in _USER.finditer(users[0])) if users else frozenset()
    return Line(protocol, state, _at(local), _at(remote), pids)


def _at(text: str) -> At:
    ip, _, port = text.rpartition(":")
    return At(ip.strip("[]").removeprefix("::ffff:"), 0 if port == "*" else int(port))

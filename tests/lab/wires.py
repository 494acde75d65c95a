"""Networks between hosts: a bridge in a namespace of its own, with a cable to each host."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from tests.lab.namespaces import Host, LabError, NoLabError, running_host


class Switch:
    """What hosts are plugged into."""

    def __init__(self, bridge: Host) -> None:
        self._bridge = bridge
        self._ports = 0

    def plug(self, host: Host, *addresses: str, interface: str = "eth0") -> None:
        """Give a host an interface with these addresses (`10.77.0.1/24`).

        Raises: NoLabError where there are no such interfaces.
        """
        self._ports += 1
        port = f"port{self._ports}"
        peer = f"peer name {interface} netns {host.outer_pid}"
        with _available():
            self._bridge.configure_network(
                f"link add {port} type veth {peer}", f"link set {port} master br0 up"
            )
        host.configure_network(
            *(f"addr add {address}{_at_once(address)} dev {interface}" for address in addresses),
            f"link set {interface} up",
        )

    def plug_pod(self, host: Host, pid: int, address: str) -> None:
        """Give the network namespace of a process on a host an interface of its own.

        Raises: NoLabError.
        """
        interface = f"pod{pid}"
        self.plug(host, interface=interface)
        host.run("ip", "link", "set", interface, "netns", str(pid))
        host.run("ip", "addr", "add", address, "dev", interface, netns_of=pid)
        host.run("ip", "link", "set", interface, "up", netns_of=pid)


@contextlib.contextmanager
def running_switch() -> Iterator[Switch]:
    """A network without anybody in it. Raises: NoLabError."""
    with running_host("switch") as bridge:
        with _available():
            bridge.configure_network("link add br0 type bridge", "link set br0 up")
        yield Switch(bridge)


@contextlib.contextmanager
def running_hosts(plan: Sequence[tuple[str, Sequence[str]]]) -> Iterator[tuple[Host, ...]]:
    """Hosts of these names with these addresses, in one network. Raises: NoLabError."""
    with contextlib.ExitStack() as stack:
        switch = stack.enter_context(running_switch())
        hosts = []
        for name, addresses in plan:
            host = stack.enter_context(running_host(name))
            switch.plug(host, *addresses)
            hosts.append(host)
        yield tuple(hosts)


def has_ipv6(host: Host) -> bool:
    """Whether a host could have an IPv6 address."""
    try:
        return host.run("cat", "/proc/sys/net/ipv6/conf/lo/disable_ipv6").strip() == "0"
    except LabError:
        return False


def _at_once(address: str) -> str:
    # Without looking for duplicates first, which takes a second.
    return " nodad" if ":" in address else ""


@contextlib.contextmanager
def _available() -> Iterator[None]:
    try:
        yield
    except LabError as error:
        raise NoLabError(str(error)) from error

"""Hosts behind a router that translates addresses, and networks that use the same ones."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from tests.lab.namespaces import Host, LabError, NoLabError, require, running_host
from tests.lab.shop import PROGRAMS, PYTHON, start_program, start_redis
from tests.lab.wires import running_switch

EDGE, TERMINAL, ROUTER, FAR_ROUTER, STORE = (
    "10.88.0.1",
    "10.88.0.2",
    "10.88.0.254",
    "10.77.0.254",
    "10.77.0.3",
)
FORWARDED = 6380


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """Three hosts and the router between them. Both clients talk to the Redis of `store`."""

    edge: Host
    """Connects to the address of `store`, and appears there as the router."""
    terminal: Host
    """Connects to a port of the router's that is forwarded to `store`, and appears as itself."""
    router: Host
    store: Host


@contextlib.contextmanager
def translated_network() -> Iterator[Translated]:
    """With all connections open. Raises: NoLabError."""
    require("redis-server")
    with contextlib.ExitStack() as stack:
        near, far = (stack.enter_context(running_switch()) for _ in range(2))
        edge, terminal, router, store = (
            stack.enter_context(running_host(name))
            for name in ("edge-1", "terminal-1", "router-1", "store-1")
        )
        for host, address in ((edge, EDGE), (terminal, TERMINAL), (router, ROUTER)):
            near.plug(host, f"{address}/24")
        for host, address in ((router, FAR_ROUTER), (store, STORE)):
            far.plug(host, f"{address}/24", interface="eth1")
        for host, gateway in ((edge, ROUTER), (terminal, ROUTER), (store, FAR_ROUTER)):
            host.configure_network(f"route add default via {gateway}")
        _translate(router)
        start_redis(store, "0.0.0.0")
        start_program(edge, "hold", "--redis", f"{STORE}:6379", called="direct")
        start_program(terminal, "hold", "--redis", f"{ROUTER}:{FORWARDED}", called="forwarded")
        yield Translated(edge=edge, terminal=terminal, router=router, store=store)


def _translate(router: Host) -> None:
    program = "/opt/translate.py"
    router.write(program, (PROGRAMS / "translate.py").read_text(encoding="utf-8"))
    forward = ("--forward", f"{FORWARDED}={STORE}:6379")
    try:
        router.run(PYTHON, program, "--masquerade", EDGE, *forward)
    except LabError as error:
        raise NoLabError(f"no address translation to be had: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A client and a Redis, connected twice: with a port of the client's choice, which is the
    same in every pair, and with one of the kernel's."""

    client: Host
    server: Host


CLIENT, SERVER, CLIENT_PORT = "10.0.0.1", "10.0.0.2", 40_000


@contextlib.contextmanager
def running_pair(*names: str, booted_earlier_s: int) -> Iterator[Pair]:
    """A client and a server of these names, in a network of their own. Raises: NoLabError."""
    require("redis-server")
    with contextlib.ExitStack() as stack:
        switch = stack.enter_context(running_switch())
        client, server = (
            stack.enter_context(running_host(name, booted_earlier_s=booted_earlier_s))
            for name in names
        )
        switch.plug(client, f"{CLIENT}/24")
        switch.plug(server, f"{SERVER}/24")
        start_redis(server, "0.0.0.0")
        to = ("--redis", f"{SERVER}:6379")
        start_program(client, "hold", *to, "--source-port", str(CLIENT_PORT), called="fixed")
        start_program(client, "hold", *to, called="free")
        yield Pair(client=client, server=server)

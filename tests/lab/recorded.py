"""The shop with recordings of its hosts, and what `ss` showed of each at that moment."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.namespaces import Host, NoLabError
from tests.lab.recorder import Recorder
from tests.lab.shop import APP, DB, Shop, grow_older_than, running_shop, start_program, start_redis
from tests.lab.witness import At, Seen, connections_of, see
from tests.paths import ROOT

CONFIG = ROOT / "docs" / "example" / "shop.yaml"
TWIN_PORT = 45_000
POD = "10.77.0.50"
_LIFETIME_S = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The shop, still running, and one recording of each of its hosts by the host's name."""

    shop: Shop
    config: Path
    paths: Mapping[str, Path]
    seen: Mapping[str, Seen]
    pod: int
    """A process on db-1 in a network namespace of its own."""

    def of(self, names: Sequence[str]) -> tuple[list[Path], list[Seen]]:
        """The recordings of some hosts, and what was seen of them."""
        return [self.paths[name] for name in names], [self.seen[name] for name in names]

    def see(self, host: Host) -> Seen:
        """What there is to be seen of a host now."""
        return see(host, pods=[self.pod] if host is self.shop.db else [])


@contextlib.contextmanager
def lab_or_skip() -> Iterator[None]:
    """Skips the test where this machine can't have what is built in the block."""
    try:
        yield
    except NoLabError as missing:
        pytest.skip(str(missing))


def name_of(command: str) -> str | None:
    """What the configuration is meant to make of a command line, said in another way."""
    program, _, rest = command.partition(" ")
    if program.endswith("python3"):
        script = Path(rest.split(" ")[0])
        ours = script.parent == Path("/opt/shop") and script.name != "backup.py"
        return script.stem if ours else None
    if program == "postgres:" or program.endswith("/postgres"):
        return "postgres"
    return {"nginx:": "nginx", "redis-server": "redis"}.get(program)


def with_lifetime(config: str, seconds: int) -> str:
    """The text of a `static_config` with this minimum lifetime."""
    return f"{config}  os-proc-socket-min-lifetime: {seconds}\n"


@contextlib.contextmanager
def recorded_shop(folder: Path) -> Iterator[Recorded]:
    """The shop, with some connections that are easily taken for others, and one too young to count.

    Raises: NoLabError.
    """
    config = folder / "agent.yaml"
    config.write_text(with_lifetime(CONFIG.read_text(encoding="utf-8"), _LIFETIME_S), "utf-8")
    with running_shop() as shop:
        start_program(shop.app, "hold", "--http", f"{APP}:8000", called="selfcheck")
        pod = _start_twins(shop)
        shop.switch.plug_pod(shop.db, pod, f"{POD}/24")
        start_program(shop.app, "hold", "--redis", f"{POD}:6379", called="podclient")
        late = start_program(shop.app, "hold", "--redis", f"{DB}:6379", "--later", called="late")
        grow_older_than(_LIFETIME_S)
        before = {host.name: connections_of(host) for host in shop.recorded}

        def connect_late() -> None:
            shop.app.run("kill", "-USR1", str(late))
            shop.app.wait_for_log(late, "late", "connected")

        recorder = Recorder(config=config.read_text(encoding="utf-8"))
        paths = recorder.record(shop.recorded, folder, connect_late)
        young = _only_news(before, {host.name: connections_of(host) for host in shop.recorded})
        seen = {
            host.name: see(host, pods=[pod] if host is shop.db else [], too_young=[young])
            for host in shop.recorded
        }
        yield Recorded(shop=shop, config=config, paths=paths, seen=seen, pod=pod)


Connections = Mapping[str, set[tuple[str, At, At]]]


def _only_news(before: Connections, after: Connections) -> int:
    """The port of the one connection that came up meanwhile, from app-1 to db-1; nothing else
    has changed, or what was recorded is not what ss is about to see."""
    ((_, client, server),) = after["app-1"] - before["app-1"]
    news = {"web-1": set(), "app-1": {("tcp", client, server)}, "db-1": {("tcp", server, client)}}
    assert {name: after[name] - before[name] for name in after} == news
    assert all(before[name] <= after[name] for name in after)
    return client.port


def _start_twins(shop: Shop) -> int:
    """The same addresses and ports on loopback three times: on two hosts, and on one of them in a
    network namespace of its own, of which a process is returned."""
    same = ("--redis", "127.0.0.1:6379", "--source-port", str(TWIN_PORT))
    start_redis(shop.web, "127.0.0.1", log="cache")
    start_program(shop.web, "hold", *same, called="cachecheck")
    start_program(shop.db, "hold", *same, called="dbcheck")
    pod = start_program(shop.db, "keep", "6379", called="pod", netns="new")
    start_program(shop.db, "hold", *same, called="podcheck", netns=pod)
    return pod

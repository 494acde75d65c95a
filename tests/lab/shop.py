"""A small shop on three hosts: nginx, a Python application, Redis and PostgreSQL, all of them real.

outside ──► web-1 nginx ──► app-1 app ──► db-1 redis, postgres, statsd
                               └──► outside (payments)
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.lab.namespaces import USERS, Host, program, require, running_host, wait_for
from tests.lab.wires import Switch, has_ipv6, running_switch

PROGRAMS = Path(__file__).parent / "programs"
PYTHON = program("python3")
"""The system's own, in which the shop's programs run: they need no package."""

WEB, APP, DB, OUTSIDE = "10.77.0.1", "10.77.0.2", "10.77.0.3", "203.0.113.9"
_PREFIX6 = "fd77::"
_NGINX = f"""
user www-data;
daemon off;
worker_processes 2;
error_log stderr;
pid /opt/nginx/nginx.pid;
events {{ worker_connections 64; }}
http {{
  access_log off;
  keepalive_timeout 3600s;
  client_body_temp_path /opt/nginx/body;
  proxy_temp_path /opt/nginx/proxy;
  fastcgi_temp_path /opt/nginx/fastcgi;
  uwsgi_temp_path /opt/nginx/uwsgi;
  scgi_temp_path /opt/nginx/scgi;
  upstream app {{
    server {APP}:8000;
    keepalive 8;
    keepalive_timeout 3600s;
  }}
  server {{
    listen 80;
    location / {{
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }}
  }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """Its hosts. `outside` stands for the rest of the world, and is not recorded."""

    web: Host
    app: Host
    db: Host
    outside: Host
    switch: Switch
    """What they are all plugged into."""
    ipv6: bool
    """Whether the hosts have IPv6 addresses, and a connection over them."""
    postgres: bool
    """Whether there is a PostgreSQL here, and so on `db`."""

    @property
    def recorded(self) -> tuple[Host, Host, Host]:
        """The hosts of the shop's own."""
        return self.web, self.app, self.db


def start_program(
    host: Host,
    script: str,
    *arguments: str,
    called: str | None = None,
    netns: int | Literal["new"] | None = None,
) -> int:
    """Start one of `programs/` as `/opt/shop/CALLED.py`, wait until it is ready; its pid.

    `netns` is a process whose network namespace it shares, or asks for one of its own.
    """
    name = called or script
    path = f"/opt/shop/{name}.py"
    if not host.outer_path(path).exists():
        host.write(path, (PROGRAMS / f"{script}.py").read_text(encoding="utf-8"))
    command, user = [PYTHON, path, *arguments], "root"
    if netns == "new":
        alone = 'ip link set lo up && exec "$@"'
        command = ["unshare", "--net", "bash", "-c", alone, "bash", *command]
    elif netns is not None:
        command = ["nsenter", f"--net=/proc/{netns}/ns/net", *command]
    else:
        user = "shop"
    pid = host.start(*command, user=user, log=name)
    host.wait_for_log(pid, name)
    return pid


def grow_older_than(seconds: float) -> None:
    """Wait until everything that runs has run for so long, in whole seconds."""
    time.sleep(seconds + 1.1)


def start_redis(host: Host, *addresses: str, log: str = "redis", port: int = 6379) -> int:
    """Start a Redis that keeps nothing, wait until it takes connections; its pid."""
    options = ("--save", "", "--appendonly", "no", "--protected-mode", "no", "--dir", "/opt")
    listen = ("--bind", *addresses, "--port", str(port))
    pid = host.start("redis-server", *listen, *options, user="redis", log=log)
    host.wait_for_log(pid, log, "Ready to accept connections")
    return pid


def postgres_folder() -> Path | None:
    """Where the newest PostgreSQL's programs are; None where there is none."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(found, key=lambda path: float(path.parent.name), default=None)


def _start_postgres(host: Host, folder: Path) -> None:
    data = "/opt/postgres/data"
    host.write("/opt/postgres/README", "")
    host.run("chown", "postgres:postgres", "/opt/postgres")
    ids = (f"--reuid={USERS['postgres']}", f"--regid={USERS['postgres']}", "--clear-groups", "--")
    initdb = (f"{folder}/initdb", "-D", data, "-U", "shop", "-A", "trust", "--no-sync")
    host.run("setpriv", *ids, *initdb)
    host.write(f"{data}/pg_hba.conf", "host all all 10.77.0.0/24 trust\n")
    options = ("-k", "/opt/postgres", "-c", "fsync=off", "-c", f"listen_addresses={DB}")
    pid = host.start(f"{folder}/postgres", "-D", data, *options, user="postgres", log="postgres")
    host.wait_for_log(pid, "postgres", "ready to accept connections")


def _start_nginx(host: Host) -> None:
    host.write("/opt/nginx/nginx.conf", _NGINX)
    host.start("nginx", "-c", "/opt/nginx/nginx.conf", log="nginx")


@contextlib.contextmanager
def running_shop() -> Iterator[Shop]:
    """The shop at work: all connections are open, have carried data, and stay.

    Raises: NoLabError where this machine can't have it.
    """
    require("nginx", "redis-server")
    with contextlib.ExitStack() as stack:
        switch = stack.enter_context(running_switch())
        names = ("web-1", "app-1", "db-1", "outside")
        hosts = [
            stack.enter_context(running_host(name, booted_earlier_s=3600 * number))
            for number, name in enumerate(names)
        ]
        web, app, db, outside = hosts
        ipv6 = all(map(has_ipv6, hosts))
        for host, address in zip(hosts, (WEB, APP, DB, OUTSIDE), strict=True):
            sixth = f"{_PREFIX6}{address.rpartition('.')[2]}/64"
            switch.plug(host, f"{address}/24", *([sixth] if ipv6 else []))
            host.configure_network("route add default dev eth0")
        folder = postgres_folder()
        shop = Shop(
            web=web,
            app=app,
            db=db,
            outside=outside,
            switch=switch,
            ipv6=ipv6,
            postgres=folder is not None,
        )
        if folder is not None:
            _start_postgres(db, folder)
        _open(shop)
        yield shop


def _open(shop: Shop) -> None:
    redis = f"{DB}:6379"
    start_redis(shop.db, "0.0.0.0", *(["::"] if shop.ipv6 else []))
    statsd = start_program(shop.db, "statsd", "8125")
    start_program(shop.outside, "keep", "8443")
    database = ("--postgres", f"{DB}:5432") if shop.postgres else ()
    more = ("--statsd", f"{DB}:8125", "--payments", f"{OUTSIDE}:8443")
    start_program(shop.app, "app", "--port", "8000", "--redis", redis, *database, *more)
    _start_nginx(shop.web)
    _wait_for_port(shop.web, 80)
    start_program(shop.outside, "hold", "--http", f"{WEB}:80", "--count", "3", called="customer")
    shop.db.wait_for_log(statsd, "statsd", "connected")
    start_program(shop.web, "hold", "--http", "127.0.0.1:80", called="health")
    start_program(shop.db, "hold", "--http", f"{WEB}:80", "--count", "2", called="report")
    start_program(shop.db, "hold", "--redis", "127.0.0.1:6379", called="exporter")
    start_program(shop.app, "hold", "--redis", redis, "--forks", "2", called="worker")
    start_program(shop.app, "hold", "--redis", redis, called="backup")
    if shop.ipv6:
        start_program(shop.app, "hold", "--redis", f"{_PREFIX6}3:6379", called="stock")


def _wait_for_port(host: Host, port: int) -> None:
    """Until somebody listens there."""
    wait_for(f"a listener on port {port}", lambda: f":{port} " in host.run("ss", "-Hltn"))

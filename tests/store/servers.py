"""ClickHouse servers for tests: Debian's, and a stand-in with the embedded engine behind it."""

from __future__ import annotations

import functools
import re
import shutil
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from proccli.store.address import StoreAddress, parse_address
from proccli.store.engine import GIVEN, Given
from tests.waiting import eventually

DEBIANS = shutil.which("clickhouse-server") or shutil.which(
    "clickhouse-server", path="/usr/sbin:/sbin"
)
"""Debian's package has version 18.16."""
Backend = Callable[[bytes, bytes, Given | None], bytes]
"""Runs a statement with the data to insert and a table for its query; returns its output."""

_CONFIG = """<?xml version="1.0"?>
<yandex>
  <logger><level>error</level><log>{folder}/log</log><errorlog>{folder}/errors</errorlog></logger>
  <http_port>{http}</http_port><tcp_port>{tcp}</tcp_port><listen_host>127.0.0.1</listen_host>
  <path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path>
  <format_schema_path>{folder}/formats/</format_schema_path>
  <users_config>users.xml</users_config>
  <default_profile>default</default_profile><default_database>default</default_database>
  <mark_cache_size>100000000</mark_cache_size>
  <remote_servers><both>{shards}</both></remote_servers>
</yandex>
"""
_SHARD = "<shard><replica><host>127.0.0.1</host><port>{tcp}</port></replica></shard>"
_USERS = """<?xml version="1.0"?>
<yandex>
  <profiles><default>
    <insert_distributed_sync>1</insert_distributed_sync>
    <distributed_product_mode>global</distributed_product_mode>
  </default></profiles>
  <users><default><password></password><networks><ip>127.0.0.1</ip></networks>
    <profile>default</profile><quota>default</quota></default></users>
  <quotas><default/></quotas>
</yandex>
"""
_HANDSHAKE = b"SELECT name, value, readonly FROM system.settings"


class Refused(Exception):  # noqa: N818 - what the server says
    """The server answers with an error."""


@contextmanager
def debian_servers(folder: Path, number: int) -> Iterator[list[StoreAddress]]:
    """So many servers of one cluster, `both`, behind a proxy that adds what clients ask for.

    Today's client asks for a column of system.settings that 18.16 does not have yet.
    """
    ports = [(_free_port(), _free_port()) for _ in range(number)]
    shards = "".join(_SHARD.format(tcp=tcp) for _, tcp in ports)
    running: list[subprocess.Popen[bytes]] = []
    try:
        for index, (http, tcp) in enumerate(ports):
            place = folder / str(index)
            for name in ("data", "tmp", "formats"):
                (place / name).mkdir(parents=True)
            (place / "users.xml").write_text(_USERS)
            config = place / "config.xml"
            config.write_text(_CONFIG.format(folder=place, http=http, tcp=tcp, shards=shards))
            assert DEBIANS is not None
            running.append(
                subprocess.Popen(
                    [DEBIANS, f"--config-file={config}"],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd=place,
                )
            )
        backends = [_backend(http) for http, _ in ports]
        for backend in backends:
            eventually(functools.partial(_answers, backend), what="the start of clickhouse-server")
        with _served(backends) as addresses:
            yield addresses
    finally:
        for process in running:
            process.kill()
            process.wait()


@contextmanager
def stand_in(backend: Backend) -> Iterator[StoreAddress]:
    """A server that speaks HTTP, with another engine behind it."""
    with _served([backend]) as (address,):
        yield address


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])


def _backend(port: int) -> Backend:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def run(sql: bytes, data: bytes, given: Given | None) -> bytes:
        sql = sql.replace(_HANDSHAKE, _HANDSHAKE.replace(b"readonly", b"toUInt8(0) AS readonly"))
        url = f"http://127.0.0.1:{port}/"
        request = urllib.request.Request(url, data=sql + b"\n" + data if data else sql)
        if given is not None:
            request = _with_table(url, sql, given)
        try:
            with opener.open(request) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            raise Refused(error.read().decode(errors="replace")) from error

    return run


def _with_table(url: str, sql: bytes, given: Given) -> urllib.request.Request:
    settings = {
        "query": sql.decode(),
        f"{GIVEN}_format": "RowBinary",
        f"{GIVEN}_structure": given.structure,
    }
    head = f'--edge\r\nContent-Disposition: form-data; name="{GIVEN}"; filename="{GIVEN}"\r\n\r\n'
    return urllib.request.Request(
        f"{url}?{urlencode(settings)}",
        data=head.encode() + given.rows + b"\r\n--edge--\r\n",
        headers={"Content-Type": "multipart/form-data; boundary=edge"},
    )


def _answers(backend: Backend) -> bool:
    try:
        return backend(b"SELECT 1", b"", None) == b"1\n"
    except OSError:
        return False


@contextmanager
def _served(backends: list[Backend]) -> Iterator[list[StoreAddress]]:
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), _handler(backend)) for backend in backends]
    threads = [threading.Thread(target=server.serve_forever, args=(0.05,)) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield [parse_address(f"clickhouse://127.0.0.1:{one.server_address[1]}") for one in servers]
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join()


def _handler(backend: Backend) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self._body()
            options = parse_qs(urlsplit(self.path).query)
            (query,) = options.get("query", [""])
            given = None
            if structure := options.get(f"{GIVEN}_structure"):
                given, body = Given(structure[0], self._table(body)), b""
            sql, data = (query.encode(), body) if query else self._split(body)
            try:
                status, answer = 200, backend(sql, data, given)
            except Exception as error:
                status, answer = 500, str(error).encode()
            self.send_response(status)
            if status == 200 and (form := re.search(rb"FORMAT (\w+)\s*$", sql)):
                self.send_header("X-ClickHouse-Format", form[1].decode())
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST  # noqa: N815 - the name that http.server looks for

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            pieces = []
            while size := int(self.rfile.readline(), 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)

        def _table(self, form: bytes) -> bytes:
            edge = form[: form.index(b"\r\n")]
            part = form[: form.rindex(b"\r\n" + edge)]
            return part[part.index(b"\r\n\r\n") + 4 :]

        def _split(self, body: bytes) -> tuple[bytes, bytes]:
            found = re.match(rb"\s*INSERT INTO \S+ (?:\([^)]*\) )?FORMAT \w+\n", body)
            return (found[0].strip(), body[found.end() :]) if found else (body, b"")

        def log_message(self, *_: object) -> None:
            pass

    return Handler

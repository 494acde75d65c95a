"""The shop: answers over HTTP with what its database counts, over connections it keeps open.

app.py --port 8000 --redis 10.77.0.3:6379 [--statsd HOST:PORT] [--payments HOST:PORT]
"""

import argparse
import os
import queue
import socket
import struct
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer


def connect(where: str, kind: int = socket.SOCK_STREAM) -> socket.socket:
    """A connection to `HOST:PORT`; the host may be an IPv6 address without brackets."""
    host, _, port = where.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    one = socket.socket(family, kind)
    one.settimeout(10)
    one.connect((host, int(port)))
    return one


def message(kind: bytes, body: bytes) -> bytes:
    """One of PostgreSQL's protocol: the length counts itself, and not the kind."""
    return kind + struct.pack("!I", len(body) + 4) + body


def ask(database: socket.socket, question: bytes) -> None:
    """Send something, and read until the server is ready for the next."""
    database.sendall(question)
    with database.makefile("rb") as answer:
        while True:
            kind, length = struct.unpack("!cI", answer.read(5))
            body = answer.read(length - 4)
            if kind == b"E":
                raise ConnectionError(body)
            if kind == b"Z":
                return


def main() -> None:
    """Open everything, then serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--redis", action="append", required=True)
    parser.add_argument("--postgres")
    parser.add_argument("--statsd")
    parser.add_argument("--payments")
    given = parser.parse_args()

    pool: queue.Queue[socket.socket] = queue.Queue()
    for where in given.redis:
        for _ in range(2):
            pool.put(connect(where))
    database = connect(given.postgres) if given.postgres else None
    if database:
        version = struct.pack("!HH", 3, 0)
        ask(database, message(b"", version + b"user\0shop\0database\0postgres\0\0"))
        ask(database, message(b"Q", b"CREATE TABLE IF NOT EXISTS orders (id int)\0"))
    statsd = connect(given.statsd, socket.SOCK_DGRAM) if given.statsd else None
    payments = connect(given.payments) if given.payments else None
    if payments:
        payments.sendall(b"hello")
        payments.recv(100)

    class Server(ThreadingTCPServer):
        allow_reuse_address = True
        address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET

    class Shop(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            redis = pool.get()
            try:
                redis.sendall(b"INCR visits\r\n")
                visits = redis.recv(100).lstrip(b":").strip()
            finally:
                pool.put(redis)
            if statsd:
                statsd.send(b"visits:1|c")
            self.send_response(200)
            self.send_header("Content-Length", str(len(visits)))
            self.end_headers()
            self.wfile.write(visits)

    server = Server(("", given.port), Shop)
    os.write(1, b"ready\n")
    server.serve_forever()


main()

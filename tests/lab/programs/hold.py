"""Opens connections, uses each once, and keeps them.

    hold.py [--redis HOST:PORT]... [--http HOST:PORT]... [--count N] [--source-port P]
            [--forks N] [--later]

`--forks`: so many children hold the same connections. `--later`: opened when SIGUSR1 comes.
SIGHUP closes all and opens them anew.
"""

import argparse
import fcntl
import itertools
import os
import signal
import socket

NUMBERS = itertools.count(200)


def connect(where: str, greeting: bytes, source_port: int) -> socket.socket:
    """A connection that has carried a question and an answer."""
    host, _, port = where.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    one = socket.socket(family, socket.SOCK_STREAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.settimeout(10)
    if source_port:
        one.bind(("", source_port))
    one.connect((host, int(port)))
    one.sendall(greeting)
    if not one.recv(65_536):
        raise ConnectionError(where)
    # Under a number that was never used: the link in /proc/PID/fd of a number that was, and that
    # somebody looked at, may be older than the socket.
    kept = socket.socket(fileno=fcntl.fcntl(one.fileno(), fcntl.F_DUPFD_CLOEXEC, next(NUMBERS)))
    one.close()
    return kept


def main() -> None:
    """Connect, say so, and stay."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--redis", action="append", default=[])
    parser.add_argument("--http", action="append", default=[])
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--source-port", type=int, default=0)
    parser.add_argument("--forks", type=int, default=0)
    parser.add_argument("--later", action="store_true")
    given = parser.parse_args()
    http = b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n"
    wanted = [(where, b"PING\r\n") for where in given.redis]
    wanted += [(where, http) for where in given.http]
    kept: list[socket.socket] = []

    def open_all() -> None:
        kept.extend(
            connect(where, greeting, given.source_port)
            for where, greeting in wanted
            for _ in range(given.count)
        )
        os.write(1, b"connected\n")

    signals = {signal.SIGUSR1, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    if not given.later:
        open_all()
    children = 0
    for _ in range(given.forks):
        if os.fork() == 0:
            break
        children += 1
    if children == given.forks:
        os.write(1, b"ready\n")
    while True:
        which = signal.sigwait(signals)
        if which == signal.SIGHUP:
            while kept:
                kept.pop().close()
        open_all()


main()

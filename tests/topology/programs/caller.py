"""Makes short connections, and lives on.

    caller.py HOST:PORT SOURCE_PORT...

At SIGUSR1 it connects from each of the source ports in turn, says something, waits for the answer
and closes; at SIGUSR2 it connects from the last one and keeps that connection.
"""

import os
import signal
import socket
import sys


def connect(to: tuple[str, int], source_port: int) -> socket.socket:
    """A connection that has carried a question and an answer."""
    one = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.settimeout(10)
    one.bind(("", source_port))
    one.connect(to)
    one.sendall(b"hello")
    if one.recv(100) != b"HELLO":
        raise ConnectionError(f"no answer on {source_port}")
    return one


def main() -> None:
    """Wait for signals."""
    host, _, port = sys.argv[1].rpartition(":")
    to, source_ports = (host, int(port)), [int(text) for text in sys.argv[2:]]
    signals = {signal.SIGUSR1, signal.SIGUSR2}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    os.write(1, b"ready\n")
    kept = []
    while True:
        if signal.sigwait(signals) == signal.SIGUSR2:
            kept.append(connect(to, source_ports[-1]))
        else:
            for source_port in source_ports:
                connect(to, source_port).close()
        os.write(1, b"done\n")


main()

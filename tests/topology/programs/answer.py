"""Answers in capitals whoever connects, as long as that one wants.

answer.py PORT...
"""

import os
import socket
import sys
import threading


def talk(one: socket.socket) -> None:
    """With one client."""
    with one:
        while said := one.recv(100):
            one.sendall(said.upper())


def serve(listener: socket.socket) -> None:
    """Never comes back."""
    while True:
        threading.Thread(target=talk, args=(listener.accept()[0],), daemon=True).start()


def main() -> None:
    """A thread for each port."""
    for port in sys.argv[1:]:
        listener = socket.create_server(("0.0.0.0", int(port)))
        threading.Thread(target=serve, args=(listener,)).start()
    os.write(1, b"ready\n")


main()

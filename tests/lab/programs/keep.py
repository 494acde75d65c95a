"""Takes every connection to some ports and keeps it, answering what comes first.

keep.py PORT...
"""

import os
import socket
import sys
import threading


def serve(listener: socket.socket) -> None:
    """Never comes back."""
    kept = []
    while True:
        one, _ = listener.accept()
        kept.append(one)
        one.sendall(b"welcome")


def main() -> None:
    """A thread for each port."""
    for port in sys.argv[1:]:
        listener = socket.create_server(("0.0.0.0", int(port)))
        threading.Thread(target=serve, args=(listener,)).start()
    os.write(1, b"ready\n")


main()

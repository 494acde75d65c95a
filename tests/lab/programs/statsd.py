"""Counts what comes over UDP, and from then on talks to the first sender alone.

statsd.py PORT
"""

import os
import socket
import sys


def main() -> None:
    """A socket without a peer until somebody writes, a connected one after that."""
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind(("0.0.0.0", int(sys.argv[1])))
    os.write(1, b"ready\n")
    _, sender = one.recvfrom(1500)
    one.connect(sender)
    os.write(1, b"connected\n")
    while True:
        one.recv(1500)


main()

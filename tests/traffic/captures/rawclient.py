"""A TCP client without a kernel, which puts options of its own into its segments.

    unshare -n python -m tests.traffic.captures.rawclient CAPTURE

A pair of interfaces: the kernel has an address on one of them and listens there; the client has
the other one to itself, and an address that no kernel knows, so that none resets its connections.
tcpdump captures on the kernel's side. What the listener saw is printed as JSON.
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from typing import Any

from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether

from tests.traffic.tot.segments import v1, v2

KERNEL, CLIENT = "192.0.2.9", "192.0.2.5"
KERNEL_MAC, CLIENT_MAC = "02:00:00:00:00:09", "02:00:00:00:00:05"
PORT = 8080
TIMEOUT_S = 20.0
PID = 4242


def option_of(variant: str, seq: int) -> bytes:
    """The option as a sender with this sequence number writes it."""
    return {
        "v1": v1(PID, address=CLIENT, seq=seq),
        "v1-without-seq": v1(PID, address=CLIENT),
        "v1-without-address": v1(PID, seq=seq),
        "v1-bare": v1(PID),
        "v1-translated": v1(PID, address="10.0.0.5"),
        "v2": v2(PID, 7),
        "none": b"",
    }[variant]


VARIANTS = (
    "v1",
    "v1-without-seq",
    "v1-without-address",
    "v1-bare",
    "v1-translated",
    "v2",
    "none",
)
"""One connection each, from the port 41000 on."""


def prepare() -> None:
    """Make the interfaces of a new network namespace."""
    for command in (
        f"ip link add kernel address {KERNEL_MAC} type veth peer name client address {CLIENT_MAC}",
        f"ip address add {KERNEL}/24 dev kernel",
        "ip link set kernel up",
        "ip link set client up",
        f"ip neighbour add {CLIENT} lladdr {CLIENT_MAC} dev kernel",
    ):
        subprocess.run(command.split(), check=True, timeout=TIMEOUT_S)


class RawClient:
    """One connection of it."""

    def __init__(self, wire: socket.socket, port: int, variant: str) -> None:
        self._wire = wire
        self._port = port
        self._variant = variant
        self._seq = 0xFFFF_FFF0 + port % 7  # it wraps
        self._ack = 0

    def talk(self) -> None:
        """Connect, say something, wait for the answer, and close."""
        self._send("S")
        syn_ack = self._receive(lambda tcp: tcp.flags == "SA")
        self._seq += 1
        self._ack = syn_ack.seq + 1
        self._send("A", traced=False)
        self._send("PA", b"hello")
        self._seq += 5
        answer = self._receive(lambda tcp: bytes(tcp.payload).startswith(b"HELLO"))
        self._ack = answer.seq + 5
        self._send("FA", traced=False)
        self._seq += 1
        self._receive(lambda tcp: "F" in str(tcp.flags))
        self._ack += 1
        self._send("A", traced=False)

    def _send(self, flags: str, payload: bytes = b"", *, traced: bool = True) -> None:
        seq, ack = self._seq % (1 << 32), self._ack % (1 << 32)
        option = option_of(self._variant, seq) if traced else b""
        listed = [("MSS", 1460)] if flags == "S" else []
        if option:
            listed.append((option[0], option[2:]))  # type: ignore[arg-type]
        header = TCP(sport=self._port, dport=PORT, seq=seq, ack=ack, flags=flags, options=listed)
        frame = Ether(src=CLIENT_MAC, dst=KERNEL_MAC) / IP(src=CLIENT, dst=KERNEL) / header
        self._wire.send(bytes(frame / payload))

    def _receive(self, wanted: Any) -> Any:
        while True:
            frame = Ether(self._wire.recv(65_536))
            if TCP in frame and frame[TCP].dport == self._port and wanted(frame[TCP]):
                return frame[TCP]


def listen(listener: socket.socket, seen: list[Any]) -> None:
    """Answer every client, as a server of the kernel."""
    for _ in VARIANTS:
        accepted, peer = listener.accept()
        with accepted:
            said = accepted.recv(100)
            accepted.sendall(said.upper())
            end = accepted.recv(100)
            seen.append({"peer": peer, "said": said.decode(), "end": end.decode()})


def main(capture: str) -> None:
    prepare()
    command = ["tcpdump", "-i", "kernel", "-w", capture, "-U", "--immediate-mode", "-Z", "root"]
    tcpdump = subprocess.Popen([*command, "tcp"], stderr=subprocess.PIPE)
    assert tcpdump.stderr is not None
    said = b""
    while b"listening on" not in (line := tcpdump.stderr.readline()):
        said += line
        if not line:
            raise SystemExit(f"tcpdump did not start: {said.decode()}")
    seen: list[Any] = []
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    wire.bind(("client", 0))
    wire.settimeout(TIMEOUT_S)
    with wire, socket.create_server((KERNEL, PORT)) as listener:
        listener.settimeout(TIMEOUT_S)
        server = threading.Thread(target=listen, args=(listener, seen), daemon=True)
        server.start()
        for number, variant in enumerate(VARIANTS):
            RawClient(wire, 41_000 + number, variant).talk()
        server.join(TIMEOUT_S)
    tcpdump.send_signal(signal.SIGINT)
    tcpdump.wait(TIMEOUT_S)
    sys.stdout.write(json.dumps(seen))


if __name__ == "__main__":
    main(sys.argv[1])

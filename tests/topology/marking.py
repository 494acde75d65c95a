"""A wire that does what TCP option tracing does in the kernel of the host at its near end.

    python -m tests.topology.marking NEAR FAR MARKS

It hands every frame on between the two interfaces of its network namespace. TCP segments that come
from the near one get option 253, as the file MARKS says by their source port:

    {"41000": {"variant": "v1", "pid": 7, "agent": 3, "of": ["syn", "data"]}}

`of` names the segments: `syn`, `syn-ack`, `data` (those with PSH). The file is read again when it
has changed. The kernels at both ends see connections like any other.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.traffic.tot.segments import v1, v2

ETH_P_ALL, ETH_HLEN, IPV4 = 3, 14, 0x0800
SYN, PSH, ACK = 0x02, 0x08, 0x10
MOST_OPTION_BYTES = 40
_READY = b"ready\n"


def option(mark: Mapping[str, Any], address: str, seq: int) -> bytes:
    """The option of a segment with this source address and sequence number."""
    pid = mark["pid"]
    return {
        "v1": lambda: v1(pid, address=address, seq=seq),
        "v1-address": lambda: v1(pid, address=address),
        "v1-seq": lambda: v1(pid, seq=seq),
        "v1-bare": lambda: v1(pid),
        "v2": lambda: v2(pid, mark["agent"]),
    }[mark["variant"]]()


def marked(frame: bytes, marks: Mapping[str, Any]) -> bytes:
    """The frame, with the option if it is to have one."""
    if int.from_bytes(frame[12:14], "big") != IPV4 or frame[ETH_HLEN + 9] != socket.IPPROTO_TCP:
        return frame
    tcp_at = ETH_HLEN + (frame[ETH_HLEN] & 0x0F) * 4
    end = ETH_HLEN + int.from_bytes(frame[ETH_HLEN + 2 : ETH_HLEN + 4], "big")
    ip, tcp = bytearray(frame[ETH_HLEN:tcp_at]), bytearray(frame[tcp_at:end])
    port, _, seq, _, offset, flags = struct.unpack_from("!HHIIBB", tcp)
    header_bytes = (offset >> 4) * 4
    mark = marks.get(str(port))
    if mark is not None and _kind(flags) in mark["of"]:
        more = option(mark, socket.inet_ntoa(bytes(ip[12:16])), seq)
        if header_bytes - 20 + len(more) <= MOST_OPTION_BYTES:
            tcp[header_bytes:header_bytes] = more
            tcp[12] = (header_bytes + len(more)) // 4 << 4 | offset & 0x0F
            ip[2:4] = (len(ip) + len(tcp)).to_bytes(2, "big")
    # Also of the others: the kernel leaves them to a network card that is not there.
    _sum_up(ip, tcp)
    return frame[:ETH_HLEN] + bytes(ip + tcp)


def _kind(flags: int) -> str | None:
    if flags & SYN:
        return "syn-ack" if flags & ACK else "syn"
    return "data" if flags & PSH else None


def _sum_up(ip: bytearray, tcp: bytearray) -> None:
    ip[10:12] = bytes(2)
    ip[10:12] = checksum(bytes(ip))
    tcp[16:18] = bytes(2)
    pseudo = bytes(ip[12:20]) + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(tcp))
    tcp[16:18] = checksum(pseudo + bytes(tcp))


def checksum(data: bytes) -> bytes:
    """The Internet's, RFC 1071."""
    data += bytes(len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return (~total & 0xFFFF).to_bytes(2, "big")


class Marks:
    """What the file says."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = -1
        self._marks: Mapping[str, Any] = {}

    def now(self) -> Mapping[str, Any]:
        """Nothing while there is no file."""
        if self._path.exists() and (changed := self._path.stat().st_mtime_ns) != self._seen:
            self._marks, self._seen = json.loads(self._path.read_text("utf-8")), changed
        return self._marks


def main(near: str, far: str, marks_path: str) -> None:
    """Never comes back."""
    marks = Marks(Path(marks_path))
    wires = []
    for name in (near, far):
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        wire.bind((name, 0))
        wires.append(wire)
    os.write(1, _READY)
    while True:
        for wire in select.select(wires, [], [])[0]:
            frame, sender = wire.recvfrom(65_536)
            if sender[2] == socket.PACKET_OUTGOING:
                continue
            if wire is wires[0]:
                wires[1].send(marked(frame, marks.now()))
            else:
                wires[0].send(frame)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Translates addresses in the network namespace that it is run in, and ends.

    translate.py --masquerade ADDRESS [--forward PORT=ADDRESS:PORT]...

Connections from the address go on with the router's own; those to a TCP port that is forwarded go
on to what it stands for. It needs no other program, only nf_tables in the kernel.

Source: linux/netfilter/nf_tables.h and nfnetlink.h, whose names the comments give.
"""

import argparse
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

NETLINK_NETFILTER = 12
NFNL_SUBSYS_NFTABLES = 10
BATCH_BEGIN, BATCH_END = 0x10, 0x11
NEWTABLE, NEWCHAIN, NEWRULE = 0, 3, 6
REQUEST, ACK, CREATE, APPEND = 0x1, 0x4, 0x400, 0x800
NESTED = 0x8000
PREROUTING, POSTROUTING = 0, 4
PRIORITY = {PREROUTING: -100, POSTROUTING: 100}
CHAINS = {PREROUTING: b"pre\0", POSTROUTING: b"post\0"}
TABLE = b"lab\0"
NETWORK_HEADER, TRANSPORT_HEADER = 1, 2


def attribute(kind: int, value: bytes) -> bytes:
    """Length, kind and value, padded to four bytes."""
    return struct.pack("=HH", len(value) + 4, kind) + value + b"\0" * (-len(value) % 4)


def nested(kind: int, *parts: bytes) -> bytes:
    """An attribute made of attributes."""
    return attribute(kind | NESTED, b"".join(parts))


def number(kind: int, value: int) -> bytes:
    """An attribute that is a number, in the network's order."""
    return attribute(kind, struct.pack("!i", value))


def message(kind: int, flags: int, sequence: int, family: int, body: bytes) -> bytes:
    """A netlink message to nf_tables."""
    resource = NFNL_SUBSYS_NFTABLES if kind in (BATCH_BEGIN, BATCH_END) else 0
    header = struct.pack("=BB", family, 0) + struct.pack("!H", resource)
    if kind not in (BATCH_BEGIN, BATCH_END):
        kind |= NFNL_SUBSYS_NFTABLES << 8
    length = 16 + len(header) + len(body)
    return struct.pack("=IHHII", length, kind, REQUEST | flags, sequence, 0) + header + body


def expression(name: bytes, *parts: bytes) -> bytes:
    """One step of a rule (NFTA_LIST_ELEM)."""
    return nested(1, attribute(1, name), nested(2, *parts))


def load(base: int, offset: int, length: int) -> bytes:
    """Bytes of a header into register 1 (NFTA_PAYLOAD_*)."""
    return expression(
        b"payload\0", number(1, 1), number(2, base), number(3, offset), number(4, length)
    )


def equals(value: bytes) -> bytes:
    """Register 1 is this, or the rule ends (NFTA_CMP_*)."""
    return expression(b"cmp\0", number(1, 1), number(2, 0), nested(3, attribute(1, value)))


def is_tcp() -> bytes:
    """The packet's protocol is TCP (NFTA_META_*, NFT_META_L4PROTO)."""
    meta = expression(b"meta\0", number(1, 1), number(2, 16))
    return meta + equals(bytes([socket.IPPROTO_TCP]))


def put(register: int, value: bytes) -> bytes:
    """A value into a register (NFTA_IMMEDIATE_*)."""
    return expression(b"immediate\0", number(1, register), nested(2, attribute(1, value)))


def rule(hook: int, *steps: bytes) -> tuple[int, int, bytes]:
    """NFTA_RULE_*."""
    body = attribute(1, TABLE) + attribute(2, CHAINS[hook]) + nested(4, *steps)
    return NEWRULE, CREATE | APPEND, body


def chain(hook: int) -> tuple[int, int, bytes]:
    """NFTA_CHAIN_*."""
    where = nested(4, number(1, hook), number(2, PRIORITY[hook]))
    body = attribute(1, TABLE) + attribute(3, CHAINS[hook]) + where + attribute(7, b"nat\0")
    return NEWCHAIN, CREATE, body


def masquerade(source: str) -> tuple[int, int, bytes]:
    """What comes from an address leaves with the router's."""
    steps = load(NETWORK_HEADER, 12, 4), equals(socket.inet_aton(source))
    return rule(POSTROUTING, *steps, expression(b"masq\0"))


def forward(port: int, ip: str, to_port: int) -> tuple[int, int, bytes]:
    """What comes to a port goes on to another address and port (NFTA_NAT_*, NFT_NAT_DNAT)."""
    steps = is_tcp() + load(TRANSPORT_HEADER, 2, 2) + equals(struct.pack("!H", port))
    target = put(1, socket.inet_aton(ip)) + put(2, struct.pack("!H", to_port))
    family = socket.AF_INET
    nat = expression(b"nat\0", number(1, 1), number(2, family), number(3, 1), number(5, 2))
    return rule(PREROUTING, steps, target, nat)


def errors(answer: bytes) -> Iterator[int]:
    """The error numbers of the acknowledgements in an answer; 0 is none."""
    while len(answer) >= 20:
        length, _, _, _, _, error = struct.unpack_from("=IHHIIi", answer)
        yield -error
        answer = answer[(length + 3) & ~3 :]


def main() -> None:
    """All in one batch, which the kernel takes whole or not at all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--masquerade", required=True)
    parser.add_argument("--forward", action="append", default=[])
    given = parser.parse_args()
    wanted = [(NEWTABLE, CREATE, attribute(1, TABLE)), chain(PREROUTING), chain(POSTROUTING)]
    wanted.append(masquerade(given.masquerade))
    for one in given.forward:
        port, _, target = one.partition("=")
        ip, _, to_port = target.partition(":")
        wanted.append(forward(int(port), ip, int(to_port)))
    batch = message(BATCH_BEGIN, 0, 0, 0, b"")
    for sequence, (kind, flags, body) in enumerate(wanted, start=1):
        batch += message(kind, flags | ACK, sequence, socket.AF_INET, body)
    batch += message(BATCH_END, 0, len(wanted) + 1, 0, b"")
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as netlink:
        netlink.settimeout(5)
        netlink.bind((0, 0))
        netlink.send(batch)
        answered = 0
        while answered < len(wanted):
            for error in errors(netlink.recv(65_536)):
                answered += 1
                if error:
                    raise OSError(error, os.strerror(error), f"message {answered}")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1", encoding="ascii")


main()

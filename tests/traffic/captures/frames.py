"""Packets of every kind that is read, built by scapy, and files that hold them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from scapy.contrib.geneve import GENEVE
from scapy.layers.inet import IP, TCP, UDP, IPOption
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.layers.ipsec import AH
from scapy.layers.l2 import (
    GRE,
    CookedLinux,
    CookedLinuxV2,
    Dot1AD,
    Dot1Q,
    Ether,
)
from scapy.layers.vxlan import VXLAN

from tests.traffic.tot.segments import v1

ETHERNET, RAW, LOOP, SLL, IPV4, IPV6, SLL2, NULL = 1, 101, 108, 113, 228, 229, 276, 0

OPTIONS: Final = v1(7, address="10.0.0.5", seq=4_000_000_000)


class Frame(NamedTuple):
    """A packet on a link."""

    link: int
    data: bytes


def tcp(payload: bytes = b"hello", *, flags: str = "PA", options: bytes = OPTIONS) -> Any:
    """A segment from the client's port to the server's."""
    listed = [(options[0], options[2 : options[1]])] if options else []
    return (
        TCP(
            sport=41000,
            dport=8080,
            seq=4_000_000_000,
            ack=17,
            flags=flags,
            options=[("MSS", 1460), *listed],
        )
        / payload
    )


def v4(**fields: Any) -> Any:
    return IP(src="10.0.0.5", dst="192.0.2.9", **fields)


def v6(**fields: Any) -> Any:
    return IPv6(src="fd00:a::5", dst="fd00:b::9", **fields)


def ether(**fields: Any) -> Any:
    """Its addresses are given: scapy would ask the network for them."""
    return Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02", **fields)


def outer() -> Any:
    return IP(src="198.51.100.1", dst="198.51.100.2")


def _frames() -> Iterable[tuple[str, int, Any]]:
    yield "ethernet", ETHERNET, ether() / v4() / tcp()
    yield "vlan", ETHERNET, ether() / Dot1Q(vlan=5) / v4() / tcp()
    yield "qinq", ETHERNET, ether() / Dot1AD(vlan=5) / Dot1Q(vlan=6) / v4() / tcp()
    yield "old-qinq", ETHERNET, ether(type=0x9100) / Dot1Q(vlan=5) / v6() / tcp()
    yield "padded", ETHERNET, bytes(ether() / v4() / tcp(b"")) + bytes(6)
    yield "cooked", SLL, CookedLinux(proto=0x0800) / v4() / tcp()
    yield "cooked-ipv6", SLL, CookedLinux(proto=0x86DD) / v6() / tcp()
    yield "cooked-vlan", SLL, CookedLinux(proto=0x8100) / Dot1Q(vlan=5) / v4() / tcp()
    yield "cooked-2", SLL2, CookedLinuxV2(proto=0x0800) / v4() / tcp()
    yield "cooked-2-ipv6", SLL2, CookedLinuxV2(proto=0x86DD) / v6() / tcp()
    yield "raw", RAW, v4() / tcp()
    yield "raw-ipv6", RAW, v6() / tcp()
    yield "ipv4", IPV4, v4() / tcp()
    yield "ipv6", IPV6, v6() / tcp()
    yield "loopback", NULL, struct.pack("<I", 2) + bytes(v4() / tcp())
    yield "loopback-big-endian", NULL, struct.pack(">I", 2) + bytes(v4() / tcp())
    yield "loopback-ipv6-of-macos", NULL, struct.pack("<I", 30) + bytes(v6() / tcp())
    yield "openbsd-loopback", LOOP, struct.pack(">I", 2) + bytes(v4() / tcp())
    yield "ip-options", ETHERNET, ether() / v4(options=[IPOption(b"\x94\x04\0\0")]) / tcp()
    yield "first-fragment", ETHERNET, ether() / v4(flags="MF") / tcp()
    yield "hop-by-hop", ETHERNET, ether() / v6() / IPv6ExtHdrHopByHop() / tcp()
    yield (
        "extension-headers",
        ETHERNET,
        ether() / v6() / IPv6ExtHdrHopByHop() / IPv6ExtHdrRouting() / IPv6ExtHdrDestOpt() / tcp(),
    )
    yield "first-ipv6-fragment", ETHERNET, ether() / v6() / IPv6ExtHdrFragment(m=1) / tcp()
    yield "authenticated", ETHERNET, ether() / v6() / AH(icv=bytes(12), nh=6, payloadlen=4) / tcp()
    yield "no-tcp-options", ETHERNET, ether() / v4() / TCP(sport=41000, dport=8080, seq=5)
    yield "ip-in-ip", ETHERNET, ether() / outer() / v4() / tcp()
    yield "ipv6-in-ip", ETHERNET, ether() / outer() / v6() / tcp()
    yield "ip-in-ipv6", ETHERNET, ether() / IPv6(src="fd01::1", dst="fd01::2") / v4() / tcp()
    yield "gre", ETHERNET, ether() / outer() / GRE() / v4() / tcp()
    yield (
        "gre-with-everything",
        ETHERNET,
        ether()
        / outer()
        / GRE(chksum_present=1, key_present=1, seqnum_present=1, key=7, proto=0x86DD)
        / v6()
        / tcp(),
    )
    yield "gre-ethernet", ETHERNET, ether() / outer() / GRE(proto=0x6558) / ether() / v4() / tcp()
    for port in (4789, 8472):
        vxlan = UDP(sport=50000, dport=port) / VXLAN(vni=42, flags=8)
        yield f"vxlan-{port}", ETHERNET, ether() / outer() / vxlan / ether() / v4() / tcp()
    inner = ether() / Dot1Q(vlan=5) / v6() / tcp()
    yield (
        "geneve",
        ETHERNET,
        ether() / outer() / UDP(sport=50000, dport=6081) / GENEVE(vni=42, proto=0x6558) / inner,
    )


FRAMES: Final[Mapping[str, Frame]] = {
    name: Frame(link, bytes(packet)) for name, link, packet in _frames()
}
TUNNELS: Final = [
    name for name in FRAMES if name.startswith(("ip-in", "ipv6-in", "gre", "vxlan", "geneve"))
]


def pcap(
    *frames: Frame,
    order: str = "<",
    nano: bool = False,
    snaplen: int | None = None,
    times: Sequence[tuple[int, int]] = (),
) -> bytes:
    """A pcap file of frames of one link, a second from each other unless `times` are given.

    A time is seconds and micro- or nanoseconds.
    """
    link = frames[0].link if frames else ETHERNET
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    content = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen or 262_144, link)
    for number, frame in enumerate(frames):
        seconds, part = times[number] if times else (1_767_323_045 + number, 0)
        captured = frame.data[:snaplen]
        head = (seconds, part, len(captured), len(frame.data))
        content += struct.pack(order + "IIII", *head) + captured
    return content

"""Segments and options of kind 253, written down shortly."""

from __future__ import annotations

from collections.abc import Sequence

from proccli.model.flows import ACK, FIN, PSH, RST, SYN, Segment
from proccli.model.sockets import Endpoint

CLIENT = Endpoint("10.0.0.5", 41000)
SERVER = Endpoint("192.0.2.9", 8080)
SYN_ACK = SYN | ACK
FIN_ACK = FIN | ACK
PUSH = PSH | ACK

__all__ = ["ACK", "CLIENT", "FIN_ACK", "PUSH", "RST", "SERVER", "SYN", "SYN_ACK"]


def segment(
    flags: int,
    source: Endpoint = CLIENT,
    destination: Endpoint = SERVER,
    *,
    at: float | None = 1000.0,
    seq: int = 1,
    ack: int = 0,
    options: bytes = b"",
) -> Segment:
    """A segment from the client to the server, unless told otherwise."""
    return Segment(at, source, destination, flags, seq, ack, 0, options)


def answer(flags: int, *, at: float | None = 1000.0, seq: int = 1, ack: int = 0) -> Segment:
    """A segment from the server to the client."""
    return segment(flags, SERVER, CLIENT, at=at, seq=seq, ack=ack)


def v1(pid: int, *, address: str | None = None, seq: int | None = None) -> bytes:
    """Version 1 of 8, 12 or 16 bytes."""
    content = (0xDEE9).to_bytes(2, "big") + pid.to_bytes(4, "big")
    if address is not None:
        content += bytes(map(int, address.split(".")))
    if seq is not None:
        content += seq.to_bytes(4, "big")
    return option(253, content)


def v2(pid: int, agent_id: int) -> bytes:
    """Version 2."""
    return option(253, b"\xde\xea" + pid.to_bytes(4, "big") + agent_id.to_bytes(4, "big"))


def option(kind: int, content: bytes) -> bytes:
    """An option with its kind and its length."""
    return bytes((kind, 2 + len(content))) + content


def opened(at: float = 1000.0, isn: int = 100, answer_isn: int = 900) -> Sequence[Segment]:
    """The three segments that open a connection."""
    return (
        segment(SYN, at=at, seq=isn),
        answer(SYN_ACK, at=at, seq=answer_isn, ack=isn + 1),
        segment(ACK, at=at, seq=isn + 1, ack=answer_isn + 1),
    )


def closed(at: float) -> Sequence[Segment]:
    """The three segments that close one."""
    return segment(FIN_ACK, at=at), answer(FIN_ACK, at=at), segment(ACK, at=at)

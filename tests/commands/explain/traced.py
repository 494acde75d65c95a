"""Two captures of traced connections: every remark that there is, short and long addresses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unittest.mock import patch

from proccli.commands.tot.tot import TotResult, TotSelection, tot
from proccli.model.flows import Segment
from proccli.model.note import Note
from proccli.model.sockets import Endpoint
from proccli.traffic.captures.counts import Tally, notes
from tests.build import NOW_S
from tests.traffic.tot.segments import ACK, PUSH, SYN, SYN_ACK, option, segment, v1, v2

WEB = "web-1.pcap"
ODD = "/srv/\x1b[31m[bold red]odd[/]/db.pcapng.gz"

_CLIENT = Endpoint("10.0.0.5", 41000)
_ROUTER = Endpoint("192.0.2.1", 41000)
_SERVER = Endpoint("192.0.2.9", 8080)
_LONG = Endpoint("2001:db8:1234:5678:9abc:def0:1234:5678", 50412)
_LOCAL = Endpoint("::1", 5432)
_MSS = option(2, b"\x05\xb4")


class MadeUpCapture:
    """A capture of these segments."""

    def __init__(self, name: str, segments: Sequence[Segment], tally: Tally) -> None:
        self.name = name
        self._segments = segments
        self.tally = tally

    def segments(self) -> Iterator[Segment]:
        yield from self._segments

    def notes(self) -> Sequence[Note]:
        return tuple(notes(self.tally, self.name))


def traced(
    *captures: str,
    selection: TotSelection | None = None,
    unique: bool = True,
    limit: int | None = None,
) -> TotResult:
    """What these captures say, or both of them."""

    @contextmanager
    def opened(name: str) -> Iterator[MadeUpCapture]:
        yield MadeUpCapture(name, *_CAPTURES[name])

    with patch("proccli.commands.tot.tot.open_capture", opened):
        return tot(captures or (WEB, ODD), selection, unique=unique, limit=limit)


def _of_web() -> Sequence[Segment]:
    syn, said = _MSS + v1(4242, address="10.0.0.5", seq=100), v1(4242, address="10.0.0.5")
    return (
        segment(SYN, _CLIENT, _SERVER, at=NOW_S + 0.25, seq=100, options=syn),
        segment(SYN, _ROUTER, _SERVER, at=NOW_S + 0.250_031, seq=100, options=syn),
        segment(SYN_ACK, _SERVER, _ROUTER, at=NOW_S + 0.251, seq=7, options=v1(1)),
        segment(ACK, _ROUTER, _SERVER, at=NOW_S + 0.252),
        segment(PUSH, _ROUTER, _SERVER, at=NOW_S + 0.253, seq=101, options=said),
        segment(PUSH, _CLIENT, _SERVER, at=NOW_S + 0.253, seq=101, options=said),
        segment(PUSH, _SERVER, _ROUTER, at=NOW_S + 0.3, seq=8, options=v1(0, seq=8)),
        segment(PUSH, _SERVER, _ROUTER, at=NOW_S + 0.4, seq=9, options=v1(0, seq=9)),
        segment(ACK, _SERVER, _ROUTER, at=NOW_S + 0.5, options=option(253, b"\xf9\x89")),
    )


def _of_db() -> Sequence[Segment]:
    return (
        segment(SYN, _LONG, _LOCAL, at=NOW_S - 90_000, seq=5, options=v2(4_194_304, 65_535)),
        segment(SYN, _LONG, _LOCAL, at=NOW_S - 89_999, seq=5, options=v2(4_194_304, 65_535)),
        segment(PUSH, _LOCAL, _LONG, at=None, options=v2(99, 7)),
    )


_DAMAGED = Tally(packets=40, tcp=3, decapsulated=1, cut=2, fragments=1, malformed=1)
_DAMAGED.encapsulated.update({"MPLS": 12, "GRE": 3})
_DAMAGED.link_types[105] = 4
_DAMAGED.damage = "cut short at byte 9,344"
_CAPTURES = {WEB: (_of_web(), Tally(packets=11, tcp=9)), ODD: (_of_db(), _DAMAGED)}

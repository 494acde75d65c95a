"""The shop's connections: a socket for every outcome, short and long addresses."""

from __future__ import annotations

from collections.abc import Sequence

from proccli.commands.samples import NO_WAIT
from proccli.commands.sockets.sockets import SocketSelection, SocketsResult, sockets
from proccli.model.config import Config
from proccli.model.process import FieldError
from proccli.model.sockets import SocketFd, SocketRow
from tests.agent.sockets.looking import REFUSED, fd, tcp, tcp6, udp
from tests.build import ListSource, config, host, net_tables
from tests.commands.shop import USERS, inputs, processes, rules

ALL = SocketSelection()
_LONG = "2001:db8:1234:5678:9abc:def0:1234:5678"

_SOCKETS: dict[int, Sequence[SocketFd] | FieldError] = {
    812: [fd(6, 100), fd(7, 101), fd(9, 102)],
    813: [fd(6, 100), fd(9, 102, age_s=90_000), fd(11, 103, age_s=1), fd(12, 104)],
    900: [
        fd(3, 110, age_s=61),
        fd(4, 111, age_s=4_000),
        fd(5, 112, age_s=None),
        fd(6, 113),
        fd(7, 114),
        fd(8, 118),
    ],
    903: [fd(3, 115)],
    905: [fd(3, 116, age_s=200_000)],
    907: [fd(3, 117)],
    914: REFUSED,
    915: FieldError(field="fds", problem="gone", detail="ENOENT"),
}
_ROWS: dict[str, list[SocketRow]] = {
    "tcp": [
        tcp(100, "0.0.0.0:80"),
        tcp(102, "10.0.0.5:80", "192.168.100.200:50412"),
        tcp(103, "10.0.0.5:80", "192.168.100.201:50413"),
        tcp(110, "10.0.0.5:41000", "10.0.0.9:5432"),
        tcp(111, "127.0.0.1:41001", "127.0.0.1:6379"),
        tcp(114, "10.0.0.5:41002", "10.0.0.9:5432", "CLOSE_WAIT"),
        tcp(115, "10.0.0.5:41003", "10.0.0.9:5432"),
        tcp(116, "127.0.0.1:6379", "127.0.0.1:41001"),
        tcp(117, "127.0.0.1:41004", "127.0.0.1:8080"),
        tcp(118, "127.0.0.1:8080", "127.0.0.1:41004"),
        tcp(777, "10.0.0.5:22", "10.0.0.7:40000"),
    ],
    "tcp6": [
        tcp6(101, ":::443"),
        tcp6(104, f"{_LONG}:443", f"{_LONG}:60000"),
    ],
    "udp": [udp(112, "10.0.0.5:47000", "10.0.0.2:53"), udp(113, "0.0.0.0:5353")],
}


def connections(
    selection: SocketSelection = ALL, configuration: Config | None = None
) -> SocketsResult:
    """What `sockets` finds in the shop."""
    source = ListSource(
        processes(),
        at=host(kind="live", privileged=False),
        users=USERS,
        sockets=_SOCKETS,
        nets={0: net_tables(**_ROWS)},
    )
    return sockets(inputs(configuration)._replace(source=source), selection, NO_WAIT)


def switched_off() -> Config:
    """The shop's rules, and nothing is sent."""
    return config(*rules().rules, sync_enabled=False)

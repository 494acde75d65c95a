"""A labelled captured connection as a line of JSON, and the summary of a run as text."""

from __future__ import annotations

from collections.abc import Sequence

from proccli.commands.label.label import Tally
from proccli.commands.tot.output import moment
from proccli.model.flows import CapturedConnection, SideLabel
from proccli.model.sockets import Endpoint
from proccli.terminal.document import lines
from proccli.terminal.record import Json
from proccli.text import counted


def captured_line(
    connection: CapturedConnection, side_0: SideLabel, side_1: SideLabel, keys: Sequence[str]
) -> bytes:
    """A captured connection with its labels; keys are named as in DeepFlow's flow log.

    `keys` are the keys of os.app tags; a tag that a process lacks is null.
    """
    flow = connection.flow
    sides = (side_0, side_1)
    line: Json = {
        "start_time": moment(flow.start_s),
        "end_time": moment(flow.end_s),
        "protocol": flow.protocol,
        "ip_0": _ip(flow.side_0),
        "client_port": _port(flow.side_0),
        "ip_1": _ip(flow.side_1),
        "server_port": _port(flow.side_1),
        "client_certain": connection.client_certain,
        "packets": connection.packets,
    }
    for name in ("pid", "host", "gprocess", "auto_instance"):
        line |= {f"{name}_{n}": getattr(side, name) for n, side in enumerate(sides)}
    tags = [dict(side.tags) for side in sides]
    for key in keys:
        line |= {f"os.app.{key}_{n}": of_one.get(key) for n, of_one in enumerate(tags)}
    line |= {f"label_{n}": side.label for n, side in enumerate(sides)}
    return lines([line])


def label_summary(tally: Tally) -> str:
    """How many records have labels, and why sides have none."""
    none = tally.records - tally.both - tally.one
    line = (
        f"{counted(tally.records, 'record')}: {tally.both:,} labelled at both ends,"
        f" {tally.one:,} at one end, {none:,} not labelled"
    )
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in tally.reasons.most_common())
    return f"{line} ({reasons})" if reasons else line


def _ip(end: Endpoint | None) -> str | None:
    return None if end is None else end.ip


def _port(end: Endpoint | None) -> int | None:
    return None if end is None else end.port

"""A labelled captured connection as a line of JSON, and the summary of a run as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from proccli.commands.label.label import Tally
from proccli.model.flows import CapturedConnection, SideLabel
from proccli.terminal.document import MOMENT, complete_schema, encode, lines
from proccli.terminal.record import (
    Field,
    Json,
    Record,
    Type,
    boolean,
    constant,
    integer,
    nullable,
    text,
)
from proccli.text import counted


class _Row(NamedTuple):
    """The row of a line; side 0 is the client."""

    connection: CapturedConnection
    side_0: SideLabel
    side_1: SideLabel


def _of_both(key: str, kind: Type, about: str = "") -> tuple[Field, ...]:
    return tuple(Field(f"{key}_{side}", kind, about, value=f"side_{side}.{key}") for side in (0, 1))


_PORT = integer(0, 65_535)
_BEFORE_TAGS = Record(
    "",
    Field(
        "start_time",
        nullable(MOMENT),
        "Of the first packet; null: the capture has no times.",
        value="connection.flow.start_s",
    ),
    Field("end_time", nullable(MOMENT), "Of the last packet.", value="connection.flow.end_s"),
    Field("protocol", constant("tcp"), value="connection.flow.protocol"),
    Field("ip_0", text(), "Of the client.", value="connection.flow.side_0.ip"),
    Field("client_port", _PORT, value="connection.flow.side_0.port"),
    Field("ip_1", text(), value="connection.flow.side_1.ip"),
    Field("server_port", _PORT, value="connection.flow.side_1.port"),
    Field(
        "client_certain",
        boolean(),
        "Whether the start of the connection was captured; else side 0 is the side that was seen"
        " first.",
        value="connection.client_certain",
    ),
    Field("packets", integer(1), value="connection.packets"),
    *_of_both("pid", nullable(integer()), "The process of this side, labelled or not."),
    *_of_both("host", nullable(text()), "The host of this process."),
    *_of_both("gprocess", nullable(text())),
    *_of_both(
        "auto_instance", nullable(text()), "null: none, or the server may know a pod for it."
    ),
)
_AFTER_TAGS = Record(
    "",
    *_of_both(
        "label", text(), "socket, pid, tot, tot-likely, or why there is no label: docs/labels.md."
    ),
)


def label_schema() -> Json:
    """The JSON Schema of a line."""
    return {
        **complete_schema(
            "proccli label CAPTURE: a line for each TCP connection (flow records are printed with"
            " labels added)",
            Record("", *_BEFORE_TAGS.fields, *_AFTER_TAGS.fields),
        ),
        "patternProperties": {
            r"^os\.app\.[\s\S]+_[01]$": {
                **nullable(text()).schema,
                "description": "The value of a tag, as it arrives at the server; every line has"
                " all keys.",
            }
        },
    }


def captured_line(
    connection: CapturedConnection, side_0: SideLabel, side_1: SideLabel, keys: Sequence[str]
) -> bytes:
    """A captured connection with its labels; keys are named as in DeepFlow's flow log.

    `keys` are the keys of os.app tags; a tag that a process lacks is null.
    """
    row = _Row(connection, side_0, side_1)
    tags = (dict(side_0.tags), dict(side_1.tags))
    by_key = {f"os.app.{key}_{n}": tags[n].get(key) for key in keys for n in (0, 1)}
    parts = (_BEFORE_TAGS.line(row), encode(by_key), _AFTER_TAGS.line(row))
    members = ", ".join(part[1:-1] for part in parts if part != "{}")
    return lines([f"{{{members}}}"])


def label_summary(tally: Tally) -> str:
    """How many records have labels, and why sides have none."""
    none = tally.records - tally.both - tally.one
    line = (
        f"{counted(tally.records, 'record')}: {tally.both:,} labelled at both ends,"
        f" {tally.one:,} at one end, {none:,} not labelled"
    )
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in tally.reasons.most_common())
    return f"{line} ({reasons})" if reasons else line

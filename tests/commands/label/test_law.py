"""A law of `proccli label`: each side gets the one process that the hosts were built with, or the
reason for which that one is not sent."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from tests.build import NOW_S
from tests.commands.label.flowfiles import FORMS
from tests.commands.label.labelling import At, Connection, label
from tests.server.recordings import config, recorded

ADDRESSES = {"a": "10.0.0.1", "b": "10.0.0.2", "c": "10.0.0.3"}
UNKNOWN = "10.0.0.9"
PROCESSES = ("app", "db", "secret")
"""The last of them is dropped by the rules."""
SERVER_PORT = 80
OLD_S = 60


class End(NamedTuple):
    """One end of a connection, on a host."""

    host: str
    protocol: str
    near: At
    far: At
    process: str

    @property
    def is_sent(self) -> bool:
        """Whether its agent sends it."""
        return self.process != "secret"

    @property
    def direction(self) -> tuple[At, At]:
        """Client and server, for the agent, to which everybody is a client over UDP."""
        if self.protocol == "tcp" and self.near.port == SERVER_PORT:
            return self.far, self.near
        return self.near, self.far


@st.composite
def ends(draw: st.DrawFn) -> list[End]:
    """Of a few connections between three hosts, within them and over loopback; of some only one
    end was seen. Many addresses and ports are equal but for one."""
    found: dict[tuple[object, ...], End] = {}
    for _ in range(draw(st.integers(1, 6))):
        protocol = draw(st.sampled_from(("tcp", "tcp", "udp")))
        host = draw(st.sampled_from(tuple(ADDRESSES)))
        if draw(st.integers(0, 3)) == 0:
            other, ips = host, ("127.0.0.1", "127.0.0.1")
        else:
            other = draw(st.sampled_from((*ADDRESSES, "unknown")))
            ips = ADDRESSES.get(host, UNKNOWN), ADDRESSES.get(other, UNKNOWN)
        one, far = At(ips[0], draw(st.sampled_from((4000, 4001)))), At(ips[1], SERVER_PORT)
        for name, near, remote in ((host, one, far), (other, far, one)):
            if name in ADDRESSES and draw(st.integers(0, 4)):
                end = End(name, protocol, near, remote, draw(st.sampled_from(PROCESSES)))
                found.setdefault((name, protocol, near, remote), end)
    return list(found.values())


def record_hosts(folder: Path, of: Iterable[End]) -> list[str]:
    """The options that name recordings of all hosts with these ends, and their configuration."""
    options = ["-c", config(folder)]
    for host, address in ADDRESSES.items():
        its: dict[str, list[str]] = {name: [] for name in PROCESSES}
        its["listener"] = [f"0.0.0.0:{SERVER_PORT}"]
        for end in of:
            if end.host == host:
                udp = "udp " if end.protocol == "udp" else ""
                its[end.process].append(f"{udp}{written(end.near)} {written(end.far)}")
        options += ["-s", recorded(folder, host, its, address, age_s=OLD_S)]
    return options


def written(at: At) -> str:
    return f"{at.ip}:{at.port}"


def expected(near: At, far: At, record: Connection, of: Sequence[End]) -> tuple[str, str | None]:
    """The label and the name of one side."""
    known = [end for end in of if (end.protocol, end.near, end.far) == (record.protocol, near, far)]
    if near.is_loopback:
        if known and not record.host:
            return "loopback", None
        known = [end for end in known if end.host == record.host]
    if not known:
        owned = near.is_loopback or near.ip in ADDRESSES.values()
        return ("no-connection" if owned else "no-host"), None
    (end,) = known
    if not end.is_sent:
        return "dropped", None
    rows = {
        own.direction
        for own in of
        if own.is_sent
        and (own.host, own.protocol) == (record.host, end.protocol)
        and {own.near, own.far} == {near, far}
    }
    if len(rows) > 1:
        return "row-order", None  # two UDP sockets of the host that saw the flow
    told = not record.host or end.direction in rows
    return ("socket", end.process) if told else ("other-agent", None)


def records_of(of: Sequence[End]) -> list[Connection]:
    """Of all these connections in both directions, seen by every host and by nobody knows whom,
    and of those over the other protocol, and over another port."""
    found = []
    for end in of:
        for host in (*ADDRESSES, ""):
            for protocol in ("tcp", "udp"):
                one = Connection(host, protocol, end.near, end.far)
                other = one._replace(other=At(end.far.ip, 81))
                found += [one, one.reversed, other, other.reversed]
    return found


@given(ends(), st.sampled_from(("deepflow-ndjson", "deepflow-csv")))
def test_each_side_is_the_process_that_has_it(of: list[End], name: str) -> None:
    records = records_of(of)
    if not records:
        return
    content = FORMS[name].write(records, NOW_S)
    with tempfile.TemporaryDirectory() as folder:
        ran = label(*record_hosts(Path(folder), of), stdin=content)

    found = [
        [(row[f"label_{n}"], row[f"gprocess_{n}"]) for n in (0, 1)]
        for row in FORMS[name].read(ran.out)
    ]
    assert found == [
        [
            expected(record.one, record.other, record, of),
            expected(record.other, record.one, record, of),
        ]
        for record in records
    ]

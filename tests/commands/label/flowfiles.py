"""Connections as flow records in every format, and the records that come out, as dicts."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6

from tests.commands.label.labelling import Connection, Record
from tests.traffic.captures.frames import ETHERNET, Frame, ether, pcap

NUMBERS = {"tcp": 6, "udp": 17}


class Form(NamedTuple):
    """A format: how records are written in it, and read."""

    write: Callable[[Sequence[Connection], float], bytes]
    """Of connections that were there at this time."""
    read: Callable[[str], list[Record]]
    option: str
    """What `--format` calls it."""


def _deepflow(each: Connection, at_s: float) -> Record:
    return {
        "start_time": int(at_s * 1e6),
        "end_time": int(at_s * 1e6),
        "agent": each.host,
        "ip_0": each.one.ip,
        "client_port": each.one.port,
        "ip_1": each.other.ip,
        "server_port": each.other.port,
        "protocol": NUMBERS[each.protocol],
    }


def _zeek(each: Connection, at_s: float) -> Record:
    return {
        "ts": at_s,
        "uid": "C0",
        "id.orig_h": each.one.ip,
        "id.orig_p": each.one.port,
        "id.resp_h": each.other.ip,
        "id.resp_p": each.other.port,
        "proto": each.protocol,
        "duration": None,
    }


def _ndjson(of_one: Callable[[Connection, float], Record]) -> Form:
    def write(connections: Sequence[Connection], at_s: float) -> bytes:
        return b"".join(json.dumps(of_one(one, at_s)).encode() + b"\n" for one in connections)

    return Form(write, lambda text: [json.loads(line) for line in text.splitlines()], "ndjson")


def _delimited(delimiter: str, option: str) -> Form:
    def write(connections: Sequence[Connection], at_s: float) -> bytes:
        out = io.StringIO(newline="")
        rows = [_deepflow(one, at_s) for one in connections]
        writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
        return out.getvalue().encode()

    def read(text: str) -> list[Record]:
        rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
        return [_with_nothing(row, "") for row in rows]

    return Form(write, read, option)


def _zeek_log() -> Form:
    def write(connections: Sequence[Connection], at_s: float) -> bytes:
        records = [_zeek(one, at_s) for one in connections]
        head = [
            "#separator \\x09",
            "#set_separator\t,",
            "#empty_field\t(empty)",
            "#unset_field\t-",
            "#path\tconn",
            "\t".join(["#fields", *records[0]]),
            "\t".join(["#types", *("string" for _ in records[0])]),
        ]
        lines = [
            "\t".join("-" if value is None else str(value) for value in record.values())
            for record in records
        ]
        return "".join(f"{line}\n" for line in [*head, *lines, "#close\t2026"]).encode()

    def read(text: str) -> list[Record]:
        lines = text.splitlines()
        (names,) = (line.split("\t")[1:] for line in lines if line.startswith("#fields"))
        return [
            _with_nothing(dict(zip(names, line.split("\t"), strict=True)), "-")
            for line in lines
            if not line.startswith("#")
        ]

    return Form(write, read, "zeek")


def _with_nothing(row: Mapping[str, Any], nothing: str) -> Record:
    return {name: None if value == nothing else value for name, value in row.items()}


FORMS: Mapping[str, Form] = {
    "deepflow-ndjson": _ndjson(_deepflow),
    "deepflow-csv": _delimited(",", "csv"),
    "semicolons": _delimited(";", "csv"),
    "deepflow-tsv": _delimited("\t", "tsv"),
    "zeek": _zeek_log(),
    "zeek-json": _ndjson(_zeek),
}

PACKINGS: Mapping[str, Callable[[bytes], bytes]] = {"plain": bytes, "gzip": gzip.compress}


def syns(connections: Sequence[Connection], at_s: float, options: bytes = b"") -> bytes:
    """A capture of the SYN of each, with these options."""
    listed = [(options[0], options[2:])] if options else []
    frames = []
    for one in connections:
        ip = (IPv6 if ":" in one.one.ip else IP)(src=one.one.ip, dst=one.other.ip)
        syn = TCP(sport=one.one.port, dport=one.other.port, flags="S", seq=1, options=listed)
        frames.append(Frame(ETHERNET, bytes(ether() / ip / syn)))
    return pcap(*frames, times=[(int(at_s), 0)] * len(frames))

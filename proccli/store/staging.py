"""A document of `proccli sync` as a row of the staging table.

The row has an array for each column of processes and of ends, so that a check or a conversion is
done for a column at a time.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import product
from typing import Any, Final, cast

from proccli.model.process import MAX_U32
from proccli.store.loadable import Document
from proccli.store.rowbinary import encoders
from proccli.store.schema import RULE_UNKNOWN, STAGED
from proccli.store.sync_struct import PARSER, Process, Socket
from proccli.store.text import Addresses
from proccli.text import visible

_LATEST_S: Final = MAX_U32
"""The last second that a time of ClickHouse can express."""
_NO_NAMESPACE: Final = 1 << 40
"""Stands for the agent's number of a namespace that is not known."""
_ENCODERS: Final = encoders(STAGED)


def staged(text: str, network: str, source: str) -> Document:
    """The document in a JSON text.

    Raises: msgspec.MsgspecError, RecursionError; KeyError, ValueError for what no type tells.
    """
    document = PARSER.decode(text)
    snapshot, config = document.snapshot, document.config
    left_out = document.left_out
    row: dict[str, Any] = {
        "network": network,
        "host": snapshot.host,
        "taken_at": _seconds(snapshot.taken_at),
        "proccli": document.proccli or "",
        "host_id": snapshot.host_id or "",
        "boot_time": _boot_time(snapshot.boot_time),
        "addresses": [_ADDRESSES[ip] for ip in snapshot.addresses or () if ":" not in ip],
        "agent": config.agent,
        "dialect": config.dialect,
        "via": config.via,
        "config_file": config.file or "",
        "config_sha256": config.sha256 or "",
        "rules": config.rules,
        "enabled": document.enabled,
        "redacted": snapshot.redacted,
        "digest": document.digest or "",
        "processes": len(document.processes),
        "sockets": len(document.sockets),
        "left_out_known": left_out is not None,
        "left_out_reasons": list(left_out or ()),
        "left_out_counts": list((left_out or {}).values()),
        "warnings": [warning.code for warning in document.warnings],
        **_process_columns(document.processes),
        **_end_columns(document.sockets, document.processes),
    }
    cells = {name: encode(row[name]) for name, encode in _ENCODERS.items() if name in row}
    # A hash that does not depend on the name of the file.
    digest = hashlib.blake2b(b"".join(cells.values()), digest_size=8).digest()
    row["document"], row["source"] = int.from_bytes(digest, "big"), visible(source)
    cells |= {name: _ENCODERS[name](row[name]) for name in ("document", "source")}
    return Document(
        network=network,
        host=snapshot.host,
        taken_at_s=row["taken_at"],
        content=row["document"],
        processes=len(document.processes),
        sockets=len(document.sockets),
        row=b"".join([cells[name] for name in _ENCODERS]),
        source=source,
    )


def _process_columns(processes: Sequence[Process]) -> dict[str, list[Any]]:
    pids = [process.pid for process in processes]
    if len(set(pids)) < len(pids):
        raise ValueError("two processes have the same pid")
    tags = [process.os_app_tags for process in processes]
    return {
        "p.pid": pids,
        "p.gprocess": [process.name for process in processes],
        "p.rule": [RULE_UNKNOWN if process.rule is None else process.rule for process in processes],
        "p.process_name": [process.process_name for process in processes],
        "p.cmdline": [process.cmdline for process in processes],
        "p.user": [process.user for process in processes],
        "p.start_time": [process.start_time for process in processes],
        "p.tags_known": [one is not None for one in tags],
        "p.tag_keys": [[tag.key for tag in one or ()] for one in tags],
        "p.tag_values": [[tag.value for tag in one or ()] for one in tags],
        "p.netns": [process.netns_id or 0 for process in processes],
        "p.container_known": [process.container_id is not None for process in processes],
        "p.container_id": [process.container_id or "" for process in processes],
    }


def _end_columns(sockets: Sequence[Socket], processes: Sequence[Process]) -> dict[str, list[Any]]:
    names = {process.pid: process.name for process in processes}
    inodes = {process.pid: process.netns_id or 0 for process in processes}
    found = [end.pid_1 if end.role == "server" else end.pid_0 for end in sockets]
    pids = cast("list[int]", found)  # None, like the pid of no process, is no key of `names`
    return {
        "e.protocol": [end.protocol == "udp" for end in sockets],
        "e.role": [end.role == "server" for end in sockets],
        "e.client_ip": [_ADDRESSES[end.ip_0] for end in sockets],
        "e.client_port": [end.port_0 for end in sockets],
        "e.server_ip": [_ADDRESSES[end.ip_1] for end in sockets],
        "e.server_port": [end.port_1 for end in sockets],
        "e.netns": _namespaces([end.netns_idx for end in sockets], pids, inodes),
        "e.pid": pids,
        "e.gprocess": [names[pid] for pid in pids],
    }


def _namespaces(
    numbers: Sequence[int | None], pids: Sequence[int], inodes: Mapping[int, int]
) -> list[int]:
    """A number for the network namespace of each end, equal in all documents where possible.

    The agent counts namespaces anew in each cycle, so the inode number stands for them, if it is
    known and belongs to one namespace only; otherwise the agent's number, negative.
    """
    distinct = set(numbers)
    pairs = (
        set(zip(numbers, pids, strict=True)) if len(distinct) > 1 else product(distinct, set(pids))
    )
    of: dict[int | None, set[int]] = {}
    for number, pid in pairs:
        of.setdefault(number, set()).add(inodes[pid])
    times = Counter(inode for some in of.values() for inode in some)

    def named(number: int | None) -> int:
        inode = next(iter(of[number]))
        if number is None:
            return -_NO_NAMESPACE - 1
        is_its_own = len(of[number]) == 1 and inode and times[inode] == 1
        return inode if is_its_own else -number - 1

    names = {number: named(number) for number in of}
    return [names[number] for number in numbers]


_ADDRESSES: Final = Addresses()


def _seconds(moment: datetime) -> int:
    seconds = int(moment.timestamp())
    if not 0 < seconds <= _LATEST_S:
        raise ValueError(f"the time {moment:%Y-%m-%dT%H:%M:%SZ} is not between 1970 and 2106")
    return seconds


def _boot_time(value: datetime | int | None) -> int:
    return _seconds(value) if isinstance(value, datetime) else value or 0

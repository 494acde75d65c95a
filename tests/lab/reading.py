"""What `proccli topology` says, in the words of the join that it is compared with."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any, TypeAlias

from tests.cli.runner import call
from tests.lab.joining import Joined

Document: TypeAlias = Mapping[str, Any]


def topology(*arguments: str | Path, code: int = 0) -> Document:
    """The document for these arguments."""
    ran = call("topology", "--json", *map(str, arguments))
    assert ran.code == code, ran.err
    document: Document = json.loads(ran.out)
    return document


def edges(document: Document, calling: Mapping[str, str] | None = None) -> Counter[Joined]:
    """Its connections. `calling` gives other names to hosts than the document does."""
    nodes = {
        node["id"]: ((calling or {}).get(node["host"], node["host"]), node["gprocess"])
        for node in document["nodes"]
    }
    found: Counter[Joined] = Counter()
    for edge in document["edges"]:
        found[
            Joined(
                client=nodes[edge["client"]] if edge["client"] else None,
                server=nodes[edge["server"]] if edge["server"] else None,
                protocol=edge["protocol"],
                client_ip=edge["client_ip"],
                server_ip=edge["server_ip"],
                server_port=edge["server_port"],
                certainty=edge["certainty"],
                remote=edge["remote"],
            )
        ] += edge["connections"]
    return found


def codes(document: Document) -> list[str]:
    """Of its warnings."""
    return [warning["code"] for warning in document["warnings"]]


def shifted(recording: Path, to: Path, seconds: int) -> Path:
    """The same host, whose clock is so many seconds ahead, as a recording at `to`."""
    lines = [json.loads(line) for line in recording.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        if line["type"] == "header":
            line["taken_at"] = _later(line["taken_at"], seconds)
            line["watched_since"] = _later(line["watched_since"], seconds)
            line["boot_time_s"] += seconds
        for one in line.get("sockets") or () if line["type"] == "process" else ():
            one["since"] = _later(one["since"], seconds)
    to.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return to


def _later(moment: str | None, seconds: int) -> str | None:
    if moment is None:
        return None
    whole, _, nanoseconds = moment.partition(".")
    later = datetime.fromisoformat(whole) + timedelta(seconds=seconds)
    return f"{later.isoformat()}.{nanoseconds}"


def every_selection(names: Sequence[str]) -> list[tuple[str, ...]]:
    """All of the names, each alone, and what lies between."""
    return [some for size in range(1, len(names) + 1) for some in combinations(names, size)]

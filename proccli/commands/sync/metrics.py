"""A cycle of `sync` as metrics in Prometheus' text format, for node_exporter's textfile collector.

Source: the text-based format, https://prometheus.io/docs/instrumenting/exposition_formats/.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, get_args

from proccli import __version__
from proccli.commands.sync.sync import SyncResult
from proccli.model.outcome import Status
from proccli.model.process import NS_PER_S
from proccli.text import visible

Labels = Mapping[str, str | int]


class Metric(NamedTuple):
    """A gauge with all its samples."""

    name: str
    help: str
    samples: Iterable[tuple[Labels, int]]


def metrics(result: SyncResult) -> bytes:
    """The metrics of one cycle. What is not known, or not decided, has no sample."""
    return "".join(line for metric in _metrics(result) for line in _lines(metric)).encode()


def _metrics(result: SyncResult) -> Iterator[Metric]:
    config, counts, changes = result.config, result.counts, result.changes
    about: dict[str, str | int] = {
        "proccli": __version__,
        "agent": config.agent,
        "dialect": config.dialect,
        "via": config.via,
        "config": config.file or "",
        "config_sha256": result.provenance.config_sha256 or "",
    }
    yield Metric("info", "The versions and the configuration of the last run.", [(about, 1)])
    taken_at_s = result.host.taken_at_ns // NS_PER_S
    yield Metric("last_run_timestamp_seconds", "When the processes were read.", [({}, taken_at_s)])
    yield Metric(
        "sync_enabled",
        "Whether the configuration lets the agent report processes.",
        [({}, int(config.sync_enabled))],
    )
    yield Metric(
        "incomplete",
        "Whether something that the agent would know could not be determined.",
        [({}, int(result.incomplete))],
    )
    yield Metric(
        "reported_processes",
        "Processes that the agent would report.",
        [({}, len(result.processes))],
    )
    yield Metric(
        "reported_sockets",
        "Connections that the agent would report.",
        [({}, len(result.sockets))],
    )
    if counts is not None:
        yield Metric(
            "processes",
            "Processes by outcome.",
            [({"status": one}, counts.statuses.get(one, 0)) for one in get_args(Status)],
        )
        yield Metric(
            "processes_left_out",
            "Processes that the agent would not report, by reason.",
            _by("reason", counts.processes_left_out),
        )
        yield Metric(
            "sockets_left_out",
            "Connections that the agent would not report, by reason.",
            _by("reason", counts.left_out),
        )
        yield Metric(
            "rule_hits",
            "Processes that each rule decided about; rule 0 is the implicit accept.",
            _hits(result, counts.hits),
        )
    if changes is not None:
        yield Metric(
            "changes",
            "Changes since the run before.",
            [
                ({"kind": "names", "change": "added"}, len(changes.names_added)),
                ({"kind": "names", "change": "removed"}, len(changes.names_removed)),
                ({"kind": "processes", "change": "added"}, len(changes.added)),
                ({"kind": "processes", "change": "removed"}, len(changes.removed)),
                ({"kind": "processes", "change": "changed"}, len(changes.changed)),
                ({"kind": "sockets", "change": "added"}, changes.sockets_added),
                ({"kind": "sockets", "change": "removed"}, changes.sockets_removed),
            ],
        )
    yield Metric(
        "warnings",
        "Warnings of the last run, by code.",
        _by("code", Counter(note.code for note in result.notes)),
    )


def _by(label: str, counts: Mapping[str, int]) -> list[tuple[Labels, int]]:
    return [({label: code}, count) for code, count in sorted(counts.items())]


def _hits(result: SyncResult, hits: Mapping[int, int]) -> Iterator[tuple[Labels, int]]:
    rules = {rule.index: rule for rule in result.config.rules}
    for index, count in sorted(hits.items()):
        rule = rules.get(index)
        if rule is not None:
            labels: Labels = {"rule": index, "action": rule.action, "match_regex": rule.match_regex}
            yield labels, count
        elif count or result.config.dialect == "static_config":
            yield {"rule": index, "action": "accept", "match_regex": ""}, count


def _lines(metric: Metric) -> Iterator[str]:
    name = f"proccli_{metric.name}"
    yield f"# HELP {name} {metric.help}\n# TYPE {name} gauge\n"
    for labels, value in metric.samples:
        written = ",".join(f'{key}="{_escaped(str(text))}"' for key, text in labels.items())
        yield f"{name}{{{written}}} {value}\n" if written else f"{name} {value}\n"


def _escaped(text: str) -> str:
    """A label's value: text from outside, with what cannot be printed made visible."""
    return visible(text).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

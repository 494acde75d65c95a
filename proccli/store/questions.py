"""Questions about all hosts of a store: which names there are, and which hosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from proccli.model.flows import int_to_ip
from proccli.store.current import Moment
from proccli.store.engine import Engine
from proccli.store.schema import HOSTS, RULE_UNKNOWN
from proccli.store.text import quoted

EXAMPLES: Final = 3
"""Hosts that are named as an example."""


class Selection(NamedTuple):
    """Filters; an empty one lets everything pass."""

    hosts: Sequence[str] = ()
    """Globs for names of hosts."""
    names: Sequence[str] = ()
    """Globs for gprocesses: with one of them."""
    without: Sequence[str] = ()
    """Globs for gprocesses: with none of them."""
    silent: bool = False
    """Only silent hosts."""


class NameRow(NamedTuple):
    """A gprocess that a rule of one configuration gives."""

    gprocess: str
    rule: int | None
    """0: the implicit accept; None: not known."""
    config_file: str
    config_sha256: str
    """Empty: not known."""
    hosts: int
    processes: int
    examples: tuple[str, ...]
    """Some hosts."""


class HostRow(NamedTuple):
    """A host, as its newest document says."""

    network: str
    host: str
    taken_at_s: int
    silent: bool
    """No document within the time that counts."""
    source: str
    proccli: str | None
    host_id: str | None
    boot_time_s: int | None
    addresses: tuple[str, ...]
    agent: str
    via: str
    config_file: str | None
    config_sha256: str | None
    rules: int
    enabled: bool
    processes: int
    sockets: int
    left_out: Mapping[str, int] | None
    """Ends that are not sent, by reason; None: not known."""
    warnings: tuple[str, ...]


def names(engine: Engine, moment: Moment, selection: Selection) -> list[NameRow]:
    """The gprocesses of all hosts that count, the most common first. Raises: StoreError."""
    database = moment.database
    wanted = _conditions(engine, moment, selection)
    if wanted is None:
        return []
    rows = engine.rows(
        "SELECT gprocess, rule, config_file, config_sha256, uniqExact(network, host), count(),"
        f" arraySlice(arraySort(groupUniqArray(host)), 1, {EXAMPLES})"
        " FROM (SELECT DISTINCT network, host, taken_at, pid, gprocess, rule"
        f" FROM {database}.processes WHERE {moment.of_documents}{wanted}) AS named"
        " ALL INNER JOIN (SELECT DISTINCT network, host, taken_at, config_file, config_sha256"
        f" FROM {database}.hosts WHERE {moment.of_documents}) AS documents"
        " USING (network, host, taken_at)"
        " GROUP BY gprocess, rule, config_file, config_sha256"
    )
    found = [
        NameRow(
            gprocess=gprocess,
            rule=None if rule == RULE_UNKNOWN else rule,
            config_file=file,
            config_sha256=sha256,
            hosts=int(hosts),
            processes=int(processes),
            examples=tuple(sorted(examples)),
        )
        for gprocess, rule, file, sha256, hosts, processes, examples in rows
    ]
    return sorted(
        found,
        key=lambda row: (
            -row.hosts,
            -row.processes,
            row.gprocess,
            RULE_UNKNOWN if row.rule is None else row.rule,
            row.config_file,
            row.config_sha256,
        ),
    )


def _conditions(engine: Engine, moment: Moment, selection: Selection) -> str | None:
    """More conditions for rows of `processes`; None: nothing can match."""
    wanted = ""
    if selection.names:
        matching = _matching_names(engine, moment, selection.names)
        if not matching:
            return None
        wanted += f" AND gprocess IN ({_list(matching)})"
    if selection.hosts:
        known = engine.rows(
            f"SELECT DISTINCT host FROM {moment.database}.hosts WHERE {moment.of_documents}"
        )
        hosts = [host for (host,) in known if _matches(host, selection.hosts)]
        if not hosts:
            return None
        wanted += f" AND host IN ({_list(hosts)})"
    return wanted


def _matching_names(engine: Engine, moment: Moment, globs: Sequence[str]) -> list[str]:
    known = engine.rows(
        f"SELECT DISTINCT gprocess FROM {moment.database}.processes WHERE {moment.of_documents}"
    )
    return [name for (name,) in known if _matches(name, globs)]


def _matches(text: str, globs: Sequence[str]) -> bool:
    return any(fnmatchcase(text, glob) for glob in globs)


def _list(texts: Sequence[str]) -> str:
    return ", ".join(map(quoted, texts))


def hosts(engine: Engine, moment: Moment, selection: Selection) -> list[HostRow]:
    """All hosts that have a document up to that moment, by network and name.

    Raises: StoreError.
    """
    ever = moment._replace(from_s=0)
    columns = ", ".join(
        f"toUInt32({name})" if kind.startswith("DateTime") else name
        for name, kind in HOSTS
        if name != "document"
    )
    rows = engine.rows(
        f"SELECT {columns} FROM {moment.database}.hosts WHERE {ever.of_documents}"
        " ORDER BY network, host"
    )
    keys = [name for name, _ in HOSTS if name != "document"]
    found = {}
    for row in rows:
        value = dict(zip(keys, row, strict=True))
        left_out = zip(value["left_out_reasons"], value["left_out_counts"], strict=True)
        found[value["network"], value["host"]] = HostRow(
            network=value["network"],
            host=value["host"],
            taken_at_s=value["taken_at"],
            silent=value["taken_at"] < moment.from_s,
            source=value["source"],
            proccli=value["proccli"] or None,
            host_id=value["host_id"] or None,
            boot_time_s=value["boot_time"] or None,
            addresses=tuple(map(int_to_ip, value["addresses"])),
            agent=value["agent"],
            via=value["via"],
            config_file=value["config_file"] or None,
            config_sha256=value["config_sha256"] or None,
            rules=value["rules"],
            enabled=bool(value["enabled"]),
            processes=value["processes"],
            sockets=value["sockets"],
            left_out=dict(left_out) if value["left_out_known"] else None,
            warnings=tuple(value["warnings"]),
        )
    kept = list(found.values())
    if selection.hosts:
        kept = [row for row in kept if _matches(row.host, selection.hosts)]
    if selection.silent:
        kept = [row for row in kept if row.silent]
    for globs, wanted in ((selection.names, True), (selection.without, False)):
        if globs:
            having = _hosts_with(engine, ever, globs)
            kept = [row for row in kept if ((row.network, row.host) in having) is wanted]
    return kept


def _hosts_with(engine: Engine, moment: Moment, globs: Sequence[str]) -> set[tuple[str, str]]:
    matching = _matching_names(engine, moment, globs)
    if not matching:
        return set()
    rows = engine.rows(
        f"SELECT DISTINCT network, host FROM {moment.database}.processes"
        f" WHERE {moment.of_documents} AND gprocess IN ({_list(matching)})"
    )
    return {(network, host) for network, host in rows}


def silent_hosts(engine: Engine, moment: Moment) -> tuple[int, str | None]:
    """How many hosts have no document within the time that counts, and one of them."""
    ((count, example),) = engine.rows(
        "SELECT count(), min(host) FROM (SELECT network, host, max(taken_at) AS last"
        f" FROM {moment.database}.hosts WHERE taken_at <= toDateTime({moment.at_s})"
        f" GROUP BY network, host HAVING last < toDateTime({moment.from_s}))"
    )
    return int(count), example if int(count) else None


def hosts_ahead(engine: Engine, moment: Moment, after_s: int) -> tuple[int, str | None]:
    """How many hosts have a document of a later time, and one of them."""
    ((count, example),) = engine.rows(
        "SELECT count(), min(host) FROM (SELECT DISTINCT network, host"
        f" FROM {moment.database}.hosts WHERE taken_at > toDateTime({after_s}))"
    )
    return int(count), example if int(count) else None


def confused_hosts(engine: Engine, moment: Moment) -> list[tuple[str, str]]:
    """Network and name of hosts that are several machines: their documents alternate.

    One that was installed anew has another host id from then on.
    """
    rows = engine.rows(
        "SELECT network, host, host_id, toUInt32(min(taken_at)), toUInt32(max(taken_at))"
        f" FROM {moment.database}.hosts WHERE host_id != '' AND (network, host) IN"
        f" (SELECT network, host FROM {moment.database}.hosts WHERE host_id != ''"
        " GROUP BY network, host HAVING uniqExact(host_id) > 1)"
        " GROUP BY network, host, host_id ORDER BY network, host, min(taken_at), max(taken_at)"
    )
    confused: dict[tuple[str, str], None] = {}
    last: dict[tuple[str, str], int] = {}
    for network, host, _, first_s, last_s in rows:
        if first_s <= last.get((network, host), -1):
            confused[network, host] = None
        last[network, host] = max(last_s, last.get((network, host), -1))
    return list(confused)

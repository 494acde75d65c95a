"""The table of versions as lines: what changed, in which versions, and by which source."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from proccli.text import listed
from proccli.versions import (
    AGENTS,
    CONFIG_SERVERS,
    CONFIG_SERVERS_SOURCE,
    DEFAULTS_SOURCE,
    SERVERS,
    STEPS,
    AgentVersion,
    Defaults,
    Dialect,
    InputsProc,
    StaticConfig,
    releases_on,
)


class Change(NamedTuple):
    """One behaviour that some versions have and the step before them has not."""

    since: str
    """A release, a branch, or a generation of the agents of inputs.proc."""
    versions: tuple[str, ...]
    """The versions on this step; they answer alike."""
    field: str
    before: object
    """As JSON; null in the first step."""
    now: object
    text: str
    source: str


class Group(NamedTuple):
    """Versions with the same values."""

    versions: tuple[str, ...]
    values: Mapping[str, object]
    source: str


class Versions(NamedTuple):
    """The whole table."""

    changes: Mapping[Dialect, tuple[Change, ...]]
    defaults: tuple[Group, ...]
    """Of inputs.proc, where a key is missing."""
    servers: tuple[Group, ...]
    """How servers identify processes."""
    config_servers: tuple[Group, ...]
    """How servers pass configurations of inputs.proc on."""
    agents: tuple[AgentVersion, ...]


def versions() -> Versions:
    """The table of `proccli/versions.py`."""
    return Versions(
        changes={dialect: tuple(_changes(dialect)) for dialect in STEPS},
        defaults=_grouped(
            {
                number: _values(agent.defaults)
                for number, agent in AGENTS.items()
                if agent.defaults is not None
            },
            lambda _: DEFAULTS_SOURCE,
        ),
        servers=_grouped(
            {number: _values(server) for number, server in SERVERS.items()},
            lambda number: SERVERS[number].source,
        ),
        config_servers=_grouped(
            {number: _values(server) for number, server in CONFIG_SERVERS.items()},
            lambda _: CONFIG_SERVERS_SOURCE,
        ),
        agents=tuple(AGENTS.values()),
    )


def _changes(dialect: Dialect) -> Iterator[Change]:
    behaviour: Any = StaticConfig() if dialect == "static_config" else InputsProc()
    for number, step in enumerate(STEPS[dialect]):
        on_step = releases_on(step.since, dialect)
        first = number == 0
        changed = step.changes or (_FIRST[dialect](behaviour) if first else {})
        for field, now in changed.items():
            before = None if first else getattr(behaviour, field)
            text = _wording(field, before, now)
            yield Change(
                step.since, on_step, field, as_json(before), as_json(now), text, step.source
            )
        behaviour = behaviour._replace(**step.changes)


_FIRST: Final[Mapping[Dialect, Callable[[Any], Mapping[str, Any]]]] = {
    "static_config": lambda first: {
        name: getattr(first, name) for name in ("match_types", "keys", "name_from", "users_from")
    },
    "inputs.proc": lambda first: {
        name: getattr(first, name)
        for name in ("invisible_without", "rename", "ignore", "socket_thread", "config_change")
    },
}
"""What the first step of a chain is described by."""


def _grouped(
    values: Mapping[str, Mapping[str, object]], source: Callable[[str], str]
) -> tuple[Group, ...]:
    groups: dict[str, list[str]] = {}
    for number, own in values.items():
        groups.setdefault(repr(own), []).append(number)
    return tuple(
        Group(tuple(numbers), values[numbers[0]], source(numbers[0])) for numbers in groups.values()
    )


def _values(row: Defaults | Any) -> dict[str, object]:
    shown = row._asdict().items()
    return {name: as_json(value) for name, value in shown if name not in ("number", "source")}


def as_json(value: object) -> object:
    """A value of the table as JSON has it."""
    if isinstance(value, frozenset):
        return sorted(value)
    return list(value) if isinstance(value, tuple) else value


# ---- words -----------------------------------------------------------------------------------

_ENGINES: Final[Mapping[object, str]] = {
    "first-match": "the first rule that matches decides",
    "every-matcher": "every matcher runs, and the last rename stands; no implicit accept",
}
_WORDS: Final[Mapping[str, Mapping[object, str]]] = {
    "empty_match_type": {True: "a rule without match-type matches the process name"},
    "implicit_accept": {True: "a process that no rule matches is accepted"},
    "min_lifetime": {True: "young processes, and those of a future start, are left out"},
    "env": {True: "%NAME% in a rewrite-name is replaced"},
    "reads_ppid": {True: "parents are known"},
    "netns": {True: "network namespace and container id are sent"},
    "netns_idx": {True: "sockets carry the index of their network namespace"},
    "rules_count": {
        False: "os-proc-regex and os-proc-sync-tagged-only have no effect: all is accepted"
    },
    "engine": _ENGINES,
    "name_from": {
        "exe": "the process name is the last component of the exe link",
        "argv0": "the process name is the last component of the first argument",
    },
    "users_from": {
        "nss": "user names come from the agent's own machine",
        "passwd": "user names come from /etc/passwd of the process's root",
    },
    "inheritance": {
        "list-order": "tags are inherited from parents that are listed earlier",
        "recursive": "tags are inherited from all ancestors",
    },
    "unreadable_netns": {
        "zero": "an unreadable namespace counts as namespace 0",
    },
    "container": {
        "cri": "container ids: 64 bytes, or what follows in a name of cri-containerd",
        "scope": "container ids: 64 bytes, or …-ID.scope",
        "scope-v2": "container ids are found on cgroup v2, too",
    },
    "sockets": {
        "ipv4": "sockets are sent: IPv4 alone",
        "v4-mapped": "sockets of IPv4-mapped IPv6 addresses are sent, too",
    },
    "listeners": {"whole-table": "all listening sockets count, not only the first rows"},
    "change_told_by": {
        "pids": "processes are sent again only if the pids changed",
        "unknown": "what makes the agent send processes again is not known",
    },
    "invisible_without": {
        "everything": "a process is invisible if its exe link, command line or owner is unreadable",
        "status": "a process is invisible only if its status file is unreadable",
    },
    "cached": {True: "a process's data are kept while its pid and start second stay the same"},
    "rename": {
        "whole": "a rewrite replaces the matches in the whole text",
        "match": "a rewrite keeps only the matched part",
    },
    "ignore": {
        "unused": "ignore has no effect",
        "no-rename": "an ignore matcher takes its processes and does not rename them",
        "removes": "ignore keeps later matchers of the feature from taking a process",
    },
    "blacklist": {True: "processes named in process_blacklist are not seen"},
    "start_check": {True: "a process is sent only if its start second is still the same"},
    "sorted_tags": {True: "tags are sorted"},
    "tags_in_digest": {True: "changed tags are sent"},
    "empty_list_published": {True: "a feature that lost its matchers publishes an empty list once"},
    "socket_thread": {
        "leaves-early": "later processes of a namespace already seen send no sockets",
        "ends-at-once": "no socket is ever sent: the thread ends before the first scan",
        "per-namespace": "sockets are read once per namespace, and the thread stays",
    },
    "publishes": {"data": "changed names and tags are published, not only changed pids"},
    "config_change": {
        "stops": "after a change of matchers nothing is published until the agent restarts",
        "restart": "a change of the section restarts the agent",
        "hot": "matchers, blacklist, tag command and proc_dir_path change without a restart",
    },
}
"""Each value that a step may change a field to."""


def _wording(field: str, before: object, now: object) -> str:
    """A change as a sentence without its end."""
    if isinstance(now, (tuple, frozenset)):
        old = set(before) if isinstance(before, (tuple, frozenset)) else set()
        added = [str(value) for value in (sorted(now) if isinstance(now, frozenset) else now)]
        added = [value for value in added if value not in old]
        noun = {"match_types": "match types", "actions": "actions", "keys": "keys"}[field]
        return f"{'' if before is None else 'new '}{noun}: {listed(added)}"
    if field == "container" and before == "scope-v2":
        return "container ids are not found on cgroup v2"
    return _WORDS[field][now]

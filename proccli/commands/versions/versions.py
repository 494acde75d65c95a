"""The table of versions as lines: what changed, in which versions, and by which source."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from proccli.config.inputs_proc import MATCHERS
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
    values = {name: as_json(value) for name, value in shown if name not in ("number", "source")}
    if isinstance(row, Defaults):
        values["matchers"] = [
            {name: as_json(value) for name, value in matcher._asdict().items()}
            for matcher in MATCHERS[row.matchers]
        ]
    return values


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
        "next-scan": "a changed configuration is applied at the next scan, without a restart",
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


_MIGRATORS: Final = {
    "none": "there is no upgrade from static_config",
    "profile-regexes": "the upgrade from static_config converts the patterns of the on-CPU and"
    " off-CPU profiles, and loses os-proc-sync-tagged-only",
    "tagged-only": "the upgrade from static_config converts os-proc-sync-tagged-only, and loses the"
    " patterns of the on-CPU and off-CPU profiles",
}
_GROUP_WORDS: Final[Mapping[str, Callable[[Any], str]]] = {
    "enabled": lambda now: f"enabled: {_yaml(now)}",
    "only_in_container": lambda now: f"only_in_container of a matcher: {_yaml(now)}",
    "socket_interval_key": lambda now: f"the key of the socket interval is {now}",
    "socket_interval_s": lambda now: f"socket interval: {now} s",
    "match_type_words": lambda now: (
        "a match_type that does not exist rejects the configuration"
        if now == "enum"
        else "a match_type that does not exist means process_name"
    ),
    "match_type": lambda now: f"match_type of a matcher: {now}",
    "features": lambda now: f"enabled_features of a matcher: {listed(now) if now else 'none'}",
    "match_regex": lambda now: f"match_regex of a matcher: {now or 'empty, which matches all'}",
    "matcher_action": lambda now: f"a matcher {_has(now)} key action",
    "zero_interval": lambda now: f"the socket interval {'may' if now else 'may not'} be 0",
    "symbol_file_size": lambda now: f"symbol_table.java {_has(now)} key max_symbol_file_size",
    "ai_agent": lambda now: f"inputs.proc {_has(now)} section ai_agent",
    "aggregates": lambda now: (
        "processes of one name, agent and command line, or of one name and workload, are one"
        " gprocess"
        if now
        else "each pid of an agent is a gprocess"
    ),
    "reduces_cmdline": lambda now: (
        "of a command line of java, python or node, only the jar, module or first argument counts"
        if now
        else "command lines are not reduced"
    ),
    "tag_values_may_contain_colons": lambda now: (
        "a tag is split at its first colon"
        if now
        else "a tag is ignored unless it has exactly one colon"
    ),
    "tag_keys_ignore_case": lambda now: (
        f"upper and lower case in tag keys {'are the same' if now else 'differ'}"
    ),
    "l7_by_pid": lambda now: (
        "an L7 log without a process gets that of its agent and pid"
        if now
        else "pids in L7 logs name no process"
    ),
    "name_bytes": lambda now: f"names are cut after {now} bytes",
    "aging_s": lambda now: (
        f"a process is kept for {now // 3600} hours after its agent last reported it"
    ),
    "kept_s": lambda now: f"a deleted process is kept for {now // 3600} hours",
    "library": lambda now: (
        "what the configuration is written with is not known"
        if now is None
        else f"the configuration is written with {now}"
    ),
    "socket_interval_type": lambda now: (
        f"the template has the socket interval as {'text' if now == 'text' else 'a number'}"
    ),
    "blacklist": lambda now: f"the template has {'' if now else 'no '}process_blacklist",
    "migrator": lambda now: _MIGRATORS[now],
}
"""Each field of the defaults and of the servers."""


def group_wording(group: Group, before: Group | None) -> Iterator[str]:
    """What differs from the group before, or everything: one text for each field or matcher."""
    for field, now in group.values.items():
        earlier = before and before.values[field]
        if before is not None and earlier == now:
            continue
        if field == "matchers":
            yield from _matchers(now, earlier)
        else:
            yield _GROUP_WORDS[field](now)


def _matchers(now: Any, before: Any) -> Iterator[str]:
    if not now:
        yield "no matchers"
    for removed in [matcher for matcher in before or () if matcher not in now]:
        yield f"no matcher {_matcher(removed)}"
    for added in [matcher for matcher in now if matcher not in (before or ())]:
        yield f"matcher {_matcher(added)}"


def _matcher(matcher: Mapping[str, Any]) -> str:
    ignored = "ignore, " if matcher["ignore"] else ""
    container = ", only in containers" if matcher["only_in_container"] else ""
    renamed = f" → {matcher['rewrite_name']}" if matcher["rewrite_name"] else ""
    features = ", ".join(matcher["enabled_features"])
    return (
        f"{matcher['match_type']} ~ {matcher['match_regex']}{renamed}"
        f" ({ignored}{features}{container})"
    )


def _yaml(value: bool) -> str:
    return "true" if value else "false"


def _has(value: bool) -> str:
    return "has the" if value else "has no"

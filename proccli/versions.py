"""Every agent and server version that proccli emulates, as one table of behaviours.

What differs between versions is a field here, with its source; the code that emulates a behaviour
reads the field. No other module names a version. `proccli versions` prints this table.

Behaviours change along a chain: a `Step` has the fields that a release changed. Releases that
answer alike stand on the same step. The two dialects have a chain each, for an agent reads one, the
other, or (6.6.5 to 6.6.8) both.

Source: FACTS A0 (static_config), the generations N1 to N9 and the defaults per version
(inputs.proc), measured on the agents' own code.
"""

# Annotations are not strings here: a NamedTuple compiles each string, at every start of proccli.

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, TypeAlias, TypeVar

from proccli.errors import UsageError
from proccli.text import visible

Dialect: TypeAlias = Literal["static_config", "inputs.proc"]
RegexCrate: TypeAlias = Literal["1.6.0", "1.8.3"]
Inheritance: TypeAlias = Literal["none", "list-order", "recursive"]
ContainerIds: TypeAlias = Literal["none", "cri", "scope", "scope-v2"]
"""`cri`: 64 bytes, or what follows in a name that starts with cri-containerd; `scope`: 64 bytes, or
`…-<64>.scope`; `scope-v2`: the same, also on cgroup v2."""
YamlCrate: TypeAlias = Literal["0.8.26", "0.9.25"]
ConfigLibrary: TypeAlias = Literal["viper", "koanf"]


class StaticConfig(NamedTuple):
    """How an agent applies `static_config`. The defaults are those of 6.2.0, the first release."""

    match_types: tuple[str, ...] = ("process_name", "cmdline")
    """Words that a rule may have; the first is what an empty one means, where that is allowed."""
    empty_match_type: bool = False
    """Whether `match-type` may be empty or missing."""
    actions: tuple[str, ...] = ()
    """Words that a rule may have; the first is what an empty one means. Empty: the key is
    unknown, and every rule accepts."""
    keys: frozenset[str] = frozenset(
        {
            "os-proc-root",
            "os-proc-socket-sync-interval",
            "os-proc-socket-min-lifetime",
            "os-app-tag-exec",
            "os-app-tag-exec-user",
            "os-proc-regex",
        }
    )
    """The keys that the release knows; it passes over others."""
    rules_count: bool = True
    """False: tagged-only is read and has no effect, and os-proc-regex only with `every-matcher`."""
    engine: Literal["first-match", "every-matcher"] = "first-match"
    implicit_accept: bool = False
    """Whether `.*` accept follows the last rule."""
    min_lifetime: bool = False
    """Whether young processes, and those of a future start, are left out."""
    env: bool = False
    """Whether `%NAME%` in a rewrite-name is replaced."""
    name_from: Literal["exe", "argv0"] = "exe"
    """What process_name is the last component of; with `exe`, an empty command line hides
    nothing, and an unreadable link does."""
    users_from: Literal["nss", "passwd"] = "nss"
    """The agent's own user database, or `PID/root/etc/passwd`."""
    reads_ppid: bool = False
    inheritance: Inheritance = "none"
    """`list-order`: a process listed before its parent gets only what the parent had by then."""
    netns: bool = False
    """Whether netns_id and container_id are sent."""
    unreadable_netns: Literal["skips", "zero"] = "skips"
    """What an unreadable `PID/ns` does to a process's sockets."""
    container: ContainerIds = "none"
    sockets: Literal["none", "ipv4", "v4-mapped"] = "none"
    """The families that are read; `v4-mapped`: also tcp6 and udp6 as a pair."""
    netns_idx: bool = False
    listeners: Literal["first-rows", "whole-table"] = "first-rows"
    """`first-rows`: reading ends at the first row that isn't LISTEN, tcp and tcp6 each."""
    change_told_by: Literal["sha1", "pids", "unknown"] = "sha1"
    """What makes the agent send again: a SHA-1 over pids and tags, or pids alone."""
    config_change: Literal["restart", "next-scan"] = "restart"
    """What a changed configuration does: the agent restarts, or applies it at its next scan."""


class InputsProc(NamedTuple):
    """How an agent applies `inputs.proc`. The defaults are those of generation N1 (6.6.6)."""

    generation: str = "N1"
    invisible_without: Literal["status", "everything"] = "everything"
    """What must be readable: `status` alone, or also exe, command line (UTF-8) and owner."""
    cached: bool = False
    """Whether a process's data are kept while its pid and start second stay the same."""
    rename: Literal["whole", "match"] = "whole"
    """What a rewrite replaces: the matches in the whole subject, or the matched part alone."""
    ignore: Literal["unused", "no-rename", "removes"] = "unused"
    """What `ignore` does: nothing, it only keeps the matcher from renaming, or it keeps later
    matchers of the feature from taking a process."""
    blacklist: bool = False
    start_check: bool = False
    """Whether a process is sent only if its start second still is what it was."""
    # As in `StaticConfig`:
    inheritance: Inheritance = "recursive"
    netns: bool = True
    netns_idx: bool = True
    unreadable_netns: Literal["skips", "zero"] = "zero"
    sockets: Literal["none", "ipv4", "v4-mapped"] = "v4-mapped"
    listeners: Literal["first-rows", "whole-table"] = "whole-table"
    change_told_by: Literal["sha1", "pids", "unknown"] = "unknown"
    container: ContainerIds = "scope"
    sorted_tags: bool = False
    tags_in_digest: bool = False
    empty_list_published: bool = False
    """Whether a feature that lost its matchers publishes an empty list once."""
    socket_thread: Literal["leaves-early", "ends-at-once", "per-namespace"] = "leaves-early"
    """`leaves-early`: later pids of a namespace already seen are not looked at, `ends-at-once`:
    no socket is ever sent, `per-namespace`: the rewritten code."""
    publishes: Literal["pids", "data"] = "pids"
    """What must change for a feature to publish again."""
    config_change: Literal["stops", "restart", "hot"] = "stops"
    """What a change of the section does: `stops` publishing until the agent restarts."""


Behaviour: TypeAlias = StaticConfig | InputsProc
"""How one agent version applies the dialect of its configuration."""


FEATURES: Final = (
    "proc.gprocess_info",
    "proc.socket_list",
    "proc.golang_symbol_table",
    "ebpf.socket.uprobe.golang",
    "ebpf.socket.uprobe.tls",
    "ebpf.profile.on_cpu",
    "ebpf.profile.off_cpu",
    "ebpf.profile.memory",
)
"""The features of `inputs.proc` that have a consumer in the agent (FACTS B9)."""
SENT_FEATURE: Final = "proc.gprocess_info"
"""The feature whose processes the agent sends; those of others only serve the agent itself."""
SOCKET_FEATURE: Final = "proc.socket_list"
"""The feature whose pids the agent reads sockets of."""


class Defaults(NamedTuple):
    """The values of `inputs.proc` that an agent has where a key is missing."""

    enabled: bool
    only_in_container: bool
    socket_interval_key: str
    socket_interval_s: int
    matchers: str
    """The name of the list in `config/inputs_proc.py`."""
    match_type_words: Literal["enum", "text"] = "text"
    """`enum`: the words of the agent's type (`Cmd`), all others reject the configuration."""
    match_type: str = "process_name"
    """What a missing match_type means."""
    features: tuple[str, ...] = ()
    """What a missing enabled_features means."""
    match_regex: str = ""
    matcher_action: bool = False
    """Whether a matcher has the key `action`."""
    zero_interval: bool = False
    """Whether the socket interval may be exactly `0`."""
    symbol_file_size: bool = False
    """Whether `symbol_table.java.max_symbol_file_size` exists."""
    ai_agent: bool = False


class Step(NamedTuple):
    """What one release changed, for `proccli versions`."""

    since: str
    """The release, or the generation's name."""
    changes: Mapping[str, Any]
    source: str
    """Files of DeepFlow, and where: a tag or a branch."""


class AgentVersion(NamedTuple):
    """What one agent version does."""

    number: str
    """As `--agent` takes it; major.minor is the head of that branch."""
    static_config: StaticConfig | None
    """None: it doesn't read that dialect."""
    inputs_proc: InputsProc | None
    defaults: Defaults | None
    """Of inputs.proc."""
    regex_crate: RegexCrate
    yaml_crate: YamlCrate
    new_rpc: bool | None = None
    """For agents that read both dialects: the release's default of `new-rpc`, by which it reads
    inputs.proc."""

    measured_types: tuple[str, ...] = ()
    """The releases by which the types of its `static_config` keys are known: the measured one, or
    those before and after it."""

    @property
    def dialect(self) -> Dialect:
        """The dialect that it reads where nothing else decides."""
        if self.static_config is None or self.new_rpc:
            return "inputs.proc"
        return "static_config"


# ---- static_config: what each release changed -----------------------------------------------

_PLATFORM: Final = "agent/src/platform/platform_synchronizer"
_PROCESSES: Final = f"{_PLATFORM}/linux_process.rs"
_SOCKETS: Final = f"{_PLATFORM}/linux_socket.rs"
_THREAD: Final = f"{_PLATFORM}/linux.rs"
_QUERIER: Final = "agent/src/platform/querier/linux.rs"
_SETTINGS: Final = "agent/src/config/config.rs"
_HANDLER: Final = "agent/src/config/handler.rs"
_LISTENER: Final = "agent/src/utils/process/linux.rs"

_MATCH_TYPES: Final = ("process_name", "cmdline", "parent_process_name", "tag")
_STATIC_CONFIG: Final = (
    Step("6.2.0", {}, f"{_PROCESSES} @ v6.2.0"),
    Step(
        "6.2.1",
        {
            "empty_match_type": True,
            "min_lifetime": True,
            "env": True,
            "users_from": "passwd",
            "sockets": "ipv4",
        },
        f"{_PROCESSES}, {_SOCKETS} @ v6.2.1",
    ),
    Step(
        "6.2.2",
        {"actions": ("accept", "drop"), "sockets": "v4-mapped", "netns_idx": True},
        f"{_PROCESSES}, {_SOCKETS} @ v6.2.2",
    ),
    Step(
        "6.2.3",
        {
            "keys": StaticConfig().keys | {"os-proc-sync-enabled"},
            "implicit_accept": True,
            "reads_ppid": True,
            "inheritance": "list-order",
            "unreadable_netns": "zero",
        },
        f"{_PROCESSES}, {_SETTINGS} @ v6.2.3",
    ),
    Step("6.2.4", {"inheritance": "recursive"}, f"{_PROCESSES} @ v6.2.4"),
    Step("6.2.5", {"listeners": "whole-table"}, f"{_SOCKETS} @ v6.2.5, pull request 2674"),
    Step(
        "6.2.6",
        {"match_types": ("process_name", "cmdline", "parent_process_name"), "name_from": "argv0"},
        f"{_PROCESSES} @ v6.2.6",
    ),
    Step(
        "6.2.6.4",
        {
            "match_types": _MATCH_TYPES,
            "keys": StaticConfig().keys | {"os-proc-sync-enabled", "os-proc-sync-tagged-only"},
        },
        f"{_PROCESSES}, {_SETTINGS} @ v6.2.6.4",
    ),
    Step("6.3.0", {"netns": True, "container": "cri"}, f"{_PROCESSES} @ v6.3.0"),
    Step("6.3.1", {"container": "scope"}, f"{_PROCESSES} @ v6.3.1"),
    Step("6.5.4", {"change_told_by": "pids"}, f"{_QUERIER} @ v6.5.4"),
    Step("6.5", {"container": "scope-v2"}, f"{_PROCESSES} @ branch v6.5"),
    Step(
        "6.6.5",
        {"container": "scope", "rules_count": False, "config_change": "next-scan"},
        f"{_SETTINGS} @ v6.6.5",
    ),
    Step(
        "6.6.6",
        {
            "engine": "every-matcher",
            "change_told_by": "unknown",
            "match_types": (*_MATCH_TYPES, "cmdline_with_args"),
        },
        f"{_LISTENER} @ branch v6.6.6",
    ),
)

# ---- inputs.proc: what each generation changed ----------------------------------------------

_INPUTS_PROC: Final = (
    Step("N1", {}, f"{_LISTENER} @ branch v6.6.6"),
    Step("N1b", {"config_change": "restart"}, f"{_LISTENER} @ branch v6.6.8"),
    Step(
        "N2",
        {"ignore": "no-rename", "socket_thread": "ends-at-once"},
        f"{_LISTENER}, {_THREAD} @ branch v7.0.0",
    ),
    Step("N2b", {"invisible_without": "status"}, f"{_PROCESSES} @ branch v7.0.1"),
    Step("N3", {"cached": True}, f"{_LISTENER} @ v7.0.2"),
    Step("N4", {"rename": "match"}, f"{_SETTINGS} @ v7.0.4"),
    Step("N5", {"ignore": "removes"}, f"{_LISTENER} @ v7.0.7"),
    Step(
        "N6",
        {
            "blacklist": True,
            "start_check": True,
            "container": "scope-v2",
            "sorted_tags": True,
            "tags_in_digest": True,
            "socket_thread": "per-namespace",
        },
        f"{_LISTENER}, {_SOCKETS}, {_QUERIER} @ v7.1.0",
    ),
    Step("N7", {"config_change": "hot", "empty_list_published": True}, f"{_HANDLER} @ v7.1.2"),
    Step("N8", {}, f"{_HANDLER} @ v7.1.6"),
    Step("N9", {"publishes": "data"}, f"{_LISTENER} @ main 2026e9de"),
)

_OLD_ENUM: Final = Defaults(
    enabled=False,
    only_in_container=False,
    socket_interval_key="sync_interval",
    socket_interval_s=10,
    matchers="none",
    match_type_words="enum",
    match_type="cmdline",
    features=("ebpf.profile.on_cpu", "ebpf.profile.off_cpu"),
    match_regex="deepflow-*",
    matcher_action=True,
    symbol_file_size=True,
)
_DEEPFLOW: Final = Defaults(
    enabled=False,
    only_in_container=True,
    socket_interval_key="socket_info_sync_interval",
    socket_interval_s=0,
    matchers="deepflow",
    symbol_file_size=True,
)
_FOUR: Final = _DEEPFLOW._replace(matchers="four", zero_interval=True)
_FIVE: Final = _FOUR._replace(enabled=True, matchers="ignore-and-four")
_BLACKLIST: Final = _FOUR._replace(enabled=True, symbol_file_size=False)
_SIX: Final = _BLACKLIST._replace(matchers="six")
_SEVEN: Final = _BLACKLIST._replace(matchers="seven")


DEFAULTS_SOURCE: Final = f"{_SETTINGS} @ each release"


class Release(NamedTuple):
    """One version of the table: its steps in both chains, and its defaults of `inputs.proc`."""

    number: str
    static_config: str | None = None
    """The step of `_STATIC_CONFIG`; None: the dialect is unknown."""
    inputs_proc: str | None = None
    """The step of `_INPUTS_PROC`."""
    defaults: Defaults | None = None
    new_rpc: bool | None = None


_RELEASES: Final = (
    *(Release(number, number) for number in ("6.2.0", "6.2.1", "6.2.2", "6.2.3", "6.2.4")),
    *(Release(number, number) for number in ("6.2.5", "6.2.6")),
    *(Release(f"6.2.6.{patch}", "6.2.6") for patch in (1, 2, 3)),
    *(Release(f"6.2.6.{patch}", "6.2.6.4") for patch in (4, 5, 6)),
    Release("6.2", "6.2.6.4"),
    Release("6.3.0", "6.3.0"),
    *(Release(f"6.3.{patch}", "6.3.1") for patch in range(1, 10)),
    Release("6.3", "6.3.1"),
    *(Release(f"6.4.{patch}", "6.3.1") for patch in range(1, 10)),
    Release("6.4", "6.3.1"),
    *(Release(f"6.5.{patch}", "6.3.1") for patch in (1, 2, 3)),
    *(Release(f"6.5.{patch}", "6.5.4") for patch in range(4, 10)),
    Release("6.5", "6.5"),
    *(Release(f"6.6.{patch}", "6.5.4") for patch in (1, 2, 3, 4)),
    # inputs.proc of 6.6.5 has other keys and the older engine, and no measured case.
    Release("6.6.5", "6.6.5", new_rpc=False),
    Release("6.6.6", "6.6.6", "N1", _OLD_ENUM, new_rpc=False),
    Release("6.6.7", "6.6.6", "N1", _OLD_ENUM, new_rpc=False),
    Release(
        "6.6.8",
        "6.6.6",
        "N1b",
        _OLD_ENUM._replace(
            matchers="deepflow-exe",
            match_type_words="text",
            match_regex="deepflow-.*",
            features=(*_OLD_ENUM.features, "proc.gprocess_info"),
        ),
        new_rpc=True,
    ),
    Release(
        "6.6.9",
        None,
        "N3",
        _DEEPFLOW._replace(socket_interval_key="sync_interval", socket_interval_s=10),
    ),
    Release("6.6.9.2504", None, "N5", _FIVE),
    Release("6.6", None, "N8", _BLACKLIST),
    Release("7.0.0", None, "N2", _DEEPFLOW),
    Release("7.0.1", None, "N2b", _DEEPFLOW),
    *(Release(f"7.0.{patch}", None, "N3", _DEEPFLOW) for patch in (2, 3)),
    *(Release(f"7.0.{patch}", None, "N4", _FOUR) for patch in (4, 5)),
    Release("7.0.6", None, "N4", _FOUR._replace(enabled=True)),
    *(Release(f"7.0.{patch}", None, "N5", _FIVE) for patch in (7, 8)),
    Release("7.0.9", None, "N5", _FIVE._replace(symbol_file_size=False)),
    Release("7.0", None, "N8", _BLACKLIST),
    *(Release(f"7.1.{patch}", None, "N6", _BLACKLIST) for patch in (0, 1)),
    *(Release(f"7.1.{patch}", None, "N7", _BLACKLIST) for patch in (2, 3, 4, 5)),
    *(Release(f"7.1.{patch}", None, "N8", _SIX) for patch in (6, 7, 8)),
    Release("7.1", None, "N8", _SEVEN),
    Release("main", None, "N9", _SEVEN._replace(ai_agent=True)),
)
_OLDER_REGEX: Final = ((6, 2), (6, 3, 1))
"""From and before: releases with the crate regex 1.6.0 (REGEX, FACTS A0)."""
_NEWER_YAML: Final = (6, 6, 7)
"""From this release on, the crate serde_yaml is 0.9.25 (FACTS A0)."""


def _key(number: str) -> tuple[int, ...]:
    """A release as numbers to compare; the head of a branch is behind all of its releases."""
    if number == "main":
        return (99,)
    parts = tuple(int(part) for part in number.split("."))
    return (*parts, 99) if len(parts) == 2 else parts


def _folded(step: str, chain: tuple[Step, ...], first: Any) -> Any:
    """A behaviour as it is from one step on: all changes up to it, in order."""
    behaviour = first
    for change in chain:
        behaviour = behaviour._replace(**change.changes)
        if change.since == step:
            return behaviour
    raise KeyError(step)


def _agent(number: str) -> AgentVersion:
    release = next(release for release in _RELEASES if release.number == number)
    static_config = inputs_proc = None
    if release.static_config is not None:
        static_config = _folded(release.static_config, _STATIC_CONFIG, StaticConfig())
    if release.inputs_proc is not None:
        inputs_proc = _folded(release.inputs_proc, _INPUTS_PROC, InputsProc())
        inputs_proc = inputs_proc._replace(generation=release.inputs_proc)
    key = _key(release.number)
    older = _OLDER_REGEX[0] <= key < _OLDER_REGEX[1]
    return AgentVersion(
        number=release.number,
        static_config=static_config,
        inputs_proc=inputs_proc,
        defaults=release.defaults,
        regex_crate="1.6.0" if older else "1.8.3",
        yaml_crate="0.9.25" if key >= _NEWER_YAML else "0.8.26",
        new_rpc=release.new_rpc,
        measured_types=_measured_types(release.number) if static_config else (),
    )


_MEASURED_TYPES: Final = (
    *("6.2.0", "6.2.1", "6.2.2", "6.2.3", "6.2.6", "6.2.6.4", "6.3.0", "6.3", "6.4", "6.5.1"),
    *("6.5.9", "6.5", "6.6.4", "6.6.5", "6.6.6", "6.6.7", "6.6.8"),
)
"""Releases whose types of all `static_config` keys are measured (FACTS A1), in order."""


def _measured_types(number: str) -> tuple[str, ...]:
    if number in _MEASURED_TYPES:
        return (number,)
    key = _key(number)
    before = [measured for measured in _MEASURED_TYPES if _key(measured) < key]
    after = [measured for measured in _MEASURED_TYPES if _key(measured) > key]
    return (*before[-1:], *after[:1])


STEPS: Final[Mapping[Dialect, tuple[Step, ...]]] = MappingProxyType(
    {"static_config": _STATIC_CONFIG, "inputs.proc": _INPUTS_PROC}
)
"""What each release, and each generation, changed in the one before it."""


def releases_on(step: str, dialect: Dialect) -> tuple[str, ...]:
    """The agent versions that answer as a step says, in order."""
    return tuple(
        release.number
        for release in _RELEASES
        if step == (release.static_config if dialect == "static_config" else release.inputs_proc)
    )


_Entry = TypeVar("_Entry")


class _Table(Mapping[str, _Entry]):
    """Versions by number, each made when it is first asked for: a run needs one."""

    def __init__(self, numbers: Iterable[str], make: Callable[[str], _Entry]) -> None:
        self._made: dict[str, _Entry | None] = dict.fromkeys(numbers)
        self._make = make

    def __getitem__(self, number: str) -> _Entry:
        made = self._made[number]
        if made is None:
            made = self._made[number] = self._make(number)
        return made

    def __contains__(self, number: object) -> bool:
        return number in self._made

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


AGENTS: Final[Mapping[str, AgentVersion]] = _Table(
    (release.number for release in _RELEASES), _agent
)
OLDEST_RELEASE: Final = "6.2.0"
NEWEST_RELEASE: Final = "7.1.8"
_NUMBER: Final = r"[0-9]{1,4}(\.[0-9]{1,4}){2,3}"
DEFAULT_AGENT: Final = "6.5"
"""The agent without a configuration, and of a `static_config` one."""
DEFAULT_INPUTS_AGENT: Final = "7.1"
"""The agent of an `inputs.proc` configuration."""

LAST_STATIC_CONFIG: Final = "6.5"
"""The last branch whose configuration has `static_config` alone (FACTS A0)."""
STATIC_CONFIG_ALTERED: Final = ("6.6.5", "6.6.8")
"""From and to: these releases ignore os-proc-regex or change it (FACTS A0)."""
STATIC_CONFIG_GONE: Final = "6.6.9"
"""From this release on, the os-proc-* keys are unknown (FACTS A0)."""
INPUTS_PROC_SINCE: Final = "6.6.6"
"""The first release that reads `inputs.proc` (FACTS B1)."""
OLDER_REGEX_CRATE: Final = "6.2"
"""The branch whose agents have the crate regex 1.6 (REGEX)."""


class ServerVersion(NamedTuple):
    """How one server version distinguishes gprocesses, keeps them, and splits tags.

    Source: server/controller/genesis (updater, store), recorder/updater/process.go,
    recorder/config/config.go, cloud/cloud.go, tagrecorder (split of os.app tags),
    db (ch_os_app_tag); each release.
    """

    number: str
    source: str
    """Files of DeepFlow, and where: a tag or a branch."""
    aggregates: bool
    """True: processes of one name, agent and command line, or of one name and workload, have one
    id. False: each pid of an agent has its own."""
    reduces_cmdline: bool
    """Whether it compares only the jar, module or first argument of java, python and node."""
    tag_values_may_contain_colons: bool
    """True: split a tag at the first colon. False: ignore a tag unless it has exactly one."""
    tag_keys_ignore_case: bool
    """Whether the table compares tag keys without regard to upper and lower case."""
    l7_by_pid: bool = False
    """Whether L7 logs without a process get that of their agent and pid."""
    name_bytes: int = 256
    """Longer names are cut, within a character if need be (`process_name_len_max`)."""
    aging_s: int = 86_400
    """`genesis.aging_time`: how long a process is kept after its agent last reported it."""
    kept_s: int = 168 * 3600
    """`deleted_resource_retention_time`: how long a deleted one is kept, as `NAME (deleted)`."""


_CONTROLLER: Final = "server/controller"
_SERVER_FILES: Final = (
    f"{_CONTROLLER}/genesis, {_CONTROLLER}/recorder/cache/tool, {_CONTROLLER}/tagrecorder,"
    f" {_CONTROLLER}/db"
)
_BY_PID: Final = ServerVersion(
    number="",
    source=f"{_SERVER_FILES} @ v6.5.8",
    aggregates=False,
    reduces_cmdline=False,
    tag_values_may_contain_colons=False,
    tag_keys_ignore_case=True,
)
_SPLITS_ONCE: Final = _BY_PID._replace(
    tag_values_may_contain_colons=True, source=f"{_SERVER_FILES} @ v6.5.9"
)
_AGGREGATES: Final = _SPLITS_ONCE._replace(
    aggregates=True, source=f"{_SERVER_FILES} @ v6.6.9.2504, v7.0.7"
)
_CASE: Final = _AGGREGATES._replace(tag_keys_ignore_case=False, source=f"{_SERVER_FILES} @ v7.0.9")
_ONE_COLON: Final = _CASE._replace(
    tag_values_may_contain_colons=False, source=f"{_SERVER_FILES} @ v7.1.0"
)
_REDUCES: Final = _ONE_COLON._replace(
    reduces_cmdline=True, source=f"{_SERVER_FILES} @ v7.1.6, main 2026e9de"
)
_L7_BY_PID: Final = _REDUCES._replace(
    l7_by_pid=True,
    source=f"{_SERVER_FILES}, server/ingester/flow_log/log_data/l7_flow_log.go @ main 2026e9de",
)
_SERVER_STEPS: Final = (
    ((6, 2), (6, 5, 8), _BY_PID),
    ((6, 5, 9), (6, 6, 9), _SPLITS_ONCE),
    ((6, 6, 9, 2504), (6, 6, 98), _AGGREGATES),
    ((6, 6, 99), (6, 6, 99), _REDUCES),
    ((7, 0), (7, 0, 6), _SPLITS_ONCE),
    ((7, 0, 7), (7, 0, 8), _AGGREGATES),
    ((7, 0, 9), (7, 0, 9), _CASE),
    ((7, 0, 99), (7, 0, 99), _REDUCES),
    ((7, 1), (7, 1, 5), _ONE_COLON),
    ((7, 1, 6), (98,), _REDUCES),
    ((99,), (99,), _L7_BY_PID),
)
"""From and to, as `_key` writes versions: servers that answer alike."""


def _server(number: str) -> ServerVersion:
    key = _key(number)
    alike = next(server for first, last, server in _SERVER_STEPS if first <= key <= last)
    return alike._replace(number=number)


SERVERS: Final[Mapping[str, ServerVersion]] = _Table(AGENTS, _server)
"""A server of each version that agents have."""


CONFIG_SERVERS_SOURCE: Final = (
    f"server/agent_config/template.yaml, {_CONTROLLER}/trisolaris @ each release"
)


class ConfigServer(NamedTuple):
    """How one server version treats a configuration of `inputs.proc`."""

    number: str
    library: ConfigLibrary | None
    """What it loads and writes the text with; None: not measured."""
    socket_interval_key: str = "socket_info_sync_interval"
    socket_interval_type: Literal["text", "number"] = "text"
    """The type that its template asks for."""
    blacklist: bool = True
    ai_agent: bool = False
    migrator: Literal["none", "profile-regexes", "tagged-only"] = "tagged-only"
    """Its conversion of `static_config`: `profile-regexes` converts the patterns of the on-CPU and
    off-CPU profiles, and loses os-proc-sync-tagged-only; `tagged-only` the other way round."""


_OLD_TEMPLATE: Final = ConfigServer(
    "",
    "viper",
    socket_interval_type="number",
    blacklist=False,
    migrator="profile-regexes",
)
_WITH_KOANF: Final = _OLD_TEMPLATE._replace(library="koanf")
_NEW_TEMPLATE: Final = ConfigServer("", "koanf")
_6_6_9: Final = _OLD_TEMPLATE._replace(
    socket_interval_key="sync_interval", socket_interval_type="text"
)

_CONFIG_SERVERS: Final = {
    number: server
    for numbers, server in (
        (("6.6.6", "6.6.7"), _OLD_TEMPLATE._replace(library=None, migrator="none")),
        (("6.6.8",), _6_6_9._replace(migrator="none")),
        (("6.6.9",), _6_6_9),
        (("6.6.9.2504",), _WITH_KOANF),
        (("7.0.0", "7.0.1", "7.0.2"), _OLD_TEMPLATE),
        (("7.0.3", "7.0.4"), _WITH_KOANF),
        (
            tuple(f"7.0.{patch}" for patch in range(5, 10)),
            _WITH_KOANF._replace(migrator="tagged-only"),
        ),
        (("7.0", "7.1", "6.6", *(f"7.1.{patch}" for patch in range(9))), _NEW_TEMPLATE),
        (("main",), _NEW_TEMPLATE._replace(ai_agent=True)),
    )
    for number in numbers
}
CONFIG_SERVERS: Final[Mapping[str, ConfigServer]] = _Table(
    _CONFIG_SERVERS, lambda number: _CONFIG_SERVERS[number]._replace(number=number)
)
"""Servers that know `inputs.proc` (FACTS B1, C). 6.6.6 and 6.6.7 are not measured."""

NEWEST_SERVER: Final = "7.1"


def agent_version(number: str) -> AgentVersion:
    """The agent of a version: a release, or `major.minor` or `main` for the head of a branch.

    A release that is not in the table answers as the one before it.

    Raises: UsageError for what is no version, or one before the first or after the last.
    """
    return _version(number, AGENTS, "agent")


def server_version(number: str) -> ServerVersion:
    """The server of a version, with the same numbers as agents.

    Raises: UsageError for what is no version, or one before the first or after the last.
    """
    return _version(number, SERVERS, "server")


_Version = TypeVar("_Version", AgentVersion, ServerVersion)


def _version(number: str, known: Mapping[str, _Version], what: str) -> _Version:
    if number in known:
        return known[number]
    if re.fullmatch(_NUMBER, number):
        releases = [release for release in known if _is_release(release)]
        before = [release for release in releases if _key(release) < _key(number)]
        if before and _key(number) < _key(NEWEST_RELEASE):
            return known[max(before, key=_key)]._replace(number=number)
    given = visible(number) if number else "''"
    raise UsageError(
        f"{what} {given} is not known: from {OLDEST_RELEASE} to {NEWEST_RELEASE}, or the"
        f" head of a branch: {', '.join(name for name in known if not _is_release(name))}"
    )


def behaviour_of(agent: str, dialect: Dialect) -> Behaviour:
    """How an agent applies a dialect: agents with the newer engine apply `static_config` with it.

    Raises: UsageError for an agent that does not read the dialect.
    """
    version = agent_version(agent)
    static_config = version.static_config if dialect == "static_config" else None
    if static_config is not None and static_config.engine == "first-match":
        return static_config
    if version.inputs_proc is None or (dialect == "static_config" and static_config is None):
        raise UsageError(f"agent {visible(agent)} does not read {dialect}")
    return version.inputs_proc


def config_server(number: str) -> ConfigServer | None:
    """How the server of a version treats `inputs.proc`; None: it doesn't know the dialect.

    A release that is not in the table answers as the one before it.
    """
    known = number in CONFIG_SERVERS or not re.fullmatch(_NUMBER, number)
    if known or _key(number) > _key(NEWEST_RELEASE):
        return CONFIG_SERVERS.get(number)
    releases = [server for server in CONFIG_SERVERS if _is_release(server)]
    before = [release for release in releases if _key(release) < _key(number)]
    return CONFIG_SERVERS[max(before, key=_key)]._replace(number=number) if before else None


def _is_release(number: str) -> bool:
    return number.count(".") >= 2


class StoredTables(NamedTuple):
    """How servers of one generation store names and tags in ClickHouse."""

    number: str
    """The first server of this generation."""
    tag_id: str
    """The column of os_app_tag_map with the gprocess id."""
    has_biz_type: bool
    """Whether gprocess_map has the column biz_type."""
    renames: bool
    """Whether a changed name replaces the old one."""
    source: str


_RECORDER: Final = "server/controller/tagrecorder"
STORED_TABLES: Final = (
    StoredTables("6.5", "pid", False, True, f"{_RECORDER}/const_sql.go, ch_gprocess.go @ v6.5"),
    StoredTables("6.6", "id", False, False, f"{_RECORDER}/const_sql.go, ch_gprocess.go @ v6.6"),
    StoredTables("7.1", "id", True, False, f"{_RECORDER}/const_sql.go, ch_gprocess.go @ main"),
)
"""From the oldest to the newest."""


def stored_tables(*, tags: frozenset[str], names: frozenset[str]) -> StoredTables | None:
    """The generation with these columns of os_app_tag_map and gprocess_map; None: none."""
    for tables in STORED_TABLES:
        if tables.tag_id in tags and ("biz_type" in names) is tables.has_biz_type:
            return tables
    return None


def stored_tables_of(server: ServerVersion) -> StoredTables:
    """The generation of a server version."""
    key = _key(server.number)
    return next(
        (one for one in reversed(STORED_TABLES) if _key(one.number) <= key), STORED_TABLES[0]
    )

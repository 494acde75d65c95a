"""The dialect `inputs.proc`: the whole YAML of a group, as each release reads it.

Only `inputs.proc` and `inputs.resources.push_interval` are read. Other sections are passed over,
although an agent rejects its configuration for a wrong type there as well.

Source: agent main config.rs:337-445, 626-747, 4044-4066; the defaults of each release and the
differences between them were measured on 27 releases (FACTS, Generations, B1, B2).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from proccli.config.static_config import GPROCESS_INFO
from proccli.config.static_config import NEWER_SECTION as SECTION
from proccli.config.unknown_keys import foreign_keys, merge_keys, misspelt_keys
from proccli.config.yaml import kinds
from proccli.config.yaml.kinds import Items, Kind, Reader, Struct, Values
from proccli.config.yaml.nodes import Mapping as MappingNode
from proccli.config.yaml.nodes import Node, Scalar, SourceText, resolved
from proccli.config.yaml.serde_yaml import U64_MAX, shown
from proccli.model.config import BUILT_IN, Config, Rule
from proccli.model.note import Note
from proccli.text import visible
from proccli.versions import AGENTS, AgentVersion, Defaults, InputsProc

ON_CPU: Final = "ebpf.profile.on_cpu"
OFF_CPU: Final = "ebpf.profile.off_cpu"

_BLACKLIST: Final = ("sleep", "sh", "bash", "pause", "runc", "grep", "awk", "sed", "curl")
_ENUM: Final[Mapping[str, str]] = {
    "Cmd": "cmdline",
    "ProcessName": "process_name",
    "ParentProcessName": "parent_process_name",
    "Tag": "tag",
    "CmdWithArgs": "cmdline_with_args",
}
"""The words of match_type in 6.6.6 and 6.6.7, and what they are later."""
_ACTIONS: Final = {"Accept": "accept", "Drop": "drop"}
_WRAPS: Final = 2**32
"""Whole seconds are kept in 32 bits."""


class Matcher(NamedTuple):
    """A default matcher."""

    match_regex: str
    match_type: str = "cmdline_with_args"
    rewrite_name: str = ""
    enabled_features: tuple[str, ...] = (ON_CPU, GPROCESS_INFO)
    only_in_container: bool = False
    ignore: bool = False


_JAVA: Final = Matcher(r"\bjava( +\S+)* +-jar +(\S*/)*([^ /]+\.jar)", rewrite_name="$3")
_JAVA_CLASS: Final = Matcher(
    r"\bjava( +\S+)* +-(?:cp|classpath) +\S+ +"
    r"(?P<CLASS_NAME>[$_A-Za-z][$_0-9A-Za-z]*(?:\.[$_A-Za-z][$_0-9A-Za-z]*)*)",
    rewrite_name="${CLASS_NAME}",
)
_PYTHON: Final = Matcher(r"\bpython(\S)*( +-\S+)* +(\S*/)*([^ /]+)", rewrite_name="$4")
_PHP: Final = Matcher(
    r"\bphp(\d+)?(-fpm|-cli|-cgi)?( +-\S+)* +(\S*/)*([^ /]+\.php)", rewrite_name="$5"
)
_NODE: Final = Matcher(r"\b(node|nodejs)( +--\S+)* +(\S*/)*([^ /]+\.js)", rewrite_name="$4")
_AGENT: Final = Matcher("^deepflow-", "process_name")
_REST: Final = Matcher(
    ".*", "process_name", enabled_features=(GPROCESS_INFO,), only_in_container=True
)
_SHELLS: Final = Matcher(
    "^(sleep|sh|bash|pause|runc)$",
    "process_name",
    enabled_features=(GPROCESS_INFO,),
    ignore=True,
)
_FOUR: Final = (_JAVA, _PYTHON, _AGENT, _REST)
_PROFILED: Final = (ON_CPU, OFF_CPU, GPROCESS_INFO)

MATCHERS: Final[Mapping[str, tuple[Matcher, ...]]] = {
    "none": (),
    "deepflow-exe": (Matcher("deepflow-.*", "cmdline", enabled_features=_PROFILED),),
    "deepflow": (Matcher("deepflow-.*", "process_name", enabled_features=_PROFILED),),
    "four": _FOUR,
    "ignore-and-four": (_SHELLS, *_FOUR),
    "six": (_JAVA, _PYTHON, _PHP, _NODE, _AGENT, _REST),
    "seven": (_JAVA, _JAVA_CLASS, _PYTHON, _PHP, _NODE, _AGENT, _REST),
}
"""The lists that agents have where process_matcher is missing, by `Defaults.matchers`."""


def default_config(config: Config, agent: AgentVersion) -> Config:
    """A configuration with the values that the agent has without any."""
    proc, defaults = _of(agent)
    return config._replace(
        dialect="inputs.proc",
        sync_enabled=defaults.enabled,
        socket_sync_interval_s=defaults.socket_interval_s,
        rules=tuple(
            Rule(index=index, at=BUILT_IN, action="accept", **matcher._asdict())
            for index, matcher in enumerate(MATCHERS[defaults.matchers], start=1)
        ),
        feature=GPROCESS_INFO,
        blacklist=tuple(sorted(_BLACKLIST)) if proc.blacklist else (),
    )


def default_blacklist() -> tuple[str, ...]:
    """The names that agents with a blacklist have where none is written."""
    return _BLACKLIST


def _of(agent: AgentVersion) -> tuple[InputsProc, Defaults]:
    assert agent.inputs_proc is not None  # noqa: S101 - it reads this dialect
    assert agent.defaults is not None  # noqa: S101 - and so has defaults
    return agent.inputs_proc, agent.defaults


def description(agent: AgentVersion) -> Struct:
    """The types of the keys that are read, for one release."""
    proc, defaults = _of(agent)
    enum = defaults.match_type_words == "enum"
    matcher: dict[str, Kind] = {
        "match_regex": kinds.regex,
        "match_type": kinds.Word(tuple(_ENUM)) if enum else kinds.text,
        "match_languages": kinds.texts,
        "match_usernames": kinds.texts,
        "only_in_container": kinds.boolean,
        "only_with_tag": kinds.boolean,
        "ignore": kinds.boolean,
        "rewrite_name": kinds.text,
        "enabled_features": kinds.texts,
    }
    if defaults.matcher_action:
        matcher["action"] = kinds.Word(tuple(_ACTIONS))
    java: dict[str, Kind] = {"refresh_defer_duration": kinds.duration}
    if defaults.symbol_file_size:
        java["max_symbol_file_size"] = kinds.Integer(255)
    interval = kinds.duration_or_zero if defaults.zero_interval else kinds.duration
    fields: dict[str, Kind] = {
        "enabled": kinds.boolean,
        "proc_dir_path": kinds.text,
        defaults.socket_interval_key: interval,
        "min_lifetime": kinds.duration,
        "tag_extraction": Struct({"script_command": kinds.texts, "exec_username": kinds.text}),
        "process_matcher": Items(Struct(matcher), "matcher {number}"),
        "symbol_table": Struct(
            {"golang_specific": Struct({"enabled": kinds.boolean}), "java": Struct(java)}
        ),
    }
    if proc.blacklist:
        fields["process_blacklist"] = kinds.texts
    if defaults.ai_agent:
        fields["ai_agent"] = Struct(
            {
                "http_endpoints": kinds.texts,
                "max_payload_size": kinds.Integer(U64_MAX),
                "file_io_enabled": kinds.boolean,
            }
        )
    resources = Struct({"push_interval": kinds.duration})
    return Struct({SECTION: Struct({"proc": Struct(fields), "resources": resources})})


def match_type_word(match_type: str, agent: AgentVersion) -> str:
    """How a release spells a match type."""
    if agent.defaults is None or agent.defaults.match_type_words == "text":
        return match_type
    return next(word for word, meaning in _ENUM.items() if meaning == match_type)


SOCKET_INTERVALS: Final = ("sync_interval", "socket_info_sync_interval")
"""What releases call the interval of the sockets."""


def proc_keys(agent: AgentVersion) -> tuple[frozenset[str], frozenset[str]]:
    """The keys of `inputs.proc` and of a matcher, for one release."""
    section = description(agent).fields[SECTION]
    proc = section.fields["proc"] if isinstance(section, Struct) else None
    matchers = proc.fields["process_matcher"] if isinstance(proc, Struct) else None
    assert isinstance(proc, Struct)  # noqa: S101 - by the description
    assert isinstance(matchers, Items)  # noqa: S101 - likewise
    assert isinstance(matchers.kind, Struct)  # noqa: S101 - likewise
    return frozenset(proc.fields), frozenset(matchers.kind.fields)


def keys_by_agent() -> Mapping[str, tuple[frozenset[str], frozenset[str]]]:
    """`proc_keys` of every agent that reads the dialect."""
    return {name: proc_keys(agent) for name, agent in AGENTS.items() if agent.inputs_proc}


def read_inputs_proc(
    root: Node | None, source: SourceText, reader: Reader, base: Config, agent: AgentVersion
) -> Config:
    """The configuration that a document holds, with the release's defaults where a key is missing.

    Places are in `source`. Refusals are collected in `reader`; with any, the agent rejects all of
    the configuration.
    """
    config = default_config(base, agent)
    if root is None:
        return config._replace(notes=(*base.notes, source.note("no-inputs", 0)))
    read = reader.read(root, description(agent), "the configuration")
    if read is None:
        return config
    inputs = read.struct(SECTION)
    proc, extraction = inputs.struct("proc"), inputs.struct("proc").struct("tag_extraction")
    _, defaults = _of(agent)
    seconds = _Seconds(config.socket_sync_interval_s, config.min_lifetime_s, config.push_interval_s)
    blacklist = proc.get("process_blacklist", None)
    if "process_matcher" in proc.values:
        matchers = enumerate(proc.values["process_matcher"], start=1)
        rules = tuple(_rule(index, matcher, source, defaults) for index, matcher in matchers)
        config = config._replace(rules=rules)
    if blacklist is not None:
        config = config._replace(blacklist=tuple(sorted(set(blacklist), key=str.encode)))
    return config._replace(
        sync_enabled=proc.get("enabled", config.sync_enabled),
        proc_root=proc.get("proc_dir_path", config.proc_root),
        socket_sync_interval_s=_seconds(proc, defaults.socket_interval_key, seconds.interval),
        min_lifetime_s=_seconds(proc, "min_lifetime", seconds.lifetime),
        push_interval_s=_seconds(inputs.struct("resources"), "push_interval", seconds.push),
        tag_exec=extraction.get("script_command", config.tag_exec),
        tag_exec_user=extraction.get("exec_username", config.tag_exec_user),
        notes=(*base.notes, *dict.fromkeys(_notes(read, source, agent))),
    )


class _Seconds(NamedTuple):
    interval: int
    lifetime: int
    push: int


def _seconds(values: Values, name: str, default: int) -> int:
    """The whole seconds of a duration, as they are kept."""
    nanos: int | None = values.get(name, None)
    return default if nanos is None else nanos // 1_000_000_000 % _WRAPS


def _rule(index: int, matcher: Values, source: SourceText, defaults: Defaults) -> Rule:
    word: str = matcher.get("match_type", defaults.match_type)
    known = _ENUM if defaults.match_type_words == "enum" else {name: name for name in _TEXT}
    written = resolved(matcher.node)
    start = matcher.node.start
    if isinstance(written, MappingNode) and written.pairs and written is matcher.node:
        # What the server sends has its keys in another order.
        start = min(key.start for key, _ in written.pairs)
    features: Any = matcher.get("enabled_features", defaults.features)
    return Rule(
        index=index,
        at=source.at(start),
        match_type=known.get(word, word if word in _TEXT else "process_name"),
        match_regex=matcher.get("match_regex", defaults.match_regex),
        action=_ACTIONS[matcher.get("action", "Accept")],
        rewrite_name=matcher.get("rewrite_name", ""),
        ignore=matcher.get("ignore", False),
        only_in_container=matcher.get("only_in_container", defaults.only_in_container),
        only_with_tag=matcher.get("only_with_tag", False),
        enabled_features=features,
        places={name: source.at(resolved(node).start) for name, node in matcher.nodes.items()},
    )


_TEXT: Final = tuple(_ENUM.values())
"""The words of match_type; all others mean process_name (CF:363-372)."""


def _notes(read: Values, source: SourceText, agent: AgentVersion) -> Iterator[Note]:
    """Warnings about keys that mean nothing to the agent."""
    described = description(agent).fields[SECTION]
    assert isinstance(described, Struct)  # noqa: S101 - by its definition
    keys = described.fields["proc"]
    matchers = keys.fields["process_matcher"] if isinstance(keys, Struct) else None
    if SECTION not in read.nodes:
        yield from misspelt_keys(read.node, (SECTION,), "the configuration", source)
        yield source.note("no-inputs", read.node.start)
        return
    inputs = read.struct(SECTION)
    yield from misspelt_keys(inputs.node, tuple(described.fields), SECTION, source)
    proc = inputs.struct("proc")
    if "proc" in inputs.nodes and isinstance(keys, Struct):
        yield from foreign_keys(proc.node, tuple(keys.fields), "inputs.proc", source)
        yield from merge_keys(proc.node, "inputs.proc", source)
    yield from _changed(proc, "inputs.proc", source)
    for number, matcher in enumerate(proc.get("process_matcher", ()), start=1):
        yield from _changed(matcher, f"matcher {number}", source)
    if isinstance(matchers, Items) and isinstance(matchers.kind, Struct):
        known = tuple(matchers.kind.fields)
        for number, matcher in enumerate(proc.get("process_matcher", ()), start=1):
            yield from foreign_keys(matcher.node, known, f"matcher {number}", source)
            yield from merge_keys(matcher.node, f"matcher {number}", source)


def _changed(values: Values, where: str, source: SourceText) -> Iterator[Note]:
    """A warning for each value that the server turns into another text."""
    for name, node in values.nodes.items():
        sent = resolved(node)
        if not isinstance(sent, Scalar) or sent.origin is None:
            continue
        written = sent.origin
        if written.text != sent.text and isinstance(values.get(name, None), str):
            yield source.note(
                "server-changes-value",
                written.start,
                kind="value",
                what=f"{name} of {where}",
                written=shown(written),
                sent=visible(sent.text[:60]),
                rejected=False,
            )

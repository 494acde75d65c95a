"""What a server's upgrade makes of a stored `static_config`: the text of `inputs`.

The server reads the stored text into its struct, writes that, reads it again into a map, renames
the keys, and writes the result. Where two keys have one target, the order of Go's map decides.

Source: server/agent_config/migrator.go, migrator_conv.go, config.go (StaticConfig, in
`static_config_struct.json`), template.yaml (upgrade_from); FACTS C.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Final, Literal, NamedTuple

from proccli.config.pushing import load
from proccli.config.static_config import SECTION
from proccli.config.yaml import go_yaml
from proccli.config.yaml.dialects import SERVER, prepared_for_server
from proccli.config.yaml.go_values import Key, Leaf, ListValue, MapValue, Value
from proccli.config.yaml.go_writer import marshal
from proccli.config.yaml.nodes import Mapping as MappingNode
from proccli.config.yaml.nodes import Node, Refusal, Scalar, resolved
from proccli.config.yaml.reader import Loader, read_documents
from proccli.versions import ConfigServer


class Migrated(NamedTuple):
    """One outcome of an upgrade."""

    kind: Literal["text", "error", "panic"]
    text: str | None = None
    """What the server stores; None where it writes nothing and its upgrade stops."""


Entries = dict[Key, tuple[Node, Value]]
_NOWHERE: Final = Scalar(text="", style="plain", start=0, end=0)
_COLUMN: Final = "platform_sync_interval"
"""The setting of an agent group beside `static_config` that belongs to this subject."""
_OTHER_COLUMNS: Final = ("vtap_group_id", "vtap_group_lcuuid", "agent_group_id")

_PROC: Final = "inputs.proc"
_MATCHERS: Final = f"{_PROC}.process_matcher"
_GOLANG_SYMBOL: Final = "ebpf.uprobe-process-name-regexs.golang-symbol"
_PROFILES: Final = {"on_cpu": "ebpf.on-cpu-profile.regex", "off_cpu": "ebpf.off-cpu-profile.regex"}
_TAGGED_ONLY: Final = "os-proc-sync-tagged-only"
_RENAMED: Final[Mapping[str, str]] = {
    "os-proc-sync-enabled": f"{_PROC}.enabled",
    "os-proc-root": f"{_PROC}.proc_dir_path",
    "os-app-tag-exec": f"{_PROC}.tag_extraction.script_command",
    "os-app-tag-exec-user": f"{_PROC}.tag_extraction.exec_username",
    "ebpf.disabled": "inputs.ebpf.disabled",
    "ebpf.on-cpu-profile.disabled": "inputs.ebpf.profile.on_cpu.disabled",
    "ebpf.on-cpu-profile.frequency": "inputs.ebpf.profile.on_cpu.sampling_frequency",
}
"""Settings whose values stay as they are."""
_SWITCHES: Final = {"ebpf.on-cpu-profile.cpu": "inputs.ebpf.profile.on_cpu.aggregate_by_cpu"}
"""Numbers that become true for 1, and false for all others."""
_SOCKET_INTERVAL: Final = "os-proc-socket-sync-interval"
_MIN_LIFETIME: Final = "os-proc-socket-min-lifetime"
_RULES: Final = "os-proc-regex"
_RULE_FIELDS: Final = {
    "match-regex": "match_regex",
    "match-type": "match_type",
    "rewrite-name": "rewrite_name",
}
_LOST: Final = frozenset(
    (
        "analyzer-ip",
        "analyzer-port",
        "collector-sender-queue-count",
        "consistent-timestamp-in-l7-metrics",
        "dpdk-enabled",
        "flow-sender-queue-count",
        "log-level",
        "packet-sequence-queue-count",
        "proxy-controller-port",
        "so-plugins",
        "triple",
        "ebpf.uprobe-process-name-regexs.golang",
        "ebpf.uprobe-process-name-regexs.openssl",
    )
)
"""Settings that have no target in the template of any release, or more than one source."""


def migrate(text: str, server: ConfigServer, *, loader: Loader | None = None) -> list[Migrated]:
    """All outcomes of the upgrade of a `static_config`, or of the agent group that holds one.

    Raises: Refusal where proccli can't tell how the server reads the text, or what becomes of a
    setting of another subject.
    """
    root = _root(text.removeprefix("\ufeff"), loader)
    section, columns = _sections(root)
    struct = _struct_of(section)
    entries: Entries = {}
    if struct is not None:
        entries[SECTION] = (_NOWHERE, struct)
    written = marshal(MapValue(entries=entries, node=_NOWHERE)) if entries else "{}\n"
    # The migrator does not keep the struct: it writes it, and reads that text.
    _, read = load(written, loader=loader)
    if read.errors:
        return [Migrated("error")]
    found = read.entries.get(SECTION)
    config = found[1] if found and isinstance(found[1], MapValue) else MapValue({}, _NOWHERE)
    return list(_Migration(server, config, columns).outcomes())


def _root(text: str, loader: Loader | None) -> Node | None:
    """The first document of the stored text; None where it is not YAML.

    Raises: Refusal where proccli can't tell.
    """
    try:
        document = next(read_documents(prepared_for_server(text), SERVER, loader=loader), None)
    except Refusal as refusal:
        if refusal.by == "proccli" and refusal.code != "yaml-syntax":
            raise
        return None
    return document.root if document else None


def _sections(root: Node | None) -> tuple[Node | None, int | None]:
    """The `static_config`, and the value of the column that belongs to it.

    Raises: Refusal for other columns, which become settings of other subjects.
    """
    mapping = resolved(root) if root is not None else None
    if not isinstance(mapping, MappingNode):
        return root, None
    names = {
        scalar.text: (key, value)
        for key, value in mapping.pairs
        if isinstance(scalar := resolved(key), Scalar)
    }
    if SECTION not in names:
        return root, None
    for name, (key, _) in names.items():
        if name not in (SECTION, _COLUMN, *_OTHER_COLUMNS):
            raise _unknown(name, key)
    interval = None
    if _COLUMN in names:
        interval = go_yaml.read_int(names[_COLUMN][1], _COLUMN)
    return names[SECTION][1], interval


def _unknown(name: str, at: Node) -> Refusal:
    return Refusal(
        f"proccli does not emulate what the server's upgrade makes of {name}",
        at.start,
        hint="leave it out: the rest does not depend on it",
    )


def _struct_of(section: Node | None) -> MapValue | None:
    """The server's struct as it writes it; None where a wrong value costs all of it.

    Raises: Refusal where proccli can't tell.
    """
    if section is None:
        return None
    try:
        found = _value("StaticConfig", section, SECTION)
    except Refusal as refusal:
        if refusal.by == "proccli":
            raise
        return None
    return found if isinstance(found, MapValue) else None


@cache
def _structs() -> Mapping[str, Mapping[str, str]]:
    text = files("proccli.server").joinpath("static_config_struct.json").read_text("utf-8")
    structs: Mapping[str, Mapping[str, str]] = json.loads(text)
    return structs


def _value(kind: str, node: Node, what: str) -> Value | None:
    """A value of a Go type; None for one that the server leaves out. Raises: Refusal."""
    kind = kind.removeprefix("*")
    if kind.startswith("[]"):
        items = go_yaml.read_list(node, what) or ()
        return _list(kind[2:], items, f"an element of {what}", node)
    if kind.startswith("map["):
        return _map(node, what)
    if kind in _structs():
        return _struct(kind, node, what)
    value: bool | int | str | None
    if kind == "bool":
        value = go_yaml.read_bool(node, what)
    elif kind == "string":
        value = go_yaml.read_string(node, what)
    else:
        value = _integer(kind, node, what)
    return None if value is None else Leaf(value, node)


def _integer(kind: str, node: Node, what: str) -> int | None:
    """A number of one of Go's types. Raises: Refusal for one that does not fit."""
    number = go_yaml.read_int(node, what)
    bits = int(kind.removeprefix("u").removeprefix("int") or 64)
    least, most = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    if kind.startswith("u"):
        least, most = 0, 2**bits - 1
    if number is not None and not least <= number <= most:
        raise Refusal(f"{what} does not fit {kind}", node.start, by="server")
    return number


def _struct(kind: str, node: Node, what: str) -> MapValue | None:
    types = _structs()[kind]
    fields = go_yaml.read_fields(node, what, tuple(types))
    if fields is None:
        return None
    entries: Entries = {}
    for name, inner in fields.items():
        value = _value(types[name], inner, f"{name} of {what}")
        if value is not None and not _is_empty(value, types[name]):
            entries[name] = (inner, value)
    return MapValue(entries=entries, node=node)


def _is_empty(value: Value, kind: str) -> bool:
    """Whether `omitempty` leaves a value out: pointers stay whatever they point to."""
    if isinstance(value, ListValue):
        return not value.items
    return isinstance(value, Leaf) and not kind.startswith("*") and not value.value


def _list(kind: str, items: tuple[Node, ...], what: str, node: Node) -> ListValue:
    """A list; a null vanishes from it, but from one of pointers."""
    found: list[Value] = []
    for item in items:
        value = _value(kind, item, what)
        if value is not None:
            found.append(value)
        elif kind.startswith("*"):
            found.append(Leaf(None, item))
    return ListValue(items=tuple(found), node=node)


def _map(node: Node, what: str) -> MapValue | None:
    """Nothing: a map that is not null is a setting of another subject. Raises: Refusal."""
    mapping = resolved(node)
    if isinstance(mapping, Scalar) and go_yaml.resolve(mapping) is None:
        return None
    if not isinstance(mapping, MappingNode):
        raise Refusal(f"{what} must be a mapping", node.start, by="server")
    raise _unknown(what, node)


class _Migration:
    """The upgrade of one configuration, which was read into a map."""

    def __init__(self, server: ConfigServer, config: MapValue, interval_s: int | None) -> None:
        self.server = server
        self.config = config
        self.interval_s = interval_s

    def outcomes(self) -> Iterator[Migrated]:
        """Each way in which the upgrade can end. Raises: Refusal."""
        rules = self._at(_RULES)
        if rules is not None and any(not isinstance(item, MapValue) for item in _items(rules)):
            yield Migrated("panic")
            return
        self._refuse_unknown(self.config, "")
        tagged_only = self._at(_TAGGED_ONLY)
        if self.server.migrator == "tagged-only" and tagged_only is not None and rules is not None:
            # Once the rules are a list, a key below them can't be set; set first, it is replaced.
            yield Migrated("panic")
        result: Entries = {}
        for path, target in self._renamed():
            _set(result, target, path)
        yield Migrated("text", marshal(_map_of(result), indent=2) if result else "{}\n")

    def _at(self, path: str) -> Value | None:
        value: Value = self.config
        for name in path.split("."):
            found = value.entries.get(name) if isinstance(value, MapValue) else None
            if found is None:
                return None
            value = found[1]
        return value

    def _refuse_unknown(self, value: MapValue, prefix: str) -> None:
        known = {
            *_RENAMED,
            *_SWITCHES,
            *_PROFILES.values(),
            *_LOST,
            _GOLANG_SYMBOL,
            _SOCKET_INTERVAL,
            _MIN_LIFETIME,
            _RULES,
            _TAGGED_ONLY,
        }
        for key, (node, inner) in value.entries.items():
            path = f"{prefix}{key}"
            if path in known:
                continue
            if isinstance(inner, MapValue) and prefix.count(".") < 2:
                self._refuse_unknown(inner, f"{path}.")
            else:
                raise _unknown(path, node)

    def _renamed(self) -> Iterator[tuple[Value, str]]:
        """The values of the result, each with its path."""
        if self.interval_s is not None:
            yield _seconds(self.interval_s), "inputs.resources.push_interval"
        for path, target in _RENAMED.items():
            value = self._at(path)
            if value is not None:
                yield value, target
        for path, target in _SWITCHES.items():
            value = self._at(path)
            if isinstance(value, Leaf):
                yield Leaf(value.value == 1, _NOWHERE), target
        for path, target in (
            (_SOCKET_INTERVAL, self.server.socket_interval_key),
            (_MIN_LIFETIME, "min_lifetime"),
        ):
            value = self._at(path)
            if isinstance(value, Leaf):
                yield _seconds(value.value), f"{_PROC}.{target}"
        symbol = self._at(_GOLANG_SYMBOL)
        if isinstance(symbol, Leaf):
            enabled = Leaf(symbol.value != "", _NOWHERE)
            yield enabled, f"{_PROC}.symbol_table.golang_specific.enabled"
        matchers = self._matchers()
        if matchers is not None:
            yield matchers, _MATCHERS

    def _matchers(self) -> Value | None:
        rules, tagged_only = self._at(_RULES), self._at(_TAGGED_ONLY)
        if rules is None and tagged_only is not None and self.server.migrator == "tagged-only":
            comments = _map_of({"only_with_tag": (_NOWHERE, tagged_only)})
            return _map_of({"value_comments": (_NOWHERE, comments)})
        matchers = [_matcher(rule) for rule in _items(rules)]
        symbol = self._at(_GOLANG_SYMBOL)
        if isinstance(symbol, Leaf) and symbol.value:
            matchers.append(_map_of({"match_regex": (_NOWHERE, symbol)}))
        if self.server.migrator == "profile-regexes":
            for profile, path in _PROFILES.items():
                pattern = self._at(path)
                if pattern is None:
                    continue
                entries: Entries = {"match_regex": (_NOWHERE, pattern)}
                if rules is None:
                    feature = Leaf(f"ebpf.profile.{profile}", _NOWHERE)
                    entries["enabled_features"] = (_NOWHERE, ListValue((feature,), _NOWHERE))
                matchers.append(_map_of(entries))
        return ListValue(tuple(matchers), _NOWHERE) if matchers else None


def _map_of(entries: Entries) -> MapValue:
    return MapValue(entries=entries, node=_NOWHERE)


def _items(value: Value | None) -> tuple[Value, ...]:
    return value.items if isinstance(value, ListValue) else ()


def _seconds(value: object) -> Leaf:
    return Leaf(f"{value}s", _NOWHERE)


def _matcher(rule: Value) -> MapValue:
    """The matcher that a rule becomes: an action that is there ignores, but for `accept`."""
    assert isinstance(rule, MapValue)  # noqa: S101 - the others were sorted out
    entries: Entries = {}
    for name, target in _RULE_FIELDS.items():
        if name in rule.entries:
            entries[target] = rule.entries[name]
    if "action" in rule.entries:
        action = rule.entries["action"][1]
        ignore = not (isinstance(action, Leaf) and action.value == "accept")
        entries["ignore"] = (_NOWHERE, Leaf(ignore, _NOWHERE))
    return _map_of(entries)


def _set(entries: Entries, path: str, value: Value) -> None:
    *outer, last = path.split(".")
    for name in outer:
        found = entries.setdefault(name, (_NOWHERE, _map_of({})))[1]
        assert isinstance(found, MapValue)  # noqa: S101 - no path is part of another
        inner = found.entries
        assert isinstance(inner, dict)  # noqa: S101 - made here
        entries = inner
    entries[last] = (_NOWHERE, value)

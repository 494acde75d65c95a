"""The types of all keys of static_config, by release.

An agent rejects the whole of static_config for one wrong value in any section. The types were
measured on 17 releases; for another one, those keys are checked that are alike in the measured
releases before and after it.

Source: `static_config_types.json`; agent v6.5 config.rs:1728, rpc/synchronizer.rs:776-784.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from proccli.config.yaml import kinds
from proccli.config.yaml.kinds import Items, Kind, Reader, Struct
from proccli.config.yaml.nodes import Node
from proccli.config.yaml.serde_yaml import U64_MAX, refused
from proccli.versions import AgentVersion

_BASE: Final = "base"
_INTEGER: Final = re.compile(r"integer (-?[0-9]+)\.\.([0-9^-]+)")
_OWN: Final = "os-"
"""Keys that begin with this are read elsewhere."""


def key_types(agent: AgentVersion) -> Struct:
    """The types of the keys whose types are known for a release; other keys pass."""
    return _struct(agent.measured_types)


@cache
def _struct(releases: tuple[str, ...]) -> Struct:
    first, *others = (_types(release) for release in releases)
    alike = {
        key: kind for key, kind in first.items() if all(other.get(key) == kind for other in others)
    }
    return _nested(alike)


@cache
def _data() -> Mapping[str, Any]:
    text = Path(__file__).with_suffix(".json").read_text("utf-8")
    data: Mapping[str, Any] = json.loads(text)
    return data


def _types(release: str) -> Mapping[str, str]:
    """The types of all keys of a measured release, nested keys with dots."""
    data = _data()
    found: Mapping[str, str] = data[_BASE]
    if release in data:
        absent = frozenset(data[release]["absent"])
        found = {key: kind for key, kind in found.items() if key not in absent}
        found = {**found, **data[release]["changed"]}
    return found


def _nested(types: Mapping[str, str]) -> Struct:
    fields: dict[str, Kind] = {}
    for key, kind in types.items():
        if "." in key:
            continue
        prefix = f"{key}."
        inner = {name[len(prefix) :]: of for name, of in types.items() if name.startswith(prefix)}
        if key.startswith(_OWN):
            fields[key] = _anything
        else:
            fields[key] = _nested(inner) if inner else _kind(kind)
    return Struct(fields)


def _kind(kind: str) -> Kind:
    if found := _INTEGER.fullmatch(kind):
        maximum = U64_MAX if found[2] == "2^64-1" else int(found[2])
        return kinds.Integer(maximum, int(found[1]))
    if kind.startswith("one of "):
        return kinds.Word(tuple(kind.removeprefix("one of ").split("|")))
    return _SIMPLE.get(kind, _anything)


def _anything(reader: Reader, node: Node, what: str) -> None:
    """A value that is read elsewhere, or whose type is not known."""
    del reader, node, what


def _mapping(reader: Reader, node: Node, what: str) -> None:
    reader.crate.pairs(node, what)


def _texts_by_key(reader: Reader, node: Node, what: str) -> None:
    for key, value in reader.crate.pairs(node, what):
        reader.read(value, kinds.text, f"{reader.crate.text(key, what)} of {what}")


def _duration(reader: Reader, node: Node, what: str) -> None:
    if kinds.parse_duration(reader.crate.text(node, what)) is None:
        raise refused(node, what, "a duration such as 10s")


_SIMPLE: Final[Mapping[str, Kind]] = {
    "bool": kinds.boolean,
    "text": kinds.text,
    "list of text": kinds.texts,
    "duration": _duration,
    "mapping": _mapping,
    "mapping, checked": _mapping,
    "mapping of text": _texts_by_key,
    "list of mappings": Items(_mapping),
    "list of integers up to 65535": Items(kinds.Integer(65535)),
}

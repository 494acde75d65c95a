"""What the server makes of a configuration of `inputs.proc` on its way to the agent.

It loads the text with one of two libraries, adds a few settings of its own and writes everything
anew. The agent reads that text; its nodes get the places of the user's text, so that messages
point there.

Source: koanf 2.1.2 (maps.IntfaceKeysToStrings), viper 1.19.0 (insensitiviseMap, AllSettings),
both with yaml.v3 3.0.1; FACTS B1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from proccli.config.yaml import nodes
from proccli.config.yaml.dialects import SERVER, prepared_for_server
from proccli.config.yaml.go_values import (
    Decoded,
    Key,
    Leaf,
    ListValue,
    MapValue,
    Value,
    decode,
)
from proccli.config.yaml.go_writer import format_float, marshal, sorted_keys
from proccli.config.yaml.nodes import Node, Refusal, Scalar
from proccli.config.yaml.reader import Loader, read_documents
from proccli.text import visible
from proccli.versions import ConfigLibrary

_NOWHERE: Final = Scalar(text="", style="plain", start=0, end=0)
Entries = dict[Key, tuple[Node, Value]]


class Pushed(NamedTuple):
    """What a server sends."""

    text: str
    value: MapValue
    """What the text says, with the nodes of the user's text."""
    loaded: Mapping[Key, tuple[Node, Value]]
    """What the text of the user says."""
    root: Node | None
    """The root of the user's text; None where there is none or it isn't YAML."""
    errors: tuple[Refusal, ...]
    """Why the server could not load the text as a whole."""


def load(text: str, *, loader: Loader | None = None) -> tuple[Node | None, Decoded]:
    """The root of the first document, and what the server's library reads in it.

    Raises: Refusal where proccli can't tell how the server's reader sees the text.
    """
    root: Node | None = None
    try:
        document = next(read_documents(prepared_for_server(text), SERVER, loader=loader), None)
        root = document.root if document else None
        return root, decode(root)
    except Refusal as refusal:
        if refusal.by == "proccli" and refusal.code != "yaml-syntax":
            raise
        return root, Decoded(errors=[refusal])


def push(
    text: str,
    library: ConfigLibrary,
    *,
    added: Mapping[tuple[str, ...], str] | None = None,
    loader: Loader | None = None,
) -> Pushed:
    """The text that goes out; `added` are settings of the server by the path of their keys.

    Raises: Refusal where proccli can't tell how the server's reader sees the text.
    """
    root, decoded = load(text, loader=loader)
    entries = _koanf(decoded) if library == "koanf" else _viper(decoded)
    for path, value in (added or {}).items():
        _set(entries, path, value)
    pushed = MapValue(entries=entries, node=root or _NOWHERE)
    return Pushed(
        text=marshal(pushed) if entries else "{}\n",
        value=pushed,
        loaded=decoded.entries,
        root=root,
        errors=tuple(decoded.errors),
    )


def _set(entries: Entries, path: tuple[str, ...], value: str) -> None:
    *outer, last = path
    for name in outer:
        found = entries.get(name)
        inner: Entries = {}
        if found is not None and isinstance(found[1], MapValue):
            inner = dict(found[1].entries)
        entries[name] = (_NOWHERE, MapValue(entries=inner, node=_NOWHERE))
        entries = inner
    entries[last] = (_NOWHERE, Leaf(value, _NOWHERE))


def _koanf(decoded: Decoded) -> Entries:
    """Keys become texts, but not in a list within a list."""
    if decoded.errors:
        return {}
    return {key: (node, _with_texts(value)) for key, (node, value) in decoded.entries.items()}


def _with_texts(value: Value) -> Value:
    if isinstance(value, MapValue):
        entries: Entries = {
            _text_of(key): (node, _with_texts(inner))
            for key, (node, inner) in value.entries.items()
        }
        return value._replace(entries=entries, has_text_keys=True)
    if isinstance(value, ListValue):
        items = (_with_texts(item) if isinstance(item, MapValue) else item for item in value.items)
        return value._replace(items=tuple(items))
    return value


def _text_of(key: Key, null: str = "<nil>") -> str:
    """A key of another type as text: Go's %v."""
    found = key.value if isinstance(key, Leaf) else key
    if found is None:
        return null
    if isinstance(found, bool):
        return "true" if found else "false"
    return format_float(found) if isinstance(found, float) else str(found)


def _viper(decoded: Decoded) -> Entries:
    """Keys in lower case, split at dots; without empty values and mappings.

    With an error, the keys stay as they are, and those in upper case are not found again.
    """
    config: Mapping[Key, tuple[Node, Value]] = decoded.entries
    if not decoded.errors:
        config = _lowered(MapValue(entries=config, node=_NOWHERE)).entries
    found: Entries = {}
    for path in dict.fromkeys(_paths(config, "")):
        names = tuple(path.split("."))
        value = _searched(config, names)
        if value is None or (isinstance(value[1], Leaf) and value[1].value is None):
            continue
        inner = found
        for name in names[:-1]:
            at = inner.get(name)
            if at is None or not isinstance(at[1], MapValue):
                at = (value[0], MapValue(entries={}, node=value[0]))
                inner[name] = at
            assert isinstance(at[1], MapValue)  # noqa: S101 - set just before
            deeper = at[1].entries
            assert isinstance(deeper, dict)  # noqa: S101 - made here
            inner = deeper
        inner[names[-1]] = value
    return found


def _lowered(value: MapValue) -> MapValue:
    entries: Entries = {}
    for key, (node, inner) in value.entries.items():
        name = _text_of(key, "").lower()
        if name in entries:
            problem = f"two keys that are {visible(name[:60])} in lower case: one counts by chance"
            raise Refusal(problem, node.start)
        entries[name] = (node, _lowered_inside(inner))
    return value._replace(entries=entries, has_text_keys=True)


def _lowered_inside(value: Value) -> Value:
    if isinstance(value, MapValue):
        return _lowered(value)
    if isinstance(value, ListValue):
        return value._replace(items=tuple(_lowered_inside(item) for item in value.items))
    return value


def _paths(entries: Mapping[Key, tuple[Node, Value]], prefix: str) -> Iterator[str]:
    """The full names of all values that are no mappings."""
    for key, (_, value) in entries.items():
        path = f"{prefix}{_text_of(key, '')}".lower()
        if isinstance(value, MapValue):
            yield from _paths(value.entries, f"{path}.")
        else:
            yield path


def _searched(
    entries: Mapping[Key, tuple[Node, Value]], names: tuple[str, ...]
) -> tuple[Node, Value] | None:
    """The value of a full name; keys that have dots themselves come first."""
    for count in range(len(names), 0, -1):
        at = entries.get(".".join(names[:count]))
        if at is None:
            continue
        if count == len(names):
            return at
        if isinstance(at[1], MapValue):
            found = _searched(at[1].entries, names[count:])
            if found is not None:
                return found
    return None


def relocated(node: Node, value: Value) -> Node:
    """A node of the pushed text, with the places of the user's text.

    `value` is what the node was written from.
    """
    written = nodes.resolved(node)
    origin = value.node
    if isinstance(written, Scalar):
        target = nodes.resolved(origin)
        return written._replace(
            start=target.start,
            end=target.end,
            origin=target if isinstance(target, Scalar) else written,
        )
    if isinstance(written, nodes.Sequence) and isinstance(value, ListValue):
        pairs = zip(written.items, value.items, strict=True)
        items = tuple(relocated(item, inner) for item, inner in pairs)
        return written._replace(items=items, start=origin.start, end=origin.end)
    if isinstance(written, nodes.Mapping) and isinstance(value, MapValue):
        keys = sorted_keys(value.entries)
        entries = [value.entries[key] for key in keys]
        moved = tuple(
            (_placed(key, at), relocated(inner, found))
            for (key, inner), (at, found) in zip(written.pairs, entries, strict=True)
        )
        return written._replace(pairs=moved, start=origin.start, end=origin.end)
    return written


def _placed(key: Node, at: Node) -> Node:
    return key._replace(start=at.start, end=at.end) if isinstance(key, Scalar) else key

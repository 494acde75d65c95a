"""A YAML document as a Go value: yaml.v3 into `map[string]interface{}`, as the server loads one.

Values keep the node that they come from. What a decoder leaves behind where it meets an error
matters, for viper goes on with it.

Source: yaml.v3 3.0.1 decode.go (mapping, sequence, merge, isStringMap), resolve.go.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypeAlias

from proccli.config.yaml.go_yaml import Resolved, is_merge, resolve
from proccli.config.yaml.nodes import Alias, Node, Refusal, Scalar, Sequence, resolved
from proccli.config.yaml.nodes import Mapping as MappingNode
from proccli.config.yaml.reader import MAX_DEPTH
from proccli.text import visible


class Leaf(NamedTuple):
    """A scalar: its value, or for a date the text that it is written as."""

    value: Resolved
    node: Node
    is_date: bool = False


class ListValue(NamedTuple):
    """A list."""

    items: tuple[Value, ...]
    node: Node


class MapValue(NamedTuple):
    """A map: each key with the node of its key and its value."""

    entries: Mapping[Key, tuple[Node, Value]]
    node: Node
    has_text_keys: bool = True
    """False: the keys have their own types."""


Key: TypeAlias = "str | Leaf"
Value: TypeAlias = "Leaf | ListValue | MapValue"


@dataclass(slots=True)
class Decoded:
    """The root map, as far as it was read."""

    entries: dict[Key, tuple[Node, Value]] = field(default_factory=dict)
    errors: list[Refusal] = field(default_factory=list)
    """Why the text as a whole counts as not loaded; empty where it is."""


def decode(root: Node | None) -> Decoded:
    """The map that a document stands for. Nothing is loaded where there are errors.

    Raises: Refusal for a document that proccli can't read as the server does.
    """
    decoded = Decoded()
    if root is None:
        return decoded
    decoder = _Decoder(decoded.errors)
    mapping = resolved(root)
    if not isinstance(mapping, MappingNode):
        if not isinstance(mapping, Scalar) or resolve(mapping) is not None:
            decoded.errors.append(Refusal("the root is not a mapping", root.start, by="server"))
        return decoded
    try:
        decoder.fill(mapping, decoded.entries, text_keys=True)
    except Refusal as refusal:
        if refusal.by == "proccli":
            raise
        decoded.errors.append(refusal)
    return decoded


class _Decoder:
    def __init__(self, errors: list[Refusal]) -> None:
        self.errors = errors
        self.open: set[int] = set()
        self.decoded = 0
        self.by_alias = 0
        self.alias_depth = 0
        self.depth = 0

    def value(self, node: Node) -> Value | None:
        """The value of a node; None where a key is written twice in it."""
        self._count(node)
        if isinstance(node, Alias):
            return self._aliased(node)
        if isinstance(node, Scalar):
            return leaf(node)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            problem = f"lists, mappings and aliases nest more than {MAX_DEPTH} levels deep"
            raise Refusal(f"{problem}, and proccli reads no deeper", node.start)
        if isinstance(node, Sequence):
            items = []
            for item in node.items:
                value = self.value(item)
                if value is not None:
                    items.append(value)
            self.depth -= 1
            return ListValue(items=tuple(items), node=node)
        entries: dict[Key, tuple[Node, Value]] = {}
        text_keys = all(_is_text_key(key) for key, _ in node.pairs)
        filled = self.fill(node, entries, text_keys=text_keys)
        self.depth -= 1
        if not filled:
            return None
        return MapValue(entries=entries, node=node, has_text_keys=text_keys)

    def _count(self, node: Node) -> None:
        """Counts a node, keys included. Raises: Refusal where aliases make up nearly all."""
        self.decoded += 1
        if self.alias_depth:
            self.by_alias += 1
        many = self.by_alias > 100 and self.decoded > 1000
        if many and self.by_alias / self.decoded > _allowed_ratio(self.decoded):
            raise Refusal("the document has too many aliases", node.start, by="server")

    def _aliased(self, node: Alias) -> Value | None:
        if node.number in self.open:
            problem = f"anchor {visible(node.name)} contains itself"
            raise Refusal(problem, node.start, by="server")
        self.open.add(node.number)
        self.alias_depth += 1
        found = self.value(node.target)
        self.alias_depth -= 1
        self.open.discard(node.number)
        return found._replace(node=node) if isinstance(found, Leaf) else found

    def fill(
        self,
        mapping: MappingNode,
        entries: dict[Key, tuple[Node, Value]],
        *,
        text_keys: bool,
        merged: set[Key] | None = None,
    ) -> bool:
        """Adds the entries of a mapping; False where a key is written twice."""
        if not self._is_unique(mapping):
            return False
        merge: Node | None = None
        own: set[Key] = set()
        for key_node, value_node in mapping.pairs:
            if is_merge(key_node):
                merge = value_node
                continue
            self._count(key_node)
            key = self._key(key_node, text_keys=text_keys)
            if key is None:
                continue
            if merged is not None:
                if key in merged:
                    continue
                merged.add(key)
            own.add(key)
            value = self.value(value_node)
            if value is not None:
                entries[key] = key_node, value
        if merge is not None:
            self._merge(merge, entries, own if merged is None else merged, text_keys=text_keys)
        return True

    def _key(self, node: Node, *, text_keys: bool) -> Key | None:
        scalar = resolved(node)
        if not isinstance(scalar, Scalar):
            self.value(node)
            raise Refusal("a list or a mapping as key", node.start, by="server")
        found = leaf(scalar)
        if text_keys:
            if found.value is None:
                return None
            return found.value if scalar.tag == "!!binary" else scalar.text  # type: ignore[return-value]
        return (
            found.value
            if isinstance(found.value, str) and not found.is_date
            else found._replace(node=_NOWHERE)
        )

    def _merge(
        self,
        merge: Node,
        entries: dict[Key, tuple[Node, Value]],
        seen: set[Key],
        *,
        text_keys: bool,
    ) -> None:
        sources = merge.items if isinstance(merge, Sequence) else (merge,)
        for source in sources:
            mapping = resolved(source)
            if not isinstance(mapping, MappingNode):
                problem = "a merge key takes a mapping or a list of mappings"
                raise Refusal(problem, source.start, by="server")
            if isinstance(source, Alias):
                if source.number in self.open:
                    problem = f"anchor {visible(source.name)} contains itself"
                    raise Refusal(problem, source.start, by="server")
                self.open.add(source.number)
                self.alias_depth += 1
            self.fill(mapping, entries, text_keys=text_keys, merged=seen)
            if isinstance(source, Alias):
                self.alias_depth -= 1
                self.open.discard(source.number)

    def _is_unique(self, mapping: MappingNode) -> bool:
        """Whether no key is written twice; keys count as written, whatever their type."""
        seen: set[tuple[str, str]] = set()
        unique = True
        for key, _ in mapping.pairs:
            text = (
                key.text if isinstance(key, Scalar) else key.name if isinstance(key, Alias) else ""
            )
            written = (type(key).__name__, text)
            if written in seen:
                unique = False
                problem = f"duplicate key {visible(text[:60])}"
                self.errors.append(Refusal(problem, key.start, by="server"))
            seen.add(written)
        return unique


_NOWHERE: Final = Scalar(text="", style="plain", start=0, end=0)


def _is_text_key(node: Node) -> bool:
    scalar = resolved(node)
    if not isinstance(scalar, Scalar):
        return False
    if is_merge(node):
        return True
    if scalar.tag in (None, "!"):
        return scalar.style != "plain" or (
            isinstance(resolve(scalar), str) and _date(scalar.text) is None
        )
    return scalar.tag == "!!str"


def _allowed_ratio(decoded: int) -> float:
    if decoded <= 400_000:
        return 0.99
    if decoded >= 4_000_000:
        return 0.10
    return 0.99 - 0.89 * (decoded - 400_000) / 3_600_000


def leaf(scalar: Scalar) -> Leaf:
    """The value of a scalar.

    Raises: Refusal where tag and text contradict each other.
    """
    if scalar.tag == "!!binary":
        # Go leaves out line breaks, and takes no other space.
        text = scalar.text.replace("\n", "").replace("\r", "")
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise Refusal("not valid base64 data", scalar.start, by="server") from None
        try:
            return Leaf(value=data.decode("utf-8"), node=scalar)
        except UnicodeDecodeError:
            problem = "proccli can't tell how the server passes binary data on"
            raise Refusal(problem, scalar.start) from None
    tagged = scalar.tag == "!!timestamp"
    plain = scalar.style == "plain" and scalar.tag in (None, "!")
    if tagged or plain:
        date = _date(scalar.text)
        if date is not None:
            return Leaf(value=date, node=scalar, is_date=True)
        if tagged:
            raise Refusal("not a date, as its tag says", scalar.start, by="server")
    return Leaf(value=resolve(scalar), node=scalar)


_DATE: Final = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:(?P<sep>[Tt ])(\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,](?P<fraction>\d+))?"
    r"(?P<zone>Z|[-+]\d\d:\d\d)?)?",
    re.ASCII,
)


def _date(text: str) -> str | None:
    """A date as yaml.v3 writes it again; None for what is none."""
    found = _DATE.fullmatch(text)
    if found is None or (found["sep"] in ("T", "t")) != (found["zone"] is not None):
        return None
    numbers = [int(part) for part in found.group(1, 2, 3, 5, 6, 7) if part is not None]
    try:
        moment = datetime(*numbers)  # type: ignore[arg-type]  # noqa: DTZ001 - the zone is apart
    except ValueError:
        # Go takes the year 0, which Python has not.
        return None
    fraction = (found["fraction"] or "")[:9].rstrip("0")
    written = f"{moment:%Y-%m-%dT%H:%M:%S}"
    written = f"{numbers[0]:04}{written[written.index('-') :]}"
    zone = found["zone"] or "Z"
    if zone != "Z":
        hours, minutes = int(zone[1:3]), int(zone[4:6])
        if hours > 24 or minutes >= 60:
            return None
        if not timedelta(hours=hours, minutes=minutes):
            zone = "Z"
    return written + (f".{fraction}" if fraction else "") + zone

"""Values as the server reads them: Go's yaml.v3 into pointers, before it writes them anew.

None is a value that vanishes: the server writes no key for it.

Source: yaml.v3 3.0.1 resolve.go and decode.go; the structs of server/agent_config/config.go.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final, TypeAlias

from proccli.config.yaml.nodes import Alias, Node, Refusal, Scalar, Sequence, described, resolved
from proccli.config.yaml.nodes import Mapping as MappingNode
from proccli.config.yaml.serde_yaml import (
    U32_MAX,
    Older,
    hint_for_bool,
    hint_for_int,
    shown,
)
from proccli.text import visible

MAX_EXPANDED: Final = 100_000
"""Mappings read by way of aliases and merge keys. The server has a limit of that sort too."""


Resolved: TypeAlias = "bool | int | float | str | None"

_I64_MAX: Final = 2**63 - 1
_WORDS: Final[Mapping[str, Resolved]] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_SWITCHES: Final = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF"), False),
}
_FLOAT: Final = r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
_INTEGER: Final = (
    r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[oO]([0-7]+)|0[bB]([01]+)|0([0-7]*)|([1-9][0-9]*))"
)


class _Go(Older):
    """The server's reading in the form of the agent's, for the sections that proccli only checks.

    Values that vanish on the way are left out.
    """

    def text(self, node: Node, what: str) -> str:
        return read_string(node, what) or ""

    def boolean(self, node: Node, what: str) -> bool:
        return bool(read_bool(node, what))

    def integer(self, node: Node, what: str, maximum: int, minimum: int = 0) -> int:
        value = read_int(node, what) or 0
        if minimum <= value <= maximum:
            return value
        problem = f"{what} must be a whole number from {minimum} to {maximum}, not {value}"
        raise Refusal(problem, node.start, by="agent")

    def items(self, node: Node, what: str) -> tuple[Node, ...]:
        return tuple(item for item in read_list(node, what) or () if not _vanishes(item))

    def fields(self, node: Node, what: str, names: tuple[str, ...]) -> Mapping[str, Node]:
        fields = read_fields(node, what, names) or {}
        return {name: value for name, value in fields.items() if not _vanishes(value)}

    def pairs(self, node: Node, what: str) -> tuple[tuple[Node, Node], ...]:
        written = resolved(node)
        if isinstance(written, MappingNode):
            return written.pairs
        raise _wrong(node, what, "a mapping")


GO: Final = _Go()


def _vanishes(node: Node) -> bool:
    scalar = resolved(node)
    return isinstance(scalar, Scalar) and resolve(scalar) is None


def read_string(node: Node, what: str) -> str | None:
    """Any scalar's text, as written. Raises: Refusal for a list or a mapping."""
    scalar = _scalar(node, what, "text")
    return None if resolve(scalar) is None else scalar.text


def read_bool(node: Node, what: str) -> bool | None:
    """true or false, or the words that YAML 1.1 knew for them, even quoted. Raises: Refusal."""
    scalar = _scalar(node, what, "true or false")
    value = resolve(scalar)
    if isinstance(value, str):
        value = _SWITCHES.get(value, value)
    if value is None or isinstance(value, bool):
        return value
    raise _wrong(node, what, "true or false", hint_for_bool(scalar.text))


def read_int(node: Node, what: str) -> int | None:
    """A whole number of 64 bits; a fraction is cut off. Raises: Refusal."""
    scalar = _scalar(node, what, "a whole number")
    value = resolve(scalar)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value <= _I64_MAX:
        return value
    if isinstance(value, float) and value <= float(_I64_MAX):
        # What does not fit becomes the least number of 64 bits, on the machines that servers are.
        return int(value) if abs(value) < float(_I64_MAX) else -_I64_MAX - 1
    raise _wrong(node, what, "a whole number", hint_for_int(scalar.text, U32_MAX))


def read_list(node: Node, what: str) -> tuple[Node, ...] | None:
    """The elements of a list. Raises: Refusal."""
    written = resolved(node)
    if isinstance(written, Sequence):
        return written.items
    if isinstance(written, Scalar) and resolve(written) is None:
        return None
    hint = "write it as a list: [one, two]" if isinstance(written, Scalar) else None
    raise _wrong(node, what, "a list", hint)


def read_fields(node: Node, what: str, names: tuple[str, ...]) -> Mapping[str, Node] | None:
    """The known keys of a mapping with their values, merge keys (`<<`) applied.

    Raises: Refusal for anything else, and for any key written twice.
    """
    written = resolved(node)
    if isinstance(written, Scalar) and resolve(written) is None:
        return None
    if not isinstance(written, MappingNode):
        raise _wrong(node, what, "a mapping")
    fields = _Fields(what, names)
    fields.take(written, None)
    return fields.found


class _Fields:
    """Collects the fields of one struct from a mapping and what it merges in."""

    def __init__(self, what: str, names: tuple[str, ...]) -> None:
        self.what = what
        self.names = names
        self.found: dict[str, Node] = {}
        self._open: set[int] = set()
        self._taken = 0

    def take(self, mapping: MappingNode, seen: set[str] | None) -> None:
        """Adds a mapping's fields; `seen` are the keys that came before and so win."""
        self._taken += 1
        if self._taken > MAX_EXPANDED:
            problem = f"the merge keys of {self.what} multiply beyond all measure"
            raise Refusal(problem, mapping.start, by="server")
        _refuse_duplicates(mapping, self.what)
        own: set[str] = set()
        merge: Node | None = None
        for key, value in mapping.pairs:
            if is_merge(key):
                merge = value
                continue
            name = read_string(key, f"a key of {self.what}")
            if name is None or (seen is not None and name in seen):
                continue
            if name in own and name in self.names:
                raise Refusal(f"duplicate key {name} in {self.what}", key.start, by="server")
            own.add(name)
            if seen is not None:
                seen.add(name)
            if name in self.names:
                self.found[name] = value
        if merge is not None:
            self._merge(merge, own if seen is None else seen)

    def _merge(self, merge: Node, seen: set[str]) -> None:
        sources = merge.items if isinstance(merge, Sequence) else (merge,)
        for source in sources:
            mapping = resolved(source)
            if not isinstance(mapping, MappingNode):
                problem = f"the merge key << of {self.what} takes a mapping or a list of mappings"
                raise Refusal(problem, source.start, by="server")
            if id(source) in self._open:
                raise Refusal(f"{self.what} merges itself into itself", source.start, by="server")
            self._open.add(id(source))
            self.take(mapping, seen)
            self._open.discard(id(source))


def is_merge(key: Node) -> bool:
    """Whether a key is `<<`, unquoted, and so no key of its own."""
    return (
        isinstance(key, Scalar)
        and key.text == "<<"
        and (key.tag == "!!merge" or (key.tag in (None, "!") and key.style == "plain"))
    )


def resolve(scalar: Scalar) -> Resolved:
    """The value of a scalar: its tag's type, else what its unquoted spelling looks like.

    Raises: Refusal where tag and text contradict each other.
    """
    tag = None if scalar.tag == "!" else scalar.tag
    if tag is None:
        return _by_spelling(scalar.text) if scalar.style == "plain" else scalar.text
    if tag in ("!!binary", "!!timestamp"):
        problem = f"proccli doesn't read {tag} values as the server does"
        raise Refusal(problem, scalar.start, hint="write the text without a tag")
    if tag not in _TAG_TYPES:
        return scalar.text
    value = _by_spelling(scalar.text)
    if tag == "!!float" and type(value) is int and value <= _I64_MAX:
        return float(value)
    if type(value) is not _TAG_TYPES[tag]:
        raise Refusal(f"{shown(scalar)} contradicts its tag", scalar.start, by="server")
    return value


_TAG_TYPES: Final[Mapping[str, type]] = {
    "!!bool": bool,
    "!!int": int,
    "!!float": float,
    "!!null": type(None),
}


def _by_spelling(text: str) -> Resolved:
    # A date is a type of its own there, which no field of ours takes but as text.
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > 1000 or text[0] not in "+-.0123456789":
        return text
    if text[0] == ".":
        return _float(text) if re.fullmatch(_FLOAT, text) else text
    digits = text.replace("_", "")
    found = re.fullmatch(_INTEGER, digits)
    if found:
        sign, *spellings = found.groups()
        for base, spelling in zip((16, 8, 2, 8, 10), spellings, strict=True):
            if spelling is not None:
                value = int(f"{sign}{spelling or 0}", base)
                if -(2**63) <= value < 2**64:
                    return value
    return _float(digits) if re.fullmatch(_FLOAT, digits) else text


def _float(text: str) -> float | str:
    value = float(text)
    return text if math.isinf(value) else value


def _scalar(node: Node, what: str, wanted: str) -> Scalar:
    written = resolved(node)
    if isinstance(written, Scalar):
        return written
    raise _wrong(node, what, wanted)


def _wrong(node: Node, what: str, wanted: str, hint: str | None = None) -> Refusal:
    written = resolved(node)
    got = shown(written) if isinstance(written, Scalar) else described(written)
    problem = f"{what} must be {wanted}, not {got}"
    return Refusal(problem, node.start, by="server", hint=hint)


def _refuse_duplicates(mapping: MappingNode, what: str) -> None:
    """Keys are compared as written, whatever their types; two that are no scalars are equal."""
    seen: set[tuple[str, str]] = set()
    for key, _ in mapping.pairs:
        text = key.text if isinstance(key, Scalar) else key.name if isinstance(key, Alias) else ""
        written = (type(key).__name__, text)
        if written in seen:
            raise Refusal(f"duplicate key {visible(text)} in {what}", key.start, by="server")
        seen.add(written)

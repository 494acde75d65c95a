"""Values as the agent reads them: the crate serde_yaml into Rust types, by how they are written.

Two versions of the crate read agents' configurations, and they differ in what they accept:
`OLDER` is 0.8.26, `NEWER` 0.9.25.

Source: serde_yaml 0.8.26 de.rs (visit_scalar, visit_untagged_str, deserialize_struct,
deserialize_enum), 0.9.25 de.rs; FACTS A1, B1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from proccli.config.yaml.nodes import Mapping as MappingNode
from proccli.config.yaml.nodes import Node, Refusal, Scalar, Sequence, described, resolved
from proccli.text import visible
from proccli.versions import YamlCrate

U32_MAX: Final = 2**32 - 1
U64_MAX: Final = 2**64 - 1
LONGEST_NUMBER: Final = 100
"""Longer digits are beyond every type, and Python's int() refuses thousands of them."""

_RADIX: Final = re.compile(r"([-+]?)0([xob])(\+?[0-9a-fA-F]+)")
_BASES: Final = {"x": 16, "o": 8, "b": 2}
_DECIMAL: Final = re.compile(r"[-+]?[0-9]+")
_OCTAL_OF_OLD: Final = re.compile(r"[-+]*0[0-9]+")
_ALMOST_A_NUMBER: Final = re.compile(r"0*([0-9]+)(?:\.0*|s)?")
_BOOLS: Final[Mapping[str, bool]] = {"true": True, "false": False}
_MORE_BOOLS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NULLS: Final = ("null", "Null", "NULL", "~")


class Older:
    """serde_yaml 0.8.26."""

    bools = _BOOLS
    positional = True
    """Whether a struct may be a list of its fields."""

    def text(self, node: Node, what: str) -> str:
        """Any scalar's text, whatever its type; `~` where nothing is written. Raises: Refusal."""
        scalar = _scalar(node, what, "text")
        return "~" if scalar.absent else scalar.text

    def boolean(self, node: Node, what: str) -> bool:
        """`true` or `false`, written exactly so and without quotes. Raises: Refusal."""
        wanted = "true or false"
        scalar = _scalar(node, what, wanted)
        if self._may_be(scalar, "bool") and scalar.text in self.bools:
            return self.bools[scalar.text]
        raise refused(node, what, wanted, hint_for_bool(scalar.text))

    def integer(self, node: Node, what: str, maximum: int, minimum: int = 0) -> int:
        """A whole number within limits; also `0x10`, `0o10`, `0b10`. Raises: Refusal."""
        wanted = f"a whole number from {minimum} to {maximum}"
        scalar = _scalar(node, what, wanted)
        value = self._integer(scalar, signed=minimum < 0)
        if value is not None and minimum <= value <= maximum:
            return value
        raise refused(node, what, wanted, hint_for_int(scalar.text, maximum))

    def items(self, node: Node, what: str) -> tuple[Node, ...]:
        """The elements of a list. Raises: Refusal."""
        written = resolved(node)
        if isinstance(written, Sequence):
            return written.items
        hint = "write it as a list: [one, two]" if isinstance(written, Scalar) else None
        raise refused(node, what, "a list", hint)

    def fields(self, node: Node, what: str, names: tuple[str, ...]) -> Mapping[str, Node]:
        """The fields of a struct: a mapping's known keys, or a list's elements by position.

        Keys that are not among `names` are left out, and their values not looked at.

        Raises: Refusal for anything else, a key that is no scalar, a known key written twice, or
        another number of elements than fields.
        """
        written = resolved(node)
        if isinstance(written, Sequence) and self.positional:
            if len(written.items) != len(names):
                problem = f"{what} is a list of {len(written.items)}, for {len(names)} fields"
                raise Refusal(problem, node.start, by="agent", hint="write a mapping")
            return dict(zip(names, written.items, strict=True))
        fields: dict[str, Node] = {}
        for key, value in self.pairs(node, what):
            name = self.text(key, f"a key of {what}")
            if name not in names:
                continue
            if name in fields:
                raise Refusal(f"duplicate key {name} in {what}", key.start, by="agent")
            fields[name] = value
        return fields

    def pairs(self, node: Node, what: str) -> tuple[tuple[Node, Node], ...]:
        """The keys of a mapping with their values. Raises: Refusal."""
        written = resolved(node)
        if isinstance(written, MappingNode):
            return written.pairs
        raise refused(node, what, "a mapping")

    def word(self, node: Node, what: str, words: tuple[str, ...]) -> str:
        """The word of an enum: the scalar itself, or the key of a mapping whose value is null.

        Raises: Refusal; for an empty mapping the reader panics.
        """
        wanted = f"one of {', '.join(words)}"
        written = resolved(node)
        if isinstance(written, MappingNode):
            if not written.pairs:
                problem = f"{what} is an empty mapping, at which the agent's YAML reader panics"
                raise Refusal(problem, node.start, by="agent", panics=True)
            key, value = written.pairs[0]
            word = self.text(key, what)
            if len(written.pairs) == 1 and word in words and self._is_null(value):
                return word
        elif isinstance(written, Scalar) and self.text(node, what) in words:
            return written.text
        raise refused(node, what, wanted)

    def borrowed(self, node: Node, what: str, source: str | None) -> str:
        """A text that must stand in the source as it is. This crate never gives one.

        Raises: Refusal.
        """
        del source
        raise refused(node, what, "a text that the reader can borrow")

    def _may_be(self, scalar: Scalar, kind: str) -> bool:
        """Whether a scalar's text is looked at for a type."""
        if _core_tag(scalar) == kind:
            return True
        return scalar.style == "plain" and scalar.tag is None and not scalar.absent

    def _integer(self, scalar: Scalar, *, signed: bool) -> int | None:
        del signed
        if _core_tag(scalar) == "int":
            if len(scalar.text) > LONGEST_NUMBER or not _DECIMAL.fullmatch(scalar.text):
                return None
            value = int(scalar.text)
            return value if -(2**63) <= value < 2**63 else None
        return bare_integer(scalar.text) if self._may_be(scalar, "int") else None

    def _is_null(self, node: Node) -> bool:
        scalar = resolved(node)
        if not isinstance(scalar, Scalar):
            return False
        return scalar.absent or (scalar.style == "plain" and scalar.text in ("~", "null"))


class Newer(Older):
    """serde_yaml 0.9.25."""

    bools = _MORE_BOOLS
    positional = False

    def text(self, node: Node, what: str) -> str:
        """Any scalar's text; empty where nothing is written. Raises: Refusal."""
        return _scalar(node, what, "text").text

    def items(self, node: Node, what: str) -> tuple[Node, ...]:
        """The elements of a list; none where nothing is written. Raises: Refusal."""
        return () if is_empty(node) else super().items(node, what)

    def pairs(self, node: Node, what: str) -> tuple[tuple[Node, Node], ...]:
        """The pairs of a mapping; none where nothing is written. Raises: Refusal."""
        if is_empty(node):
            return ()
        pairs = super().pairs(node, what)
        for key, _ in pairs:
            if is_empty(key):
                raise Refusal(f"an empty key in {what}", key.start, by="agent")
        return pairs

    def word(self, node: Node, what: str, words: tuple[str, ...]) -> str:
        """The word of an enum: the scalar itself, or its tag, with nothing behind it.

        Raises: Refusal.
        """
        scalar = resolved(node)
        if isinstance(scalar, Scalar):
            tag = scalar.tag or ""
            if tag.startswith("!") and not tag.startswith("!!") and len(tag) > 1:
                if tag[1:] in words and (is_empty(scalar) or self._is_null(scalar)):
                    return tag[1:]
            elif scalar.text in words:
                return scalar.text
        raise refused(node, what, f"one of {', '.join(words)}")

    def borrowed(self, node: Node, what: str, source: str | None) -> str:
        """A text that stands in the source as it is: without escapes, folds or indentation.

        `source` is None for a text as yaml.v3 writes it, which folds nothing.

        Raises: Refusal.
        """
        scalar = _scalar(node, what, "text")
        quotes = {"plain": "", "single": "'", "double": '"\\'}.get(scalar.style)
        if quotes is not None:
            if source is None:
                stands = not any(char in quotes for char in scalar.text)
                stands = stands and (scalar.style != "double" or scalar.text.isprintable())
            else:
                end = scalar.end - bool(quotes)
                stands = source[: max(end, 0)].endswith(scalar.text)
            if stands:
                return scalar.text
        hint = "write it on one line, without escapes"
        raise refused(node, what, "a text that stands in the file as it is", hint)

    def _may_be(self, scalar: Scalar, kind: str) -> bool:
        if scalar.style == "plain":
            return True
        return scalar.style == "literal" and scalar.tag == f"!!{kind}"

    def _integer(self, scalar: Scalar, *, signed: bool) -> int | None:
        if not self._may_be(scalar, "int") or (not signed and scalar.text.startswith("-")):
            return None
        return bare_integer(scalar.text)

    def _is_null(self, node: Node) -> bool:
        scalar = resolved(node)
        return isinstance(scalar, Scalar) and scalar.style == "plain" and scalar.text in _NULLS


OLDER: Final = Older()
NEWER: Final = Newer()


def crate_of(version: YamlCrate) -> Older:
    """The reader of a version of the crate."""
    return NEWER if version == "0.9.25" else OLDER


def hint_for_bool(text: str) -> str | None:
    """What to write instead of a word that means true or false elsewhere."""
    word = text.strip().lower()
    if word in {"true", "yes", "on", "y", "1"}:
        return "write true"
    return "write false" if word in {"false", "no", "off", "n", "0"} else None


def hint_for_int(text: str, maximum: int) -> str | None:
    """What to write instead of something that is a number to people."""
    found = _ALMOST_A_NUMBER.fullmatch(text.strip().replace("_", "")[:LONGEST_NUMBER])
    return f"write {int(found[1])}" if found and int(found[1]) <= maximum else None


def bare_integer(text: str) -> int | None:
    """The whole number that an unquoted text is, of any size; None for what is none."""
    if len(text) > LONGEST_NUMBER:
        return None
    if found := _RADIX.fullmatch(text):
        sign, base, digits = found.groups()
        # Rust's from_str_radix takes a plus sign of its own, but not after a minus.
        if not (sign == "-" and digits.startswith("+")):
            try:
                return int(("-" if sign == "-" else "") + digits, _BASES[base])
            except ValueError:
                return None
    if _OCTAL_OF_OLD.fullmatch(text) or not _DECIMAL.fullmatch(text):
        return None
    return int(text)


def is_empty(node: Node) -> bool:
    """Whether a node is an unquoted text without any character, whatever its tag."""
    scalar = resolved(node)
    return isinstance(scalar, Scalar) and scalar.style == "plain" and not scalar.text


def _scalar(node: Node, what: str, wanted: str) -> Scalar:
    written = resolved(node)
    if isinstance(written, Scalar):
        return written
    raise refused(node, what, wanted)


def _core_tag(scalar: Scalar) -> str | None:
    """`int` of `!!int`. The crate knows core types by the handle `!!` alone, as written."""
    if scalar.written_tag is None or scalar.tag is None or not scalar.written_tag.startswith("!!"):
        return None
    return scalar.tag.removeprefix("!!")


def refused(node: Node, what: str, wanted: str, hint: str | None = None) -> Refusal:
    """A value of the wrong type."""
    written = resolved(node)
    got = shown(written) if isinstance(written, Scalar) else described(written)
    return Refusal(f"{what} must be {wanted}, not {got}", node.start, by="agent", hint=hint)


def shown(scalar: Scalar) -> str:
    """A scalar for a message: as written, and shortened."""
    if scalar.absent:
        return "empty"
    text = visible(scalar.text if len(scalar.text) <= 40 else scalar.text[:37] + "...")
    if scalar.style == "plain":
        return f"{scalar.tag} {text}" if scalar.tag else text or "empty"
    return f'"{text}" in quotes' if scalar.style in ("single", "double") else f'the text "{text}"'

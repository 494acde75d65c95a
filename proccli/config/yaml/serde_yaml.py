"""Values as the agent reads them: serde_yaml 0.8.26 into Rust types, by how they are written.

Source: serde_yaml 0.8.26 de.rs (visit_scalar, visit_untagged_str, deserialize_struct).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from proccli.config.yaml.nodes import Mapping as MappingNode
from proccli.config.yaml.nodes import Node, Refusal, Scalar, Sequence, described, resolved
from proccli.errors import Refuser
from proccli.text import visible

U32_MAX: Final = 2**32 - 1
U64_MAX: Final = 2**64 - 1
LONGEST_NUMBER: Final = 100
"""Longer digits are beyond every type, and Python's int() refuses thousands of them."""

_RADIX: Final = r"([-+]?)0([xob])(\+?[0-9a-fA-F]+)"
_BASES: Final = {"x": 16, "o": 8, "b": 2}
_DECIMAL: Final = r"[-+]?[0-9]+"
_OCTAL_OF_OLD: Final = r"[-+]*0[0-9]+"
_ALMOST_A_NUMBER: Final = r"0*([0-9]+)(?:\.0*|s)?"
_BOOLS: Final = {"true": True, "false": False}


def read_string(node: Node, what: str) -> str:
    """Any scalar's text, whatever its type; `~` where nothing is written. Raises: Refusal."""
    scalar = _scalar(node, what, "text")
    return "~" if scalar.absent else scalar.text


def read_bool(node: Node, what: str) -> bool:
    """`true` or `false`, written exactly so and without quotes. Raises: Refusal."""
    wanted = "true or false"
    scalar = _scalar(node, what, wanted)
    if _core_tag(scalar) == "bool" or _is_bare(scalar):
        value = _BOOLS.get(scalar.text)
        if value is not None:
            return value
    raise _wrong(node, what, wanted, hint_for_bool(scalar.text))


def read_int(node: Node, what: str, maximum: int) -> int:
    """A whole number from 0 to `maximum`; also `0x10`, `0o10`, `0b10`. Raises: Refusal."""
    wanted = f"a whole number from 0 to {maximum}"
    scalar = _scalar(node, what, wanted)
    value = integer(scalar)
    if value is not None and 0 <= value <= maximum:
        return value
    raise _wrong(node, what, wanted, hint_for_int(scalar.text, maximum))


def hint_for_bool(text: str) -> str | None:
    """What to write instead of a word that means true or false elsewhere."""
    word = text.strip().lower()
    if word in {"true", "yes", "on", "y", "1"}:
        return "write true"
    return "write false" if word in {"false", "no", "off", "n", "0"} else None


def hint_for_int(text: str, maximum: int) -> str | None:
    """What to write instead of something that is a number to people."""
    found = re.fullmatch(_ALMOST_A_NUMBER, text.strip().replace("_", "")[:LONGEST_NUMBER])
    return f"write {int(found[1])}" if found and int(found[1]) <= maximum else None


def integer(scalar: Scalar) -> int | None:
    """The whole number that a scalar is, of any size; None for what is none."""
    if _core_tag(scalar) == "int":
        if len(scalar.text) > LONGEST_NUMBER or not re.fullmatch(_DECIMAL, scalar.text):
            return None
        value = int(scalar.text)
        return value if -(2**63) <= value < 2**63 else None
    return _bare_integer(scalar.text) if _is_bare(scalar) else None


def _bare_integer(text: str) -> int | None:
    if len(text) > LONGEST_NUMBER:
        return None
    if found := re.fullmatch(_RADIX, text):
        sign, base, digits = found.groups()
        # Rust's from_str_radix takes a plus sign of its own, but not after a minus.
        if not (sign == "-" and digits.startswith("+")):
            try:
                return int(("-" if sign == "-" else "") + digits, _BASES[base])
            except ValueError:
                return None
    if re.fullmatch(_OCTAL_OF_OLD, text) or not re.fullmatch(_DECIMAL, text):
        return None
    return int(text)


def read_list(node: Node, what: str) -> tuple[Node, ...]:
    """The elements of a list. Raises: Refusal."""
    written = resolved(node)
    if isinstance(written, Sequence):
        return written.items
    hint = "write it as a list: [one, two]" if isinstance(written, Scalar) else None
    raise _wrong(node, what, "a list", hint)


def read_fields(node: Node, what: str, names: tuple[str, ...]) -> Mapping[str, Node]:
    """The fields of a struct: a mapping's known keys, or a list's elements by position.

    Keys that are not among `names` are left out, and their values not looked at.

    Raises: Refusal for anything else, a key that is no scalar, a known key written twice, or
    more elements than fields.
    """
    written = resolved(node)
    if isinstance(written, Sequence):
        if len(written.items) != len(names):
            # With fewer, releases of serde differ: from 1.0.182 on the rest gets its default.
            problem = f"{what} is a list of {len(written.items)}, for {len(names)} fields"
            by: Refuser = "agent" if len(written.items) > len(names) else "proccli"
            raise Refusal(problem, node.start, by=by, hint="write a mapping")
        return dict(zip(names, written.items, strict=True))
    if not isinstance(written, MappingNode):
        raise _wrong(node, what, "a mapping")
    fields: dict[str, Node] = {}
    for key, value in written.pairs:
        name = read_string(key, f"a key of {what}")
        if name not in names:
            continue
        if name in fields:
            raise Refusal(f"duplicate key {name} in {what}", key.start, by="agent")
        fields[name] = value
    return fields


def _scalar(node: Node, what: str, wanted: str) -> Scalar:
    written = resolved(node)
    if isinstance(written, Scalar):
        return written
    raise _wrong(node, what, wanted)


def _core_tag(scalar: Scalar) -> str | None:
    """`int` of `!!int`. The crate knows core types by the handle `!!` alone, as written."""
    if scalar.written_tag is None or scalar.tag is None or not scalar.written_tag.startswith("!!"):
        return None
    return scalar.tag.removeprefix("!!")


def _is_bare(scalar: Scalar) -> bool:
    return scalar.style == "plain" and scalar.tag is None and not scalar.absent


def _wrong(node: Node, what: str, wanted: str, hint: str | None = None) -> Refusal:
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

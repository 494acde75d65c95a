"""Texts as YAML scalars that every reader takes for texts, in blocks and in brackets alike."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from proccli.config.yaml.nodes import Style
from proccli.text import visible

_PLAIN: Final = re.compile(
    r"[A-Za-z_/][A-Za-z0-9_/.+@=-]*(?: [A-Za-z0-9_/(][A-Za-z0-9_/.+@=()-]*)*"
)
_WORDS: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
"""What YAML 1.1 or 1.2 takes for something else than a text, in lower case."""


def scalar(text: str, *, like: Style = "plain") -> str:
    """A text as it is to be written, in one line; where both will do, in the style of `like`."""
    if visible(text) != text:
        return _double(text)
    if like == "double":
        return _double(text)
    if like == "plain" and _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return "'" + text.replace("'", "''") + "'"


def flow_list(items: Iterable[str]) -> str:
    """`[one, 'two, three']`."""
    return f"[{', '.join(scalar(item) for item in items)}]"


def _double(text: str) -> str:
    # What `visible` writes for a control character is an escape of YAML, too.
    return '"' + "".join(f"\\{char}" if char in '\\"' else visible(char) for char in text) + '"'

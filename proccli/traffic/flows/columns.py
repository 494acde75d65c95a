"""The label columns that are added to every record, and their values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from proccli.model.flows import FlowLabels, SideLabel

_KEPT_IF_NONE: Final = frozenset({"auto_instance_0", "auto_instance_1"})
"""A record that already has one of these columns keeps its value if the label has none."""

_CACHE_SIZE: Final = 4096
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def label_columns(keys: Sequence[str]) -> tuple[str, ...]:
    """The names of the label columns, in order. `keys`: the keys of the os.app tags."""
    names = [
        "gprocess",
        "auto_instance",
        *(f"os.app.{escape_surrogates(key)}" for key in keys),
        "label",
    ]
    return tuple(dict.fromkeys(f"{name}_{n}" for name in names for n in (0, 1)))


def escape_surrogates(text: str) -> str:
    r"""The text with each lone surrogate as a visible escape, so that it can be encoded as UTF-8.

    Python represents a byte that it could not decode as U+DC80 to U+DCFF: that becomes `\xNN`.
    """
    return text if text.isascii() else _LONE_SURROGATE.sub(_escape_one, text)


def _escape_one(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


@dataclass(frozen=True, slots=True)
class EncodedLabels:
    """The label values for one record, in the syntax of its format."""

    replaced: Mapping[str, str]
    """New values by column, for columns that the record already has and that change."""
    tail: bytes
    """The text to append to the record."""


class LabelColumns:
    """Encodes the values of label columns; caches the result for each pair of labels."""

    def __init__(
        self,
        keys: Sequence[str],
        *,
        encode: Callable[[str | None], str],
        append: Callable[[Mapping[str, str]], str],
    ) -> None:
        """`encode` encodes one value; `append` joins the encoded values of the appended columns."""
        self.columns = label_columns(keys)
        self._keys = tuple(keys)
        self._encode = encode
        self._append = append
        self._cache: dict[tuple[frozenset[str], FlowLabels], EncodedLabels] = {}

    def encoded(self, present: frozenset[str], labels: FlowLabels) -> EncodedLabels:
        """The encoded labels for a record that already has the columns `present`."""
        key = (present, labels)
        found = self._cache.get(key)
        if found is None:
            if len(self._cache) >= _CACHE_SIZE:
                self._cache.clear()
            found = self._cache[key] = self._encoded(present, labels.side_0, labels.side_1)
        return found

    def _encoded(
        self, present: frozenset[str], side_0: SideLabel, side_1: SideLabel
    ) -> EncodedLabels:
        pairs = zip(self._values(side_0), self._values(side_1), strict=True)
        values = dict(zip(self.columns, (value for pair in pairs for value in pair), strict=True))
        stays = {name for name in present & _KEPT_IF_NONE if values[name] is None}
        texts = {
            name: self._encode(None if value is None else escape_surrogates(value))
            for name, value in values.items()
        }
        tail = self._append({n: t for n, t in texts.items() if n not in present})
        return EncodedLabels(
            {name: text for name, text in texts.items() if name in present - stays},
            # A separator from the file may contain bytes that are not UTF-8.
            tail.encode(errors="surrogateescape"),
        )

    def _values(self, side: SideLabel) -> Sequence[str | None]:
        tags = {escape_surrogates(key): value for key, value in side.tags}
        by_key = {escape_surrogates(key): tags.get(escape_surrogates(key)) for key in self._keys}
        return [side.gprocess, side.auto_instance, *by_key.values(), side.label]

"""Reads proccli's own YAML files strictly: unknown or duplicate keys and wrong types are errors.

A configuration is read as tolerantly as the agent reads it. Only proccli reads these files, so a
typing error is reported instead of being ignored.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Final

from proccli.config.yaml.dialects import YamlReader, prepared_for_server
from proccli.config.yaml.nodes import Mapping as MappingNode
from proccli.config.yaml.nodes import Node, Refusal, Scalar, Sequence, described, is_null, resolved
from proccli.config.yaml.reader import Loader, read_documents
from proccli.text import visible

MAX_CHARACTERS: Final = 16 << 20
"""Limit for all values together; aliases can expand a small text beyond it."""

_WHOLE: Final = re.compile(r"[-+]?[0-9]{1,18}")
_OURS: Final = YamlReader(
    name="a reader of YAML",
    escapes=frozenset('0abt\tnvfre "/\\N_LPxuU\r\n\x85\u2028\u2029'),
    tag_directives=False,
    yaml_versions=((1, 1), (1, 2)),
    question_mark_ends_words=False,
    only_keys_at_indent=False,
    colon_needs_space=False,
)


def read_root(text: str, *, loader: Loader | None = None) -> Node:
    """The only document of a text. Raises: Refusal."""
    documents = read_documents(prepared_for_server(text), _OURS, loader=loader)
    first = next(documents, None)
    if first is None:
        raise Refusal("the file is empty", 0)
    if (second := next(documents, None)) is not None:
        raise Refusal("a second YAML document begins here", second.start)
    return first.root


class StrictReader:
    """Reads the values of one file. Every method may raise `Refusal`, with the place."""

    def __init__(self) -> None:
        self._left = MAX_CHARACTERS

    def fields(self, node: Node, what: str, names: tuple[str, ...]) -> Mapping[str, Node]:
        """The values of a mapping by their keys, all of which must be among `names`."""
        fields: dict[str, Node] = {}
        for name, key, value in self._pairs(node, what):
            if name not in names:
                close = difflib.get_close_matches(name[:60].replace("-", "_"), names, n=1)
                hint = f"did you mean {close[0]}?" if close else f"valid keys: {', '.join(names)}"
                shown = visible(name[:60])
                raise Refusal(f"{what} has no key {shown}", key.start, hint=hint)
            if name in fields:
                raise Refusal(f"duplicate key {name} in {what}", key.start)
            fields[name] = value
        return fields

    def named(self, node: Node, what: str) -> tuple[tuple[str, Node], ...]:
        """The pairs of a mapping with arbitrary keys."""
        seen: set[str] = set()
        pairs = []
        for name, key, value in self._pairs(node, what):
            if name in seen:
                raise Refusal(f"duplicate key {visible(name[:60])} in {what}", key.start)
            seen.add(name)
            pairs.append((name, value))
        return tuple(pairs)

    def _pairs(self, node: Node, what: str) -> list[tuple[str, Node, Node]]:
        written = resolved(node)
        if not isinstance(written, MappingNode):
            raise _wrong(node, what, "a mapping")
        return [(self.text(key, f"a key of {what}"), key, value) for key, value in written.pairs]

    def items(self, node: Node, what: str, example: str) -> tuple[Node, ...]:
        """The elements of a list; the hint of an error shows `example`."""
        written = resolved(node)
        if not isinstance(written, Sequence):
            raise _wrong(node, what, "a list", hint=f"write {example}")
        self._spend(len(written.items), node)
        return written.items

    def text(self, node: Node, what: str) -> str:
        """A scalar as text; numbers and words such as `true` are accepted, too."""
        scalar = self._scalar(node, what, "a string")
        if scalar.absent:
            raise Refusal(f"{what} is empty", node.start, hint='write "" for an empty string')
        if "\0" in scalar.text:
            raise Refusal(f"{what} contains a NUL character", node.start)
        self._spend(len(scalar.text), node)
        return scalar.text

    def text_or_null(self, node: Node, what: str) -> str | None:
        """A text, or None for `null`, `~` and nothing at all."""
        return None if is_null(node) else self.text(node, what)

    def word(self, node: Node, what: str, words: tuple[str, ...]) -> str:
        """A text that is one of `words`."""
        text = self.text(node, what)
        if text not in words:
            close = difflib.get_close_matches(text[:60], words, n=1)
            problem = f"{what} must be one of {', '.join(words)}, not {visible(text[:60])}"
            raise Refusal(problem, node.start, hint=f"write {close[0]}" if close else None)
        return text

    def integer(self, node: Node, what: str, low: int, high: int) -> int:
        """A whole number in decimal digits."""
        wanted = f"a whole number from {low} to {high}"
        scalar = self._scalar(node, what, wanted)
        if scalar.style == "plain" and _WHOLE.fullmatch(scalar.text):
            value = int(scalar.text)
            if low <= value <= high:
                return value
        raise _wrong(node, what, wanted)

    def _scalar(self, node: Node, what: str, wanted: str) -> Scalar:
        written = resolved(node)
        if not isinstance(written, Scalar):
            raise _wrong(node, what, wanted)
        if written.tag is not None:
            raise Refusal(f"{what} has a YAML tag, {visible(written.tag[:60])}", node.start)
        return written

    def _spend(self, characters: int, node: Node) -> None:
        self._left -= characters + 1
        if self._left < 0:
            problem = f"more than {MAX_CHARACTERS} characters in total"
            raise Refusal(problem, node.start)


def _wrong(node: Node, what: str, wanted: str, hint: str | None = None) -> Refusal:
    written = resolved(node)
    got = described(written)
    if isinstance(written, Scalar):
        got = "empty" if written.absent else visible(written.text[:60]) or "an empty string"
    return Refusal(f"{what} must be {wanted}, not {got}", node.start, hint=hint)

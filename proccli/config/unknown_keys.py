"""Warnings about keys of a configuration that mean nothing to the agent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

from proccli.config import characters
from proccli.config.yaml.go_yaml import is_merge
from proccli.config.yaml.nodes import Mapping as MappingNode
from proccli.config.yaml.nodes import Node, Scalar, SourceText, resolved
from proccli.model.note import Note
from proccli.text import visible

CODE: Final = "unknown-key"
_LIKE: Final = 0.83
"""How alike two names must be for one to be meant by the other: the other keys of static_config
are not known here, and none of them is that much like ours."""
_LONGEST: Final = 60
_MOST_KEYS: Final = 1000
"""Keys looked at in one mapping: comparing names takes its time."""


def meant(name: str, known: Sequence[str]) -> str | None:
    """The key that was probably meant by a name that is none, or None."""
    import difflib

    plain = characters.meant_by(name[:_LONGEST]).lower().replace("_", "-")
    by_spelling = {key.replace("_", "-"): key for key in known}
    found = difflib.get_close_matches(plain, by_spelling, n=1, cutoff=_LIKE)
    return by_spelling[found[0]] if found and name != by_spelling[found[0]] else None


def misspelt_keys(
    node: Node, known: Sequence[str], where: str, source: SourceText
) -> Iterator[Note]:
    """A warning for each key of a mapping that is almost one of `known`."""
    for key in _keys(node):
        if key.text not in known and (close := meant(key.text, known)):
            yield _unknown(key, where, source, meant=close)
        elif characters.is_list_item(key.text):
            yield _unknown(key, where, source)


def foreign_keys(
    node: Node, known: Sequence[str], where: str, source: SourceText
) -> Iterator[Note]:
    """A warning for each key of a mapping that is none of `known`, where those are all."""
    for key in _keys(node):
        if key.text not in known and not is_merge(key):
            close = meant(key.text, known)
            yield _unknown(key, where, source, meant=close, known=None if close else tuple(known))


def newer_keys(
    node: Node, newer: Mapping[str, str], where: str, agent: str, source: SourceText
) -> Iterator[Note]:
    """A warning for each key of a mapping that only later releases of the agent know, and that has
    another value than the one in `newer`, which is what the release does without the key."""
    mapping = resolved(node)
    pairs = mapping.pairs if isinstance(mapping, MappingNode) else ()
    for key, value in pairs:
        name, given = resolved(key), resolved(value)
        if isinstance(name, Scalar) and name.text in newer:
            text = given.text if isinstance(given, Scalar) else ""
            if text.lower() != newer[name.text]:
                yield source.note(
                    CODE, name.start, kind="newer", key=name.text, where=where, agent=agent
                )


def misplaced_keys(
    node: Node, known: Sequence[str], where: str, source: SourceText
) -> Iterator[Note]:
    """A warning for each key that is beside the section it belongs to."""
    for key in _keys(node):
        if key.text in known:
            yield source.note(CODE, key.start, kind="misplaced", key=key.text, where=where)
        elif characters.meant_by(key.text) in known and (
            note := characters.in_key(key, source, where)
        ):
            yield note


def merge_keys(node: Node, where: str, source: SourceText) -> Iterator[Note]:
    """A warning for a merge key of a mapping; not for a reader that applies it."""
    for key in _keys(node):
        if is_merge(key):
            yield _unknown(key, where, source, kind="merge-key")


def _unknown(
    key: Scalar,
    where: str,
    source: SourceText,
    *,
    kind: Literal["unknown", "merge-key"] = "unknown",
    meant: str | None = None,
    known: tuple[str, ...] | None = None,
) -> Note:
    if (note := characters.in_key(key, source, where)) is not None:
        return note
    shown = visible(key.text[:_LONGEST])
    return source.note(CODE, key.start, kind=kind, key=shown, where=where, meant=meant, known=known)


def _keys(node: Node) -> Iterator[Scalar]:
    mapping = resolved(node)
    if isinstance(mapping, MappingNode):
        for key, _ in mapping.pairs[:_MOST_KEYS]:
            scalar = resolved(key)
            if isinstance(scalar, Scalar):
                yield scalar

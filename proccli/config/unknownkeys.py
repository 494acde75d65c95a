"""Keys that look like ours but are not: the agent passes over them without a word."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import Final

from proccli.config.goyaml import is_merge
from proccli.config.nodes import Mapping as MappingNode
from proccli.config.nodes import Node, Scalar, resolved
from proccli.config.stages import Stage
from proccli.model.config import Notice
from proccli.textsafe import visible

CODE: Final = "unknown-key"
_LIKE: Final = 0.83
"""How alike two names must be for one to be meant by the other: the other keys of static_config
are not known here, and none of them is that much like ours."""
_LONGEST: Final = 60
_MOST_KEYS: Final = 1000
"""Keys looked at in one mapping: comparing names takes its time."""


def meant(name: str, known: Sequence[str]) -> str | None:
    """The key that was probably meant by a name that is none, or None."""
    plain = name[:_LONGEST].strip("\ufeff \t").lower().replace("_", "-")
    by_spelling = {key.replace("_", "-"): key for key in known}
    found = difflib.get_close_matches(plain, by_spelling, n=1, cutoff=_LIKE)
    return by_spelling[found[0]] if found and name != by_spelling[found[0]] else None


def misspelt_keys(node: Node, known: Sequence[str], where: str, stage: Stage) -> Iterator[Notice]:
    """A notice for each key of a mapping that is almost one of `known`."""
    for key in _keys(node):
        if key.text not in known and (close := meant(key.text, known)):
            yield _passed_over(key, where, f"write {close}", stage)


def foreign_keys(node: Node, known: Sequence[str], where: str, stage: Stage) -> Iterator[Notice]:
    """A notice for each key of a mapping that is none of `known`, where those are all."""
    for key in _keys(node):
        if key.text not in known and not is_merge(key):
            close = meant(key.text, known)
            hint = f"write {close}" if close else f"it knows {', '.join(known)}"
            yield _passed_over(key, where, hint, stage)


def misplaced_keys(node: Node, known: Sequence[str], where: str, stage: Stage) -> Iterator[Notice]:
    """A notice for each key that stands beside the section it belongs into."""
    for key in _keys(node):
        if key.text in known:
            text = f"{key.text} stands beside {where}, not in it: the agent passes over it"
            yield stage.source.notice(CODE, key.start, f"{text} (indent it under {where})")


def merge_keys(node: Node, where: str, stage: Stage) -> Iterator[Notice]:
    """A notice for a merge key of a mapping, where nobody applies it."""
    if stage.merges:
        return
    for key in _keys(node):
        if is_merge(key):
            yield _passed_over(key, where, "its YAML has no merge keys", stage)


def _passed_over(key: Scalar, where: str, hint: str, stage: Stage) -> Notice:
    text = f"{visible(key.text[:_LONGEST])} is no key of {where}: the agent passes over it ({hint})"
    return stage.source.notice(CODE, key.start, text)


def _keys(node: Node) -> Iterator[Scalar]:
    mapping = resolved(node)
    if isinstance(mapping, MappingNode):
        for key, _ in mapping.pairs[:_MOST_KEYS]:
            scalar = resolved(key)
            if isinstance(scalar, Scalar):
                yield scalar

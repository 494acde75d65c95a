"""What the server makes of a process's tags on their way into a query.

A process's tags arrive one by one, are joined to one text of `key:value, key:value`, and are
taken apart again by what they were joined with. So a value may be cut, a tag may be lost, and one
that nobody wrote may appear.

Source: server/controller/genesis/updater.go (joined), tagrecorder/ch_os_app_tag.go and
tagrecorder/common (taken apart), db/mysql/migration/rawsql (ch_os_app_tag); branch v6.5 and main.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

TagPair: TypeAlias = tuple[str, str]
TagOutcome: TypeAlias = Literal["kept", "cut", "lost"]
Cause: TypeAlias = Literal[
    "blanks",
    "comma",
    "colon-in-key",
    "colon-in-value",
    "key-again",
    "key-case",
    "too-long",
    "four-byte",
]
"""What in a tag, or beside it, is to blame:

`blanks`: at either end of the key or the value, they are trimmed;
`comma`: a comma and a blank, which separate tags;
`colon-in-key`, `colon-in-value`: colons, which separate a key from its value;
`key-again`: a later tag of the process has the same key, and wins;
`key-case`: another one's key differs only in upper and lower case, and the table takes one;
`too-long`: over 256 characters, which the table refuses (MySQL in its default, strict mode),
    and with it whatever was to be written in the same statement;
`four-byte`: a character beyond U+FFFF, which the tables refuse: their `utf8` has three bytes.
"""

SEPARATOR: Final = ", "
MAX_CHARACTERS: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRules:
    """How one server takes tags apart."""

    version: str
    value_may_contain_colons: bool
    """Split at the first colon; otherwise a pair counts only if it has exactly one."""
    keys_fold_case: bool
    """The table's keys are compared without regard to case."""


TAG_RULES: Final[Mapping[str, TagRules]] = MappingProxyType(
    {
        rules.version: rules
        for rules in (
            TagRules(version="6.5", value_may_contain_colons=True, keys_fold_case=True),
            TagRules(version="7.1", value_may_contain_colons=False, keys_fold_case=False),
        )
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TagArrival:
    """What becomes of one tag."""

    outcome: TagOutcome
    value: str | None
    """What a query shows under its key, blanks around that trimmed; None if it is lost."""
    causes: tuple[Cause, ...] = ()
    strays: tuple[TagPair, ...] = ()
    """Tags that nobody wrote, made of the rest of it."""


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A key and a value as the server sees them."""

    key: str
    value: str
    stray: bool


def tag_arrivals(tags: Sequence[TagPair], rules: TagRules) -> tuple[TagArrival, ...]:
    """What becomes of each tag that is sent with one process, in the same order."""
    parts = [_split(tag, rules) for tag in tags]
    last_by_key = {part.key: part for tag_parts in parts for part in tag_parts}
    clashing: set[str] = set()
    if rules.keys_fold_case:
        written = [
            part.key for part in last_by_key.values() if not _rejections(part.key, part.value)
        ]
        spellings = Counter(key.casefold() for key in written)
        clashing = {key for key in written if spellings[key.casefold()] > 1}
    return tuple(
        _arrival(tag, tag_parts, last_by_key, clashing)
        for tag, tag_parts in zip(tags, parts, strict=True)
    )


def arriving_tags(tags: Sequence[TagPair], rules: TagRules) -> tuple[TagPair, ...]:
    """The keys and values that a query shows of the tags that are sent with one process."""
    arrived: dict[str, str] = {}
    for (key, _), arrival in zip(tags, tag_arrivals(tags, rules), strict=True):
        if arrival.value is not None:
            arrived[key.strip(" ")] = arrival.value
        arrived.update(arrival.strays)
    return tuple(arrived.items())


def _split(tag: TagPair, rules: TagRules) -> list[_Part]:
    wanted = tag[0].strip(" ")
    parts: list[_Part] = []
    for piece in f"{tag[0]}:{tag[1]}".split(SEPARATOR):
        key, colon, value = piece.partition(":")
        if colon and (rules.value_may_contain_colons or ":" not in value):
            key, value = key.strip(" "), value.strip(" ")
            stray = key != wanted or bool(parts)
            parts.append(_Part(key, value, stray))
    return parts


def _rejections(key: str, value: str) -> tuple[Cause, ...]:
    """Why the table takes no such row."""
    causes: list[Cause] = []
    if len(key) > MAX_CHARACTERS or len(value) > MAX_CHARACTERS:
        causes.append("too-long")
    if max(f"{key}{value}", default="") > "\uffff":
        causes.append("four-byte")
    return tuple(causes)


def _arrival(
    tag: TagPair, parts: Sequence[_Part], last_by_key: Mapping[str, _Part], clashing: set[str]
) -> TagArrival:
    strays = tuple((part.key, part.value) for part in parts if part.stray)
    own = next((part for part in parts if not part.stray), None)
    causes = list(_causes(tag, own))
    if own is None:
        return TagArrival(outcome="lost", value=None, causes=tuple(causes), strays=strays)
    rejections = _rejections(own.key, own.value)
    causes += [cause for cause in rejections if cause not in causes]
    if last_by_key[own.key] is not own:
        causes.append("key-again")
    elif own.key in clashing:
        causes.append("key-case")
    elif not rejections:
        outcome: TagOutcome = "kept" if (own.key, own.value) == tag else "cut"
        return TagArrival(outcome=outcome, value=own.value, causes=tuple(causes), strays=strays)
    return TagArrival(outcome="lost", value=None, causes=tuple(causes), strays=strays)


def _causes(tag: TagPair, own: _Part | None) -> list[Cause]:
    """What in the tag's own text changes it."""
    key, value = tag
    causes: list[Cause] = []
    if own is None and ":" in key:
        causes.append("colon-in-key")
    if own is None and ":" in value:
        causes.append("colon-in-value")
    if SEPARATOR in key or SEPARATOR in value:
        causes.append("comma")
    elif key != key.strip(" ") or value != value.strip(" "):
        causes.append("blanks")
    return causes

"""Which of a process's tags the server stores, and with which values a query shows them.

The server joins the tags of a process into one text, `key:value, key:value`, and later splits that
text at the same separators. So a value may be cut, a tag may be lost, and a new tag may appear.

Source: server/controller/genesis/updater.go (join), tagrecorder/ch_os_app_tag.go and
tagrecorder/common (split), db/mysql/migration/rawsql (ch_os_app_tag); branch v6.5 and main.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from proccli.versions import ServerVersion

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
"""Why a tag does not arrive unchanged:

`blanks`: spaces at the start or end of the key or the value are trimmed;
`comma`: the tag contains a comma and a space, which separate tags;
`colon-in-key`, `colon-in-value`: a colon separates a key from its value;
`key-again`: a later tag of the process has the same key and replaces this one;
`key-case`: another key differs only in upper and lower case, and the table stores only one of them;
`too-long`: over 256 characters; the table rejects the row (MySQL in its default, strict mode) and
    all other rows of the same statement;
`four-byte`: a character beyond U+FFFF; the tables reject it, because their `utf8` has three bytes.
"""

SEPARATOR: Final = ", "
MAX_CHARACTERS: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class TagArrival:
    """How one tag arrives at the server."""

    outcome: TagOutcome
    value: str | None
    """What a query shows for the key (with spaces around the key trimmed); None if the tag is
    lost."""
    causes: tuple[Cause, ...] = ()
    strays: tuple[TagPair, ...] = ()
    """Unintended tags that the server makes of the rest of the text."""


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A key and a value as the server splits them."""

    key: str
    value: str
    stray: bool


def tag_arrivals(tags: Sequence[TagPair], server: ServerVersion) -> tuple[TagArrival, ...]:
    """How each tag of one process arrives, in the same order."""
    parts = [_split(tag, server) for tag in tags]
    last_by_key = {part.key: part for tag_parts in parts for part in tag_parts}
    clashing: set[str] = set()
    if server.tag_keys_ignore_case:
        written = [
            part.key for part in last_by_key.values() if not _rejections(part.key, part.value)
        ]
        spellings = Counter(key.casefold() for key in written)
        clashing = {key for key in written if spellings[key.casefold()] > 1}
    return tuple(
        _arrival(tag, tag_parts, last_by_key, clashing)
        for tag, tag_parts in zip(tags, parts, strict=True)
    )


def arriving_tags(tags: Sequence[TagPair], server: ServerVersion) -> tuple[TagPair, ...]:
    """The keys and values that a query shows for the tags of one process."""
    arrived: dict[str, str] = {}
    for (key, _), arrival in zip(tags, tag_arrivals(tags, server), strict=True):
        if arrival.value is not None:
            arrived[key.strip(" ")] = arrival.value
        arrived.update(arrival.strays)
    return tuple(arrived.items())


def _split(tag: TagPair, server: ServerVersion) -> list[_Part]:
    wanted = tag[0].strip(" ")
    parts: list[_Part] = []
    for piece in f"{tag[0]}:{tag[1]}".split(SEPARATOR):
        key, colon, value = piece.partition(":")
        if colon and (server.tag_values_may_contain_colons or ":" not in value):
            key, value = key.strip(" "), value.strip(" ")
            stray = key != wanted or bool(parts)
            parts.append(_Part(key, value, stray))
    return parts


def _rejections(key: str, value: str) -> tuple[Cause, ...]:
    """Why the table rejects this row; empty: it accepts it."""
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
    """Why the tag's own text does not arrive unchanged."""
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

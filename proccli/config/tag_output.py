"""The output of the tag command: a YAML list of processes with their business tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from proccli.config.characters import advice
from proccli.config.yaml import serde_yaml as serde
from proccli.config.yaml.dialects import AGENT, prepared_for_agent
from proccli.config.yaml.nodes import Node, Refusal, SourceText, TooMuch, check_size
from proccli.config.yaml.reader import Loader, read_documents
from proccli.errors import TagsError, TagsTooMany

MAX_BYTES: Final = 4 << 20
MAX_TAGS: Final = 400_000
"""Aliases can make a small text say more than that."""

_ENTRY: Final = ("pid", "tags")
_TAG: Final = ("key", "value")


class TagEntry(NamedTuple):
    """One element of the list, whether it counts or not."""

    pid: int
    tags: tuple[tuple[str, str], ...]
    """Pairs of key and value; a key may come twice."""
    line: int
    """Where it begins, from 1."""


def parse_tag_output(
    text: bytes, source_name: str, *, loader: Loader | None = None
) -> Mapping[int, tuple[tuple[str, str], ...]]:
    """The tags of each process, as pairs of key and value in the text's order.

    Of several entries with one pid the last counts; a key may come twice. An entry without tags
    is an entry all the same: the process counts as tagged. Bytes that are no UTF-8 become U+FFFD.

    Source: agent v6.5 linux_process.rs:505-540.
    Raises: TagsError, with the place, where the agent's reader rejects the output, which costs
    all tags.
    """
    entries = parse_tag_entries(text, source_name, loader=loader)
    return {entry.pid: entry.tags for entry in entries}


def parse_tag_entries(
    text: bytes, source_name: str, *, loader: Loader | None = None
) -> tuple[TagEntry, ...]:
    """All entries in the text's order, those included that a later one takes the place of.

    Raises: TagsError, as `parse_tag_output`; TagsTooMany for more than proccli reads.
    """
    source = SourceText(text[:MAX_BYTES].decode("utf-8", "replace"), source_name)
    try:
        check_size(text, MAX_BYTES)
        return tuple(_entries(source, loader))
    except Refusal as refusal:
        at, hint = source.at(refusal.offset), advice(refusal, source)
        kind = TagsTooMany if isinstance(refusal, TooMuch) else TagsError
        raise kind(refusal.problem, at, hint=hint) from None


def _entries(source: SourceText, loader: Loader | None) -> Iterator[TagEntry]:
    documents = read_documents(prepared_for_agent(source.text), AGENT, loader=loader)
    first = next(documents, None)
    if first is None:
        raise Refusal("no output, where the agent expects a list", 0, hint="print [] for no tags")
    if (second := next(documents, None)) is not None:
        raise Refusal("a second YAML document begins here", second.start)
    left = MAX_TAGS
    for node in serde.read_list(first.root, "the output"):
        fields = _all_fields(node, "an entry", _ENTRY)
        pid = serde.read_int(fields["pid"], "pid", serde.U64_MAX)
        tags = serde.read_list(fields["tags"], "tags")
        left -= len(tags) + 1
        if left < 0:
            raise TooMuch(f"more than {MAX_TAGS:,} tags: proccli reads no more", node.start)
        yield TagEntry(
            pid=pid,
            tags=tuple(_tag(tag) for tag in tags),
            line=source.at(node.start).line,
        )


def _tag(node: Node) -> tuple[str, str]:
    fields = _all_fields(node, "a tag", _TAG)
    return serde.read_string(fields["key"], "key"), serde.read_string(fields["value"], "value")


def _all_fields(node: Node, what: str, names: tuple[str, ...]) -> Mapping[str, Node]:
    fields = serde.read_fields(node, what, names)
    for name in names:
        if name not in fields:
            raise Refusal(f"{what} has no {name}", node.start)
    return fields

"""The output of the tag command: a YAML list of processes with their business tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from proccli.config.characters import advice
from proccli.config.yaml.agent_yaml import agent_documents
from proccli.config.yaml.nodes import Node, Refusal, SourceText, TooMuch, check_size
from proccli.config.yaml.reader import Loader
from proccli.config.yaml.serde_yaml import U64_MAX, Older, crate_of
from proccli.errors import TagsError, TagsTooMany
from proccli.versions import YamlCrate

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
    text: bytes,
    source_name: str,
    *,
    crate: YamlCrate = "0.8.26",
    loader: Loader | None = None,
) -> Mapping[int, tuple[tuple[str, str], ...]]:
    """The tags of each process, as pairs of key and value in the text's order.

    Of several entries with one pid the last counts; a key may come twice. An entry without tags
    is an entry all the same: the process counts as tagged. Bytes that are no UTF-8 become U+FFFD.

    Source: agent v6.5 linux_process.rs:505-540.
    Raises: TagsError, with the place, where the agent's reader rejects the output, which costs
    all tags.
    """
    entries = parse_tag_entries(text, source_name, crate=crate, loader=loader)
    return {entry.pid: entry.tags for entry in entries}


def parse_tag_entries(
    text: bytes,
    source_name: str,
    *,
    crate: YamlCrate = "0.8.26",
    loader: Loader | None = None,
) -> tuple[TagEntry, ...]:
    """All entries in the text's order, those included that a later one takes the place of.

    Raises: TagsError, as `parse_tag_output`; TagsTooMany for more than proccli reads.
    """
    source = SourceText(text[:MAX_BYTES].decode("utf-8", "replace"), source_name)
    try:
        check_size(text, MAX_BYTES)
        return tuple(_entries(source, crate, loader))
    except Refusal as refusal:
        at, hint = source.at(refusal.offset), advice(refusal, source)
        kind = TagsTooMany if isinstance(refusal, TooMuch) else TagsError
        raise kind(refusal.problem, at, hint=hint) from None


def _entries(source: SourceText, version: YamlCrate, loader: Loader | None) -> Iterator[TagEntry]:
    crate = crate_of(version)
    documents = agent_documents(source.text, version, loader=loader)
    first = next(documents, None)
    if first is None:
        if version == "0.9.25":
            return  # this crate takes an empty text for an empty list
        raise Refusal("no output, where the agent expects a list", 0, hint="print [] for no tags")
    if (second := next(documents, None)) is not None:
        raise Refusal("a second YAML document begins here", second.start)
    left = MAX_TAGS
    for node in crate.items(first.root, "the output"):
        fields = _all_fields(crate, node, "an entry", _ENTRY)
        pid = crate.integer(fields["pid"], "pid", U64_MAX)
        tags = crate.items(fields["tags"], "tags")
        left -= len(tags) + 1
        if left < 0:
            raise TooMuch(f"more than {MAX_TAGS:,} tags: proccli reads no more", node.start)
        yield TagEntry(
            pid=pid,
            tags=tuple(_tag(crate, tag) for tag in tags),
            line=source.at(node.start).line,
        )


def _tag(crate: Older, node: Node) -> tuple[str, str]:
    fields = _all_fields(crate, node, "a tag", _TAG)
    return crate.text(fields["key"], "key"), crate.text(fields["value"], "value")


def _all_fields(crate: Older, node: Node, what: str, names: tuple[str, ...]) -> Mapping[str, Node]:
    fields = crate.fields(node, what, names)
    for name in names:
        if name not in fields:
            raise Refusal(f"{what} has no {name}", node.start)
    return fields

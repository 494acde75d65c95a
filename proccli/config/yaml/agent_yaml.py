"""The YAML documents of a text as the agent's reader finds them, for each version of its crate.

The older crate reads with yaml-rust, which takes a few texts that libyaml refuses. Such a text is
mended, character by character in its place, until libyaml reads in it what yaml-rust does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from proccli.config.yaml.dialects import AGENT, NEWER_AGENT, Prepared, prepared_for_agent
from proccli.config.yaml.nodes import Refusal
from proccli.config.yaml.reader import Document, Loader, read_documents
from proccli.versions import YamlCrate

MAX_MENDED: Final = 100
"""Places in one text; each costs another reading."""

_HEAD: Final = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*")
_VERSION: Final = re.compile(r"%YAML\b(?![ \t]+[0-9]+\.[0-9]+[ \t]*(?:#[^\n]*)?$)", re.MULTILINE)
_TAG_HANDLE: Final = re.compile(r"!\w+(!)", re.ASCII)
_EMPTY_KEY: Final = re.compile(r": [A-Za-z0-9]")
_TEXT_AT_MARGIN: Final = re.compile(
    r"(?:^|\n)[\w-]+:[ \t]*(\n)[^\s#:&*!|>'\"%@`?\[\]{},-][^\n:]*\n?\Z"
)


def agent_documents(
    text: str, crate: YamlCrate, *, loader: Loader | None = None
) -> Iterator[Document]:
    """The documents, each read only when it is asked for.

    A byte order mark at the start is part of the first key for the older crate; for the newer
    one, the caller has removed it.

    Raises: Refusal where the text is not YAML to the reader.
    """
    if crate == "0.9.25":
        return read_documents(Prepared(text=text), NEWER_AGENT, loader=loader)
    prepared = prepared_for_agent(text)
    return _mended(prepared._replace(text=_without_directives(prepared.text)), loader)


def _without_directives(text: str) -> str:
    """The text with the directives before the first document as comments.

    yaml-rust passes over them, whatever they say.

    Raises: Refusal where no `---` follows them.
    """
    at, found = 0, False
    while True:
        head = _HEAD.match(text, at)
        at = head.end() if head else at
        if text[at : at + 1] != "%":
            break
        if _VERSION.match(text, at):
            raise Refusal("not valid YAML: no version number", at, code="yaml-syntax")
        found = True
        text = f"{text[:at]}#{text[at + 1 :]}"
    if found and not text.startswith("---", at):
        problem = "not valid YAML: no --- follows the lines with %"
        raise Refusal(problem, at, code="yaml-syntax")
    return text


def _mended(prepared: Prepared, loader: Loader | None) -> Iterator[Document]:
    documents: list[Document] = []
    for _ in range(MAX_MENDED):
        documents.clear()
        try:
            documents.extend(read_documents(prepared, AGENT, loader=loader))
        except Refusal as refusal:
            better = _mend(prepared, refusal)
            if better is None:
                yield from documents
                raise
            prepared = better
        else:
            yield from documents
            return
    problem = f"more than {MAX_MENDED} places that only the agent's reader takes"
    raise Refusal(problem, 0, hint="put these values in single quotes")


def _mend(prepared: Prepared, refusal: Refusal) -> Prepared | None:
    """The text without what libyaml stumbles over and yaml-rust doesn't; None: both refuse it."""
    if refusal.code != "yaml-syntax":
        return None
    text, at = prepared.text, refusal.offset
    if found := _TAG_HANDLE.match(text, at):
        # An undefined handle is as good as any: the tag is unknown.
        return prepared._replace(text=_with(text, found.start(1), "_"))
    if text[at : at + 1] in ("|", ">"):
        # Inside brackets, both are letters.
        letter = next((char for char in map(chr, range(0xE000, 0xE100)) if char not in text), None)
        if letter is not None:
            restore = {**prepared.restore, ord(letter): text[at]}
            return prepared._replace(text=_with(text, at, letter), restore=restore)
    if _EMPTY_KEY.match(text, at) and _HEAD.fullmatch(text, 0, at):
        # The key is the text ~, which nothing is called; its value is not looked at.
        return prepared._replace(text=f"{text[:at]}~: {text[at + 3 :]}")
    if found := _TEXT_AT_MARGIN.search(text[:at]):
        # A text in the first column, on the line after its key.
        return prepared._replace(text=_with(text, found.start(1), " "))
    return None


def _with(text: str, at: int, char: str) -> str:
    return text[:at] + char + text[at + 1 :]

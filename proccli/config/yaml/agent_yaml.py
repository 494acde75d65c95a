"""The YAML documents of a text as the agent's reader finds them, for each version of its crate."""

from __future__ import annotations

from collections.abc import Iterator

from proccli.config.yaml.dialects import AGENT, NEWER_AGENT, Prepared, prepared_for_agent
from proccli.config.yaml.reader import Document, Loader, read_documents
from proccli.versions import YamlCrate


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
    return read_documents(prepared_for_agent(text), AGENT, loader=loader)

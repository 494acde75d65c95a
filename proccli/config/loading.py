"""From the bytes of a configuration to a `Config`."""

from __future__ import annotations

import codecs
from dataclasses import replace
from typing import Final, Literal, TypeAlias

from proccli.config.agents import agent_of_version
from proccli.config.aswritten import AsWritten
from proccli.config.flavours import AGENT, SERVER, prepared_for_agent, prepared_for_server
from proccli.config.nodes import Node
from proccli.config.reader import Loader, default_loader, read_documents
from proccli.config.refusal import Refusal
from proccli.config.sourcetext import SourceText, check_bytes
from proccli.config.static_config import read_config
from proccli.config.throughserver import ThroughServer
from proccli.errors import ConfigError
from proccli.model.config import Config, Notice

Via: TypeAlias = Literal["server", "file"]

MAX_BYTES: Final = 1 << 20
"""Many times the size of the vendor's example, which has all keys with their comments."""


def defaults(agent: str = "6.5", via: Via = "server") -> Config:
    """What an agent does without any configuration.

    Raises: UsageError for an agent that isn't emulated.
    """
    version = agent_of_version(agent)
    return Config(file=None, dialect=version.dialect, agent=version.number, via=via)


def load(
    text: bytes,
    source_name: str,
    *,
    agent: str = "6.5",
    via: Via = "server",
    loader: Loader | None = None,
) -> Config:
    """What an agent makes of a configuration: a whole agent group configuration, or the
    `static_config` mapping alone.

    `via` says whether the text passes through the server, which changes some values, or is read
    by the agent as it stands; `loader` which half of PyYAML does the reading.

    Raises: ConfigError, with the place, where the server or the agent would refuse the whole
    configuration, or where proccli can't tell what they do; UsageError for an agent that isn't
    emulated.
    """
    version = agent_of_version(agent)
    without = replace(defaults(agent, via), file=source_name)
    if via == "server":
        text = text.removeprefix(codecs.BOM_UTF8)
    source = SourceText(text[:MAX_BYTES].decode("utf-8", "replace"), source_name)
    try:
        check_bytes(text, MAX_BYTES)
        if via == "server":
            through = ThroughServer(source)
            return read_config(_from_server(source, loader), through, without, version)
        config = read_config(_as_written(source, loader), AsWritten(source), without, version)
    except Refusal as refusal:
        problem = refusal.problem + _consequence(refusal, version.number, via)
        raise ConfigError(problem, source.at(refusal.offset), hint=refusal.hint) from None
    cut = source.text.find("\0")
    if cut >= 0:
        notice = source.notice("text-after-nul", cut, "the agent reads no further than this NUL")
        return replace(config, notices=(*config.notices, notice))
    return config


def reader_notices() -> tuple[Notice, ...]:
    """A warning where PyYAML was built without libyaml; its wheels all have it."""
    if default_loader() == "libyaml":
        return ()
    message = (
        "PyYAML was built without libyaml here: it may read tabs and byte order marks differently"
        " from the agent"
    )
    return (Notice(code="yaml-reader", message=message),)


def _from_server(source: SourceText, loader: Loader | None) -> Node | None:
    """The root of the first document: the server's decoder never looks at what follows."""
    documents = read_documents(prepared_for_server(source.text), SERVER, loader=loader)
    first = next(documents, None)
    problem = "the server reads one YAML document, which ends here: the rest would be lost"
    hint = "check the indentation, and leave out lines of --- or ..."
    try:
        second = next(documents, None)
    except Refusal as refusal:
        raise Refusal(problem, refusal.offset, hint=hint) from None
    if second is not None:
        raise Refusal(problem, second.start, hint=hint)
    return first.root if first else None


def _as_written(source: SourceText, loader: Loader | None) -> Node | None:
    """The root of the only document: with more than one, the agent's reader refuses the text."""
    documents = read_documents(prepared_for_agent(source.text), AGENT, loader=loader)
    first = next(documents, None)
    second = next(documents, None)
    if second is not None:
        raise Refusal("a second YAML document begins here", second.start, by="agent")
    return first.root if first else None


def _consequence(refusal: Refusal, agent: str, via: Via) -> str:
    if refusal.by == "server":
        return "; the server refuses to take the configuration"
    if refusal.by == "proccli":
        return ""
    passed_on = "the server passes it on, and " if via == "server" else ""
    return (
        f"; {passed_on}agent {agent} rejects the whole configuration and goes on with its"
        " previous one"
    )

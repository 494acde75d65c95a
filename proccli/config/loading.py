"""From the bytes of a configuration to a `Config`."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, TypeAlias

from proccli.config.characters import advice, looks_like_gb18030
from proccli.config.delivery import AsWritten, ThroughServer, Tolerant
from proccli.config.static_config import SWITCH, read_config
from proccli.config.yaml.dialects import AGENT, SERVER, prepared_for_agent, prepared_for_server
from proccli.config.yaml.nodes import Node, Refusal, SourceText, check_bytes
from proccli.config.yaml.reader import Document, Loader, default_loader, read_documents
from proccli.errors import ConfigError, Fault, FaultCode, Refuser
from proccli.model.config import Config
from proccli.model.note import Note
from proccli.versions import DEFAULT_AGENT, agent_version

Via: TypeAlias = Literal["server", "file"]

MAX_BYTES: Final = 1 << 20
"""Many times the size of the vendor's example, which has all keys with their comments."""


def defaults(agent: str = DEFAULT_AGENT, via: Via = "server") -> Config:
    """What an agent does without any configuration.

    Raises: UsageError for an agent that isn't emulated.
    """
    version = agent_version(agent)
    switchable = version.static_config is None or SWITCH in version.static_config.keys
    return Config(
        file=None,
        dialect=version.dialect,
        agent=version.number,
        via=via,
        sync_enabled=not switchable,
    )


class Reading(NamedTuple):
    """A configuration as it was read, with its text and all of its faults."""

    source: SourceText
    root: Node | None
    """The root of the first YAML document; None where there is none, or the text is not YAML."""
    config: Config | None
    """With faults: what is left, with defaults in place of what is refused. None: nothing is."""
    faults: tuple[Fault, ...] = ()
    """In the order of reading: the first is the one for which all of it is refused."""

    @property
    def is_yaml(self) -> bool:
        """Whether the text could be read as YAML up to the end of its first document."""
        return all(fault.is_yaml for fault in self.faults)


def load(
    text: bytes,
    source_name: str,
    *,
    agent: str = DEFAULT_AGENT,
    via: Via = "server",
    loader: Loader | None = None,
) -> Config:
    """The settings and rules that an agent takes from a configuration: a whole agent group
    configuration, or the `static_config` mapping alone.

    `via` says whether the text passes through the server, which changes some values, or is read
    by the agent as it stands; `loader` which half of PyYAML does the reading.

    Raises: ConfigError, with the place, where the server or the agent would refuse the whole
    configuration, or where proccli does not know what they do; UsageError for an agent that isn't
    emulated.
    """
    reading = read(text, source_name, agent=agent, via=via, loader=loader)
    if reading.faults or reading.config is None:
        fault = reading.faults[0]
        problem = f"{fault.problem}; {fault.consequence}" if fault.consequence else fault.problem
        raise ConfigError(problem, fault.at, hint=fault.hint, fault=fault)
    return reading.config


def read(
    text: bytes,
    source_name: str,
    *,
    agent: str = DEFAULT_AGENT,
    via: Via = "server",
    loader: Loader | None = None,
) -> Reading:
    """A configuration with all of its faults; the options are those of `load`.

    Raises: UsageError for an agent that isn't emulated.
    """
    version = agent_version(agent)
    without = defaults(agent, via)._replace(file=source_name)
    if via == "server":
        text = text.removeprefix(codecs.BOM_UTF8)
    source = SourceText(text[:MAX_BYTES].decode("utf-8", "replace"), source_name)
    faults: list[Fault] = []

    def add(refusal: Refusal, code: FaultCode) -> None:
        code = refusal.code or code
        value = code in ("yaml-syntax", "config-rejected")
        faults.append(
            Fault(
                code=code,
                problem=refusal.problem,
                at=source.at(refusal.offset),
                by=refusal.by,
                consequence=_consequence(refusal.by, version.number, via),
                hint=advice(refusal, source) if value else refusal.hint,
            )
        )

    try:
        _check_bytes(text)
        if via == "server":
            documents = read_documents(prepared_for_server(source.text), SERVER, loader=loader)
        else:
            documents = read_documents(prepared_for_agent(source.text), AGENT, loader=loader)
        first = next(documents, None)
    except Refusal as refusal:
        add(refusal, "unreadable")
        return Reading(source=source, root=None, config=None, faults=tuple(faults))
    root = first.root if first else None
    if (second := _second_document(documents, via)) is not None:
        add(second, "second-document")
    stage = Tolerant(ThroughServer(source) if via == "server" else AsWritten(source))
    config: Config | None = None
    refusals = stage.refusals
    try:
        config = read_config(root, stage, without, version)
    except Refusal as last:
        refusals = [*refusals, last]
    for found in refusals:
        add(found, "config-rejected")
    cut = source.text.find("\0")
    if config is not None and via != "server" and cut >= 0 and not faults:
        note = source.note("text-after-nul", cut)
        config = config._replace(notes=(*config.notes, note))
    return Reading(source=source, root=root, config=config, faults=tuple(faults))


def reader_notes() -> tuple[Note, ...]:
    """A warning where PyYAML was built without libyaml; its wheels all have it."""
    return () if default_loader() == "libyaml" else (Note.of("yaml-reader"),)


def _check_bytes(text: bytes) -> None:
    """Raises: Refusal for a text that is too big or no UTF-8."""
    try:
        check_bytes(text, MAX_BYTES)
    except Refusal as refusal:
        if refusal.hint is None and looks_like_gb18030(text[:MAX_BYTES]):
            refusal.hint = (
                "it looks like GB18030 (GBK): convert it with iconv -f GB18030 -t UTF-8 FILE,"
                " or save it as UTF-8 in the editor"
            )
        raise


def _second_document(documents: Iterator[Document], via: Via) -> Refusal | None:
    """Why a second YAML document costs the configuration; None where there is none.

    The server's decoder never looks at what follows the first; the agent's reader refuses it, and
    may raise for what is wrong in there.
    """
    try:
        second = next(documents, None)
    except Refusal as refusal:
        if via == "file":
            # The text as a whole is not what the agent's reader takes.
            refusal.code = "second-document"
            return refusal
        at = refusal.offset
    else:
        if second is None:
            return None
        at = second.start
    if via == "file":
        return Refusal("a second YAML document begins here", at, by="agent")
    problem = "the server reads one YAML document, which ends here: the rest would be lost"
    return Refusal(problem, at, hint="check the indentation, and leave out lines of --- or ...")


def _consequence(by: Refuser, agent: str, via: Via) -> str | None:
    """What happens to a configuration with a fault, by who refuses it; None: not known."""
    if by == "server":
        return "the server refuses the configuration"
    if by == "proccli":
        return None
    passed_on = "the server passes it on, and " if via == "server" else ""
    return f"{passed_on}agent {agent} rejects the whole configuration and keeps its previous one"

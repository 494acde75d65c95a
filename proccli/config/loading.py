"""From the bytes of a configuration to a `Config`."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, TypeAlias

from proccli.config.characters import advice, looks_like_gb18030
from proccli.config.choosing import Choice, choose, other_half
from proccli.config.delivery import AsWritten, Stage, ThroughServer, Tolerant
from proccli.config.static_config import read_config, static_defaults
from proccli.config.yaml.dialects import SERVER, prepared_for_server
from proccli.config.yaml.nodes import Node, Refusal, SourceText, check_bytes
from proccli.config.yaml.reader import Document, Loader, default_loader, read_documents
from proccli.config.yaml.serde_yaml import crate_of
from proccli.errors import ConfigError, Fault, FaultCode, UsageError
from proccli.model.config import Config
from proccli.model.note import Note
from proccli.text import visible
from proccli.versions import (
    DEFAULT_AGENT,
    ConfigServer,
    YamlCrate,
    agent_version,
    config_server,
)

Via: TypeAlias = Literal["server", "file"]

MAX_BYTES: Final = 1 << 20
"""Many times the size of the vendor's example, which has all keys with their comments."""


def defaults(agent: str | None = None, via: Via = "server") -> Config:
    """What an agent does without any configuration.

    Raises: UsageError for an agent that isn't emulated.
    """
    version = agent_version(agent or DEFAULT_AGENT)
    config = Config(file=None, dialect=version.dialect, agent=version.number, via=via)
    if version.dialect == "static_config":
        return static_defaults(config, version)
    from proccli.config.inputs_proc import default_config

    return default_config(config, version)


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
    agent: str | None = None,
    server: str | None = None,
    via: Via = "server",
    loader: Loader | None = None,
) -> Config:
    """The settings and rules that an agent takes from a configuration: a whole agent group
    configuration, or the `static_config` mapping alone.

    `agent` and `server` are versions, by default those of the configuration's dialect. `via` says
    whether the text passes through the server, which changes some values, or is read by the agent
    as it stands; `loader` which half of PyYAML does the reading.

    Raises: ConfigError, with the place, where the agent would refuse the whole configuration or
    doesn't speak its dialect, where a server before `inputs.proc` would refuse it, or where
    proccli does not know what they do; UsageError for an agent or server that isn't emulated.
    """
    reading = read(text, source_name, agent=agent, server=server, via=via, loader=loader)
    if reading.faults or reading.config is None:
        fault = reading.faults[0]
        problem = f"{fault.problem}; {fault.consequence}" if fault.consequence else fault.problem
        raise ConfigError(problem, fault.at, hint=fault.hint, fault=fault)
    return reading.config


def read(
    text: bytes,
    source_name: str,
    *,
    agent: str | None = None,
    server: str | None = None,
    via: Via = "server",
    new_rpc: bool | None = None,
    loader: Loader | None = None,
) -> Reading:
    """A configuration with all of its faults; the options are those of `load`.

    `new_rpc` is the bootstrap key by which an agent that reads both dialects chooses one; None: it
    goes by the file.

    Raises: UsageError for an agent or server that isn't emulated.
    """
    written = text[:MAX_BYTES].decode("utf-8", "replace")
    choice = choose(written.removeprefix(_BOM), agent, new_rpc=new_rpc)
    if written.startswith(_BOM):
        if via == "server" or _crate(choice) == "0.9.25":
            written = written.removeprefix(_BOM)
            text = text.removeprefix(codecs.BOM_UTF8)
        else:  # a part of the first key
            choice = choice.behind_bom()
    base = Config(file=source_name, dialect=choice.dialect, agent=choice.agent.number, via=via)
    reading = _Reading(SourceText(written, source_name), choice, via, loader)
    config: Config | None = None
    try:
        _check_bytes(text)
        if choice.refusal is not None:
            raise choice.refusal
        if choice.dialect == "inputs.proc":
            config = reading.inputs_proc(base, _server(server, choice) if via == "server" else None)
        else:
            config = reading.static_config(base)
    except Refusal as refusal:
        reading.add(refusal, "unreadable")
    if config is not None and choice.other is not None:
        note = reading.source.note("other-half", choice.other, **other_half(choice))
        config = config._replace(notes=(*config.notes, note))
    return Reading(
        source=reading.source, root=reading.root, config=config, faults=tuple(reading.faults)
    )


_BOM: Final = "\ufeff"


def _crate(choice: Choice) -> YamlCrate:
    return choice.agent.yaml_crate


def _server(number: str | None, choice: Choice) -> ConfigServer:
    """The server on the way of an `inputs.proc` configuration.

    Raises: UsageError for one that doesn't know the dialect.
    """
    server = config_server(number or choice.agent.number)
    if server is None:
        raise UsageError(f"server {visible(number or '')} does not know inputs.proc")
    return server


class _Reading:
    """One reading of a text, with what was found on the way."""

    def __init__(self, source: SourceText, choice: Choice, via: Via, loader: Loader | None) -> None:
        self.source = source
        self.choice = choice
        self.via = via
        self.loader = loader
        self.root: Node | None = None
        self.faults: list[Fault] = []

    def add(self, refusal: Refusal, code: FaultCode) -> None:
        """Adds a fault; `code` is what it is where the refusal itself doesn't know."""
        code = refusal.code or code
        of_value = code in ("yaml-syntax", "config-rejected")
        self.faults.append(
            Fault(
                code=code,
                problem=refusal.problem,
                at=self.source.at(refusal.offset),
                by=refusal.by,
                consequence=self._consequence(refusal),
                hint=advice(refusal, self.source) if of_value else refusal.hint,
                panics=refusal.panics,
            )
        )

    def _consequence(self, refusal: Refusal) -> str | None:
        """What happens to a configuration with a fault, by who refuses it; None: not known."""
        if refusal.by == "server":
            return "the server refuses the configuration"
        if refusal.by == "proccli":
            return None
        passed_on = "the server passes it on, and " if self.via == "server" else ""
        does = "rejects the whole configuration and keeps its previous one"
        return f"{passed_on}agent {self.choice.agent.number} {does}"

    def _first(self, documents: Iterator[Document]) -> Document | None:
        """The first document; a second one is a fault."""
        first = next(documents, None)
        self.root = first.root if first else None
        if (second := _second_document(documents, self.via)) is not None:
            self.add(second, "second-document")
        return first

    def static_config(self, base: Config) -> Config | None:
        """The configuration of a text with `static_config`. Raises: Refusal."""
        text, crate = self.source.text, self.choice.agent.yaml_crate
        stage: Stage
        if self.via == "server":
            documents = read_documents(prepared_for_server(text), SERVER, loader=self.loader)
            stage = ThroughServer(self.source)
        else:
            from proccli.config.yaml.agent_yaml import agent_documents

            documents = agent_documents(text, crate, loader=self.loader)
            stage = AsWritten(self.source, crate_of(crate))
        self._first(documents)
        tolerant = Tolerant(stage)
        config: Config | None = None
        refusals = tolerant.refusals
        try:
            config = read_config(self.root, tolerant, base, self.choice.agent)
        except Refusal as last:
            refusals = [*refusals, last]
        for found in refusals:
            self.add(found, "config-rejected")
        cut = text.find("\0")
        if config is not None and self.via != "server" and cut >= 0 and not self.faults:
            note = self.source.note("text-after-nul", cut)
            config = config._replace(notes=(*config.notes, note))
        return config

    def inputs_proc(self, base: Config, server: ConfigServer | None) -> Config:
        """The configuration of a text with `inputs`. Raises: Refusal."""
        from proccli.config.inputs_proc import read_inputs_proc
        from proccli.config.yaml.agent_yaml import agent_documents
        from proccli.config.yaml.kinds import Reader

        agent = self.choice.agent
        reader = Reader(crate=crate_of(agent.yaml_crate), source=self.source.text)
        root: Node | None
        whole = True
        if server is None or server.library is None:
            if server is not None:
                note = self.source.note("server-unmeasured", 0, server=server.number)
                base = base._replace(notes=(*base.notes, note))
            documents = agent_documents(self.source.text, agent.yaml_crate, loader=self.loader)
            first = self._first(documents)
            root = first.root if first else None
            if root is None and agent.yaml_crate != "0.9.25":
                problem = "there is no YAML document, where the agent expects a mapping"
                raise Refusal(problem, 0, by="agent", code="config-rejected")
        else:
            root, base, whole = self._pushed(base, server)
            reader.is_pushed = True
        config = read_inputs_proc(root, self.source, reader, base, agent)
        if not whole:  # the section may be in the text that the server can't load
            notes = tuple(note for note in config.notes if note.code != "no-inputs")
            config = config._replace(notes=notes)
        for found in reader.refusals:
            self.add(found, "config-rejected")
        return config

    def _pushed(self, base: Config, server: ConfigServer) -> tuple[Node | None, Config, bool]:
        """The root of what the server sends, with the places of the user's text, and whether that
        is all of the text."""
        from proccli.config.pushing import push, relocated
        from proccli.config.validating import validate
        from proccli.config.yaml.agent_yaml import agent_documents

        assert server.library is not None  # noqa: S101 - the caller looked
        pushed = push(self.source.text, server.library, loader=self.loader)
        self.root = pushed.root
        refused = [*pushed.errors, *validate(pushed.loaded, server)]
        if refused:
            note = self.source.note(
                "server-refuses",
                refused[0].offset,
                server=server.number,
                problem=refused[0].problem,
                more=len(refused) - 1,
                loaded=not pushed.errors,
                partly=bool(pushed.value.entries),
            )
            base = base._replace(notes=(*base.notes, note))
        documents = agent_documents(pushed.text, self.choice.agent.yaml_crate, loader=self.loader)
        sent = next(documents, None)
        root = relocated(sent.root, pushed.value) if sent else None
        return root, base, not pushed.errors


def reader_notes() -> tuple[Note, ...]:
    """A warning where PyYAML was built without libyaml; its wheels all have it."""
    return () if default_loader() == "libyaml" else (Note.of("yaml-reader"),)


_OWN_FILES: Final = (
    rb'\s*\{\s*"(?:type"\s*:\s*"header"\s*,\s*"format"\s*:\s*"proccli-|schema"\s*:\s*"proccli/)'
)
"""The beginning of a recording, or of a JSON document of proccli. Read as YAML, such a document
would be a configuration with defaults."""


def _check_bytes(text: bytes) -> None:
    """Raises: Refusal for a text that is too big, no UTF-8, or a file that proccli wrote."""
    if text.lstrip().startswith(b"{") and re.match(_OWN_FILES, text):
        problem = "written by proccli, and not a configuration"
        hint = "a recording is given with -s, the output of proccli sync to topology or label"
        raise Refusal(problem, 0, hint=hint, by="proccli")
    try:
        check_bytes(text, MAX_BYTES)
    except Refusal as refusal:
        if refusal.hint is None and looks_like_gb18030(text[:MAX_BYTES]):
            refusal.hint = (
                "it looks like GB18030 (GBK): convert it with iconv -f GB18030 -t UTF-8 FILE,"
                " or save it as UTF-8 in the editor"
            )
        raise


def second_document(text: str) -> int | None:
    """Where a second document begins, as the server's reader sees it; None: there is none."""
    try:
        documents = read_documents(prepared_for_server(text), SERVER)
        if next(documents, None) is None:
            return None
        second = next(documents, None)
    except Refusal:
        return None
    return None if second is None else second.start


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

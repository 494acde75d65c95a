"""A configuration read as the agent reads it, and not only up to its first fault."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from proccli import config as configs
from proccli.config.agents import agent_of_version
from proccli.config.aswritten import AsWritten
from proccli.config.flavours import AGENT, SERVER, prepared_for_agent, prepared_for_server
from proccli.config.loading import MAX_BYTES, Via
from proccli.config.nodes import Node, resolved
from proccli.config.nodes import Sequence as SequenceNode
from proccli.config.reader import read_documents
from proccli.config.refusal import Refusal
from proccli.config.sourcetext import SourceText, check_bytes
from proccli.config.stages import RULE_FIELDS, RawRule, Stage
from proccli.config.static_config import read_config
from proccli.config.throughserver import ThroughServer
from proccli.errors import ConfigError
from proccli.lint.written import Written
from proccli.model.config import Config

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What came of a text."""

    written: Written
    config: Config | None
    """With faults: what is left of it, with the defaults in the place of what is refused."""
    is_yaml: bool
    failure: ConfigError | None = None
    """The first fault, for which all of it is refused."""
    faults: tuple[Refusal, ...] = ()
    """All that were found; none where the text as a whole is at fault."""


def read(text: bytes, name: str, agent: str, via: Via) -> Reading:
    """A configuration with its faults. Raises: UsageError for an agent that isn't emulated."""
    shown = text.removeprefix(codecs.BOM_UTF8) if via == "server" else text
    source = SourceText(shown[:MAX_BYTES].decode("utf-8", "replace"), name)
    root, is_yaml = _tree(text, source, via)
    written = Written(source, root)
    try:
        config = configs.load(text, name, agent=agent, via=via)
    except ConfigError as failure:
        if not is_yaml:
            return Reading(written=written, config=None, is_yaml=is_yaml, failure=failure)
        rest, faults = _tolerant(written, name, agent, via)
        return Reading(
            written=written, config=rest, is_yaml=True, failure=failure, faults=tuple(faults)
        )
    return Reading(written=written, config=config, is_yaml=True)


def _tree(text: bytes, source: SourceText, via: Via) -> tuple[Node | None, bool]:
    """The root of the first document, and whether the text is YAML so far."""
    try:
        check_bytes(text, MAX_BYTES)
        if via == "server":
            documents = read_documents(prepared_for_server(source.text), SERVER)
        else:
            documents = read_documents(prepared_for_agent(source.text), AGENT)
        first = next(documents, None)
    except Refusal:
        return None, False
    return (first.root if first is not None else None), True


def _tolerant(
    written: Written, name: str, agent: str, via: Via
) -> tuple[Config | None, list[Refusal]]:
    inner = ThroughServer(written.source) if via == "server" else AsWritten(written.source)
    stage = _Tolerant(inner)
    defaults = replace(configs.defaults(agent, via), file=name)
    try:
        config = read_config(written.root, stage, defaults, agent_of_version(agent))
    except Refusal as refusal:
        return None, [*stage.faults, refusal]
    return config, stage.faults


class _Tolerant:
    """Another stage, whose refusals are noted and cost only the value that they are about."""

    def __init__(self, inner: Stage) -> None:
        self.inner = inner
        self.source = inner.source
        self.notices = inner.notices
        self.merges = inner.merges
        self.faults: list[Refusal] = []

    def _attempt(self, reading: Callable[[], T]) -> T | None:
        try:
            return reading()
        except Refusal as refusal:
            self._note(refusal)
            return None

    def _note(self, refusal: Refusal) -> None:
        if all(refusal.offset != known.offset for known in self.faults):
            self.faults.append(refusal)

    def fields(self, node: Node, what: str, names: tuple[str, ...]) -> Mapping[str, Node] | None:
        return self._attempt(lambda: self.inner.fields(node, what, names))

    def boolean(self, node: Node, what: str) -> bool | None:
        return self._attempt(lambda: self.inner.boolean(node, what))

    def integer(self, node: Node, what: str) -> int | None:
        return self._attempt(lambda: self.inner.integer(node, what))

    def string(self, node: Node, what: str) -> str | None:
        return self._attempt(lambda: self.inner.string(node, what))

    def strings(self, node: Node, what: str) -> tuple[str, ...] | None:
        return self._attempt(lambda: self.inner.strings(node, what))

    def rules(self, node: Node, what: str) -> tuple[RawRule, ...] | None:
        """The rules, each as far as it can be read."""
        known = len(self.faults)
        rules = self._attempt(lambda: self.inner.rules(node, what))
        items = resolved(node)
        if len(self.faults) == known or not isinstance(items, SequenceNode):
            return rules
        return tuple(self._rule(item, number) for number, item in enumerate(items.items, start=1))

    def _rule(self, node: Node, number: int) -> RawRule:
        known = len(self.faults)
        fields = self.fields(node, f"rule {number}", RULE_FIELDS)
        if fields is None and len(self.faults) == known:
            problem = f"rule {number} must be a mapping, not empty"
            self._note(Refusal(problem, node.start, by="agent", hint="delete the dash"))
        texts: dict[str, tuple[str, Node]] = {}
        for name, value in (fields or {}).items():
            text = self.string(value, f"{name} of rule {number}")
            if text is not None:
                texts[name] = (text, value)
        return RawRule(node=node, texts=texts)

"""A stage that reads on after a fault, so that one reading finds all faults of a configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from proccli.config.stages import RULE_FIELDS, RawRule, Stage
from proccli.config.yaml.nodes import Node, resolved
from proccli.config.yaml.nodes import Sequence as SequenceNode
from proccli.config.yaml.refusal import Refusal

T = TypeVar("T")


class Tolerant:
    """Another stage, whose refusals are collected and cost only the value that they are about."""

    def __init__(self, inner: Stage) -> None:
        self.inner = inner
        self.source = inner.source
        self.notes = inner.notes
        self.merges = inner.merges
        self.refusals: list[Refusal] = []
        """In the order of reading; of several at one place only the first."""

    def _attempt(self, reading: Callable[[], T]) -> T | None:
        try:
            return reading()
        except Refusal as refusal:
            self._add(refusal)
            return None

    def _add(self, refusal: Refusal) -> None:
        if all(refusal.offset != known.offset for known in self.refusals):
            self.refusals.append(refusal)

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
        known = len(self.refusals)
        rules = self._attempt(lambda: self.inner.rules(node, what))
        items = resolved(node)
        if len(self.refusals) == known or not isinstance(items, SequenceNode):
            return rules
        return tuple(self._rule(item, number) for number, item in enumerate(items.items, start=1))

    def _rule(self, node: Node, number: int) -> RawRule:
        known = len(self.refusals)
        fields = self.fields(node, f"rule {number}", RULE_FIELDS)
        if fields is None and len(self.refusals) == known:
            problem = f"rule {number} must be a mapping, not empty"
            self._add(Refusal(problem, node.start, by="agent", hint="delete the dash"))
        texts: dict[str, tuple[str, Node]] = {}
        for name, value in (fields or {}).items():
            text = self.string(value, f"{name} of rule {number}")
            if text is not None:
                texts[name] = (text, value)
        return RawRule(node=node, texts=texts)

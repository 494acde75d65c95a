"""The way of a configuration to the agent: through the server, or as it is written.

Both stages answer alike: values of the right type, None where a key might as well not stand
there. They differ in what they accept, and collect warnings about what the user may not expect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from proccli.config.yaml.nodes import Node
from proccli.config.yaml.sourcetext import SourceText
from proccli.model.note import Note

RULE_FIELDS: Final = ("match-regex", "match-type", "rewrite-name", "action")
"""In the order of the agent's struct, which a rule written as a list follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRule:
    """One element of os-proc-regex before it is compiled: its texts and their places."""

    node: Node
    texts: Mapping[str, tuple[str, Node]]


class Stage(Protocol):
    """How the agent comes to its values. Every reading may raise `Refusal`."""

    source: SourceText
    notes: list[Note]
    merges: bool
    """Whether merge keys (`<<`) mean anything."""

    def fields(self, node: Node, what: str, names: tuple[str, ...]) -> Mapping[str, Node] | None:
        """The keys of a mapping that are among `names`; None where it is empty."""

    def boolean(self, node: Node, what: str) -> bool | None:
        """A switch."""

    def integer(self, node: Node, what: str) -> int | None:
        """A whole number of 32 bits, without a sign."""

    def string(self, node: Node, what: str) -> str | None:
        """A text."""

    def strings(self, node: Node, what: str) -> tuple[str, ...] | None:
        """A list of texts."""

    def rules(self, node: Node, what: str) -> tuple[RawRule, ...] | None:
        """The elements of os-proc-regex."""

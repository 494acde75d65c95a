"""The stage of a text that passes through the server, as group configurations do.

The server reads the text into typed values and writes them out anew; the agent reads that. So
what counts is the server's reading, then the agent's limits. Where the outcome is not what the
agent alone would have made of the text, a warning says so.

Source: agent_config.StaticConfig of the server (pointers, omitempty); its values come through
yaml.v2's Marshal and serde_yaml 0.8.26 unchanged, but for texts with U+0085, U+2028 or U+2029.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from proccli.config.stages import RULE_FIELDS, RawRule
from proccli.config.yaml import go_yaml as goyaml
from proccli.config.yaml import serde_yaml as serde
from proccli.config.yaml.nodes import Mapping as MappingNode
from proccli.config.yaml.nodes import Node, Scalar, resolved
from proccli.config.yaml.refusal import Refusal
from proccli.config.yaml.sourcetext import SourceText
from proccli.model.note import Note, NoteValue
from proccli.text import visible

T = TypeVar("T")

CODE: Final = "server-changes-value"
_LOST_ON_THE_WAY: Final = "\x85\u2028\u2029"


class ThroughServer:
    """Values as they come out of the server: `stages.Stage`."""

    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.notes: list[Note] = []
        self.merges = True

    def fields(self, node: Node, what: str, names: tuple[str, ...]) -> Mapping[str, Node] | None:
        fields = goyaml.read_fields(node, what, names)
        merges = _merge_key(node)
        if merges is not None:
            self._note(merges.start, kind="merge-key", what=what)
        return fields

    def boolean(self, node: Node, what: str) -> bool | None:
        value = goyaml.read_bool(node, what)
        self._compare(node, what, value, lambda: serde.read_bool(node, what))
        return value

    def integer(self, node: Node, what: str) -> int | None:
        value = goyaml.read_int(node, what)
        if value is not None and not 0 <= value <= serde.U32_MAX:
            problem = f"{what} must be a whole number from 0 to {serde.U32_MAX}, not {value}"
            raise Refusal(problem, node.start, by="agent")
        self._compare(node, what, value, lambda: serde.read_int(node, what, serde.U32_MAX))
        return value

    def string(self, node: Node, what: str) -> str | None:
        value = self._string(node, what)
        self._compare(node, what, value, lambda: serde.read_string(node, what))
        return value

    def strings(self, node: Node, what: str) -> tuple[str, ...] | None:
        items = goyaml.read_list(node, what)
        if items is None:
            self._note_vanished({what: node})
            return None
        element = f"an element of {what}"
        texts = [(item, self._string(item, element)) for item in items]
        vanished = next((item for item, text in texts if text is None), None)
        self._note_vanished({} if vanished is None else {element: vanished})
        return tuple(text for _, text in texts if text is not None)

    def rules(self, node: Node, what: str) -> tuple[RawRule, ...] | None:
        items = goyaml.read_list(node, what)
        if items is None:
            self._note_vanished({what: node})
            return None
        return tuple(self._rule(item, number) for number, item in enumerate(items, start=1))

    def _rule(self, node: Node, number: int) -> RawRule:
        fields = self.fields(node, f"rule {number}", RULE_FIELDS)
        if fields is None:
            problem = f"rule {number} must be a mapping, not empty"
            raise Refusal(problem, node.start, by="agent", hint="delete the dash")
        texts: dict[str, tuple[str, Node]] = {}
        vanished: dict[str, Node] = {}
        for name, value in fields.items():
            text = self._string(value, f"{name} of rule {number}")
            if text is None:
                vanished[name] = value
            else:
                texts[name] = (text, value)
        if vanished and not texts:
            start = next(iter(vanished.values())).start
            self._note(start, kind="empty-rule", rule=number)
        else:
            self._note_vanished(vanished, number)
        return RawRule(node=node, texts=texts)

    def _string(self, node: Node, what: str) -> str | None:
        text = goyaml.read_string(node, what)
        for char in _LOST_ON_THE_WAY:
            if text is not None and char in text:
                problem = f"{what} holds {visible(char)}, which doesn't reach the agent as it is"
                raise Refusal(problem, node.start, hint="leave the character out")
        return text

    def _compare(
        self, node: Node, what: str, value: T | None, read_directly: Callable[[], T]
    ) -> None:
        """Adds a warning if the agent alone would have read another value."""
        if value is None:
            self._note_vanished({what: node})
            return
        try:
            if read_directly() == value:
                return
            rejected = False
        except Refusal:
            rejected = True
        scalar = resolved(node)
        written = serde.shown(scalar) if isinstance(scalar, Scalar) else what
        after = str(value).lower() if isinstance(value, bool) else visible(str(value))
        self._note(
            node.start, kind="value", what=what, written=written, sent=after, rejected=rejected
        )

    def _note_vanished(self, vanished: Mapping[str, Node], rule: int | None = None) -> None:
        if vanished:
            start = next(iter(vanished.values())).start
            self._note(start, kind="left-out", keys=tuple(vanished), rule=rule)

    def _note(self, offset: int, **values: NoteValue) -> None:
        self.notes.append(self.source.note(CODE, offset, **values))


def _merge_key(node: Node) -> Node | None:
    written = resolved(node)
    if not isinstance(written, MappingNode):
        return None
    return next((key for key, _ in written.pairs if goyaml.is_merge(key)), None)

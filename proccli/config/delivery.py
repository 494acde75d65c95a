"""How the values of a configuration reach the agent: from the file, or through the server.

A group configuration passes through the server, which reads the text into typed values and writes
them out anew; the agent reads that. So what counts is the server's reading, then the agent's
limits. Where the result is not what the agent alone would read in the text, a warning says so.

All deliveries answer alike: values of the right type, None where a key has the same effect as if
it were missing. They differ in what they accept, and collect warnings about unexpected results.

Source: agent_config.StaticConfig of the server (pointers, omitempty); its values come through
yaml.v2's Marshal and serde_yaml 0.8.26 unchanged, but for texts with U+0085, U+2028 or U+2029.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeVar

from proccli.config.yaml import go_yaml, serde_yaml
from proccli.config.yaml.nodes import Mapping as MappingNode
from proccli.config.yaml.nodes import (
    Node,
    Refusal,
    Scalar,
    SourceText,
    is_null,
    resolved,
)
from proccli.config.yaml.nodes import Sequence as SequenceNode
from proccli.config.yaml.serde_yaml import Older
from proccli.model.note import Note, NoteValue
from proccli.text import visible

if TYPE_CHECKING:
    from proccli.config.yaml.kinds import Struct

T = TypeVar("T")

RULE_FIELDS: Final = ("match-regex", "match-type", "rewrite-name", "action")
"""In the order of the agent's struct, which a rule written as a list follows."""


class RawRule(NamedTuple):
    """One element of os-proc-regex before it is compiled: its texts and their places."""

    node: Node
    texts: Mapping[str, tuple[str, Node]]


class Stage(Protocol):
    """How the agent comes to its values. Every reading may raise `Refusal`."""

    source: SourceText
    notes: list[Note]
    merges: bool
    """Whether merge keys (`<<`) mean anything."""

    def is_nothing(self, root: Node | None) -> bool:
        """Whether a document means the same as no configuration."""

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

    def rules(
        self, node: Node, what: str, names: tuple[str, ...] = RULE_FIELDS
    ) -> tuple[RawRule, ...] | None:
        """The elements of os-proc-regex, which have the fields `names`."""

    def check_types(self, node: Node, what: str, types: Struct) -> None:
        """Checks everything in a mapping whose type is known, all sections included."""


class AsWritten:
    """Values as the agent's own reader finds them: `stages.Stage`."""

    def __init__(self, source: SourceText, crate: Older = serde_yaml.OLDER) -> None:
        self.source = source
        self.crate = crate
        self.notes: list[Note] = []
        self.merges = False

    def is_nothing(self, root: Node | None) -> bool:
        if self.crate is serde_yaml.NEWER:
            return root is None or serde_yaml.is_empty(root)
        return root is None and not self.source.text

    def fields(self, node: Node, what: str, names: tuple[str, ...]) -> Mapping[str, Node] | None:
        return self.crate.fields(node, what, names)

    def boolean(self, node: Node, what: str) -> bool | None:
        return self.crate.boolean(node, what)

    def integer(self, node: Node, what: str) -> int | None:
        return self.crate.integer(node, what, serde_yaml.U32_MAX)

    def string(self, node: Node, what: str) -> str | None:
        text = self.crate.text(node, what)
        self._note_nulls({what: node})
        return text

    def strings(self, node: Node, what: str) -> tuple[str, ...] | None:
        items = self.crate.items(node, what)
        texts = tuple(self.crate.text(item, f"an element of {what}") for item in items)
        nulls = [item for item in items if is_null(item)]
        self._note_nulls({f"an element of {what}": item for item in nulls[:1]})
        return texts

    def rules(
        self, node: Node, what: str, names: tuple[str, ...] = RULE_FIELDS
    ) -> tuple[RawRule, ...] | None:
        items = self.crate.items(node, what)
        return tuple(self._rule(item, number, names) for number, item in enumerate(items, start=1))

    def check_types(self, node: Node, what: str, types: Struct) -> None:
        from proccli.config.yaml.kinds import Reader

        reader = Reader(crate=self.crate, source=self.source.text)
        reader.read(node, types, what)
        if reader.refusals:
            raise reader.refusals[0]

    def _rule(self, node: Node, number: int, names: tuple[str, ...]) -> RawRule:
        fields = self.crate.fields(node, f"rule {number}", names)
        texts = {
            name: (self.crate.text(value, f"{name} of rule {number}"), value)
            for name, value in fields.items()
        }
        self._note_nulls(fields, number)
        return RawRule(node=node, texts=texts)

    def _note_nulls(self, fields: Mapping[str, Node], rule: int | None = None) -> None:
        """One warning for all values that are null to other readers of YAML, and text here."""
        nulls = {name: value for name, value in fields.items() if is_null(value)}
        if not nulls:
            return
        first = next(iter(nulls.values()))
        texts = sorted({self.crate.text(value, "") for value in nulls.values()})
        self.notes.append(
            self.source.note(
                "null-is-text", first.start, keys=tuple(nulls), rule=rule, texts=tuple(texts)
            )
        )


CODE: Final = "server-changes-value"
_LOST_ON_THE_WAY: Final = "\x85\u2028\u2029"


class ThroughServer:
    """Values as they come out of the server: `stages.Stage`."""

    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.notes: list[Note] = []
        self.merges = True

    def is_nothing(self, root: Node | None) -> bool:
        return root is None or is_null(root)

    def fields(self, node: Node, what: str, names: tuple[str, ...]) -> Mapping[str, Node] | None:
        fields = go_yaml.read_fields(node, what, names)
        merges = _merge_key(node)
        if merges is not None:
            self._note(merges.start, kind="merge-key", what=what)
        return fields

    def boolean(self, node: Node, what: str) -> bool | None:
        value = go_yaml.read_bool(node, what)
        self._compare(node, what, value, lambda: serde_yaml.OLDER.boolean(node, what))
        return value

    def integer(self, node: Node, what: str) -> int | None:
        value = go_yaml.read_int(node, what)
        if value is not None and not 0 <= value <= serde_yaml.U32_MAX:
            problem = f"{what} must be a whole number from 0 to {serde_yaml.U32_MAX}, not {value}"
            raise Refusal(problem, node.start, by="agent")
        self._compare(
            node, what, value, lambda: serde_yaml.OLDER.integer(node, what, serde_yaml.U32_MAX)
        )
        return value

    def string(self, node: Node, what: str) -> str | None:
        value = self._string(node, what)
        self._compare(node, what, value, lambda: serde_yaml.OLDER.text(node, what))
        return value

    def strings(self, node: Node, what: str) -> tuple[str, ...] | None:
        items = go_yaml.read_list(node, what)
        if items is None:
            self._note_vanished({what: node})
            return None
        element = f"an element of {what}"
        texts = [(item, self._string(item, element)) for item in items]
        vanished = next((item for item, text in texts if text is None), None)
        self._note_vanished({} if vanished is None else {element: vanished})
        return tuple(text for _, text in texts if text is not None)

    def rules(
        self, node: Node, what: str, names: tuple[str, ...] = RULE_FIELDS
    ) -> tuple[RawRule, ...] | None:
        items = go_yaml.read_list(node, what)
        if not items:  # omitempty
            self._note_vanished({what: node} if items is None else {})
            return None
        return tuple(self._rule(item, number, names) for number, item in enumerate(items, start=1))

    def check_types(self, node: Node, what: str, types: Struct) -> None:
        from proccli.config.yaml.kinds import Reader

        reader = Reader(crate=go_yaml.GO, source=self.source.text)
        reader.read(node, types, what)
        if reader.refusals:
            raise reader.refusals[0]

    def _rule(self, node: Node, number: int, names: tuple[str, ...]) -> RawRule:
        fields = self.fields(node, f"rule {number}", names)
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
        text = go_yaml.read_string(node, what)
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
        written = serde_yaml.shown(scalar) if isinstance(scalar, Scalar) else what
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
    return next((key for key, _ in written.pairs if go_yaml.is_merge(key)), None)


class Tolerant:
    """Another stage, whose refusals are collected and cost only the value that they are about."""

    def __init__(self, inner: Stage) -> None:
        self.inner = inner
        self.source = inner.source
        self.notes = inner.notes
        self.merges = inner.merges
        self.refusals: list[Refusal] = []
        """In the order of reading; of several at one place only the first."""

    def is_nothing(self, root: Node | None) -> bool:
        return self.inner.is_nothing(root)

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

    def check_types(self, node: Node, what: str, types: Struct) -> None:
        self._attempt(lambda: self.inner.check_types(node, what, types))

    def rules(
        self, node: Node, what: str, names: tuple[str, ...] = RULE_FIELDS
    ) -> tuple[RawRule, ...] | None:
        """The rules, each as far as it can be read."""
        known = len(self.refusals)
        rules = self._attempt(lambda: self.inner.rules(node, what, names))
        items = resolved(node)
        if len(self.refusals) == known or not isinstance(items, SequenceNode):
            return rules
        return tuple(
            self._rule(item, number, names) for number, item in enumerate(items.items, start=1)
        )

    def _rule(self, node: Node, number: int, names: tuple[str, ...]) -> RawRule:
        fields: Mapping[str, Node] | None = None
        try:
            fields = self.inner.fields(node, f"rule {number}", names)
        except Refusal as refusal:
            self._add(refusal)
        else:
            if fields is None:
                problem = f"rule {number} must be a mapping, not empty"
                self._add(Refusal(problem, node.start, by="agent", hint="delete the dash"))
        texts: dict[str, tuple[str, Node]] = {}
        for name, value in (fields or {}).items():
            text = self.string(value, f"{name} of rule {number}")
            if text is not None:
                texts[name] = (text, value)
        return RawRule(node=node, texts=texts)

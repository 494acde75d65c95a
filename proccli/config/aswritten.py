"""The stage of a text that the agent reads as it stands."""

from __future__ import annotations

from collections.abc import Mapping

from proccli.config.stages import RULE_FIELDS, RawRule
from proccli.config.yaml import serde_yaml as serde
from proccli.config.yaml.nodes import Node, Scalar, resolved
from proccli.config.yaml.sourcetext import SourceText
from proccli.model.note import Note


class AsWritten:
    """Values as the agent's own reader finds them: `stages.Stage`."""

    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.notes: list[Note] = []
        self.merges = False

    def fields(self, node: Node, what: str, names: tuple[str, ...]) -> Mapping[str, Node] | None:
        return serde.read_fields(node, what, names)

    def boolean(self, node: Node, what: str) -> bool | None:
        return serde.read_bool(node, what)

    def integer(self, node: Node, what: str) -> int | None:
        return serde.read_int(node, what, serde.U32_MAX)

    def string(self, node: Node, what: str) -> str | None:
        text = serde.read_string(node, what)
        self._note_nulls({what: node})
        return text

    def strings(self, node: Node, what: str) -> tuple[str, ...] | None:
        items = serde.read_list(node, what)
        texts = tuple(serde.read_string(item, f"an element of {what}") for item in items)
        nulls = [item for item in items if is_null(item)]
        self._note_nulls({f"an element of {what}": item for item in nulls[:1]})
        return texts

    def rules(self, node: Node, what: str) -> tuple[RawRule, ...] | None:
        items = serde.read_list(node, what)
        return tuple(self._rule(item, number) for number, item in enumerate(items, start=1))

    def _rule(self, node: Node, number: int) -> RawRule:
        fields = serde.read_fields(node, f"rule {number}", RULE_FIELDS)
        texts = {
            name: (serde.read_string(value, f"{name} of rule {number}"), value)
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
        texts = sorted({serde.read_string(value, "") for value in nulls.values()})
        self.notes.append(
            self.source.note(
                "null-is-text", first.start, keys=tuple(nulls), rule=rule, texts=tuple(texts)
            )
        )


def is_null(node: Node) -> bool:
    """Whether a value is nothing, or the word for it."""
    scalar = resolved(node)
    return (
        isinstance(scalar, Scalar)
        and scalar.style == "plain"
        and scalar.tag is None
        and (scalar.absent or scalar.text in ("~", "null"))
    )

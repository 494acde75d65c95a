"""The words of warnings about a configuration: what is wrong, the effect and what to write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from proccli.model.note import Note


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """The parts of a message."""

    problem: str
    effect: str | None = None
    """What the agent does then, where `problem` does not say it."""
    hint: str | None = None
    """What to write instead."""

    @property
    def sentence(self) -> str:
        """All parts in one line: `problem: effect (hint)`."""
        effect = f": {self.effect}" if self.effect else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.problem}{effect}{hint}"


def wording(note: Note) -> Wording:
    """The words of a warning that reading a configuration gave. Raises: KeyError for others."""
    return WORDINGS[note.code](note)


def _unknown_key(note: Note) -> Wording:
    key, where = note.string("key"), note.string("where")
    effect = "the agent ignores it"
    kind = note.string("kind")
    if kind == "misplaced":
        problem = f"{key} is beside {where}, not in it"
        return Wording(problem=problem, effect=effect, hint=f"indent it under {where}")
    problem = f"{key} is not a key of {where}"
    if kind == "merge-key":
        return Wording(problem=problem, effect=effect, hint="its YAML has no merge keys")
    meant = note.string_or_none("meant")
    if meant is not None:
        hint: str | None = f"write {meant}"
    else:
        known = note.fields.get("known")
        hint = f"it knows {', '.join(note.strings('known'))}" if known else None
    return Wording(problem=problem, effect=effect, hint=hint)


def _null_is_text(note: Note) -> Wording:
    texts = " or ".join(f'"{text}"' for text in note.strings("texts"))
    return Wording(
        problem=f"{_keys(note)}: the agent reads an empty value as the text {texts}",
        hint='write "" for no text, or leave the key out',
    )


def _server_changes_value(note: Note) -> Wording:
    kind = note.string("kind")
    if kind == "merge-key":
        what = note.string("what")
        problem = f"the server applies the merge key of {what}; the agent alone would ignore it"
    elif kind == "empty-rule":
        problem = (
            f"rule {note.number('rule')} has no values: the server sends it as {{}}, which"
            " matches every process and accepts it, so no later rule is reached"
        )
    elif kind == "left-out":
        problem = (
            f"{_keys(note)}: empty, so the server leaves it out and the agent uses its default"
        )
    else:
        change = f"the server turns {note.string('written')} into {note.string('sent')}"
        rejects = note.fields["rejected"]
        alone = "would reject it" if rejects else "would read it differently"
        problem = f"{note.string('what')}: {change}; the agent alone {alone}"
    return Wording(problem=problem)


def _rule_ignored(note: Note) -> Wording:
    return Wording(
        problem=f"the agent silently ignores rule {note.number('rule')}",
        effect=note.string("problem"),
        hint=note.string_or_none("hint"),
    )


def _no_static_config(_note: Note) -> Wording:
    return Wording(
        problem="no static_config and no os-proc-* key here: the agent's built-in defaults apply"
    )


def _text_after_nul(_note: Note) -> Wording:
    return Wording(problem="the agent stops reading at this NUL character")


def _keys(note: Note) -> str:
    """`match-regex and action of rule 2`."""
    rule = note.fields["rule"]
    where = "" if rule is None else f" of rule {rule}"
    return " and ".join(note.strings("keys")) + where


WORDINGS: Final[Mapping[str, Callable[[Note], Wording]]] = {
    "no-static-config": _no_static_config,
    "text-after-nul": _text_after_nul,
    "unknown-key": _unknown_key,
    "null-is-text": _null_is_text,
    "server-changes-value": _server_changes_value,
    "rule-thrown-away": _rule_ignored,
}

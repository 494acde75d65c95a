"""The words of warnings about a configuration: what is wrong, the effect and what to write.

They are apart from `terminal/warning_text.py`, because `diagnostics/`, which is below `terminal/`,
reports the same findings and needs the parts one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from proccli.model.config import RuleProblem
from proccli.model.note import Note
from proccli.text import visible

_LONGEST: Final = 60
"""Characters of a value in a message."""


class Wording(NamedTuple):
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
    if kind == "newer":
        if key == "action":
            effect = "the agent ignores it, and accepts what the rule matches"
        return Wording(
            problem=f"agent {note.string('agent')} does not know {key} of {where}", effect=effect
        )
    problem = f"{key} is not a key of {where}"
    if kind == "merge-key":
        return Wording(problem=problem, effect=effect, hint="the agent does not support merge keys")
    meant = note.string_or_none("meant")
    if meant is not None:
        hint: str | None = f"write {meant}"
    else:
        known = note.fields.get("known")
        hint = f"valid keys: {', '.join(note.strings('known'))}" if known else None
    return Wording(problem=problem, effect=effect, hint=hint)


def _null_is_text(note: Note) -> Wording:
    texts = " or ".join(f'"{text}"' for text in note.strings("texts"))
    return Wording(
        problem=f"{_keys(note)}: the agent reads an empty value as the text {texts}",
        hint='write "" for no text, or omit the key',
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
    problem = _rule_problem(
        note.string("problem"),
        note.string("value"),
        note.string("detail"),
        note.string_or_none("hint"),
        note.strings("known"),
    )
    return Wording(
        problem=f"the agent silently ignores rule {note.number('rule')}",
        effect=problem.problem,
        hint=problem.hint,
    )


def _rules_without_effect(note: Note) -> Wording:
    return Wording(
        problem=f"agent {note.string('agent')} does not apply os-proc-regex",
        effect="every process is accepted under its own name",
        hint="use another release of the agent",
    )


def _tagged_only_without_effect(note: Note) -> Wording:
    return Wording(
        problem=f"agent {note.string('agent')} does not apply os-proc-sync-tagged-only",
        effect="processes without tags are sent, too",
        hint="use another release of the agent",
    )


def rule_problem_wording(problem: RuleProblem) -> Wording:
    """Why the agent ignores a rule, and what to write instead."""
    return _rule_problem(problem.code, problem.value, problem.detail, problem.hint, problem.known)


def _rule_problem(
    code: str, value: str, detail: str, hint: str | None, known: tuple[str, ...]
) -> Wording:
    if code in ("regex-syntax", "regex-size"):
        return Wording(problem=f"invalid match-regex: {detail}", hint=hint)
    import difflib

    close = difflib.get_close_matches(value.strip().lower()[:_LONGEST], known, n=1)
    if close:
        hint = f"write {close[0]}"
    elif value in ("~", "null"):
        hint = "omit the key"
    else:
        hint = f"valid values: {', '.join(known)}"
    return Wording(problem=f'invalid {code} "{visible(value[:_LONGEST])}"', hint=hint)


def _no_static_config(_note: Note) -> Wording:
    return Wording(
        problem="no static_config and no os-proc-* key here: the agent's built-in defaults apply"
    )


def _no_inputs(_note: Note) -> Wording:
    return Wording(problem="no inputs section here: the agent's built-in defaults apply")


def _other_half(note: Note) -> Wording:
    reads, passes_over = note.string("reads"), note.string("passes_over")
    agent = note.string("agent")
    problem = f"{passes_over} and {reads} in one file: agent {agent} reads {reads} alone"
    if note.fields["by_default"]:
        problem = f"{problem}, unless new-rpc in its bootstrap file says otherwise"
    if passes_over == "static_config":
        effect = "the server refuses to save a file with both, and passes both on"
    else:
        effect = "the server leaves the other section out"
    return Wording(problem=problem, effect=effect, hint="write a file for each")


def _server_refuses(note: Note) -> Wording:
    more = note.number("more")
    others = f" (and {more} more)" if more else ""
    problem = f"server {note.string('server')} refuses to save this: {note.string('problem')}"
    effect = "the answer here is for a text that is stored all the same"
    if not note.fields["loaded"]:
        effect = "a server that has it stored can't load it, and sends an empty configuration"
        if note.fields["partly"]:
            effect = "a server that has it stored can't load all of it, and sends the rest"
    return Wording(problem=f"{problem}{others}", effect=effect)


def _server_unmeasured(note: Note) -> Wording:
    return Wording(
        problem=f"what server {note.string('server')} changes in a configuration is not known",
        effect="the text is read as it stands",
    )


def _text_after_nul(_note: Note) -> Wording:
    return Wording(problem="the agent stops reading at this NUL character")


def _lookalike(note: Note) -> Wording:
    kind, what, char = note.string("kind"), note.string("what"), note.string("char")
    meant = note.string_or_none("meant")
    write = "write the character that it looks like" if meant is None else f"write {meant}"
    if not note.fields["is_seen"]:
        write = "remove the character, which can't be seen"
    if kind == "key":
        return Wording(
            problem=f"{what} has the character {char}",
            effect="the character is part of the key, so the agent ignores the key",
            hint=write,
        )
    if kind == "pattern":
        return Wording(
            problem=f"{what} has the character {char}",
            effect="it has no meaning in a pattern: only texts with this character match",
            hint=f"{write}; if the character is meant, write {note.string('escape')}",
        )
    return Wording(
        problem=f"{what} has the character {char}",
        effect="the character is part of the value",
        hint=write,
    )


def _keys(note: Note) -> str:
    """`match-regex and action of rule 2`."""
    rule = note.fields["rule"]
    where = "" if rule is None else f" of rule {rule}"
    return " and ".join(note.strings("keys")) + where


WORDINGS: Final[Mapping[str, Callable[[Note], Wording]]] = {
    "no-static-config": _no_static_config,
    "no-inputs": _no_inputs,
    "other-half": _other_half,
    "server-refuses": _server_refuses,
    "server-unmeasured": _server_unmeasured,
    "text-after-nul": _text_after_nul,
    "unknown-key": _unknown_key,
    "lookalike-character": _lookalike,
    "null-is-text": _null_is_text,
    "server-changes-value": _server_changes_value,
    "rule-thrown-away": _rule_ignored,
    "rule-without-effect": _rules_without_effect,
    "tagged-only-without-effect": _tagged_only_without_effect,
}

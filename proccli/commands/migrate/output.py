"""The result of a migration, as JSON and as messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from proccli.commands.diff.json import CHANGE
from proccli.commands.migrate.migrate import MigrateResult
from proccli.config.upgrading import Difference
from proccli.server.migration import Migrated
from proccli.terminal.document import Document, encode, lines
from proccli.terminal.record import Field, Json, Record, Type, array_of, integer, nullable, text
from proccli.text import counted


def _outcome(outcome: Migrated) -> Json:
    return {outcome.kind: outcome.text if outcome.kind == "text" else True}


def _only(key: str, schema: Json) -> Json:
    return {
        "type": "object",
        "properties": {key: schema},
        "required": [key],
        "additionalProperties": False,
    }


_OUTCOME = Type(
    {
        "oneOf": [
            _only("text", {"type": "string"}),
            _only("error", {"const": True}),
            _only("panic", {"const": True}),
        ]
    },
    _outcome,
)

DIFFERENCE = Record(
    "difference",
    Field("rule", nullable(integer(1)), "Index of the old rule; null: it concerns all processes."),
    Field("text", text()),
)
"""The row is a `Difference`."""


def _differences(result: MigrateResult) -> tuple[Difference, ...] | None:
    return result.upgraded.differences if result.upgraded else None


MIGRATE = Document(
    "migrate",
    "proccli migrate --json: an inputs.proc configuration for a static_config",
    Field("server", nullable(text()), "The server whose upgrade is emulated (--as-vendor)."),
    Field("agent", nullable(text()), "The agent that the text is for; null with --as-vendor."),
    Field(
        "outcomes",
        array_of(_OUTCOME),
        "One text; with --as-vendor all ways in which the upgrade can end, the texts first. -o"
        " jsonl prints one of these a line.",
    ),
    Field(
        "differences",
        nullable(array_of(DIFFERENCE)),
        "Where the text does not do what the old configuration does; null with --as-vendor.",
        value=_differences,
    ),
    Field(
        "changes",
        nullable(array_of(CHANGE)),
        "The processes with another outcome; null without a snapshot.",
    ),
    Field(
        "unannounced",
        array_of(CHANGE),
        "Those of them that no entry of `differences` is about.",
    ),
)


def migrate_document(result: MigrateResult) -> bytes:
    """The document `proccli/migrate/v1`."""
    return MIGRATE.render(result)


def migrate_lines(result: MigrateResult) -> bytes:
    """One line per outcome."""
    return lines(encode(_outcome(outcome)) for outcome in result.outcomes)


def messages(result: MigrateResult) -> Iterator[str]:
    """What there is to know about a text besides itself."""
    if result.server is not None:
        others: Counter[str] = Counter(
            outcome.kind for outcome in result.outcomes[result.text is not None :]
        )
        if result.text is None:
            yield f"the upgrade of server {result.server} can only fail ({_kinds(others)})"
        elif others:
            yield (
                f"the upgrade of server {result.server} depends on chance: it can also end with"
                f" {_kinds(others)}; --json lists the outcomes"
            )
    if result.proof is not None:
        compared = counted(result.proof.compared, "process", "processes")
        changed, unannounced = len(result.proof.changes), len(result.unannounced)
        line = (
            f"{compared} compared: {changed} with another outcome, {unannounced} without a comment"
        )
        if result.proof.undecided:
            line += f"; {result.proof.undecided} not decided"
        yield line
        for change in result.unannounced[:10]:
            yield f"process {change.pid} ({change.process_name}): {change.kind}"


def _kinds(others: Counter[str]) -> str:
    words = {"text": "another text", "error": "an error", "panic": "a panic"}
    return ", ".join(
        words[kind] if count == 1 else f"{count} times {words[kind]}"
        for kind, count in others.items()
    )

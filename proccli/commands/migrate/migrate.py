"""The new configuration for an old one: proccli's own, or that of a server's upgrade."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from proccli.commands.diff.diff import Change, SnapshotChanges, changes_on
from proccli.commands.inputs import InputOptions
from proccli.config import loading
from proccli.config.upgrading import Upgraded, upgrade
from proccli.config.yaml.nodes import Refusal, SourceText
from proccli.errors import ConfigError, UsageError
from proccli.files import read_file
from proccli.model.note import Note
from proccli.server.migration import Migrated, migrate
from proccli.text import visible
from proccli.versions import (
    CONFIG_SERVERS,
    DEFAULT_AGENT,
    DEFAULT_INPUTS_AGENT,
    AgentVersion,
    agent_version,
    config_server,
)

_STDIN: Final = "<stdin>"


class MigrateResult(NamedTuple):
    """The texts, and how they were found to differ from the old configuration."""

    outcomes: tuple[Migrated, ...]
    """One text; with a server the ways in which its upgrade can end, the texts first."""
    server: str | None = None
    """The server whose upgrade is emulated."""
    agent: str | None = None
    """The agent that the text is for, where it is proccli's own."""
    upgraded: Upgraded | None = None
    proof: SnapshotChanges | None = None
    """None: nothing was compared."""
    unannounced: tuple[Change, ...] = ()
    """The changes that no comment of the text is about."""
    notes: tuple[Note, ...] = ()

    @property
    def text(self) -> str | None:
        """The text to use; None where the server's upgrade can only fail."""
        return self.outcomes[0].text if self.outcomes else None

    @property
    def changes(self) -> tuple[Change, ...] | None:
        """The processes with another outcome; None: nothing was compared."""
        return None if self.proof is None else self.proof.changes


def migrate_as_vendor(path: str, server: str) -> MigrateResult:
    """What the upgrade of a server makes of the configuration in a file.

    Raises: UsageError for a server without an upgrade; ConfigFileError; ConfigError where proccli
    can't tell.
    """
    behaviour = config_server(server)
    if behaviour is None or behaviour.migrator == "none":
        known = ", ".join(name for name, of in CONFIG_SERVERS.items() if of.migrator != "none")
        raise UsageError(f"server {visible(server)} has no migrator; these have one: {known}")
    data = read_file(path)
    source = SourceText(data.decode("utf-8", "replace"), _name(path))
    try:
        data.decode("utf-8")
        outcomes = migrate(source.text, behaviour)
    except UnicodeDecodeError as error:
        at = source.at(len(data[: error.start].decode("utf-8")))
        raise ConfigError("not valid UTF-8", at) from None
    except Refusal as refusal:
        raise ConfigError(refusal.problem, source.at(refusal.offset), hint=refusal.hint) from None
    ordered = sorted(outcomes, key=lambda outcome: outcome.text is None)
    return MigrateResult(outcomes=tuple(ordered), server=behaviour.number)


def migrate_for_agent(options: InputOptions, agent: str | None) -> MigrateResult:
    """proccli's own configuration for an agent; with a snapshot, both compared on its processes.

    Raises: UsageError for an agent that can't do it; ConfigFileError, ConfigError, SourceError.
    """
    target = agent_version(agent or DEFAULT_INPUTS_AGENT)
    _require_matchers(target)
    path = options.config or "-"
    data = options.config_text if options.config_text is not None else read_file(path)
    reading = loading.read(data, _name(path), agent=DEFAULT_AGENT, via=options.via)
    if reading.faults or reading.config is None:
        first = reading.faults[0]
        if first.code == "other-dialect":
            problem = "nothing to migrate: inputs is what a static_config is migrated to"
            raise ConfigError(problem, first.at)
        # Raises for the first fault, with its words.
        loading.load(data, _name(path), agent=DEFAULT_AGENT, via=options.via)
        raise AssertionError("a configuration with faults was loaded")
    upgraded = upgrade(reading, reading.config, target)
    result = MigrateResult(
        outcomes=(Migrated("text", upgraded.text),),
        agent=target.number,
        upgraded=upgraded,
        notes=reading.config.notes,
    )
    if options.snapshot is None:
        return result
    old = options._replace(config=path, config_text=data, agent=DEFAULT_AGENT)
    new = old._replace(config_text=upgraded.text.encode(), agent=target.number)
    proof = changes_on(old, new, options.snapshot)
    proof = proof._replace(changes=tuple(c for c in proof.changes if c.kind != "rule"))
    return result._replace(
        proof=proof,
        unannounced=tuple(unannounced(proof, upgraded)),
        notes=tuple(dict.fromkeys((*result.notes, *proof.notes))),
    )


def _require_matchers(target: AgentVersion) -> None:
    behaviour = target.inputs_proc
    if behaviour is None or behaviour.ignore != "removes" or not behaviour.blacklist:
        raise UsageError(
            f"agent {target.number} can't do what rules do: it has no inputs.proc, or its matchers"
            f" ignore no process; choose a newer one, such as {DEFAULT_INPUTS_AGENT}"
        )


def unannounced(proof: SnapshotChanges, upgraded: Upgraded) -> Iterator[Change]:
    """The changes of outcomes, tags and names that no comment is about."""
    for change in proof.changes:
        if change.kind != "rule" and not _is_announced(change, upgraded):
            yield change


def _is_announced(change: Change, upgraded: Upgraded) -> bool:
    old, new = (
        outcome.rule.index if outcome.rule else None for outcome in (change.old, change.new)
    )
    if upgraded.announced(old, new):
        return True
    keeps_names = change.kind == "renamed" and change.old.gprocess == change.old.process_name
    return keeps_names and change.new.gprocess == change.new.process_name


def _name(path: str) -> str:
    return _STDIN if path == "-" else path

"""The environment that %NAME% in a rewrite-name is taken from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from proccli.agent.rules import names_mentioned
from proccli.local import agent_process
from proccli.model.config import Config
from proccli.model.note import Note
from proccli.model.process import Environment, SourceKind


def environment_for(
    config: Config,
    kind: SourceKind,
    recorded: Environment | None,
    given: Mapping[str, str],
) -> tuple[Environment, tuple[Note, ...]]:
    """The agent's environment as far as it is known, and warnings about it.

    Live: that of a running deepflow-agent, else our own. A directory: only what was given. A
    recording: what it carries. Given values override. Nothing is looked up, and nothing said,
    where no rule mentions a name.
    """
    names = mentioned_names(config)
    if not names:
        return Environment(values=dict(given), complete=True, origin="--env"), ()
    base = _base(kind, recorded)
    environment = replace(base, values={**base.values, **given})
    looked_up = tuple(name for name in names if name not in given)
    return environment, (*_stand_in(base, looked_up), *_missing(environment, names, kind))


def _base(kind: SourceKind, recorded: Environment | None) -> Environment:
    """The environment that a source comes with, before what was given overrides it."""
    if kind == "recording":
        return recorded or Environment(values={}, complete=False, origin="the recording")
    if kind == "directory":
        return Environment(values={}, complete=True, origin="--env")
    return agent_process.find_environment() or agent_process.own_environment()


def _stand_in(base: Environment, names: tuple[str, ...]) -> tuple[Note, ...]:
    """That our environment stands in for the agent's, here or where a recording was made."""
    if base.origin != agent_process.OWN or not names:
        return ()
    return (Note.of("own-environment", names=names),)


def _missing(
    environment: Environment, names: tuple[str, ...], kind: SourceKind
) -> tuple[Note, ...]:
    """Warnings about names without a value: some are unset, some not known."""
    missing = [name for name in names if name not in environment.values]
    unset = tuple(name for name in missing if environment.knows(name))
    unknown = tuple(name for name in missing if not environment.knows(name))
    notes = []
    if unset:
        notes.append(Note.of("env-unset", names=unset, origin=environment.origin))
    if unknown:
        # Whose environment a recording's was says nothing about a name that it doesn't carry.
        origin = "the recording" if kind == "recording" else environment.origin
        notes.append(Note.of("env-unknown", names=unknown, origin=origin))
    return tuple(notes)


def mentioned_names(config: Config) -> tuple[str, ...]:
    """The variables that the rules' rewrite-names mention, each once, in order."""
    names: dict[str, None] = {}
    for rule in config.rules:
        rewrites = rule.match_type in ("cmdline", "process_name") and rule.action == "accept"
        if rule.problem is None and rewrites:
            names.update(dict.fromkeys(names_mentioned(rule.rewrite_name)))
    return tuple(names)

"""What a command looks at: a configuration, a source, the agent's environment, the tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from proccli import config as configs
from proccli.errors import TagsError, UsageError
from proccli.jobs.environment import environment_for
from proccli.model import NO_TAGS, Config, Environment, Notice, TagTable
from proccli.procfs.source import Source
from proccli.recording import Recording, open_source


@dataclass(frozen=True, slots=True, kw_only=True)
class InputOptions:
    """The common options of the commands, as given."""

    config: str | None = None
    """A path, `-` for stdin, None for the agent's defaults."""
    snapshot: str | None = None
    """A recording, a directory, `-` for a recording on stdin, None for the live machine."""
    proc_root: str | None = None
    agent: str | None = None
    via: Literal["server", "file"] = "server"
    env: Mapping[str, str] = field(default_factory=dict)
    tags: str | None = None
    """A path or `-`: the output of the tag command."""
    tag_exec: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Everything that the pipeline needs to know."""

    config: Config
    source: Source
    environment: Environment
    tags: TagTable
    notices: tuple[Notice, ...]
    """Of the configuration, the source, the environment and the tags, in this order."""


def open_inputs(options: InputOptions) -> Inputs:
    """Load and open what the options name.

    Raises: UsageError (contradicting options), ConfigError, SourceError.
    """
    if options.snapshot is not None and options.proc_root is not None:
        raise UsageError("--snapshot and --proc-root name two sources: give one of them")
    given = (options.config, options.snapshot, options.tags)
    if given.count("-") > 1:
        raise UsageError("only one of --config, --snapshot and --tags can be read from stdin (-)")
    config, config_notices = _load_config(options)
    source = open_source(options.snapshot, options.proc_root or config.proc_root)
    recorded = source if isinstance(source, Recording) else None
    environment, env_notices = environment_for(
        config, source.host.kind, recorded.environment if recorded else None, options.env
    )
    tags, tag_notices = _tags(options, config, recorded)
    return Inputs(
        config=config,
        source=source,
        environment=environment,
        tags=tags,
        notices=(*config_notices, *source.notices, *env_notices, *tag_notices),
    )


def _load_config(options: InputOptions) -> tuple[Config, tuple[Notice, ...]]:
    agent = options.agent or "6.5"
    if options.config is None:
        config = configs.defaults(agent, options.via)
        problem = "no configuration given (-c FILE): the agent's built-in defaults apply"
        return config, (Notice(code="no-config", message=problem), *config.notices)
    name = "<stdin>" if options.config == "-" else options.config
    text = configs.read_file(options.config)
    config = configs.load(text, name, agent=agent, via=options.via)
    return config, config.notices


def _tags(
    options: InputOptions, config: Config, recorded: Recording | None
) -> tuple[TagTable, tuple[Notice, ...]]:
    """The tag table: from --tags, from the recording, or unknown where a command would tell."""
    configured = bool(config.tag_exec and config.tag_exec_user)
    if options.tags is not None:
        return _tags_from_file(options.tags)
    if recorded is not None and recorded.tags is not None and (recorded.tags.known or configured):
        return recorded.tags, _unknown_tags(recorded.tags, "the recording doesn't carry them")
    if configured:
        table = TagTable(entries={}, known=False, origin="os-app-tag-exec, not run")
        return table, _unknown_tags(table, "os-app-tag-exec was not run")
    if config.tagged_only:
        problem = (
            "os-proc-sync-tagged-only is on, but nothing gives tags:"
            " the agent syncs no process at all (configure os-app-tag-exec, or give --tags)"
        )
        return NO_TAGS, (Notice(code="tagged-only-without-tags", message=problem),)
    return NO_TAGS, ()


def _unknown_tags(table: TagTable, why: str) -> tuple[Notice, ...]:
    if table.known:
        return ()
    message = f"tags are unknown: {why} (give its output with --tags FILE)"
    return (Notice(code="tags-unknown", message=message),)


def _tags_from_file(path: str) -> tuple[TagTable, tuple[Notice, ...]]:
    """The table in a file; broken output costs all tags, as with the agent."""
    name = "<stdin>" if path == "-" else path
    try:
        entries = configs.parse_tag_output(configs.read_file(path), name)
    except TagsError as error:
        message = f"{error}; the agent goes on with no tags at all"
        return TagTable(entries={}, known=True, origin=name), (
            Notice(code="tags-rejected", message=message),
        )
    return TagTable(entries=entries, known=True, origin=name), ()

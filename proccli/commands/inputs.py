"""What a command looks at: a configuration, a source, the agent's environment, the tags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from proccli.agent.inputs import Inputs
from proccli.commands.environment import environment_for
from proccli.commands.tagsource import tag_table
from proccli.config import loading
from proccli.errors import UsageError
from proccli.files import read_file
from proccli.model.config import Config
from proccli.model.note import Note
from proccli.model.process import NO_TAGS
from proccli.model.source import Source
from proccli.sources.opening import open_source


@dataclass(frozen=True, slots=True, kw_only=True)
class InputOptions:
    """The common options of the commands, as given."""

    config: str | None = None
    """A path, `-` for stdin, None for the agent's defaults."""
    config_text: bytes | None = None
    """What was read from it, where somebody has read it already."""
    snapshot: str | None = None
    """A recording, a directory, `-` for a recording on stdin, None for the live machine."""
    proc_root: str | None = None
    agent: str | None = None
    via: Literal["server", "file"] = "server"
    env: Mapping[str, str] = field(default_factory=dict)
    tags: str | None = None
    """A path or `-`: the output of the tag command."""
    tag_exec: bool = True
    run_tag_exec: bool = False
    """Run the tag command even if the configuration file may be somebody else's."""
    tag_timeout_s: float = 10.0
    announce: Callable[[str], None] | None = None
    """Is told of the tag command before it runs."""


def open_inputs(
    options: InputOptions,
    *,
    with_tags: bool | Callable[[Config], bool] = True,
    source: Source | None = None,
) -> Inputs:
    """Load and open what the options name; where tags don't matter, which may depend on the
    configuration, nothing is run or read for them. `source` is what they name where it is open
    already.

    Raises: UsageError (contradicting options), ConfigError, SourceError.
    """
    if options.snapshot is not None and options.proc_root is not None:
        raise UsageError("--snapshot and --proc-root name two sources: give one of them")
    given = (options.config, options.snapshot, options.tags)
    if given.count("-") > 1:
        raise UsageError("only one of --config, --snapshot and --tags can be read from stdin (-)")
    _check_tag_options(options)
    config, config_notes, written = _load_config(options)
    if source is None:
        source = open_source(options.snapshot, options.proc_root or config.proc_root)
    recorded = None
    if source.host.kind == "recording":
        from proccli.sources.recording.reader import Recording

        recorded = source.environment if isinstance(source, Recording) else None
    environment, env_notes = environment_for(config, source.host.kind, recorded, options.env)
    wanted = with_tags if isinstance(with_tags, bool) else with_tags(config)
    tags, tag_notes = tag_table(options, config, written, source) if wanted else (NO_TAGS, ())
    return Inputs(
        config=config,
        source=source,
        environment=environment,
        tags=tags,
        notes=(*config_notes, *source.notes, *env_notes, *tag_notes),
    )


def _check_tag_options(options: InputOptions) -> None:
    if not options.run_tag_exec:
        return
    if not options.tag_exec:
        raise UsageError("--run-tag-exec and --no-tag-exec contradict each other")
    if options.tags is not None:
        raise UsageError("--run-tag-exec and --tags are two sources of tags: give one of them")
    if options.snapshot is not None:
        raise UsageError("--run-tag-exec needs the live machine: a snapshot runs no commands")


def _load_config(options: InputOptions) -> tuple[Config, tuple[Note, ...], bytes | None]:
    """The configuration, what to say about it, and what it was read from."""
    agent = options.agent or "6.5"
    if options.config is None:
        config = loading.defaults(agent, options.via)
        return config, (Note.of("no-config"), *config.notes), None
    name = "<stdin>" if options.config == "-" else options.config
    text = options.config_text
    if text is None:
        text = read_file(options.config)
    config = loading.load(text, name, agent=agent, via=options.via)
    return config, (*loading.reader_notes(), *config.notes), text

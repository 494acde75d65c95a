"""What a command looks at: a configuration, a source, the agent's environment, the tags."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, TypeVar

from proccli.agent.inputs import Inputs
from proccli.agent.rules import names_mentioned
from proccli.config import loading
from proccli.errors import (
    NoSourceRead,
    SourceError,
    TagCommandFailed,
    TagCommandUndecided,
    TagsError,
    TagsTooMany,
    UsageError,
)
from proccli.files import read_file
from proccli.model.config import DEFAULT_PROC_ROOT, Config
from proccli.model.note import Note
from proccli.model.process import (
    NO_TAGS,
    OWN_ENVIRONMENT,
    Environment,
    Field,
    Host,
    SourceKind,
    TagTable,
)
from proccli.model.source import Source
from proccli.sources.opening import NamedSource, open_source, read_ahead
from proccli.text import visible
from proccli.versions import InputsProc, StaticConfig, agent_version, behaviour_of

if TYPE_CHECKING:
    from proccli.config.tag_output import TagEntry


Origin = TypeVar("Origin")
Result = TypeVar("Result")


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
    environment = base._replace(values={**base.values, **given})
    looked_up = tuple(name for name in names if name not in given)
    return environment, (*_stand_in(base, looked_up), *_missing(environment, names, kind))


def _base(kind: SourceKind, recorded: Environment | None) -> Environment:
    """The environment that a source comes with, before what was given overrides it."""
    if kind == "recording":
        return recorded or Environment(values={}, complete=False, origin="the recording")
    if kind == "ps":
        return Environment(values={}, complete=False, origin="the output of ps")
    if kind == "directory":
        return Environment(values={}, complete=True, origin="--env")
    from proccli.local import agent_process

    return agent_process.find_environment() or agent_process.own_environment()


def _stand_in(base: Environment, names: tuple[str, ...]) -> tuple[Note, ...]:
    """That our environment stands in for the agent's, here or where a recording was made."""
    if base.origin != OWN_ENVIRONMENT or not names:
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
    """The variables that the rules' rewrite-names mention, each once, in order; none where the
    agent replaces none."""
    behaviour = behaviour_of(config.agent, config.dialect)
    if isinstance(behaviour, StaticConfig) and not behaviour.env:
        return ()
    names: dict[str, None] = {}
    for rule in config.rules:
        own_text = rule.match_type not in ("parent_process_name", "tag")
        rewrites = own_text and rule.action == "accept"
        if rule.problem is None and rewrites:
            names.update(dict.fromkeys(names_mentioned(rule.rewrite_name)))
    return tuple(names)


LONGEST_SHOWN = 300
"""Maximum characters of untrusted text in a message."""

SHOWN = 5
"""Lost tags that a message names."""
PID_AGAIN = "tags-pid-again"
MAX_NOTES = 100
"""Of this kind."""

TagsRead: TypeAlias = tuple[TagTable, tuple[Note, ...]]


def tag_table(
    options: InputOptions, config: Config, written: bytes | None, source: Source
) -> TagsRead:
    """The tags by pid, and warnings about them. Runs the tag command where that is allowed.

    `written` is what was read as the configuration, None for the agent's defaults.
    """
    configured = bool(config.tag_exec and config.tag_exec_user)
    if options.tags is not None:
        return _from_file(options.tags, config)
    recorded = _recorded_tags(source)
    if recorded is not None:
        if recorded.known:
            return recorded, ()
        if configured:
            return _unknown(recorded.origin, "not-recorded")
    if configured:
        return _from_command(options, config, written, source.host.kind)
    if config.tagged_only:
        return NO_TAGS, (Note.of("tagged-only-without-tags"),)
    return NO_TAGS, ()


def _recorded_tags(source: Source) -> TagTable | None:
    """The tags that a recording carries; None: it carries none, or the source is another one."""
    if source.host.kind != "recording":
        return None
    from proccli.sources.recording.reader import Recording

    return source.tags if isinstance(source, Recording) else None


def _from_file(path: str, config: Config) -> TagsRead:
    name = "<stdin>" if path == "-" else path
    return _parsed(read_file(path), name, config)


def _from_command(
    options: InputOptions, config: Config, written: bytes | None, kind: SourceKind
) -> TagsRead:
    from proccli.local.tag_command.run import run_tag_command

    command = config.key("tag_exec")
    if kind != "live":
        return _unknown(command, "not-live")
    if not options.tag_exec:
        return _unknown(command, "not-wanted")
    if not options.run_tag_exec:
        problem = _why_untrusted(options.config, written)
        if problem is not None:
            return _unknown(command, "not-trusted", problem)
    if options.announce is not None:
        options.announce(_announcement(config))
    try:
        printed = run_tag_command(config.tag_exec, config.tag_exec_user, options.tag_timeout_s)
    except TagCommandUndecided as error:
        return _unknown(command, "undecided", str(error))
    except TagCommandFailed as error:
        note = Note.of("tag-exec-failed", problem=str(error), key=command, **_loss(config))
        return _lost(command, note)
    return _parsed(printed, command, config)


def _why_untrusted(path: str | None, written: bytes | None) -> str | None:
    """Why the configuration may not start a command unasked, or None."""
    from proccli.local.tag_command.trust import why_untrusted

    if path is None or written is None:
        return None
    if path == "-":
        return "the configuration comes from standard input"
    return why_untrusted(path, written)


def _announcement(config: Config) -> str:
    import shlex

    from proccli.sources.recording.masking import mask_arguments

    command = visible(shlex.join(mask_arguments(config.tag_exec)))
    if len(command) > LONGEST_SHOWN:
        command = f"{command[:LONGEST_SHOWN]}…"
    return f"running {config.key('tag_exec')} as {visible(config.tag_exec_user)}: {command}"


def _parsed(printed: bytes, name: str, config: Config) -> TagsRead:
    """The table in an output; a broken one costs all tags, as with the agent."""
    from proccli.config.tag_output import parse_tag_entries

    try:
        crate = agent_version(config.agent).yaml_crate
        entries = parse_tag_entries(printed, name, crate=crate)
    except TagsTooMany as error:
        return _unknown(name, "undecided", str(error))
    except TagsError as error:
        from proccli.sources.secrets.arguments import mask_line

        problem = mask_line(str(error))
        return _lost(name, Note.of("tags-rejected", problem=problem, **_loss(config)))
    table = TagTable(entries={entry.pid: entry.tags for entry in entries}, known=True, origin=name)
    notes = tuple(_superseded(entries, name))
    if len(notes) > MAX_NOTES:
        more = Note.of(PID_AGAIN, more_pids=len(notes) - MAX_NOTES)
        notes = (*notes[:MAX_NOTES], more)
    return table, notes


def _loss(config: Config) -> dict[str, Any]:
    """What a failing tag command costs besides the tags (FACTS A7, B7)."""
    every_matcher = isinstance(behaviour_of(config.agent, config.dialect), InputsProc)
    return {"tagged_only": config.tagged_only, "all_lost": every_matcher}


def _superseded(entries: Sequence[TagEntry], name: str) -> Iterator[Note]:
    """A warning for each pid with several entries."""
    by_pid: dict[int, list[TagEntry]] = {}
    for entry in entries:
        by_pid.setdefault(entry.pid, []).append(entry)
    for pid, of_one in by_pid.items():
        *earlier, last = of_one
        if not earlier:
            continue
        kept = set(last.tags)
        lost = dict.fromkeys(
            f"{key}={value}"
            for entry in earlier
            for key, value in entry.tags
            if (key, value) not in kept
        )
        yield Note.of(
            PID_AGAIN,
            file=visible(name),
            line=last.line,
            pid=pid,
            lost=tuple(islice(lost, SHOWN)),
            lost_more=max(len(lost) - SHOWN, 0),
        )


def _lost(name: str, note: Note) -> TagsRead:
    return TagTable(entries={}, known=True, origin=name, failed=True), (note,)


def _unknown(name: str, why: str, detail: str | None = None) -> TagsRead:
    note = Note.of("tags-unknown", why=why, detail=detail, command=name)
    return TagTable(entries={}, known=False, origin=name), (note,)


_NO_VARIABLES: Mapping[str, str] = {}
DEFAULT_TAG_TIMEOUT_S = 10.0


class InputOptions(NamedTuple):
    """The common options of the commands, as given."""

    config: str | None = None
    """A path, `-` for stdin, None for the agent's defaults."""
    config_text: bytes | None = None
    """The content of that file, where it was read before."""
    snapshot: str | None = None
    """A recording, a directory, `-` for a recording on stdin, None for the live machine."""
    proc_root: str | None = None
    agent: str | None = None
    """A version; None: that of the configuration's dialect."""
    server: str | None = None
    """The version on the way of the configuration; None: that of the agent."""
    via: Literal["server", "file"] = "server"
    feature: str | None = None
    """Of an inputs.proc configuration; None: proc.gprocess_info."""
    env: Mapping[str, str] = _NO_VARIABLES
    tags: str | None = None
    """A path or `-`: the output of the tag command."""
    tag_exec: bool = True
    run_tag_exec: bool = False
    """Run the tag command even if another user can write the configuration file."""
    tag_timeout_s: float = DEFAULT_TAG_TIMEOUT_S
    announce: Callable[[str], None] | None = None
    """Called with the tag command before it runs."""
    jobs: int | None = 1
    """How many workers read the live machine; None: as many as pay."""

    def command(self, name: str, *arguments: str, as_root: bool = False) -> str:
        """The whole command line, quoted for a shell, of another command on the same inputs."""
        import shlex

        sudo = ["sudo"] if as_root and self.snapshot is None else []
        return visible(shlex.join([*sudo, "proccli", name, *self._arguments(name), *arguments]))

    def _arguments(self, command: str) -> Iterator[str]:
        of_rules = [
            ("-c", self.config),
            ("-s", self.snapshot),
            ("--agent", self.agent),
            ("--via", None if self.via == "server" else self.via),
            *(("--env", f"{name}={value}") for name, value in self.env.items()),
        ]
        of_processes = [("--proc-root", self.proc_root), ("--tags", self.tags)]
        if self.tag_timeout_s != DEFAULT_TAG_TIMEOUT_S:
            of_processes.append(("--tag-timeout", f"{self.tag_timeout_s:g}"))
        reads_processes = command != "check"
        for option, value in [*of_rules, *(of_processes if reads_processes else ())]:
            if value is not None:
                yield from (option, value)
        if reads_processes and not self.tag_exec:
            yield "--no-tag-exec"
        if reads_processes and self.run_tag_exec:
            yield "--run-tag-exec"


def open_inputs(
    options: InputOptions,
    *,
    with_tags: bool | Callable[[Config], bool] = True,
    source: Source | None = None,
    reads: frozenset[Field] = frozenset(),
) -> Inputs:
    """Load and open what the options name; where tags don't matter, which may depend on the
    configuration, nothing is run or read for them. `source` is what they name where it is open
    already. `reads`: what will be read of all processes; where workers read a live machine, they
    begin before the configuration is loaded, which takes as long as reading 500 processes.

    Raises: UsageError (contradicting options), ConfigError, SourceError.
    """
    if options.snapshot is not None and options.proc_root is not None:
        raise UsageError("--snapshot and --proc-root name two sources: give one of them")
    given = (options.config, options.snapshot, options.tags)
    if given.count("-") > 1:
        raise UsageError("only one of --config, --snapshot and --tags can be read from stdin (-)")
    _check_tag_options(options)
    ahead = None
    if reads and source is None and options.snapshot is None and options.jobs != 1:
        ahead = read_ahead(options.proc_root or DEFAULT_PROC_ROOT, options.jobs, reads)
    config, config_notes, written = load_config(options)
    config = _of_feature(config, options.feature)
    if source is None:
        root = options.proc_root or config.proc_root
        if ahead is not None and ahead.host.proc_root == root:
            source = ahead
        else:
            source = open_source(options.snapshot, root, options.jobs)
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
        config_text=written,
        jobs=options.jobs,
    )


def refuse_ps(inputs: Inputs, needed: str) -> Inputs:
    """The same inputs. Raises: SourceError if the source is the output of ps, which lacks it."""
    if inputs.source.host.kind == "ps":
        hint = "use a recording (proccli record FILE) or a directory laid out like /proc"
        raise SourceError(f"the output of ps has no {needed}", hint=hint)
    return inputs


def each_source(
    options: InputOptions,
    sources: Sequence[NamedSource],
    work: Callable[[InputOptions], Result],
    failures: list[SourceError],
) -> Iterator[tuple[NamedSource, Result]]:
    """The result of `work` for each source, one after the other.

    If there are several, those that cannot be read are left out, and their errors are added to
    `failures`. Raises: UsageError, ConfigError, SourceError as `each_read` does.
    """
    options = for_several(options, len(sources))
    yield from each_read(sources, lambda source: work(_for_source(options, source)), failures)


def for_several(options: InputOptions, sources: int) -> InputOptions:
    """The options for so many sources: the configuration, which may be a pipe, is read once.

    Raises: UsageError for tags, which are of one host; ConfigFileError.
    """
    if sources < 2:
        return options
    if options.tags is not None:
        raise UsageError("--tags is the output of one host's command, and there are several hosts")
    return read_config_once(options)


Progress: TypeAlias = Callable[[int, int], None]
"""Called with the number of sources read so far, and the number of all."""


def no_progress(_done: int, _total: int) -> None:
    """Show nothing."""


def each_read(
    sources: Sequence[Origin],
    read: Callable[[Origin], Result],
    failures: list[SourceError],
    progress: Progress = no_progress,
) -> Iterator[tuple[Origin, Result]]:
    """The result of `read` for each source that can be read, in order.

    The errors of the others are added to `failures`. Raises: SourceError of the only source;
    NoSourceRead if there are several and none can be read.
    """
    for done, source in enumerate(sources):
        progress(done, len(sources))
        try:
            result = read(source)
        except SourceError as error:
            if len(sources) == 1:
                raise
            failures.append(error)
        else:
            yield source, result
    progress(len(sources), len(sources))
    if failures and len(failures) == len(sources):
        raise NoSourceRead(failures)


def _for_source(options: InputOptions, source: NamedSource) -> InputOptions:
    if source.path is None:
        return options._replace(snapshot=None)
    return options._replace(snapshot=source.path, proc_root=None)


class HostNames:
    """Gives each source a name of its own: the host's, and the network and source if others have
    it."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def add(self, host: Host, source: NamedSource) -> str:
        """The name for one more source."""
        name = host.name or source.name
        if name in self._given and source.network:
            name = f"{name} ({source.network})"
        if name in self._given:
            name = f"{name} [{source.name}]"
        self._given.add(name)
        return name


def _of_feature(config: Config, feature: str | None) -> Config:
    """The configuration as one feature uses it."""
    if feature is None:
        return config
    if config.dialect != "inputs.proc":
        raise UsageError(f"--feature {visible(feature)} needs an inputs.proc configuration")
    return config._replace(feature=feature)


def _check_tag_options(options: InputOptions) -> None:
    if not options.run_tag_exec:
        return
    if not options.tag_exec:
        raise UsageError("--run-tag-exec and --no-tag-exec contradict each other")
    if options.tags is not None:
        raise UsageError("--run-tag-exec and --tags are two sources of tags: give one of them")
    if options.snapshot is not None:
        raise UsageError("--run-tag-exec needs the live machine: a snapshot runs no commands")


def read_config_once(options: InputOptions) -> InputOptions:
    """The options with the content of the configuration file, for whoever opens several sources.

    Raises: ConfigFileError.
    """
    if options.config is None or options.config_text is not None:
        return options
    return options._replace(config_text=read_file(options.config))


def load_config(options: InputOptions) -> tuple[Config, tuple[Note, ...], bytes | None]:
    """The configuration, the warnings about it, and the bytes it was read from."""
    if options.config is None:
        config = loading.defaults(options.agent, options.via)
        return config, (Note.of("no-config"), *config.notes), None
    name = "<stdin>" if options.config == "-" else options.config
    text = options.config_text
    if text is None:
        text = read_file(options.config)
    config = loading.load(text, name, agent=options.agent, server=options.server, via=options.via)
    return config, (*loading.reader_notes(), *config.notes), text

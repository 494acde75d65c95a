"""Every step between a process and its label, in order, to find where labels are lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from proccli.agent.pipeline import sends
from proccli.agent.sockets.collect import join_sockets
from proccli.commands.doctor import steps_agent as agent_steps
from proccli.commands.doctor import steps_names as name_steps
from proccli.commands.doctor import steps_process as process_steps
from proccli.commands.doctor import steps_sockets as socket_steps
from proccli.commands.doctor.step import Step, failed, unknown
from proccli.commands.inputs import InputOptions, open_inputs
from proccli.commands.samples import Sample, WaitPolicy, take_sample_with_ages
from proccli.commands.scan.scan import ScanResult, Summary, add_summaries
from proccli.commands.warnings import Totals, outcome_notes, socket_notes
from proccli.config import loading
from proccli.errors import ConfigError, SourceError
from proccli.files import read_file
from proccli.local import agent_process
from proccli.local.agent_process import LiveMachine
from proccli.model.config import Config
from proccli.model.note import Note
from proccli.model.process import Host

STEPS: Final = (
    "configuration",
    "sync-enabled",
    "agent-running",
    "agent-rights",
    "agent-version",
    "proc-root",
    "rules-valid",
    *process_steps.STEPS,
    "tag-command",
    process_steps.NAMES,
    "name-length",
    "sockets",
    "socket-interval",
    *socket_steps.SERVER_STEPS,
)
"""All steps, in order."""

_ELSEWHERE = "use --proc-root DIR to read another mount of /proc"
_NOT_CHECKED = "not checked: the configuration cannot be applied"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorResult:
    """All steps, in order, with their inputs."""

    config: Config | None
    """None: the agent would reject it."""
    host: Host | None
    """Where the processes were read; None: they could not be."""
    summary: Summary | None
    """Counts as in `scan`; None as with `host`."""
    steps: tuple[Step, ...]
    notes: tuple[Note, ...] = ()

    @property
    def first_failure(self) -> Step | None:
        """The first step that fails."""
        return next((step for step in self.steps if step.state == "fail"), None)


class DoctorTotals(Totals):
    """What the steps of one or several sources add up to."""

    def __init__(self, config: Config | None) -> None:
        super().__init__()
        self.config = config
        self.summary: Summary | None = None
        """None: the processes could not be read."""
        self._failed: set[str] = set()

    @property
    def first_failure(self) -> str | None:
        """The first step that fails on any host."""
        return next((name for name in STEPS if name in self._failed), None)

    def add(self, result: DoctorResult) -> None:
        """Add the steps of one more source, without its host."""
        if result.summary is not None:
            before = self.summary
            self.summary = (
                result.summary if before is None else add_summaries(before, result.summary)
            )
        self._failed.update(step.name for step in result.steps if step.state == "fail")
        self.add_notes(result.host, result.notes, incomplete=False)


def doctor(options: InputOptions, wait_policy: WaitPolicy) -> DoctorResult:
    """All steps from the configuration to the server, for these inputs.

    A configuration that the agent would reject and an os-proc-root without processes are failed
    steps; the steps that depend on them are unknown.

    Raises: UsageError; ConfigError and SourceError for files that cannot be read.
    """
    if options.config is not None and options.config_text is None:
        options = options._replace(config_text=read_file(options.config))
    try:
        sample = take_sample_with_ages(open_inputs(options), wait_policy)
    except ConfigError as error:
        if error.at is None:
            raise
        return _rejected(error, options)
    except SourceError:
        if options.snapshot is not None or options.proc_root is not None:
            raise
        return _without_processes(options)
    config, host = sample.inputs.config, sample.inputs.source.host
    live = host.kind == "live"
    around = agent_process.inspect_machine(config.proc_root, host.proc_root) if live else None
    return examine(sample, around, options)


class DoctorOnHost(NamedTuple):
    """A result for processes that could be read."""

    host: Host
    result: DoctorResult


class NotOnHost(Exception):  # noqa: N818 - a result, not an error
    """The configuration is rejected, whatever the source; `result` has the steps."""

    def __init__(self, result: DoctorResult) -> None:
        super().__init__()
        self.result = result


def doctor_on_host(options: InputOptions, wait_policy: WaitPolicy) -> DoctorOnHost:
    """`doctor` for one of several sources. Raises: as `doctor`; NotOnHost."""
    result = doctor(options, wait_policy)
    if result.config is None:
        raise NotOnHost(result)
    if result.host is None:
        raise SourceError(f"no processes in {result.config.proc_root}", hint=_ELSEWHERE)
    return DoctorOnHost(result.host, result)


def _rejected(error: ConfigError, options: InputOptions) -> DoctorResult:
    """The result if the configuration is none that proccli can apply.

    What an agent does with it depends on the fault: with a text of another dialect it uses its
    defaults, and a rejected one leaves the previous one in effect.
    """
    detail = f"{error.at}: {error.problem}"
    hint = error.hint or f"correct it; for details, run {options.command('check')}"
    if error.fault is not None and error.fault.code == "other-dialect":
        hint = error.hint or "give the section that this agent reads"
    first = failed("configuration", detail, hint)
    later = (
        unknown(step, _NOT_CHECKED) for step in STEPS[1:] if step not in socket_steps.SERVER_STEPS
    )
    return DoctorResult(
        config=None,
        host=None,
        summary=None,
        steps=(first, *later, *socket_steps.server_steps(None, options)),
    )


def _without_processes(options: InputOptions) -> DoctorResult:
    """The result if os-proc-root shows no processes."""
    config = _config(options)
    around = agent_process.inspect_machine(config.proc_root, config.proc_root)
    later = (
        unknown(step, "unknown: no processes could be read", _ELSEWHERE)
        for step in (
            *process_steps.steps_of(config),
            "tag-command",
            process_steps.NAMES,
            "name-length",
            "sockets",
        )
    )
    steps = (
        *_before(config, None, around, None, options),
        name_steps.rules_valid(config, options),
        *later,
        socket_steps.socket_interval(config),
        *socket_steps.server_steps(config, options),
    )
    return DoctorResult(config=config, host=None, summary=None, steps=steps, notes=config.notes)


def _config(options: InputOptions) -> Config:
    if options.config is None or options.config_text is None:
        return loading.defaults(options.agent, options.via)
    name = "<stdin>" if options.config == "-" else options.config
    return loading.load(
        options.config_text, name, agent=options.agent, server=options.server, via=options.via
    )


def examine(sample: Sample, around: LiveMachine | None, options: InputOptions) -> DoctorResult:
    """All steps for a sample; `around` is None unless it is of the live machine."""
    inputs, outcomes = sample.inputs, sample.outcomes
    config, host, tags = inputs.config, inputs.source.host, inputs.tags
    joined = join_sockets(sample.sockets)
    summary = ScanResult(
        host=host, config=config, outcomes=outcomes, notes=(), sends=sends(config, tags)
    ).summary
    steps = (
        *_before(config, summary, around, host, options),
        name_steps.rules_valid(config, options),
        *process_steps.process_steps(config, outcomes, host, options),
        name_steps.tag_command(config, tags, inputs.notes, host.kind, options),
        name_steps.variables(config, inputs.environment, inputs.notes, host.kind),
        name_steps.name_length(outcomes, options),
        socket_steps.sockets(sample, joined, options),
        socket_steps.socket_interval(config),
        *socket_steps.server_steps(config, options),
    )
    notes = (
        *inputs.notes,
        *outcome_notes(config, host, outcomes),
        *socket_notes(joined, host, config),
        *sample.notes,
    )
    return DoctorResult(config=config, host=host, summary=summary, steps=steps, notes=notes)


def _before(
    config: Config,
    summary: Summary | None,
    around: LiveMachine | None,
    host: Host | None,
    options: InputOptions,
) -> tuple[Step, ...]:
    """The steps before the first rule."""
    kind, sees_all = (host.kind, host.sees_all) if host is not None else ("live", True)
    return (
        agent_steps.configuration(config, options),
        agent_steps.sync_enabled(config, summary),
        agent_steps.agent_running(around, kind, options, sees_all=sees_all),
        agent_steps.agent_rights(around, config, kind, options),
        agent_steps.agent_version(around, kind, config),
        agent_steps.proc_root(
            around,
            kind,
            summary.total if summary is not None else None,
            options,
            sees_all=sees_all,
            key=config.key("proc_root"),
        ),
    )

"""Every gate between a process and its label, in order: where do labels get lost?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from proccli.commands.doctor import server
from proccli.commands.doctor import steps_agent as agent
from proccli.commands.doctor import steps_names as naming
from proccli.commands.doctor import steps_process as onebyone
from proccli.commands.doctor import steps_sockets as connections
from proccli.commands.doctor.step import Gate, failed, unknown
from proccli.commands.inputs import InputOptions, open_inputs
from proccli.commands.samples import Sample, WaitPolicy, take_settled_sample
from proccli.commands.scan.scan import ScanResult, Summary
from proccli.commands.warnings import outcome_notes, socket_notes
from proccli.config import loading
from proccli.errors import ConfigError, SourceError
from proccli.files import read_file
from proccli.local import agent_process as agentproc
from proccli.local.agent_process import Surroundings
from proccli.model.config import Config
from proccli.model.note import Note
from proccli.model.process import Host

GATES: Final = (
    "configuration",
    "sync-enabled",
    "agent-running",
    "agent-rights",
    "agent-version",
    "proc-root",
    "rules-valid",
    *onebyone.GATES,
    "tag-command",
    onebyone.NAMES,
    "name-length",
    "sockets",
    "socket-interval",
    *server.GATES,
)
"""The order in which they are told."""

_ELSEWHERE = "--proc-root DIR looks at another mount of /proc"
_REJECTED = "not known: the configuration is not taken, and an agent goes on with its previous one"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorResult:
    """All gates, in order, with what they rest on."""

    config: Config | None
    """None: the agent would not take it."""
    host: Host | None
    """Where the processes were seen; None: they could not be looked at."""
    summary: Summary | None
    """As `scan` counts; None as with `host`."""
    gates: tuple[Gate, ...]
    notes: tuple[Note, ...] = ()

    @property
    def first_failure(self) -> Gate | None:
        """The first gate that fails."""
        return next((gate for gate in self.gates if gate.state == "fail"), None)


def doctor(options: InputOptions, wait_policy: WaitPolicy) -> DoctorResult:
    """Where labels are lost on their way from a process to the server.

    A configuration that the agent would reject and an os-proc-root that shows no processes are
    failed gates, and what rests on them is unknown.

    Raises: UsageError; ConfigError and SourceError for files that can't be read.
    """
    if options.config is not None and options.config_text is None:
        options = replace(options, config_text=read_file(options.config))
    try:
        seen = take_settled_sample(open_inputs(options), wait_policy)
    except ConfigError as error:
        if error.at is None:
            raise
        return _rejected(error)
    except SourceError:
        if options.snapshot is not None or options.proc_root is not None:
            raise
        return _without_processes(options)
    config, host = seen.inputs.config, seen.inputs.source.host
    live = host.kind == "live"
    around = agentproc.look_around(config.proc_root, host.proc_root) if live else None
    return examine(seen, around, tags_from_file=options.tags is not None)


def _rejected(error: ConfigError) -> DoctorResult:
    hint = error.hint or "correct it: proccli check shows the place"
    first = failed("configuration", f"{error.at}: {error.problem}", hint)
    later = (unknown(gate, _REJECTED) for gate in GATES[1:] if gate not in server.GATES)
    return DoctorResult(
        config=None,
        host=None,
        summary=None,
        gates=(first, *later, *server.server_gates()),
    )


def _without_processes(options: InputOptions) -> DoctorResult:
    """os-proc-root shows us no processes."""
    config = _config(options)
    around = agentproc.look_around(config.proc_root, config.proc_root)
    later = (
        unknown(gate, "not known: there are no processes to look at", _ELSEWHERE)
        for gate in (*onebyone.GATES, "tag-command", onebyone.NAMES, "name-length", "sockets")
    )
    gates = (
        *_before(config, None, around, None),
        naming.rules_valid(config),
        *later,
        connections.socket_interval(config),
        *server.server_gates(),
    )
    return DoctorResult(config=config, host=None, summary=None, gates=gates, notes=config.notes)


def _config(options: InputOptions) -> Config:
    version = options.agent or "6.5"
    if options.config is None or options.config_text is None:
        return loading.defaults(version, options.via)
    name = "<stdin>" if options.config == "-" else options.config
    return loading.load(options.config_text, name, agent=version, via=options.via)


def examine(
    seen: Sample, around: Surroundings | None, *, tags_from_file: bool = False
) -> DoctorResult:
    """The gates around what was seen; `around` is None unless the machine is a live one."""
    inputs, outcomes = seen.inputs, seen.outcomes
    config, host, tags = inputs.config, inputs.source.host, inputs.tags
    summary = ScanResult(host=host, config=config, outcomes=outcomes, notes=()).summary
    gates = (
        *_before(config, summary, around, host),
        naming.rules_valid(config),
        *onebyone.one_by_one(config, outcomes, sees_all=host.sees_all),
        naming.tag_command(config, tags, inputs.notes, host.kind, from_file=tags_from_file),
        naming.variables(config, inputs.environment, inputs.notes, host.kind),
        naming.name_length(outcomes),
        connections.sockets(seen),
        connections.socket_interval(config),
        *server.server_gates(),
    )
    notes = (
        *inputs.notes,
        *outcome_notes(config, host, outcomes),
        *socket_notes(seen.sockets, host),
        *seen.notes,
    )
    return DoctorResult(config=config, host=host, summary=summary, gates=gates, notes=notes)


def _before(
    config: Config, summary: Summary | None, around: Surroundings | None, host: Host | None
) -> tuple[Gate, ...]:
    """The gates before the first rule."""
    kind, sees_all = (host.kind, host.sees_all) if host is not None else ("live", True)
    return (
        agent.configuration(config),
        agent.sync_enabled(config, summary),
        agent.agent_running(around, kind, sees_all=sees_all),
        agent.agent_rights(around, config, kind),
        agent.agent_version(around, kind),
        agent.proc_root(around, kind, summary.total if summary is not None else None),
    )

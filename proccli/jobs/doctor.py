"""Every gate between a process and its label, in order: where do labels get lost?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from proccli import agentproc
from proccli import config as configs
from proccli.agentproc import AgentProcess
from proccli.errors import ConfigError, SourceError
from proccli.jobs.gates import agent, connections, naming, onebyone, server
from proccli.jobs.gates.gate import Gate, failed, unknown
from proccli.jobs.inputs import InputOptions, open_inputs
from proccli.jobs.looks import Look, Patience, look_until_settled
from proccli.jobs.notices import verdict_notices
from proccli.jobs.scan import ScanResult, Summary
from proccli.jobs.socketnotices import socket_notices
from proccli.model import Config, Host, Notice

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
    notices: tuple[Notice, ...] = ()

    @property
    def first_failure(self) -> Gate | None:
        """The first gate that fails."""
        return next((gate for gate in self.gates if gate.state == "fail"), None)


def doctor(options: InputOptions, patience: Patience) -> DoctorResult:
    """Where labels are lost on their way from a process to the server.

    A configuration that the agent would reject and an os-proc-root that shows no processes are
    failed gates, and what rests on them is unknown.

    Raises: UsageError; ConfigError and SourceError for files that can't be read.
    """
    if options.config is not None and options.config_text is None:
        options = replace(options, config_text=configs.read_file(options.config))
    try:
        seen = look_until_settled(open_inputs(options), patience)
    except ConfigError as error:
        if error.at is None:
            raise
        return _rejected(error)
    except SourceError as error:
        if options.snapshot is not None or options.proc_root is not None:
            raise
        return _without_processes(options, error)
    return _examined(seen, tags_given=options.tags is not None)


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


def _without_processes(options: InputOptions, error: SourceError) -> DoctorResult:
    """os-proc-root shows us no processes."""
    config = _config(options)
    agents = agentproc.find_agents()
    chosen = agents[0] if agents else None
    view = agentproc.proc_view(config.proc_root, chosen.pid if chosen else None)
    mount = agent.proc_root(view, chosen, None)
    if chosen is None and mount.state != "fail":
        mount = failed("proc-root", str(error.problem), "correct os-proc-root")
    later = (
        unknown(gate, "not known: there are no processes to look at")
        for gate in (*onebyone.GATES, "tag-command", onebyone.NAMES, "name-length", "sockets")
    )
    gates = (
        *_before(config, None, agents, None),
        mount,
        naming.rules_valid(config),
        *later,
        connections.socket_interval(config),
        *server.server_gates(),
    )
    return DoctorResult(
        config=config,
        host=None,
        summary=None,
        gates=gates,
        notices=config.notices,
    )


def _config(options: InputOptions) -> Config:
    version = options.agent or "6.5"
    if options.config is None or options.config_text is None:
        return configs.defaults(version, options.via)
    name = "<stdin>" if options.config == "-" else options.config
    return configs.load(options.config_text, name, agent=version, via=options.via)


def _examined(seen: Look, *, tags_given: bool) -> DoctorResult:
    inputs, verdicts = seen.inputs, seen.verdicts
    config, host, tags = inputs.config, inputs.source.host, inputs.tags
    summary = ScanResult(host=host, config=config, verdicts=verdicts, notices=()).summary
    live = host.kind == "live"
    agents = agentproc.find_agents() if live else None
    gates = (
        *_before(config, summary, agents, host),
        _mount(config, host, agents, summary.total),
        naming.rules_valid(config),
        *onebyone.one_by_one(config, verdicts, sees_all=host.sees_all),
        naming.tag_command(config, tags, inputs.notices, host.kind, tags_given),
        naming.variables(config, inputs.environment, inputs.notices, host.kind),
        naming.name_length(verdicts),
        connections.sockets(seen),
        connections.socket_interval(config),
        *server.server_gates(),
    )
    return DoctorResult(
        config=config,
        host=host,
        summary=summary,
        gates=gates,
        notices=(
            *inputs.notices,
            *verdict_notices(config, host, verdicts),
            *socket_notices(seen.sockets, host),
            *seen.notices,
        ),
    )


def _before(
    config: Config,
    summary: Summary | None,
    agents: Sequence[AgentProcess] | None,
    host: Host | None,
) -> tuple[Gate, ...]:
    """The gates before the mount of /proc."""
    kind, sees_all = (host.kind, host.sees_all) if host is not None else ("live", True)
    return (
        agent.configuration(config),
        agent.sync_enabled(config, summary),
        agent.agent_running(agents, kind, sees_all=sees_all),
        agent.agent_rights(agents, config, kind),
        agent.agent_version(agents, kind),
    )


def _mount(
    config: Config, host: Host, agents: Sequence[AgentProcess] | None, processes: int
) -> Gate:
    if agents is None:
        detail = f"a {host.kind} does not tell what the agent sees at its os-proc-root"
        return unknown("proc-root", detail, "run proccli doctor on the machine itself")
    if agents:
        view = agentproc.proc_view(config.proc_root, agents[0].pid)
        return agent.proc_root(view, agents[0], None)
    return agent.proc_root(agentproc.proc_view(host.proc_root), None, processes)

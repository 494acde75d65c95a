"""The steps before the first process: the configuration, the agent, its rights, its /proc."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Final

from proccli.commands.doctor.step import Step, as_root, brief, failed, passed, unknown
from proccli.commands.inputs import InputOptions
from proccli.commands.scan.scan import Summary
from proccli.config.warning_words import wording
from proccli.local.agent_process import CAP_SETUID, MACHINES_PID_NAMESPACE, LiveMachine
from proccli.model.config import Config
from proccli.model.note import Note
from proccli.model.process import SourceKind
from proccli.terminal.warning_text import message
from proccli.versions import (
    INPUTS_PROC_SINCE,
    STATIC_CONFIG_ALTERED,
    STATIC_CONFIG_GONE,
    Dialect,
    StaticConfig,
    behaviour_of,
)

NO_SECTION: Final = "no-static-config"
_OTHER_AGENTS: Final[Mapping[Dialect, str]] = {
    "static_config": f"agents {' to '.join(STATIC_CONFIG_ALTERED)} ignore or change os-proc-regex,"
    f" and {STATIC_CONFIG_GONE} and later do not support the os-proc-* keys",
    "inputs.proc": f"agents before {INPUTS_PROC_SINCE} do not support inputs.proc, and later ones"
    " differ (proccli versions)",
}
_ASK_VERSION: Final = (
    "check on the server (deepflow-ctl agent list), or run deepflow-agent -v if you trust it"
)


def on_the_machine(options: InputOptions) -> str:
    """The hint to run the same command where the processes are."""
    there = options._replace(snapshot=None)
    return f"on the machine itself, run {there.command('doctor', as_root=True)}"


def misplaced(config: Config, key: str) -> Note | None:
    """The warning about a key that is in the wrong place, or is written in another way."""
    for note in config.notes:
        if note.code != "unknown-key":
            continue
        named = note.string_or_none("meant")
        if note.fields.get("kind") == "misplaced":
            named = note.string_or_none("key")
        if named == key:
            return note
    return None


def configuration(config: Config, options: InputOptions) -> Step:
    """The configuration is given, and the agent would accept it."""
    name = "configuration"
    if config.file is None:
        detail = "no configuration given: the agent's defaults are used"
        return unknown(name, detail, "give the agent group's configuration with -c FILE")
    nothing = next((note for note in config.notes if note.code == NO_SECTION), None)
    if nothing is not None:
        return failed(name, message(nothing), "is this the agent group's configuration?")
    warned = sum(note.code != "rule-thrown-away" for note in config.notes)
    detail = f"{config.file}: agent {config.agent} accepts it"
    if not warned:
        return passed(name, detail)
    more = "1 warning" if warned == 1 else f"{warned} warnings"
    return passed(
        name, f"{detail}, with {more}", hint=f"for details, run {options.command('check')}"
    )


def sync_enabled(config: Config, summary: Summary | None) -> Step:
    """The sync is enabled. It removes the processes that pass all other steps."""
    removes = summary.accepted if summary is not None else None
    setting = config.key("sync_enabled")
    if config.sync_enabled:
        return passed("sync-enabled", f"{setting} is true", removes=summary and 0)
    detail = f"{setting} is false: the agent sends no processes and no sockets"
    section = "static_config" if config.dialect == "static_config" else "inputs.proc"
    hint = f"write {setting}: true in {section}"
    if (note := misplaced(config, setting)) is not None:
        found = wording(note)
        detail = f"{detail}; {note.at}: {found.problem}, so {found.effect}"
        hint = found.hint or hint
    behaviour = behaviour_of(config.agent, config.dialect)
    if isinstance(behaviour, StaticConfig) and behaviour.config_change == "restart":
        hint = f"{hint}; agents restart to apply it"
    return failed("sync-enabled", detail, hint, removes=removes)


def _a(kind: SourceKind) -> str:
    return "the output of ps" if kind == "ps" else f"a {kind}"


def agent_running(
    around: LiveMachine | None, kind: SourceKind, options: InputOptions, *, sees_all: bool
) -> Step:
    """A deepflow-agent is running; of several, the most likely one is used."""
    name = "agent-running"
    if around is None:
        return unknown(name, f"{_a(kind)} does not contain this", on_the_machine(options))
    if around.agents:
        first, *others = around.agents
        detail = f"pid {first.pid}, {brief(first.exe or first.cmdline)}"
        if first.started_s is not None:
            since = datetime.fromtimestamp(first.started_s, tz=timezone.utc)
            detail += f", since {since:%Y-%m-%dT%H:%M:%SZ}"
        if others:
            pids = ", ".join(str(agent.pid) for agent in others[:5])
            detail += f"; also named deepflow-agent: pid {pids}{' …' if len(others) > 5 else ''}"
        return passed(name, detail)
    if not sees_all:
        hint = as_root(options)
        return unknown(name, "none found, but some processes are hidden from this user", hint)
    if around.own_pid_namespace != MACHINES_PID_NAMESPACE:
        detail = "none found in this pid namespace, which is not that of the host"
        hint = f"outside of the container, run {options.command('doctor', as_root=True)}"
        return unknown(name, detail, hint)
    return failed(name, "no deepflow-agent is running", "start it: systemctl start deepflow-agent")


def agent_rights(
    around: LiveMachine | None, config: Config, kind: SourceKind, options: InputOptions
) -> Step:
    """The agent may read every process and run the tag command as its user."""
    name = "agent-rights"
    if around is None:
        return unknown(name, f"{_a(kind)} does not contain this", on_the_machine(options))
    if not around.agents:
        return unknown(name, "no agent is running")
    agent = around.agents[0]
    who = "root" if agent.euid == 0 else f"uid {agent.euid}" if agent.euid is not None else "?"
    if agent.reads_all is None:
        return unknown(
            name,
            f"the privileges of pid {agent.pid} are not readable",
            as_root(options),
        )
    if agent.shares_our_user_namespace is False:
        detail = f"pid {agent.pid} is {who} only in another user namespace (rootless container)"
        return failed(name, detail, "run the agent as root of the host")
    if not agent.reads_all:
        return failed(
            name,
            f"pid {agent.pid} is {who} without CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH: it cannot"
            " read the processes and sockets of other users",
            "run it as root; in a container, privileged or with these capabilities",
        )
    if config.tag_exec and not (agent.capabilities or 0) & CAP_SETUID:
        user = brief(config.tag_exec_user)
        detail = f"pid {agent.pid} has no CAP_SETUID: it cannot run the tag command as {user}"
        return failed(name, detail, "grant the capability")
    return passed(name, f"pid {agent.pid} is {who} and may read every visible process")


def agent_version(around: LiveMachine | None, kind: SourceKind, config: Config) -> Step:
    """The version of the agent; it cannot be determined without running it."""
    who = f"the agent of {_a(kind)}" if around is None else "the agent"
    if around is not None and around.agents:
        who = f"pid {around.agents[0].pid}"
    return unknown(
        "agent-version",
        f"the version of {who} cannot be determined; proccli emulates agent {config.agent};"
        f" {_OTHER_AGENTS[config.dialect]}",
        _ASK_VERSION,
    )


def proc_root(
    around: LiveMachine | None,
    kind: SourceKind,
    processes: int | None,
    options: InputOptions,
    *,
    sees_all: bool,
    key: str,
) -> Step:
    """os-proc-root (`proc_dir_path`) is a proc mount of the host, as seen by the agent.

    `processes` is the number of processes found there; None: they could not be listed.
    """
    name = "proc-root"
    if around is None:
        detail = f"{_a(kind)} does not show the {key} of the agent"
        return unknown(name, detail, on_the_machine(options))
    view = around.view
    who = "the agent" if around.agents else "proccli"
    path = brief(view.path)
    mount = f"mount the /proc of the host there, or correct {key}"
    if view.problem is not None:
        return failed(name, f"{who} cannot open {path}: {view.problem}", mount)
    if view.filesystem not in ("proc", None):
        detail = f"{path} is not a proc mount for {who} (file system: {brief(view.filesystem)})"
        return failed(name, detail, mount)
    if processes is None and not around.agents:
        return failed(name, f"{path} shows no processes", mount)
    if not sees_all and not around.agents:
        return unknown(name, f"{path} hides processes of other users", as_root(options))
    namespace, ours = view.pid_namespace, around.own_pid_namespace
    if view.filesystem is None or namespace is None:
        hint = f"on the host, outside of containers, run {options.command('doctor', as_root=True)}"
        return unknown(name, f"cannot determine which processes {path} shows to {who}", hint)
    if namespace == MACHINES_PID_NAMESPACE:
        return passed(name, f"{path} shows all processes of the host to {who}")
    detail = f"{path} shows only pid namespace {namespace} (a container) to {who}"
    if around.agents and ours is not None and namespace != ours:
        return failed(
            name, detail, "run the agent container with hostPID: true (docker: --pid host)"
        )
    return passed(name, detail, hint="check that the agent should see only this container")

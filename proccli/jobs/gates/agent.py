"""The gates before the first process: the configuration, the agent, its rights, its /proc."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Final

from proccli.agentproc import CAP_SETUID, MACHINES_PID_NAMESPACE, Surroundings
from proccli.jobs.gates.gate import Gate, brief, failed, passed, unknown
from proccli.jobs.scan import Summary
from proccli.jobs.warning_text import message
from proccli.model.config import Config
from proccli.model.process import SourceKind

NO_SECTION: Final = "no-static-config"
_SETTING: Final = "os-proc-sync-enabled"
_OTHER_AGENTS: Final = (
    "the answers here are agent 6.5's; 6.6.5 to 6.6.8 ignore or alter os-proc-regex, and 6.6.9 and"
    " later know none of the os-proc-* keys"
)
_ON_THE_MACHINE: Final = "run proccli doctor on the machine itself"
_ASK_VERSION: Final = (
    "ask the server (deepflow-ctl agent list), or run deepflow-agent -v if you trust the program"
)


def configuration(config: Config) -> Gate:
    """The configuration was found, and the agent would take it."""
    name = "configuration"
    if config.file is None:
        detail = "none was given: the agent's built-in defaults stand in"
        return unknown(name, detail, "give the agent group's configuration with -c FILE")
    nothing = next((notice for notice in config.notices if notice.code == NO_SECTION), None)
    if nothing is not None:
        return failed(name, message(nothing), "is this the agent group's configuration?")
    remarks = sum(notice.code != "rule-thrown-away" for notice in config.notices)
    detail = f"{config.file}: agent {config.agent} takes it"
    if not remarks:
        return passed(name, detail)
    more = "1 warning" if remarks == 1 else f"{remarks} warnings"
    return passed(name, f"{detail}, with {more}", hint="proccli check tells all about it")


def sync_enabled(config: Config, summary: Summary | None) -> Gate:
    """The switch. What it removes is what would get past all others."""
    removes = summary.accepted - summary.reported if summary is not None else None
    if config.sync_enabled:
        return passed("sync-enabled", f"{_SETTING} is true", removes=removes)
    why = "" if config.file is None else ", as it is where the key is missing"
    return failed(
        "sync-enabled",
        f"{_SETTING} is false{why}: the agent sends neither processes nor sockets",
        f"write {_SETTING}: true into static_config; agents restart to take it over",
        removes=removes,
    )


def agent_running(around: Surroundings | None, kind: SourceKind, *, sees_all: bool) -> Gate:
    """A deepflow-agent runs; of several, the likeliest counts."""
    name = "agent-running"
    if around is None:
        return unknown(name, f"a {kind} does not tell", _ON_THE_MACHINE)
    if around.agents:
        first, *others = around.agents
        detail = f"pid {first.pid}, {brief(first.exe or first.cmdline)}"
        if first.started_s is not None:
            since = datetime.fromtimestamp(first.started_s, tz=timezone.utc)
            detail += f", since {since:%Y-%m-%dT%H:%M:%SZ}"
        if others:
            pids = ", ".join(str(agent.pid) for agent in others[:5])
            detail += f"; also called deepflow-agent: pid {pids}{' …' if len(others) > 5 else ''}"
        return passed(name, detail)
    if not sees_all:
        hint = "run proccli doctor as root"
        return unknown(name, "none is seen, but processes are hidden from us", hint)
    if around.own_pid_namespace != MACHINES_PID_NAMESPACE:
        detail = "none is seen from this pid namespace, which is not the machine's own"
        return unknown(name, detail, "run proccli doctor outside of the container")
    return failed(
        name, "no deepflow-agent runs on this machine", "start it: systemctl start deepflow-agent"
    )


def agent_rights(around: Surroundings | None, config: Config, kind: SourceKind) -> Gate:
    """It may read every process, and become the user of the tag command."""
    name = "agent-rights"
    if around is None:
        return unknown(name, f"a {kind} does not tell", _ON_THE_MACHINE)
    if not around.agents:
        return unknown(name, "there is no running agent to look at")
    agent = around.agents[0]
    who = "root" if agent.euid == 0 else f"uid {agent.euid}" if agent.euid is not None else "?"
    if agent.reads_all is None:
        return unknown(name, f"the rights of pid {agent.pid} can't be read", "try as root")
    if agent.shares_our_user_namespace is False:
        detail = f"pid {agent.pid} is {who} of another user namespace only: a rootless container"
        return failed(name, detail, "run the agent as root of the machine")
    if not agent.reads_all:
        return failed(
            name,
            f"pid {agent.pid} is {who} without CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH: it can't"
            " read other users' processes, least of all their sockets",
            "run it as root; in a container, privileged or with these capabilities",
        )
    if config.tag_exec and not (agent.capabilities or 0) & CAP_SETUID:
        user = brief(config.tag_exec_user)
        detail = f"pid {agent.pid} has no CAP_SETUID: it can't run the tag command as {user}"
        return failed(name, detail, "give it the capability")
    return passed(name, f"pid {agent.pid} is {who}, and may read every process that it sees")


def agent_version(around: Surroundings | None, kind: SourceKind) -> Gate:
    """Which agent it is can't be told without running it."""
    who = f"a {kind}" if around is None else "this machine"
    if around is not None and around.agents:
        who = f"pid {around.agents[0].pid}"
    return unknown("agent-version", f"{who} does not tell it; {_OTHER_AGENTS}", _ASK_VERSION)


def proc_root(around: Surroundings | None, kind: SourceKind, processes: int | None) -> Gate:
    """What the agent sees at os-proc-root is a proc mount, and of which processes.

    `processes` is how many we see there; None: they could not be listed.
    """
    name = "proc-root"
    if around is None:
        detail = f"a {kind} does not tell what the agent sees at its os-proc-root"
        return unknown(name, detail, _ON_THE_MACHINE)
    view = around.view
    who = "the agent" if around.agents else "proccli"
    path = brief(view.path)
    mount = "mount the machine's /proc there, or correct os-proc-root"
    if view.problem is not None:
        return failed(name, f"{who} can't open {path}: {view.problem}", mount)
    if view.filesystem not in ("proc", None):
        detail = f"{path} is no proc mount for {who}, but a {brief(view.filesystem)} file system"
        return failed(name, detail, mount)
    if processes is None and not around.agents:
        return failed(name, f"{path} shows no processes", mount)
    namespace, ours = view.pid_namespace, around.own_pid_namespace
    if view.filesystem is None or namespace is None:
        hint = "run proccli doctor as root of the machine, outside of containers"
        return unknown(name, f"what {who} sees at {path} can't be told from here", hint)
    if namespace == MACHINES_PID_NAMESPACE:
        return passed(name, f"{path} shows {who} all processes of the machine")
    detail = f"{path} shows {who} only the processes of pid namespace {namespace}, a container's"
    if around.agents and ours is not None and namespace != ours:
        return failed(name, detail, "run its container with hostPID: true (docker: --pid host)")
    return passed(name, detail, hint="is that container all that the agent is to see?")

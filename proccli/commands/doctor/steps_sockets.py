"""The last steps: the connections that the agent sends, and what to check on the server."""

from __future__ import annotations

from collections import Counter
from math import ceil
from typing import Final

from proccli.agent.sockets.collect import SocketSample
from proccli.commands.doctor.step import Step, as_root, failed, passed, unknown
from proccli.commands.inputs import InputOptions
from proccli.commands.samples import Sample
from proccli.commands.warnings import unseen_by_us
from proccli.model.config import Config
from proccli.model.sockets import SocketReason
from proccli.versions import InputsProc, ServerVersion, behaviour_of, server_version

_WORDS: Final[dict[SocketReason, str]] = {
    "no-socket-sync": "not read by this agent",
    "unreadable": "in an unreadable table",
    "no-owner": "owned by another process",
    "listening": "listening",
    "not-established": "not established",
    "min-lifetime": "too young",
    "udp-unconnected": "UDP without a peer",
    "ipv6": "IPv6",
}
_SLOW_S: Final = 60


def sockets(sample: Sample, joined: SocketSample, options: InputOptions) -> Step:
    """At least one connection is old enough and of a kind that the agent sends."""
    name = "sockets"
    if (never := _never(sample.inputs.config)) is not None:
        return never
    own = [socket for socket in joined.sockets if socket.reason != "process-not-accepted"]
    synced = sum(socket.status == "synced" for socket in own)
    undecided = sum(socket.status == "undecided" for socket in own)
    others = Counter(
        _WORDS[socket.reason]
        for socket in own
        if socket.status == "skipped" and socket.reason is not None
    )
    left_out = ", ".join(f"{count:,} {what}" for what, count in others.most_common())
    not_sent = f"; not sent: {left_out}" if left_out else ""
    if synced:
        what = "1 connection" if synced == 1 else f"{synced:,} connections"
        return passed(name, f"{what} would be sent{not_sent}")
    host = sample.inputs.source.host
    if undecided:
        detail = f"no connection is certainly sent; {undecided:,} undecided{not_sent}"
        again = options.command("sockets", "--max-wait", "60", as_root=True)
        return unknown(name, detail, f"for details, run {again}")
    if host.kind == "ps":
        return unknown(name, "the output of ps does not contain the sockets", as_root(options))
    statuses = {outcome.status for outcome in sample.outcomes}
    if unseen_by_us(joined, host) or not host.sees_all:
        return unknown(name, f"no connection found{not_sent}", as_root(options))
    if not statuses & {"accepted", "unknown"}:
        return unknown(name, "no process reaches this step")
    accepted_unread = any(
        outcome.status in ("accepted", "unknown") for outcome, _ in joined.unreadable
    )
    if accepted_unread and host.kind != "live":
        return unknown(name, f"the {host.kind} does not contain the sockets{not_sent}")
    return failed(
        name,
        f"no connection would be sent{not_sent}; without one, flows have no gprocess",
        "the agent sends IPv4 connections older than"
        f" {sample.inputs.config.key('min_lifetime_s')}; for the reason of each, run"
        f" {options.command('sockets', as_root=True)}",
    )


def _never(config: Config) -> Step | None:
    """Why an agent on which every matcher runs sends no socket at all; None: it may."""
    behaviour = behaviour_of(config.agent, config.dialect)
    if not isinstance(behaviour, InputsProc):
        return None
    if _never_sends(config):
        return failed(
            "sockets",
            f"agent {config.agent} never sends sockets: its thread ends before the first scan",
            "update the agent",
        )
    listed = any(_SOCKETS in rule.enabled_features for rule in config.rules)
    if config.dialect == "inputs.proc" and not listed:
        return failed(
            "sockets",
            f"no matcher lists {_SOCKETS}, and no default matcher does: the agent sends no sockets",
            f"add {_SOCKETS} to enabled_features of the matchers",
        )
    return None


def _never_sends(config: Config) -> bool:
    behaviour = behaviour_of(config.agent, config.dialect)
    return isinstance(behaviour, InputsProc) and behaviour.socket_thread == "ends-at-once"


_SOCKETS: Final = "proc.socket_list"


def socket_interval(config: Config) -> Step:
    """How often the agent reads connections."""
    every, least = config.socket_sync_interval_s, config.min_lifetime_s
    key = config.key("socket_sync_interval_s")
    if not every and isinstance(behaviour_of(config.agent, config.dialect), InputsProc):
        detail = f"{key} is 0: the agent reads no sockets"
        hint = "update the agent" if _never_sends(config) else f"write {key}: 10s"
        return failed("socket-interval", detail, hint)
    if not every:
        detail = f"{key} is 0: the agent reads sockets without a pause"
        return passed("socket-interval", detail, hint="use a number of seconds")
    # The age counts from the first sample, so a connection needs a later one, too.
    needed_s = every + ceil(least / every) * every
    detail = (
        f"the agent reads sockets every {every} s and finds all connections of {needed_s} s or more"
    )
    hint = "shorter connections get no label: lower " + key
    return passed("socket-interval", detail, hint=hint if every > _SLOW_S else None)


SERVER_STEPS: Final = (
    "server-agent-type",
    "server-domain",
    "server-group",
    "server-process-table",
    "server-aging",
    "server-auto-instance",
)


def server_steps(config: Config | None, options: InputOptions) -> list[Step]:
    """The steps on the server, each with what to check; `config` is None where the agent cannot
    read it.

    Source: server v6.5 genesis/updater.go:535, cloud.go:661-696, genesis/store.go:301-316,
    ingester/common/common.go:155-186; agent v6.5 mod.rs:36-39, querier/linux.rs:338-356; for other
    versions FACTS A9, B7, D1, D2.
    """
    number = options.server or (config.agent if config else options.agent)
    server = server_version(number) if number else None
    details = (
        (
            (
                "only agents on cloud hosts, bare metal, Kubernetes nodes, pods and sidecars"
                " sync processes"
            ),
            "check that deepflow-ctl agent list shows a type beginning with CHOST_ or K8S_",
        ),
        (
            "the server stores processes only of agents on a resource that it knows",
            (
                "check that the agent's host belongs to a synchronized domain (deepflow-ctl domain"
                " list) and that the agent's state is NORMAL"
            ),
        ),
        (
            "an agent uses the configuration of its group",
            (
                "check that this is the configuration of the agent's group (deepflow-ctl"
                f" agent-group-config list){_restarted(config)}"
            ),
        ),
        (
            _identity(server),
            "check that the database table process has rows of this agent that are not deleted",
        ),
        (
            f"{_aging(server)}{_resent(config)}",
            "if a label is older than the configuration, restart the agent",
        ),
        (
            "auto_instance prefers a pod to a process, so in Kubernetes it is always the pod",
            "check whether a query for gprocess shows the label",
        ),
    )
    return [
        unknown(name, detail, hint)
        for name, (detail, hint) in zip(SERVER_STEPS, details, strict=True)
    ]


def _identity(server: ServerVersion | None) -> str:
    if server is None:
        return "a process id is derived from the pid, or from name and command line, by version"
    if server.aggregates:
        return (
            "processes of one name, agent and command line, or of one name and workload, have one"
            " process id"
        )
    return (
        "a process id is derived from pid and agent; a pid that is reused within a day keeps its"
        " old label"
    )


def _aging(server: ServerVersion | None) -> str:
    if server is not None and server.aggregates:
        return (
            "a process that is missing from a report has ended; if an agent reports none, its last"
            " ones are kept for a day"
        )
    return "an ended process is kept for a day"


def _restarted(config: Config | None) -> str:
    """What else to check after a change of the configuration."""
    effect = None
    if config is not None:
        effect = behaviour_of(config.agent, config.dialect).config_change
    applied = effect in ("hot", "next-scan")
    return "" if applied else " and that the agent restarted after it was changed"


def _resent(config: Config | None) -> str:
    """When the agent sends its processes again, as the end of a sentence."""
    if config is None:
        return ""
    behaviour = behaviour_of(config.agent, config.dialect)
    if isinstance(behaviour, InputsProc):
        tags = behaviour.tags_in_digest
    else:
        tags = behaviour.change_told_by == "sha1"
    if tags:
        return "; the agent sends again when pids or tags change, not when only a name changes"
    return "; the agent sends again only when pids change, not when only a name or tag changes"

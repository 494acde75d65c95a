"""The settings of inputs.proc beside the matchers: sockets, the proc mount, changes.

Source: FACTS B2, B3, B8, H; for each kind, its page.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from proccli.config.loading import second_document
from proccli.diagnostics.context import Context
from proccli.diagnostics.rewriting import rewrites
from proccli.model.config import Diagnostic
from proccli.text import visible
from proccli.versions import NEWEST_RELEASE, SENT_FEATURE, SOCKET_FEATURE

_PROC_ROOT: Final = "proc_dir_path"


def check(context: Context) -> Iterator[Diagnostic]:
    """Settings that leave nothing to sync, or have unwanted effects."""
    if context.config.dialect != "inputs.proc":
        return
    yield from _sockets(context)
    yield from _proc_root(context)
    yield from _changes(context)
    yield from _lost_on_the_way(context)


def _sockets(context: Context) -> Iterator[Diagnostic]:
    config, keys, behaviour = context.config, context.keys, context.behaviour
    assert behaviour is not None  # noqa: S101 - the caller looked
    if not config.sync_enabled:
        return
    takers = [
        rule
        for rule in config.rules
        if SOCKET_FEATURE in rule.enabled_features
        and not (rule.ignore and behaviour.ignore == "removes")
    ]
    wanted = bool(takers) or context.written.setting(keys.interval) is not None
    interval = config.socket_sync_interval_s
    if wanted and behaviour.socket_thread != "per-namespace":
        ends = behaviour.socket_thread == "ends-at-once"
        yield context.at_setting(
            keys.interval,
            "sockets-broken",
            f"agent {config.agent} sends no sockets, whatever the configuration says"
            if ends
            else f"agent {config.agent} loses sockets",
            effect="its socket thread ends before the first scan: flow metrics name no process"
            if ends
            else "it looks at the first process of each network namespace only",
            hint=f"update the agent: {NEWEST_RELEASE} has a repaired thread",
        )
        return
    problem = None
    if not takers:
        problem = f"no matcher has the feature {SOCKET_FEATURE}"
        hint = f"add it to enabled_features, beside {SENT_FEATURE}"
    elif interval == 0:
        written = context.written.setting(keys.interval) is not None
        problem = f"{keys.interval} is {'less than a second' if written else '0 (the default)'}"
        hint = f"write {keys.interval}: 10s"
    if problem is not None:
        yield context.at_setting(
            keys.interval if takers or context.written.setting(keys.interval) else keys.rules,
            "sockets-off",
            problem,
            effect="the agent sends no sockets, so flow metrics name no process",
            hint=hint,
        )
    elif not context.surroundings.exists("/proc/net/udp6"):
        yield context.at_setting(
            keys.interval,
            "sockets-need-ipv6",
            "IPv6 is switched off on this machine: /proc/net has no udp6",
            effect="on such hosts the agent reads no sockets of the network namespace, IPv4"
            " included",
            hint="leave the IPv6 module loaded, without addresses if need be",
        )


def _proc_root(context: Context) -> Iterator[Diagnostic]:
    if context.config.proc_root.rstrip("/") != "/proc":
        yield context.at_setting(
            _PROC_ROOT,
            "proc-dir-path",
            f"{_PROC_ROOT} is {visible(context.config.proc_root[:60])}",
            effect="the agent lists processes there, and takes parents, start times and sockets"
            " from /proc all the same: what differs between them is lost",
            hint="omit the key",
        )


def _changes(context: Context) -> Iterator[Diagnostic]:
    behaviour = context.behaviour
    assert behaviour is not None  # noqa: S101 - the caller looked
    if behaviour.config_change == "stops" and context.written.setting(context.keys.rules):
        yield context.at_setting(
            context.keys.rules,
            "change-stops",
            f"agent {context.config.agent} stops sending processes when the matchers, the tag"
            " command or proc_dir_path change",
            effect="nothing is sent until the agent is restarted",
            hint="restart the agents after each change",
        )
    elif behaviour.config_change == "hot" and behaviour.publishes == "pids":
        renaming = next((rule for rule in context.rules if rewrites(rule, context)), None)
        if renaming is not None and renaming.places:
            yield context.at_value(
                renaming,
                context.keys.rewrite,
                "rename-not-published",
                "a later change of a name alone is not sent",
                effect=f"agent {context.config.agent} sends processes again only when pids change",
                hint="restart the agent after a change of rewrite_name",
            )


def _lost_on_the_way(context: Context) -> Iterator[Diagnostic]:
    """What the server applies or drops, and what is another thing for an agent with the file."""
    if context.config.via != "server":
        return
    for key in context.written.merge_keys():
        yield context.at(
            context.written.place((key.start, key.end)),
            "merge-key",
            "the server applies this merge key; an agent that reads the file ignores it",
            effect="the same text means something else with --via file",
            hint="write the keys out",
        )
    second = second_document(context.written.source.text)
    if second is not None:
        yield context.at(
            context.written.place((second, second)),
            "second-document-lost",
            "a second YAML document begins here",
            effect="the server reads the first one alone; an agent that reads the file rejects all"
            " of it",
            hint="leave out lines of --- or ...",
        )

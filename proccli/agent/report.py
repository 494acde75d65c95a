"""What the agent reports of a process, and the digests by which it detects changes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from proccli.model.config import Config
from proccli.model.outcome import Outcome
from proccli.model.process import TagTable
from proccli.model.sockets import SyncedProcess
from proccli.versions import Behaviour, InputsProc

_U32 = 1 << 32


def sent(
    outcomes: Iterable[Outcome], tags: TagTable, behaviour: Behaviour
) -> tuple[SyncedProcess, ...]:
    """The processes that the agent sends: the accepted ones; with `inputs.proc` none at all if the
    tag command fails (FACTS B7)."""
    if tags.failed and isinstance(behaviour, InputsProc):
        return ()
    return tuple(
        as_sent(outcome, behaviour) for outcome in outcomes if outcome.status == "accepted"
    )


def as_sent(outcome: Outcome, behaviour: Behaviour) -> SyncedProcess:
    """An accepted process as the agent sends it; None for what a release does not send."""
    process, started = outcome.process, outcome.agent_start_s
    return SyncedProcess(
        name=outcome.gprocess or "",
        pid=process.pid,
        process_name=outcome.process_name or "",
        cmdline=outcome.cmdline or "",
        user=outcome.user or "",
        start_time=started if started is not None and 0 <= started < _U32 else 0,
        os_app_tags=None
        if outcome.tags is None
        else tuple((tag.key, tag.value) for tag in outcome.tags),
        netns_id=(process.netns or 0) % _U32 if behaviour.netns else None,
        container_id=outcome.container_id or "" if behaviour.netns else None,
        starttime_ticks=process.starttime_ticks,
    )


def digest(processes: Sequence[SyncedProcess]) -> str | None:
    """The SHA-1, in hexadecimal, by which agents 6.2 to 6.4 detect that processes changed; None
    where their tags are not known.

    Over the processes by pid: the pid as 8 bytes, big-endian, then each tag's key and value.

    Source: agent v6.4 linux_process.rs:67-108.
    """
    import hashlib  # loads OpenSSL, 4 MiB: not before the rows of sockets are freed

    hashed = hashlib.sha1(usedforsecurity=False)
    for process in sorted(processes, key=lambda process: process.pid):
        if process.os_app_tags is None:
            return None
        hashed.update(process.pid.to_bytes(8, "big"))
        for key, value in process.os_app_tags:
            hashed.update(key.encode(errors="surrogateescape"))
            hashed.update(value.encode(errors="surrogateescape"))
    return hashed.hexdigest()


def config_digest(config: Config) -> str:
    """A digest of the settings in effect; other content of the file doesn't change it."""
    import hashlib

    settings = [
        config.agent,
        config.via,
        config.sync_enabled,
        config.tagged_only,
        config.proc_root,
        config.socket_sync_interval_s,
        config.min_lifetime_s,
        config.tag_exec,
        config.tag_exec_user,
        [
            (rule.match_type, rule.match_regex, rule.action, rule.rewrite_name)
            for rule in config.rules
        ],
    ]
    if config.feature is not None:
        settings.append([config.feature, config.blacklist, config.push_interval_s])
        settings.append(
            [
                (rule.ignore, rule.only_in_container, rule.only_with_tag, rule.enabled_features)
                for rule in config.rules
            ]
        )
    return hashlib.sha256(json.dumps(settings).encode()).hexdigest()

"""Looks at many hosts: the live machine, recordings, directories, outputs of `sync`."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait

from proccli import config as configs
from proccli.errors import SourceError, UsageError
from proccli.fleet import Network, host_view, synced_view
from proccli.jobs.identity import reported
from proccli.jobs.inputs import InputOptions, Inputs, open_inputs
from proccli.jobs.looks import NO_PATIENCE, Patience, look_until_settled
from proccli.jobs.notices import verdict_notices
from proccli.jobs.socketnotices import socket_notices
from proccli.matching.inheritance import tags_of
from proccli.model import Config, HostView, Notice, Verdict
from proccli.procfs.source import Source
from proccli.recording import SyncOutput, open_source_or_output

LIVE = "live"
_WORTH_HELPERS = 24
"""Sources from which on it pays to start processes that read them side by side."""
_MOST_HELPERS = 8
_AHEAD = 4
"""Sources for each of those that may be read before the result is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedSource:
    """What to look at, and the network that its addresses are of."""

    path: str | None
    """A recording, a directory laid out like /proc, the output of `sync`, `-` for one of these
    but the directory on stdin; None: the live machine."""
    network: Network = ""

    @property
    def name(self) -> str:
        """For people."""
        return LIVE if self.path is None else "<stdin>" if self.path == "-" else self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a look at one source came to."""

    view: HostView
    config: Config | None
    """None for the output of `sync`, which was made with one of its own."""
    notices: tuple[Notice, ...]
    incomplete: bool
    """Whether something that the agent would know is unknown here."""


def _addresses(verdicts: Iterable[Verdict], source: Source) -> Iterator[str]:
    """Those of each network namespace, by way of the first process that shows them."""
    known: set[int] = set()
    for verdict in verdicts:
        netns = verdict.process.netns
        if netns is not None and netns not in known:
            found = source.addresses(verdict.process.pid)
            if found is not None:
                known.add(netns)
                yield from found


def views(
    options: InputOptions, sources: Sequence[NamedSource], patience: Patience
) -> Iterator[Looked]:
    """What looks at all of them come to, in their order, one or a few at a time in memory.

    Raises: UsageError, ConfigError, SourceError for the first of them that can't be read.
    """
    if options.tags is not None and len(sources) > 1:
        raise UsageError("--tags is the output of one host's command, and there are several hosts")
    if options.config is not None and options.config_text is None:
        options = replace(options, config_text=configs.read_file(options.config))
    helpers = min(len(os.sched_getaffinity(0)), _MOST_HELPERS)
    if helpers < 2 or len(sources) < _WORTH_HELPERS:
        for source in sources:
            yield look_at(options, source, patience)
    else:
        yield from _side_by_side(options, sources, patience, helpers)


def _side_by_side(
    options: InputOptions, sources: Sequence[NamedSource], patience: Patience, helpers: int
) -> Iterator[Looked]:
    quiet = replace(options, announce=None)  # a helper reads files and runs nothing
    method = "fork" if threading.active_count() == 1 else "spawn"
    others = set(active_children())
    pool = ProcessPoolExecutor(helpers, mp_context=get_context(method), initializer=_die_with_us)
    try:
        pending: deque[tuple[NamedSource, Future[Looked] | None]] = deque()
        left = iter(sources)
        while True:
            while len(pending) < helpers * _AHEAD and (source := next(left, None)) is not None:
                here = source.path in (None, "-")
                with _without_ctrl_c():
                    task = None if here else pool.submit(look_at, quiet, source, patience)
                pending.append((source, task))
            if not pending:
                return
            source, task = pending.popleft()
            yield look_at(options, source, patience) if task is None else _result(task, source)
    except BaseException:
        # Nobody waits for what they read, which may be a pipe that never ends.
        for helper in set(active_children()) - others:
            helper.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """The terminal sends it to the helpers, too, which start with what is held back here: the one
    that they help ends them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _die_with_us() -> None:
    """A helper ends when the one that it helps was killed."""
    parent = parent_process()
    assert parent is not None  # noqa: S101 - we are in a helper
    threading.Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()


def _follow(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def _result(task: Future[Looked], source: NamedSource) -> Looked:
    try:
        return task.result()
    except BrokenProcessPool as error:
        problem = f"can't read {source.name}: a helper process was killed (out of memory?)"
        raise SourceError(problem) from error


def look_at(options: InputOptions, source: NamedSource, patience: Patience) -> Looked:
    """One source. Raises: UsageError, ConfigError, SourceError."""
    if source.path is None:
        return _looked(open_inputs(replace(options, snapshot=None)), source, patience)
    opened = open_source_or_output(source.path)
    if isinstance(opened, SyncOutput):
        view = synced_view(opened, source.name, source.network)
        return Looked(view=view, config=None, notices=(), incomplete=_lacks_tags(view))
    options = replace(options, snapshot=source.path, proc_root=None)
    return _looked(open_inputs(options, source=opened), source, NO_PATIENCE)


def _looked(inputs: Inputs, source: NamedSource, patience: Patience) -> Looked:
    seen = look_until_settled(inputs, patience)
    host = seen.inputs.source.host
    unseen = socket_notices(seen.sockets, host)
    view = host_view(
        host=host,
        source=source.name,
        network=source.network,
        verdicts=seen.verdicts,
        tags_of=lambda verdict: tags_of(verdict, inputs.tags, seen.pipeline.bare_verdict),
        reported=lambda verdict: reported(verdict, host),
        look=seen.sockets,
        addresses=_addresses(seen.verdicts, seen.inputs.source),
    )
    return Looked(
        view=view,
        config=inputs.config,
        notices=(
            *inputs.notices,
            *verdict_notices(inputs.config, host, seen.verdicts),
            *unseen,
            *seen.notices,
        ),
        incomplete=any(socket.status == "undecided" for socket in seen.sockets.best_known)
        or any(notice.code == "sockets-unreadable-for-us" for notice in unseen)
        or _lacks_tags(view),
    )


def _lacks_tags(view: HostView) -> bool:
    return any(party.status == "accepted" and party.tags is None for party in view.parties.values())

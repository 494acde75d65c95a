"""Reads hosts: the live machine, recordings, directories and outputs of `sync`."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures import wait as wait_for
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from typing import Any, TypeAlias

from proccli.agent.inputs import Inputs
from proccli.commands.inputs import InputOptions, each_read, for_several, open_inputs
from proccli.commands.samples import NO_WAIT, WaitPolicy, addresses_of, take_sample_with_ages
from proccli.commands.scan.gprocesses import reported
from proccli.commands.warnings import incomplete, outcome_notes, socket_notes
from proccli.errors import SourceError
from proccli.model.config import Config
from proccli.model.hosts import ConnectionEnd, HostView
from proccli.model.note import Note
from proccli.model.sockets import Endpoint
from proccli.server.host_view import host_view, synced_view
from proccli.sources.opening import NamedSource, open_source_or_output
from proccli.sources.recording.sync_document import SyncOutput

_PARALLEL_FROM = 24
"""Number of sources from which starting worker processes saves time."""
_MAX_WORKERS = 8
_SERVES_CTRL_C_S = 0.2
"""A wait without a limit may sleep through Ctrl-C, see `proccli/commands/record/hosts.py`."""
_AHEAD = 4
"""Number of sources per worker that are read before their results are needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostResult:
    """One host as read from its source."""

    view: HostView
    config: Config | None
    """None for the output of `sync`, which was made with a configuration of its own."""
    notes: tuple[Note, ...]
    incomplete: bool
    """Whether something that the agent would know is unknown here."""


_Columns: TypeAlias = list[tuple[Any, ...]]
_Packed: TypeAlias = tuple[HostResult, _Columns]
"""How a worker sends a host."""


def read_hosts(
    options: InputOptions,
    sources: Sequence[NamedSource],
    wait_policy: WaitPolicy,
    failures: list[SourceError],
) -> Iterator[HostResult]:
    """The host of each source, in order; only one or a few at a time are in memory.

    If there are several, those that cannot be read are left out, and their errors are added to
    `failures`. Raises: UsageError, ConfigError, SourceError as `each_read` does.
    """
    options = for_several(options, len(sources))
    workers = min(len(os.sched_getaffinity(0)), _MAX_WORKERS)
    if workers < 2 or len(sources) < _PARALLEL_FROM:
        one_by_one = partial(read_host, options, wait_policy=wait_policy)
        found = each_read(sources, one_by_one, failures)
        yield from (result for _, result in found)
        return
    with _parallel_reader(options, sources, wait_policy, workers) as read:
        yield from (result for _, result in each_read(sources, read, failures))


def read_host(options: InputOptions, source: NamedSource, wait_policy: WaitPolicy) -> HostResult:
    """The host of one source. Raises: UsageError, ConfigError, SourceError."""
    if source.path is None:
        return _evaluated(open_inputs(options._replace(snapshot=None)), source, wait_policy)
    opened = open_source_or_output(source.path)
    if isinstance(opened, SyncOutput):
        view = synced_view(opened, source.name, source.network)
        return HostResult(view=view, config=None, notes=(), incomplete=_lacks_tags(view))
    options = options._replace(snapshot=source.path, proc_root=None)
    return _evaluated(open_inputs(options, source=opened), source, NO_WAIT)


def _evaluated(inputs: Inputs, source: NamedSource, wait_policy: WaitPolicy) -> HostResult:
    sample = take_sample_with_ages(inputs, wait_policy)
    host = sample.inputs.source.host
    hidden = socket_notes(sample.sockets, host)
    view = host_view(
        host=host,
        source=source.name,
        network=source.network,
        outcomes=sample.outcomes,
        tags_of=sample.pipeline.tags_of,
        reported=lambda outcome: reported(outcome, host),
        sample=sample.sockets,
        addresses=addresses_of(sample.inputs.source, (one.process for one in sample.outcomes))
        or (),
        enabled=inputs.config.sync_enabled,
    )
    return HostResult(
        view=view,
        config=inputs.config,
        notes=(
            *inputs.notes,
            *outcome_notes(inputs.config, host, sample.outcomes),
            *hidden,
            *sample.notes,
        ),
        incomplete=incomplete(
            (*inputs.notes, *hidden), {"processes", "sockets"}, sockets=sample.sockets.best_known
        )
        or _lacks_tags(view),
    )


def _lacks_tags(view: HostView) -> bool:
    return any(
        process.status == "accepted" and process.tags is None for process in view.processes.values()
    )


@contextmanager
def _parallel_reader(
    options: InputOptions, sources: Sequence[NamedSource], wait_policy: WaitPolicy, workers: int
) -> Iterator[Callable[[NamedSource], HostResult]]:
    """`read_host` for these sources, in their order; the next ones are being read meanwhile."""
    quiet = options._replace(announce=None)  # a worker reads files and runs nothing
    method = "fork" if threading.active_count() == 1 else "spawn"
    others = set(active_children())
    pool = ProcessPoolExecutor(workers, mp_context=get_context(method), initializer=_end_with_us)
    pending: deque[Future[_Packed] | None] = deque()
    left = iter(sources)

    def read(source: NamedSource) -> HostResult:
        while len(pending) < workers * _AHEAD and (ahead := next(left, None)) is not None:
            here = ahead.path in (None, "-")
            pending.append(None if here else _submit(pool, quiet, ahead, wait_policy))
        task = pending.popleft()
        if task is None:
            return read_host(options, source, wait_policy)
        return _unpacked(_result(task, source))

    try:
        yield read
    except BaseException:
        # Their results are no longer needed, and they may be reading a pipe that never ends.
        for worker in set(active_children()) - others:
            worker.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _submit(
    pool: ProcessPoolExecutor, options: InputOptions, source: NamedSource, wait_policy: WaitPolicy
) -> Future[_Packed]:
    """The pending result of a source; a failed one if a worker has been killed."""
    try:
        with _without_ctrl_c():
            return pool.submit(_read_packed, options, source, wait_policy)
    except BrokenProcessPool as error:
        failed: Future[_Packed] = Future()
        failed.set_exception(error)
        return failed


def _result(task: Future[_Packed], source: NamedSource) -> _Packed:
    """Raises: SourceError if a worker was killed; the error of the source."""
    while not task.done():
        wait_for((task,), _SERVES_CTRL_C_S)
    try:
        return task.result()
    except BrokenProcessPool as error:
        problem = f"can't read {source.name}: a worker process was killed (out of memory?)"
        raise SourceError(problem) from error


def _read_packed(options: InputOptions, source: NamedSource, wait_policy: WaitPolicy) -> _Packed:
    """A host without its ends, and these by column: to send them so takes a third of the time."""
    result = read_host(options, source, wait_policy)
    columns: _Columns = list(zip(*result.view.ends, strict=True))
    if columns:
        protocols, roles, clients, servers, *more = columns
        columns = [
            protocols,
            roles,
            *zip(*clients, strict=True),
            *zip(*servers, strict=True),
            *more,
        ]
    return replace(result, view=replace(result.view, ends=())), columns


def _unpacked(packed: _Packed) -> HostResult:
    """The host with its ends."""
    result, columns = packed
    ends: list[ConnectionEnd] = []
    if columns:
        protocols, roles, client_ips, client_ports, server_ips, server_ports, *more = columns
        clients = map(Endpoint, client_ips, client_ports)
        servers = map(Endpoint, server_ips, server_ports)
        ends.extend(map(ConnectionEnd, protocols, roles, clients, servers, *more))
    return replace(result, view=replace(result.view, ends=ends))


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Block SIGINT, so that workers started here have it blocked.

    The terminal sends it to the workers, too; the main process ends them.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_with_us() -> None:
    """End this worker as soon as the main process has ended, even if it was killed."""
    parent = parent_process()
    assert parent is not None  # noqa: S101 - this runs in a worker
    threading.Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()


def _follow(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)

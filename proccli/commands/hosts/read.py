"""Reads hosts: the live machine, recordings, directories and outputs of `sync`."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures import wait as wait_for
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby, islice
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from typing import NamedTuple, TypeAlias

from proccli.agent.inputs import Inputs
from proccli.agent.sockets.collect import join_sockets
from proccli.commands.inputs import InputOptions, each_read, for_several, open_inputs
from proccli.commands.samples import NO_WAIT, WaitPolicy, addresses_of, take_sample_with_ages
from proccli.commands.scan.gprocesses import reported
from proccli.commands.warnings import incomplete, outcome_notes, socket_notes
from proccli.errors import SourceError
from proccli.model.config import Config
from proccli.model.hosts import HostView
from proccli.model.note import Note
from proccli.server.host_view import host_view, synced_view
from proccli.server.store import PackedHost, packed_host
from proccli.sources.opening import NamedSource, open_source_or_output
from proccli.sources.recording.sync_document import SyncOutput

_PARALLEL_FROM = 24
"""Number of sources from which starting worker processes saves time."""
_MAX_WORKERS = 8
_SERVES_CTRL_C_S = 0.2
"""A wait without a limit may sleep through Ctrl-C, see `proccli/commands/record/hosts.py`."""
_AHEAD = 4
"""Number of tasks per worker that are done before their results are needed."""
_PER_TASK = 8
"""Maximum number of sources of one task: to hand over a task takes a tenth of the time that it
takes to read an output of `sync` with 500 connections."""
_TASKS_PER_WORKER = 8
"""With fewer sources, tasks are smaller, so that all workers end at about the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostResult:
    """One host as read from its source."""

    packed: PackedHost
    """Its number is that of the source."""
    config: Config | None
    """None for the output of `sync`, which was made with a configuration of its own."""
    notes: tuple[Note, ...]
    incomplete: bool
    """Whether something that the agent would know is unknown here."""

    @property
    def view(self) -> HostView:
        """The host without its processes and ends."""
        return self.packed.view


_Read: TypeAlias = "HostResult | SourceError"
"""What comes of a source."""


class _NumberedSource(NamedTuple):
    """A source, the number of the host in it, and that of its network."""

    source: NamedSource
    number: int
    network: int

    def packed(self, view: HostView) -> PackedHost:
        return packed_host(view, self.number, self.network)


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
    networks = {name: n for n, name in enumerate(dict.fromkeys(one.network for one in sources))}
    numbered = [
        _NumberedSource(source, number, networks[source.network])
        for number, source in enumerate(sources)
    ]
    workers = min(len(os.sched_getaffinity(0)), _MAX_WORKERS)
    if workers < 2 or len(sources) < _PARALLEL_FROM:
        one_by_one = partial(_read_host, options, wait_policy=wait_policy)
        found = each_read(numbered, one_by_one, failures)
        yield from (result for _, result in found)
        return
    with _parallel_reader(options, numbered, wait_policy, workers) as read:
        yield from (result for _, result in each_read(numbered, read, failures))


def _read_host(
    options: InputOptions, numbered: _NumberedSource, wait_policy: WaitPolicy
) -> HostResult:
    """The host of one source. Raises: UsageError, ConfigError, SourceError."""
    source = numbered.source
    if source.path is None:
        return _evaluated(open_inputs(options._replace(snapshot=None)), numbered, wait_policy)
    opened = open_source_or_output(source.path)
    if isinstance(opened, SyncOutput):
        view = synced_view(opened, source.name, source.network)
        return HostResult(
            packed=numbered.packed(view), config=None, notes=(), incomplete=_lacks_tags(view)
        )
    options = options._replace(snapshot=source.path, proc_root=None)
    return _evaluated(open_inputs(options, source=opened), numbered, NO_WAIT)


def _evaluated(inputs: Inputs, numbered: _NumberedSource, wait_policy: WaitPolicy) -> HostResult:
    source = numbered.source
    sample = take_sample_with_ages(inputs, wait_policy)
    host, sockets = sample.inputs.source.host, join_sockets(sample.sockets)
    hidden = socket_notes(sockets, host, inputs.config)
    view = host_view(
        host=host,
        source=source.name,
        network=source.network,
        outcomes=sample.outcomes,
        tags_of=sample.pipeline.tags_of,
        reported=lambda outcome: reported(outcome, host),
        sample=sockets,
        addresses=addresses_of(sample.inputs.source, (one.process for one in sample.outcomes))
        or (),
        enabled=inputs.config.sync_enabled,
    )
    return HostResult(
        packed=numbered.packed(view),
        config=inputs.config,
        notes=(
            *inputs.notes,
            *outcome_notes(inputs.config, host, sample.outcomes),
            *hidden,
            *sample.notes,
        ),
        incomplete=incomplete(
            (*inputs.notes, *hidden), {"processes", "sockets"}, sockets=sockets.best_known
        )
        or _lacks_tags(view),
    )


def _lacks_tags(view: HostView) -> bool:
    return any(
        process.status == "accepted" and process.tags is None for process in view.processes.values()
    )


@contextmanager
def _parallel_reader(
    options: InputOptions,
    sources: Sequence[_NumberedSource],
    wait_policy: WaitPolicy,
    workers: int,
) -> Iterator[Callable[[_NumberedSource], HostResult]]:
    """`_read_host` for these sources, in their order; the next ones are being read meanwhile."""
    quiet = options._replace(announce=None)  # a worker reads files and runs nothing
    method = "fork" if threading.active_count() == 1 else "spawn"
    others = set(active_children())
    pool = ProcessPoolExecutor(workers, mp_context=get_context(method), initializer=_start_worker)
    pending: deque[tuple[Sequence[_NumberedSource], Future[list[_Read]] | None]] = deque()
    left = _shares(sources, len(sources) // (workers * _TASKS_PER_WORKER))
    done: deque[_Read] = deque()

    def read(_source: _NumberedSource) -> HostResult:
        while len(pending) < workers * _AHEAD and (share := next(left, None)) is not None:
            task = None if _is_here(share[0]) else _submit(pool, quiet, share, wait_policy)
            pending.append((share, task))
        if not done:
            share, task = pending.popleft()
            done.extend(
                _read_share(options, share, wait_policy) if task is None else _result(task, share)
            )
        result = done.popleft()
        if isinstance(result, SourceError):
            raise result
        return result

    try:
        yield read
    except BaseException:
        # Their results are no longer needed, and they may be reading a pipe that never ends.
        for worker in set(active_children()) - others:
            worker.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _is_here(numbered: _NumberedSource) -> bool:
    """Whether only the main process can read a source: this machine, or stdin."""
    return numbered.source.path in (None, "-")


def _shares(sources: Sequence[_NumberedSource], size: int) -> Iterator[Sequence[_NumberedSource]]:
    """The sources of each task."""
    for is_here, some in groupby(sources, key=_is_here):
        while share := list(islice(some, 1 if is_here else max(1, min(size, _PER_TASK)))):
            yield share


def _read_share(
    options: InputOptions, share: Sequence[_NumberedSource], wait_policy: WaitPolicy
) -> list[_Read]:
    results: list[_Read] = []
    for one in share:
        try:
            results.append(_read_host(options, one, wait_policy))
        except SourceError as error:
            results.append(error)
    return results


def _submit(
    pool: ProcessPoolExecutor,
    options: InputOptions,
    share: Sequence[_NumberedSource],
    wait_policy: WaitPolicy,
) -> Future[list[_Read]]:
    """The pending results of some sources; failed ones if a worker has been killed."""
    try:
        with _without_ctrl_c():
            return pool.submit(_read_share, options, share, wait_policy)
    except BrokenProcessPool as error:
        failed: Future[list[_Read]] = Future()
        failed.set_exception(error)
        return failed


def _result(task: Future[list[_Read]], share: Sequence[_NumberedSource]) -> list[_Read]:
    """The results of a task, or an error for each of its sources if a worker was killed."""
    while not task.done():
        wait_for((task,), _SERVES_CTRL_C_S)
    try:
        return task.result()
    except BrokenProcessPool:
        why = "a worker process was killed (out of memory?)"
        return [SourceError(f"can't read {one.source.name}: {why}") for one in share]


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


def _start_worker() -> None:
    """End this worker as soon as the main process has ended, even if it was killed."""
    gc.freeze()  # a collection in a worker would copy all pages that they share
    parent = parent_process()
    assert parent is not None  # noqa: S101 - this runs in a worker
    threading.Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()


def _follow(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)

"""Records other hosts over ssh: secrets are masked here, before anything is stored."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from typing import TypeAlias

from proccli.agent.inputs import Inputs
from proccli.commands.hosts.parallel import SERVES_CTRL_C_S
from proccli.commands.inputs import InputOptions, load_config, mentioned_names, open_inputs
from proccli.commands.record.destinations import Destination
from proccli.commands.record.record import (
    Failure,
    HostRecord,
    RecordedHosts,
    RecordResult,
    record,
)
from proccli.commands.record.ssh import (
    Collected,
    Connections,
    HostFailed,
    Interrupted,
    SshOptions,
    collect,
)
from proccli.commands.samples import WaitPolicy
from proccli.errors import ConfigError, OutputError, ProccliError
from proccli.model.note import Note

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the number of hosts that are done, and the number of all."""


def with_needs(ssh: SshOptions, options: InputOptions, policy: WaitPolicy) -> SshOptions:
    """The options with what the configuration needs of a host: how long to wait between the two
    looks at the sockets, and which variables of the agent its rules mention.

    The collector can't know which sockets matter, so it waits the minimum lifetime. Raises:
    ConfigError.
    """
    config, _, _ = load_config(options)
    lifetime_s = float(config.min_lifetime_s)
    waits = not policy.no_wait and lifetime_s <= policy.max_wait_s
    names = (name for name in mentioned_names(config) if name not in options.env)
    return replace(ssh, wait_s=lifetime_s if waits else 0.0, variables=tuple(names))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Records one host after the other; all with the same options."""

    options: InputOptions
    ssh: SshOptions
    redact: bool
    force: bool

    def write(self, collected: Collected, path: str) -> RecordResult:
        """Mask and write what was collected. Raises: ConfigError, OutputError."""
        inputs: Inputs = open_inputs(self.options, source=collected.recording)
        return record(inputs, path, redact=self.redact, force=self.force, kind="live")


def record_host(recorder: Recorder, destination: Destination, path: str) -> HostRecord:
    """Record one host to a file, or to stdout (`-`).

    Raises: HostFailed, ConfigError, OutputError.
    """
    if path != "-" and not recorder.force and os.path.lexists(path):
        raise OutputError(f"{path} already exists", hint="--force replaces it")
    connections = Connections()
    collected = collect(destination, recorder.ssh, connections)
    result = recorder.write(collected, path)
    return HostRecord(host=destination.text, interpreter=collected.interpreter, result=result)


def record_hosts(
    recorder: Recorder,
    destinations: Sequence[Destination],
    folder: str,
    *,
    jobs: int,
    missing: bool,
    progress: Progress,
) -> RecordedHosts:
    """Record each host to a file in a folder, several at a time; the folder is created.

    With `missing`, only those without a file. A host that fails does not end the others.

    Raises: ConfigError; OutputError if the folder can't be used; KeyboardInterrupt, when all
    connections have ended.
    """
    there = _prepare(folder, destinations)
    if there and not missing and not recorder.force:
        raise OutputError(
            f"{folder} already has recordings of {len(there)} of these hosts,"
            f" such as {next(iter(sorted(there)))}",
            hint="--missing records the others, --force replaces them",
        )
    wanted = [one for one in destinations if not missing or one.text not in there]
    found: dict[str, HostRecord] = {}
    with _collecting(recorder.ssh, wanted, jobs) as results:
        for done, (destination, result) in enumerate(results, start=1):
            path = os.path.join(folder, destination.file_name)  # noqa: PTH118 - shown as given
            found[destination.text] = _written(recorder, destination, result, path)
            progress(done, len(wanted))
    return RecordedHosts(
        hosts=tuple(found[one.text] for one in wanted),
        skipped=len(destinations) - len(wanted),
        notes=_notes([host for one in wanted if (host := found[one.text]).result is not None]),
    )


def _prepare(folder: str, destinations: Sequence[Destination]) -> frozenset[str]:
    """Create the folder, and return the hosts that it has recordings of. Raises: OutputError."""
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103 - shown as given
        names = frozenset(os.listdir(folder))  # noqa: PTH208 - shown as given
    except OSError as error:
        raise OutputError(f"can't write {folder}: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"can't write {folder}: permission denied")
    return frozenset(one.text for one in destinations if one.file_name in names)


_Result: TypeAlias = "Collected | HostFailed | ProccliError"


@contextmanager
def _collecting(
    ssh: SshOptions, destinations: Sequence[Destination], jobs: int
) -> Iterator[Iterator[tuple[Destination, _Result]]]:
    """What is collected of each host, as it comes; no more than `jobs` are in memory.

    When the block ends, by an exception or an interrupt, too, all connections have ended.
    """
    connections = Connections()
    room = threading.Semaphore(jobs)
    executor = ThreadPoolExecutor(max_workers=min(jobs, len(destinations) or 1))

    def work(destination: Destination) -> _Result:
        room.acquire()
        if connections.ended:
            raise Interrupted
        try:
            return collect(destination, ssh, connections)
        except (HostFailed, ProccliError) as error:
            return error

    def results() -> Iterator[tuple[Destination, _Result]]:
        done: SimpleQueue[Future[_Result]] = SimpleQueue()
        pending: dict[Future[_Result], Destination] = {}
        for destination in destinations:
            future = executor.submit(work, destination)
            pending[future] = destination
            future.add_done_callback(done.put)
        while pending:
            try:
                future = done.get(timeout=SERVES_CTRL_C_S)
            except Empty:
                continue
            yield pending.pop(future), future.result()
            del future  # with its recording
            room.release()

    try:
        yield results()
    finally:
        connections.end_all()
        # Whoever waits for room finds that all has ended.
        room.release(len(destinations) or 1)
        executor.shutdown(cancel_futures=True)


def _written(recorder: Recorder, destination: Destination, found: _Result, path: str) -> HostRecord:
    """The recording of a host, if there is something to write. Raises: ConfigError."""
    host = destination.text
    if isinstance(found, HostFailed):
        return HostRecord(host=host, failure=Failure(reason=found.reason, detail=found.detail))
    if isinstance(found, ProccliError):
        raise found
    try:
        result = recorder.write(found, path)
    except ConfigError:
        raise
    except ProccliError as error:
        failure = Failure(reason="failed", detail=str(error))
        return HostRecord(host=host, interpreter=found.interpreter, failure=failure)
    return HostRecord(host=host, interpreter=found.interpreter, result=result)


def _notes(hosts: Sequence[HostRecord]) -> tuple[Note, ...]:
    """The warnings of all hosts, each with the first of its hosts unless all have it."""
    by: dict[Note, list[str]] = {}
    for host in hosts:
        for note in dict.fromkeys(host.result.notes if host.result is not None else ()):
            by.setdefault(note, []).append(host.host or "")
    return tuple(
        note if len(names) == len(hosts) else note._replace(source=names[0], sources=len(names))
        for note, names in by.items()
    )

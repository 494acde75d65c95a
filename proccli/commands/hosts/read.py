"""Reads hosts: the live machine, recordings, directories and outputs of `sync`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from proccli.agent.inputs import Inputs
from proccli.agent.sockets.collect import join_sockets
from proccli.commands.hosts.parallel import parallel_reader
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


class _NumberedSource(NamedTuple):
    """A source, the number of the host in it, and that of its network."""

    source: NamedSource
    number: int
    network: int

    @property
    def path(self) -> str | None:
        """As in `NamedSource`."""
        return self.source.path

    @property
    def name(self) -> str:
        """As in `NamedSource`."""
        return self.source.name

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
    read = partial(_read_host, options, wait_policy=wait_policy)
    if len(sources) < _PARALLEL_FROM:
        yield from (result for _, result in each_read(numbered, read, failures))
        return
    # A worker reads files and runs nothing.
    in_worker = partial(_read_host, options._replace(announce=None), wait_policy=wait_policy)
    with parallel_reader(numbered, in_worker, here=read) as read_next:
        yield from (result for _, result in each_read(numbered, read_next, failures))


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
    hidden = socket_notes(sockets, host)
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

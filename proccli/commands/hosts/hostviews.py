"""A look at one host of many: the live machine, a recording, a directory, an output of `sync`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from proccli.agent.inputs import Inputs
from proccli.agent.tags import tags_of
from proccli.commands.inputs import InputOptions, open_inputs
from proccli.commands.samples import NO_WAIT, WaitPolicy, take_settled_sample
from proccli.commands.scan.gprocesses import reported
from proccli.commands.warnings import incomplete, outcome_notes, socket_notes
from proccli.model.config import Config
from proccli.model.hosts import HostView
from proccli.model.note import Note
from proccli.model.outcome import Outcome
from proccli.model.source import Source
from proccli.server.host_view import host_view, synced_view
from proccli.server.join import Network
from proccli.sources.opening import open_source_or_output
from proccli.sources.recording.sync_document import SyncOutput

LIVE = "live"


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
    notes: tuple[Note, ...]
    incomplete: bool
    """Whether something that the agent would know is unknown here."""


def _addresses(outcomes: Iterable[Outcome], source: Source) -> Iterator[str]:
    """Those of each network namespace, by way of the first process that shows them."""
    known: set[int] = set()
    for outcome in outcomes:
        netns = outcome.process.netns
        if netns is not None and netns not in known:
            found = source.addresses(outcome.process.pid)
            if found is not None:
                known.add(netns)
                yield from found


def look_at(options: InputOptions, source: NamedSource, wait_policy: WaitPolicy) -> Looked:
    """One source. Raises: UsageError, ConfigError, SourceError."""
    if source.path is None:
        return _looked(open_inputs(replace(options, snapshot=None)), source, wait_policy)
    opened = open_source_or_output(source.path)
    if isinstance(opened, SyncOutput):
        view = synced_view(opened, source.name, source.network)
        return Looked(view=view, config=None, notes=(), incomplete=_lacks_tags(view))
    options = replace(options, snapshot=source.path, proc_root=None)
    return _looked(open_inputs(options, source=opened), source, NO_WAIT)


def _looked(inputs: Inputs, source: NamedSource, wait_policy: WaitPolicy) -> Looked:
    seen = take_settled_sample(inputs, wait_policy)
    host = seen.inputs.source.host
    unseen = socket_notes(seen.sockets, host)
    view = host_view(
        host=host,
        source=source.name,
        network=source.network,
        outcomes=seen.outcomes,
        tags_of=lambda outcome: tags_of(outcome, inputs.tags, seen.pipeline.decided),
        reported=lambda outcome: reported(outcome, host),
        sample=seen.sockets,
        addresses=_addresses(seen.outcomes, seen.inputs.source),
        enabled=inputs.config.sync_enabled,
    )
    return Looked(
        view=view,
        config=inputs.config,
        notes=(
            *inputs.notes,
            *outcome_notes(inputs.config, host, seen.outcomes),
            *unseen,
            *seen.notes,
        ),
        incomplete=incomplete(unseen, {"sockets"}, sockets=seen.sockets.best_known)
        or _lacks_tags(view),
    )


def _lacks_tags(view: HostView) -> bool:
    return any(
        process.status == "accepted" and process.tags is None for process in view.processes.values()
    )

"""Warnings about processes and sockets that could not be read, each kind counted once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from proccli.agent.facts import container_id_ends_agent
from proccli.errors import ProccliError
from proccli.model.config import Config
from proccli.model.note import Counts, Note
from proccli.model.outcome import Outcome, Status
from proccli.model.process import Host
from proccli.versions import InputsProc, behaviour_of

if TYPE_CHECKING:
    from proccli.agent.sockets.collect import Reading, SocketSample
    from proccli.agent.sockets.result import SentSockets
    from proccli.model.codes import Lack
    from proccli.model.sockets import Socket


def incomplete(
    notes: Iterable[Note],
    matters: Collection[Lack],
    *,
    outcomes: Iterable[Outcome] = (),
    sockets: Iterable[Socket] = (),
) -> bool:
    """Whether something in `matters` is missing, or the status of an outcome or socket is open."""
    return (
        any(_lacking(note) in matters for note in notes)
        or any(outcome.status == "unknown" for outcome in outcomes)
        or any(socket.status == "undecided" for socket in sockets)
    )


def _lacking(note: Note) -> Lack | None:
    from proccli.model.codes import lacking  # most runs have no warning

    return lacking(note.code)


class NotesOfSources:
    """Warnings of several sources: equal ones become one, with the number of sources."""

    def __init__(self) -> None:
        self._first: dict[Note, str] = {}
        self._sources: Counter[Note] = Counter()

    def add(self, source: str, notes: Iterable[Note]) -> None:
        """Add the warnings of one more source."""
        for note in dict.fromkeys(notes):
            self._first.setdefault(note, source)
            self._sources[note] += 1

    def notes(self, sources: int) -> tuple[Note, ...]:
        """All warnings; those of only some of so many sources name the first of these."""
        return tuple(
            note
            if self._sources[note] == sources
            else note._replace(source=first, sources=self._sources[note])
            for note, first in self._first.items()
        )


class Totals:
    """What the results of several sources add up to: hosts, warnings, whether all is known."""

    def __init__(self) -> None:
        self.hosts: list[Host] = []
        self.incomplete = False
        """Whether something that an agent would know is unknown here."""
        self._of_sources = NotesOfSources()
        self._unread: tuple[Note, ...] = ()

    def add_notes(self, host: Host | None, notes: Iterable[Note], *, incomplete: bool) -> None:
        """Add the warnings of one more source; None: it could not be read, and is the only one."""
        self._of_sources.add("" if host is None else host.name or host.proc_root, notes)
        self.incomplete = self.incomplete or incomplete

    def leave_out(self, failures: Iterable[ProccliError]) -> None:
        """Add warnings about sources that could not be read."""
        self._unread = unread_sources(failures)

    @property
    def notes(self) -> tuple[Note, ...]:
        """The warnings of all sources."""
        return (*self._of_sources.notes(max(len(self.hosts), 1)), *self._unread)


def unread_sources(failures: Iterable[ProccliError]) -> tuple[Note, ...]:
    """A warning for each source that could not be read."""
    return tuple(Note.of("source-unreadable", problem=_problem_of(error)) for error in failures)


def _problem_of(error: ProccliError) -> str:
    if error.at is None:
        return str(error)
    from proccli.sources.secrets.arguments import mask_line

    return mask_line(str(error))


def outcome_notes(config: Config, host: Host, outcomes: Sequence[Outcome]) -> tuple[Note, ...]:
    """Sync is disabled, processes could not be read, or their ages are unknown."""
    notes: list[Note] = []
    if not config.sync_enabled:
        notes.append(Note.of("sync-disabled", key=config.key("sync_enabled")))
    notes.extend(_unreadable(outcomes, host))
    notes.extend(_without_age(config, outcomes, host))
    notes.extend(_parent_cycles(config, outcomes))
    notes.extend(_ended_by_container_ids(config, outcomes))
    notes.extend(_not_recorded(config, outcomes))
    if pids := refused_to_us(outcomes, host):
        notes.append(
            Note.of(
                "owner-unknown-to-us",
                processes=len(pids),
                first_pid=pids[0],
                recorded=host.kind == "recording",
            )
        )
    masked = [outcome.process.pid for outcome in outcomes if outcome.reason == "masked"]
    if masked:
        notes.append(Note.of("masked", processes=len(masked), first_pid=masked[0]))
    return tuple(notes)


def _parent_cycles(config: Config, outcomes: Sequence[Outcome]) -> Iterator[Note]:
    """That processes are among their own ancestors, as no kernel shows them.

    The agent's recursion has no guard: a parent_process_name rule, or inheritance of tags, that
    meets such a process overflows the stack.

    Source: FACTS A4, run with agents from 6.2.6 on; those of the newer engine walk ten parents.
    """
    behaviour = behaviour_of(config.agent, config.dialect)
    if isinstance(behaviour, InputsProc) or "parent_process_name" not in behaviour.match_types:
        return
    parents = {
        one.process.pid: one.process.ppid or 0 for one in outcomes if one.cmdline is not None
    }
    walked: dict[int, int] = {}
    cycles: list[int] = []
    for start in parents:
        pid = start
        while pid and pid in parents and pid not in walked:
            walked[pid] = start
            pid = parents[pid]
        if walked.get(pid) == start:
            first, above = pid, parents[pid]
            cycles.append(pid)
            while above != first:
                cycles.append(above)
                above = parents[above]
    if cycles:
        yield Note.of(
            "parent-cycle", processes=len(cycles), first_pid=min(cycles), agent=config.agent
        )


def _ended_by_container_ids(config: Config, outcomes: Sequence[Outcome]) -> Iterator[Note]:
    """That the agent ends at the name of a control group, where it looks for a container id."""
    kind = behaviour_of(config.agent, config.dialect).container
    pids = [
        outcome.process.pid
        for outcome in outcomes
        if outcome.process_name is not None
        and outcome.process.cgroup is not None
        and container_id_ends_agent(outcome.process.cgroup, kind)
    ]
    if pids:
        yield Note.of(
            "container-id-cut", processes=len(pids), first_pid=min(pids), agent=config.agent
        )


def refused_to_us(outcomes: Sequence[Outcome], host: Host) -> Sequence[int]:
    """The processes that the agent, as root, knows more of: the user's name, the namespace."""
    if host.privileged:
        return ()
    return [
        outcome.process.pid
        for outcome in outcomes
        if outcome.status in ("accepted", "unknown")
        and outcome.reason != "unreadable"
        and any(
            error.field in ("root_inode", "netns") and error.problem == "denied"
            for error in outcome.process.errors
        )
    ]


def _unreadable(outcomes: Sequence[Outcome], host: Host) -> list[Note]:
    notes = []
    gone, skipped = _without_gone(_problems(outcomes, "skipped"))
    if gone:
        notes.append(Note.of("vanished", processes=gone, sockets=0, namespaces=0))
    if skipped:
        notes.append(Note.of("unreadable", problems=skipped))
    if unknown := _problems(outcomes, "unknown"):
        notes.append(
            Note.of(
                "unreadable-for-us",
                problems=unknown,
                privileged=host.privileged,
                recorded=host.kind == "recording",
            )
        )
    return notes


def _problems(outcomes: Sequence[Outcome], status: Status) -> Counts:
    """How many processes of a status could not be read, by what went wrong."""
    return in_order(
        Counter(
            _problem(outcome)
            for outcome in outcomes
            if outcome.status == status and outcome.reason == "unreadable"
        )
    )


def _without_gone(problems: Counts) -> tuple[int, Counts]:
    """How many of the problems are that a process exited, and the others."""
    others = tuple((problem, count) for problem, count in problems if problem != "gone")
    return sum(count for problem, count in problems if problem == "gone"), others


def _problem(outcome: Outcome) -> str:
    for field in ("cmdline", "uid", "status", "exe"):
        error = outcome.process.error(field)
        if error is not None:
            return error.problem
    return "hidden-ancestor"


def in_order(counter: Mapping[str, int]) -> Counts:
    """Counts by code, in the order of the codes."""
    return tuple(sorted(counter.items()))


def _without_age(config: Config, outcomes: Sequence[Outcome], host: Host) -> list[Note]:
    pids = [
        outcome.process.pid
        for outcome in outcomes
        if outcome.process.error("stat") is not None and outcome.reason != "unreadable"
    ]
    if not pids or host.boot_time_s is None:
        return []
    behaviour = behaviour_of(config.agent, config.dialect)
    not_sent = isinstance(behaviour, InputsProc) and behaviour.start_check
    extra = {"not_sent": True} if not_sent else {}
    return [Note.of("stat-missing", None, processes=len(pids), first_pid=pids[0], **extra)]


def _not_recorded(config: Config, outcomes: Sequence[Outcome]) -> list[Note]:
    """That the format of a recording lacks what the agent looks at."""
    lacking = [outcome for outcome in outcomes if outcome.reason == "not-recorded"]
    fields = {
        error.field
        for outcome in lacking
        for error in outcome.process.errors
        if error.problem == "not-recorded"
    }
    if not lacking or lacking[0].process.arguments_joined:
        return []  # the output of ps has a warning of its own
    return [
        Note.of(
            "not-recorded",
            processes=len(lacking),
            fields=tuple(sorted(fields)),
            agent=config.agent,
        )
    ]


def unseen_by_us(sample: SocketSample | SentSockets | Reading, host: Host) -> tuple[Note, ...]:
    """Sockets that the agent, as root, can read and proccli can't."""
    refused = [
        outcome.process.pid
        for outcome, error in sample.unreadable
        if error.problem == "denied" and outcome.status in ("accepted", "unknown")
    ]
    if host.privileged or not refused:
        return ()
    return (
        Note.of(
            "sockets-unreadable-for-us",
            processes=len(refused),
            first_pid=refused[0],
            recorded=host.kind == "recording",
        ),
    )


def socket_notes(
    sample: SocketSample | SentSockets, host: Host, config: Config
) -> tuple[Note, ...]:
    """Everything that could not be read of the sockets, by us or by the agent."""
    return (
        *_not_looked_at(config),
        *unseen_by_us(sample, host),
        *_unreadable_sockets(sample, host),
        *_lost(sample),
        *_without_process(sample, host),
    )


def _not_looked_at(config: Config) -> Iterator[Note]:
    """That the agent does not look at all processes that it takes.

    Source: FACTS A10, B8; run.
    """
    behaviour = behaviour_of(config.agent, config.dialect)
    early = isinstance(behaviour, InputsProc) and behaviour.socket_thread == "leaves-early"
    if early and config.sync_enabled and config.socket_sync_interval_s:
        yield Note.of("sockets-left-early", agent=config.agent)


def _unreadable_sockets(sample: SocketSample | SentSockets, host: Host) -> tuple[Note, ...]:
    problems: Counter[str] = Counter(
        error.problem
        for outcome, error in sample.unreadable
        if outcome.status == "accepted"
        and error.problem != "not-recorded"  # the output of ps has a warning of its own
        and (host.privileged or error.problem != "denied")
    )
    gone, others = _without_gone(in_order(problems))
    notes = []
    if gone:
        notes.append(Note.of("vanished", processes=0, sockets=gone, namespaces=0))
    if others:
        notes.append(Note.of("sockets-unreadable", problems=others))
    return tuple(notes)


def _lost(sample: SocketSample | SentSockets) -> tuple[Note, ...]:
    """Unreadable socket tables. Without IPv6 there are no tcp6 and udp6, and nothing is missing."""
    gone = {namespace.idx for namespace, _, error in sample.lost if error.problem == "gone"}
    lost = [
        (namespace, error)
        for namespace, name, error in sample.lost
        if namespace.idx not in gone and (name in ("tcp", "udp") or error.problem != "missing")
    ]
    notes = []
    if gone:
        notes.append(Note.of("vanished", processes=0, sockets=0, namespaces=len(gone)))
    if lost:
        namespaces = len({namespace.idx for namespace, _ in lost})
        _, first = lost[0]
        notes.append(
            Note.of(
                "tables-unreadable", namespaces=namespaces, table=first.field, detail=first.detail
            )
        )
    return tuple(notes)


def _without_process(sample: SocketSample | SentSockets, host: Host) -> tuple[Note, ...]:
    count = sample.without_process
    if not count:
        return ()
    sees_all = host.privileged and host.sees_all
    return (Note.of("sockets-without-process", sockets=count, sees_all=sees_all),)

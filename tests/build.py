"""Short ways to write down processes, rules and hosts in tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from proccli.agent.decision import Context, decide
from proccli.agent.pipeline import outcome_of, strategy_for
from proccli.agent.process import AncestorSearch, agent_process
from proccli.agent.tags import SentTags
from proccli.errors import Location, NoSuchProcess
from proccli.model.config import Config, Rule, RuleProblem
from proccli.model.note import Note
from proccli.model.outcome import Outcome, Tag
from proccli.model.process import (
    ALL_FIELDS,
    NO_TAGS,
    Environment,
    Field,
    FieldError,
    Host,
    Process,
    TagTable,
)
from proccli.model.sockets import TABLES, NetTable, NetTables, SocketFd, SocketRow
from proccli.versions import behaviour_of

BOOT_S = 1_767_225_600  # 2026-01-01T00:00:00Z
NOW_S = BOOT_S + 97_445
NO_ENVIRONMENT = Environment(values={}, complete=True, origin="a test")


def process(pid: int, *argv: str, ppid: int | None = 0, **fields: Any) -> Process:
    """A process an hour after boot, with these arguments."""
    cmdline = b"".join(argument.encode() + b"\0" for argument in argv)
    known: dict[str, Any] = {"cmdline": cmdline, "starttime_ticks": 360_000, "uid": 0}
    return Process(pid=pid, ppid=ppid, **known | fields)


def host(**fields: Any) -> Host:
    """A directory seen at NOW_S."""
    known: dict[str, Any] = {
        "kind": "directory",
        "name": "web-1",
        "taken_at_ns": NOW_S * 1_000_000_000,
        "boot_time_s": BOOT_S,
        "ticks_per_s": 100,
        "proc_root": "/proc",
    }
    return Host(**known | fields)


def rule(
    index: int,
    match_regex: str,
    match_type: str = "process_name",
    action: str = "accept",
    rewrite_name: str = "",
    problem: str | None = None,
) -> Rule:
    """A rule that stands in line 3 times its index."""
    at = Location("agent.yaml", 3 * index, 5)
    return Rule(
        index=index,
        at=at,
        match_type=match_type or "process_name",
        match_regex=match_regex,
        action=action,
        rewrite_name=rewrite_name,
        problems=(
            (RuleProblem(code="regex-syntax", at=at, value=match_regex, detail=problem),)
            if problem
            else ()
        ),
    )


def config(*rules: tuple[str, ...] | Rule, **fields: Any) -> Config:
    """Agent 6.5 with these rules, switched on."""
    made = tuple(
        given if isinstance(given, Rule) else rule(index, *given)
        for index, given in enumerate(rules, start=1)
    )
    known: dict[str, Any] = {
        "file": "agent.yaml",
        "dialect": "static_config",
        "agent": "6.5",
        "via": "server",
        "sync_enabled": True,
        "rules": made,
    }
    return Config(**known | fields)


def tag_table(entries: Mapping[int, Iterable[tuple[str, str]]]) -> TagTable:
    """What a tag command printed."""
    table = {pid: tuple(pairs) for pid, pairs in entries.items()}
    return TagTable(entries=table, known=True, origin="a test")


UNKNOWN_TAGS = TagTable(entries={}, known=False, origin="a test")


class Machine:
    """Processes with a configuration: what the agent makes of each."""

    def __init__(
        self,
        processes: Sequence[Process],
        configuration: Config,
        *,
        tags: TagTable = NO_TAGS,
        environment: Environment = NO_ENVIRONMENT,
        at: Host | None = None,
    ) -> None:
        self.host = at or host()
        self.tags = tags
        self.behaviour = behaviour_of(configuration.agent, configuration.dialect)
        self.members = {
            item.pid: agent_process(item, self.host, self.behaviour) for item in processes
        }
        self.context = Context(
            config=configuration,
            behaviour=self.behaviour,
            strategy=strategy_for(configuration, environment),
            host=self.host,
            tags=tags,
            agent_process=self.members.get,
            agent_processes=self.members.values,
            ancestors=AncestorSearch(self.members.get, self.host),
        )
        self._sent_tags = SentTags(tags, self.behaviour.inheritance)

    def outcome(self, pid: int) -> Outcome:
        """The outcome on one process."""
        process = self.members[pid]
        return outcome_of(process, decide(process, self.context), self.host, self.behaviour)

    def tags_of(self, pid: int) -> tuple[Tag, ...] | None:
        """The tags of one process, inherited ones included."""

        def outcome_of_pid(of: int) -> Outcome | None:
            return self.outcome(of) if of in self.members else None

        return self._sent_tags.of(self.outcome(pid), outcome_of_pid)


class ListSource:
    """A source of given processes, which notes what it was asked to read."""

    notes: tuple[Note, ...] = ()

    def __init__(
        self,
        processes: Sequence[Process],
        *,
        at: Host | None = None,
        users: Mapping[int, str] | None = None,
        sockets: Mapping[int, Sequence[SocketFd] | FieldError] | None = None,
        nets: Mapping[int, NetTables] | None = None,
        addresses: Mapping[int, Sequence[str]] | None = None,
    ) -> None:
        self.host = at or host()
        self.by_pid = {item.pid: item for item in processes}
        self.user_table = users
        self.sockets = sockets or {}
        self.nets = nets or {}
        """Tables by the network namespace of the process that is asked through."""
        self.own_addresses = addresses or {}
        """By the network namespace, too."""
        self.was_read: list[int] = []
        self.asked_for_tables: list[int] = []

    def pids(self) -> Sequence[int]:
        """Ascending."""
        return sorted(self.by_pid)

    def read(self, pid: int, fields: frozenset[Field] = ALL_FIELDS) -> Process:  # noqa: ARG002 - all
        """One of them. Raises: NoSuchProcess."""
        self.was_read.append(pid)
        if pid not in self.by_pid:
            raise NoSuchProcess(f"no process {pid}")
        return self.by_pid[pid]

    def read_many(
        self, pids: Iterable[int], fields: frozenset[Field] = ALL_FIELDS
    ) -> Iterator[Process]:
        """Those of them that have one of these pids, in order."""
        return (self.read(pid, fields) for pid in pids if pid in self.by_pid)

    def users(self, process: Process) -> Mapping[int, str] | None:  # noqa: ARG002 - one table
        """The same table for all."""
        return self.user_table

    def socket_fds(self, pid: int) -> Sequence[SocketFd] | FieldError:
        """None, unless it was given some."""
        return self.sockets.get(pid, ())

    def addresses(self, pid: int) -> Sequence[str] | None:
        """Those of the process's namespace; unreadable, unless they were given."""
        return self.own_addresses.get(self.by_pid[pid].netns or 0)

    def net_tables(self, pid: int) -> NetTables:
        """Those of the process's namespace; empty ones, unless they were given."""
        self.asked_for_tables.append(pid)
        return self.nets.get(self.by_pid[pid].netns or 0, net_tables())


def net_tables(**tables: Sequence[SocketRow] | FieldError) -> NetTables:
    """The four tables of a namespace: rows, or why there are none, by the table's name."""
    return tuple(
        NetTable(name=name, error=given)
        if isinstance(given := tables.get(name, ()), FieldError)
        else NetTable(name=name, rows=tuple(given))
        for name in TABLES
    )

"""From a source and a configuration to outcomes: read, agent process, decision, tags, outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from proccli.agent.decision import Context, Decision, Strategy, age_reason, decide, fields_for
from proccli.agent.facts import agent_start_s, container_id, now_s, start_s
from proccli.agent.first_match import FirstMatch
from proccli.agent.inputs import Inputs
from proccli.agent.process import AgentProcess, AncestorSearch, agent_process, known_name
from proccli.agent.rules import compile_rules
from proccli.agent.tags import SentTags
from proccli.errors import NoSuchProcess
from proccli.model.config import Config
from proccli.model.outcome import Outcome, SocketCounts, Status, Tag
from proccli.model.process import SHOWN_FIELDS, Environment, Field, Host, Process, TagTable
from proccli.model.source import Source
from proccli.versions import (
    SENT_FEATURE,
    SOCKET_FEATURE,
    Behaviour,
    InputsProc,
    agent_version,
    behaviour_of,
)

if TYPE_CHECKING:
    from proccli.agent.every_matcher import EveryMatcher, Publication


def strategy_for(config: Config, environment: Environment) -> Strategy:
    """How the rules of a configuration are applied, by its dialect and agent."""
    behaviour = behaviour_of(config.agent, config.dialect)
    crate = agent_version(config.agent).regex_crate
    if isinstance(behaviour, InputsProc):
        from proccli.agent.every_matcher import EveryMatcher

        compiled = compile_rules(config.rules, environment, crate)
        return EveryMatcher(compiled, behaviour, config.feature or SENT_FEATURE)
    rules = config.rules if behaviour.rules_count else ()
    return FirstMatch(compile_rules(rules, environment, crate, expands=behaviour.env), behaviour)


def sends(config: Config, tags: TagTable) -> bool:
    """Whether the agent sends the accepted processes; with `inputs.proc`, none of another feature
    than proc.gprocess_info, and none if the tag command fails (FACTS B7)."""
    if isinstance(behaviour_of(config.agent, config.dialect), InputsProc):
        ours = config.feature in (None, SENT_FEATURE)
        return config.sync_enabled and ours and not tags.failed
    return config.sync_enabled


def outcome_of(
    process: AgentProcess, decision: Decision, host: Host, behaviour: Behaviour
) -> Outcome:
    """What is decided about a process, with its facts, but without tags and user."""
    found, texts = process.process, process.texts
    started, agent_started = start_s(found, host), agent_start_s(found, host)
    now = now_s(host)
    return Outcome(
        process=found,
        status=decision.status,
        reason=decision.reason,
        process_name=known_name(process),
        cmdline=texts.cmdline.text if texts is not None else None,
        rule=decision.rule,
        hits=decision.hits,
        gprocess=decision.name,
        tags=(),
        start_s=started,
        uptime_s=now - started if started is not None else None,
        agent_start_s=agent_started,
        agent_uptime_s=now - agent_started if agent_started is not None else None,
        container_id=None
        if found.cgroup is None
        else container_id(found.cgroup, behaviour.container),
        taken=decision.taken,
        reported_pid=decision.reported_pid,
        stands_for=decision.stands_for,
    )


def _matchers(strategy: Strategy) -> EveryMatcher:
    """The strategy of an agent that reads `inputs.proc`."""
    from proccli.agent.every_matcher import EveryMatcher

    assert isinstance(strategy, EveryMatcher)  # noqa: S101 - asked for in that dialect alone
    return strategy


class AgentProcesses:
    """The agent processes of a source, each read once.

    It knows no pipeline: a circle of references would keep a source's descriptors open.
    """

    def __init__(self, source: Source, fields: frozenset[Field], behaviour: Behaviour) -> None:
        self._source = source
        self._behaviour = behaviour
        self._batch_fields = fields
        self._fields = fields - {"fds"}
        self._by_pid: dict[int, AgentProcess | None] = {}

    def get(self, pid: int) -> AgentProcess | None:
        """The agent process of a pid, or None where the source has no such process."""
        if pid not in self._by_pid:
            try:
                self._add(self._source.read(pid, self._fields))
            except NoSuchProcess:
                self._by_pid[pid] = None
        return self._by_pid[pid]

    def all(self) -> Iterator[AgentProcess]:
        """The agent processes of all pids of the source."""
        pids = self._source.pids()
        self.read(pids)
        for pid in pids:
            if (process := self._by_pid.get(pid)) is not None:
                yield process

    def read(self, pids: Iterable[int]) -> None:
        """Read these processes in a batch, with their sockets where the fields include them."""
        unread = [pid for pid in pids if pid not in self._by_pid]
        for process in self._source.read_many(unread, self._batch_fields):
            self._add(process)

    def forget(self) -> None:
        """Free their memory. One that is needed again is made again from the source's process; a
        pid without a process is remembered, so that all still belongs to one snapshot."""
        self._by_pid = {pid: None for pid, known in self._by_pid.items() if known is None}

    def _add(self, process: Process) -> None:
        self._by_pid[process.pid] = agent_process(process, self._source.host, self._behaviour)


Progress: TypeAlias = Callable[[int, int, Callable[[], Sequence[int]]], None]
"""Is called with the number of processes decided so far, that of all, and what tells the rules that
are slow."""


class Pipeline:
    """The outcomes of one source's processes, each read and decided once and when asked for.

    Explaining one pid reads that one and its ancestors. `fields` are what the results need of a
    process besides what decisions need; with `fds` among them, sockets are read along.
    """

    def __init__(
        self,
        inputs: Inputs,
        fields: frozenset[Field] = SHOWN_FIELDS,
        progress: Progress | None = None,
    ) -> None:
        self.inputs = inputs
        self._progress = progress
        strategy = strategy_for(inputs.config, inputs.environment)
        behaviour = behaviour_of(inputs.config.agent, inputs.config.dialect)
        needs = strategy.needs
        self._sockets_by: EveryMatcher | None = None
        if isinstance(behaviour, InputsProc) and "fds" in fields:
            self._sockets_by = _matchers(strategy).of_feature(SOCKET_FEATURE)
            needs |= self._sockets_by.needs
        self._processes = AgentProcesses(inputs.source, fields | fields_for(needs), behaviour)
        self.context = Context(
            config=inputs.config,
            behaviour=behaviour,
            strategy=strategy,
            host=inputs.source.host,
            tags=inputs.tags,
            agent_process=self._processes.get,
            agent_processes=self._processes.all,
            ancestors=AncestorSearch(self._processes.get, inputs.source.host),
        )
        from_ps = inputs.source.host.kind == "ps"
        self._tags = SentTags(inputs.tags, behaviour.inheritance, all_known=not from_ps)
        self._decided: dict[int, Outcome | None] = {}

    def agent_process(self, pid: int) -> AgentProcess | None:
        """The agent process of a pid, or None where the source has no such process."""
        return self._processes.get(pid)

    def forget_agent_processes(self) -> None:
        """Free memory for the sockets when all processes are decided: agent processes are a tenth
        of what is kept of each."""
        self._processes.forget()

    def decided(self, pid: int) -> Outcome | None:
        """The outcome without tags and user, or None where there is no such process."""
        if pid not in self._decided:
            process = self.agent_process(pid)
            self._decided[pid] = (
                outcome_of(
                    process,
                    decide(process, self.context),
                    self.context.host,
                    self.context.behaviour,
                )
                if process is not None
                else None
            )
        return self._decided[pid]

    def decided_all(self, pids: Iterable[int]) -> Iterator[Outcome]:
        """The outcomes without tags and users of the processes that exist, in the order of `pids`.

        They are read first, in a batch.
        """
        pids = tuple(pids)
        self._processes.read(pids)
        for done, pid in enumerate(pids, start=1):
            if (outcome := self.decided(pid)) is not None:
                yield outcome
            if self._progress is not None:
                self._progress(done, len(pids), self.slow_rules)

    def slow_rules(self) -> tuple[int, ...]:
        """The indexes of the rules whose pattern was slow on a process so far."""
        rules = self.context.strategy.rules
        return tuple(
            compiled.rule.index
            for compiled in rules
            if compiled.regex is not None and compiled.regex.is_slow
        )

    def publication(self) -> Publication:
        """What one scan hands to the consumer of the configuration's feature (inputs.proc)."""
        return _matchers(self.context.strategy).publication(self.context)

    def socket_outcomes(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """The same processes, accepted if the agent looks for their sockets (inputs.proc).

        It does for those that `proc.socket_list` takes, from their minimum lifetime on.
        """
        assert self._sockets_by is not None  # noqa: S101 - sockets were asked for
        for outcome in outcomes:
            process = self.agent_process(outcome.process.pid)
            status: Status = "unknown"
            if process is not None and process.known:
                taken = self._sockets_by.takings(process, self.context).taken
                old = taken is not False and age_reason(process, self.context) is None
                status = "dropped" if not old else "accepted" if taken else "unknown"
            yield outcome._replace(status=status)

    def outcomes(self, pids: Iterable[int]) -> tuple[Outcome, ...]:
        """The whole outcomes of the processes that exist, in the order of `pids`.

        Users are looked up for the accepted processes first: the agent looks up only those, and
        the first table found for a root's inode number serves all that share the number.
        """
        return tuple(self.completed(tuple(self.decided_all(pids))))

    def completed(
        self,
        decided: Sequence[Outcome],
        sockets: Mapping[int, SocketCounts | None] = MappingProxyType({}),
    ) -> Iterator[Outcome]:
        """These outcomes with users and tags, and, by pid, with the counts of their sockets."""
        users: dict[int, str | None] = {}
        for outcome in sorted(decided, key=lambda outcome: outcome.status != "accepted"):
            users[outcome.process.pid] = self._user(outcome.process)
        for outcome in decided:
            yield outcome._replace(
                user=users[outcome.process.pid],
                tags=self.tags_of(outcome),
                sockets=sockets.get(outcome.process.pid),
            )

    def tags_of(self, outcome: Outcome) -> tuple[Tag, ...] | None:
        """The tags that the agent sends with a process; None where they are not known."""
        tags = self._tags.of(outcome, self.decided)
        behaviour = self.context.behaviour
        if tags is not None and isinstance(behaviour, InputsProc) and behaviour.sorted_tags:
            return tuple(sorted(tags, key=lambda tag: (tag.key, tag.value)))
        return tags

    def _user(self, process: Process) -> str | None:
        if process.uid is None:
            return None
        table = self.inputs.source.users(process)
        return table.get(process.uid) if table is not None else None

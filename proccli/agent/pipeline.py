"""One look at a source: members, verdicts, tags and users, each made once and when asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from proccli.agent.census import AgentProcess, enrol
from proccli.agent.first_match import Judge
from proccli.agent.inputs import Inputs
from proccli.agent.rules import compile_rules
from proccli.agent.tags import tags_of
from proccli.errors import NoSuchProcess
from proccli.model.outcome import Outcome
from proccli.model.process import Process


class Pipeline:
    """The agent's pipeline over one source.

    It reads a process when its verdict, or that of a process below it, is asked for: explaining
    one pid reads that one and its ancestors.
    """

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self.judge = Judge(
            config=inputs.config,
            rules=compile_rules(inputs.config.rules, inputs.environment),
            host=inputs.source.host,
            tags=inputs.tags,
        )
        self._members: dict[int, AgentProcess | None] = {}
        self._verdicts: dict[int, Outcome | None] = {}

    def member(self, pid: int) -> AgentProcess | None:
        """The member of a pid, or None where the source has no such process."""
        if pid not in self._members:
            self._members[pid] = self._enrol(pid)
        return self._members[pid]

    def _enrol(self, pid: int) -> AgentProcess | None:
        try:
            process = self.inputs.source.read(pid)
        except NoSuchProcess:
            return None
        return enrol(process, self.inputs.source.host)

    def bare_verdict(self, pid: int) -> Outcome | None:
        """The verdict without tags and user, or None where there is no such process."""
        if pid not in self._verdicts:
            member = self.member(pid)
            self._verdicts[pid] = (
                self.judge.judge(member, self.member) if member is not None else None
            )
        return self._verdicts[pid]

    def verdicts(self, pids: Iterable[int]) -> tuple[Outcome, ...]:
        """The whole verdicts of the processes that are there, in the order of `pids`.

        Users are looked up for the accepted processes first: the agent looks up only those, and
        the first table found for a root's inode number serves all that share the number.
        """
        bare = [verdict for pid in pids if (verdict := self.bare_verdict(pid)) is not None]
        users: dict[int, str | None] = {}
        for verdict in sorted(bare, key=lambda verdict: verdict.status != "accepted"):
            users[verdict.process.pid] = self._user(verdict.process)
        return tuple(
            replace(
                verdict,
                user=users[verdict.process.pid],
                tags=tags_of(verdict, self.inputs.tags, self.bare_verdict),
            )
            for verdict in bare
        )

    def _user(self, process: Process) -> str | None:
        if process.uid is None:
            return None
        table = self.inputs.source.users(process)
        return table.get(process.uid) if table is not None else None

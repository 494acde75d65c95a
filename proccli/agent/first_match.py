"""The agent's decision about one process: the gates, the first rule that hits, the name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from proccli.agent.census import AgentProcess, Lookup, lineage
from proccli.agent.container import container_id
from proccli.agent.facts import agent_start_s, now_s, start_s
from proccli.agent.rules import (
    CompiledRule,
    Finding,
    Setting,
    SubjectKind,
    is_proven,
    match_rule,
)
from proccli.model.config import Config
from proccli.model.outcome import Outcome, Reason, Status
from proccli.model.process import Host, TagTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Everything that decisions rest on: one scan has one judge."""

    config: Config
    rules: Sequence[CompiledRule]
    host: Host
    tags: TagTable

    def judge(self, member: AgentProcess, lookup: Lookup) -> Outcome:
        """The verdict on one process, without tags and user.

        Source: agent v6.5 linux_process.rs:398-492.
        """
        gate = self.gate(member)
        if gate is not None:
            status: Status = "skipped" if member.known else "unknown"
            return self._verdict(member, Decision(status=status, reason=gate))
        return self._verdict(member, self._decide(member, self.setting(member, lookup)))

    def gate(self, member: AgentProcess) -> Reason | None:
        """What keeps a process from the rules, or None."""
        if member.obstacle is not None:
            return member.obstacle
        started = agent_start_s(member.process, self.host)
        if started is None:
            return None  # the agent takes it as started in 1970
        age_s = now_s(self.host) - started
        if age_s < 0:
            return "future-start"
        return "min-lifetime" if age_s < self.config.min_lifetime_s else None

    def setting(self, member: AgentProcess, lookup: Lookup) -> Setting:
        """What the rules may look at besides the process."""
        return Setting(lineage=lineage(member.process, lookup, self.host), tags=self.tags)

    def _decide(self, member: AgentProcess, setting: Setting) -> Decision:
        for compiled in self.rules:
            finding = match_rule(compiled, member, setting)
            if finding.hit is None:
                return Decision(status="unknown", reason=finding.why or "unreadable")
            if finding.hit:
                return self._accept(member, compiled, finding)
        return self._accept(member, None, None)

    def _accept(
        self, member: AgentProcess, compiled: CompiledRule | None, finding: Finding | None
    ) -> Decision:
        if compiled is not None and compiled.rule.action == "drop":
            return Decision(status="dropped", reason="rule", rule=compiled)
        if self.config.tagged_only and not self.tags.known:
            return Decision(status="unknown", reason="tags-unknown", rule=compiled)
        if self.config.tagged_only and member.process.pid not in self.tags.entries:
            return Decision(status="skipped", reason="untagged", rule=compiled)
        name = new_name(member, compiled, finding)
        if name.unknown is not None:
            return Decision(status="unknown", reason=name.unknown, rule=compiled)
        reason: Reason = "rule" if compiled is not None else "implicit-accept"
        return Decision(status="accepted", reason=reason, rule=compiled, gprocess=name.text)

    def _verdict(self, member: AgentProcess, decision: Decision) -> Outcome:
        process, subjects = member.process, member.subjects
        started, agent_started = start_s(process, self.host), agent_start_s(process, self.host)
        now = now_s(self.host)
        rule = decision.rule.rule if decision.rule is not None else None
        return Outcome(
            process=process,
            status=decision.status,
            reason=decision.reason,
            process_name=subjects.process_name.text if subjects is not None else None,
            cmdline=subjects.cmdline.text if subjects is not None else None,
            rule=rule,
            hits=(rule.index,) if rule is not None else (),
            gprocess=decision.gprocess,
            tags=(),
            start_s=started,
            uptime_s=now - started if started is not None else None,
            agent_start_s=agent_started,
            agent_uptime_s=now - agent_started if agent_started is not None else None,
            container_id=container_id(process.cgroup) if process.cgroup is not None else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """How a process fared, before anything is added to it."""

    status: Status
    reason: Reason
    rule: CompiledRule | None = None
    gprocess: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """The name of an accepted process, or why it can't be known."""

    text: str | None = None
    unknown: Reason | None = None


def new_name(member: AgentProcess, compiled: CompiledRule | None, finding: Finding | None) -> Name:
    """The gprocess: the rewritten subject, whole, or the process's own name.

    Text outside the match is kept and every match is replaced; the result may be empty.

    Source: agent v6.5 linux_process.rs:286-300.
    """
    assert member.subjects is not None  # noqa: S101 - only such members get to the rules
    own = member.subjects.process_name
    if compiled is None or compiled.regex is None or compiled.expansion is None:
        return Name(unknown="masked") if own.masked_spans else Name(text=own.text)
    if compiled.unknown_env:
        return Name(unknown="env-unknown")
    if not compiled.expansion.text:
        return Name(unknown="masked") if own.masked_spans else Name(text=own.text)
    assert finding is not None and finding.subject is not None  # noqa: S101, PT018 - as above
    if finding.subject.masked_spans and not rewrite_is_proven(compiled, member):
        return Name(unknown="masked")
    return Name(text=compiled.regex.replace_all(finding.subject.text, compiled.expansion.text))


def rewrite_is_proven(compiled: CompiledRule, member: AgentProcess) -> bool:
    """Whether a rule's rewrite of a masked text is known to be that of the real one."""
    if compiled.regex is None or compiled.expansion is None:
        return False
    kind: SubjectKind = "cmdline" if compiled.rule.match_type == "cmdline" else "process_name"
    return is_proven(member, kind, compiled.regex.pattern, compiled.expansion.text)

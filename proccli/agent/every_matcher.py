"""The strategy of `inputs.proc`: every matcher of a feature runs, and the last rename names.

A feature publishes two things: the pids that its matchers took, and the data of processes. They
differ where a parent_process_name matcher takes a process: its pid is published, and the data of
the ancestor. So whether the data of a process are published may depend on its descendants.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from proccli import rustregex
from proccli.agent.decision import Context, Decision, Text, age_reason
from proccli.agent.first_match import Finding, Name, is_mask_safe, match_tags, matches
from proccli.agent.process import (
    AgentProcess,
    SubjectKind,
    ancestors_for_matcher,
    subject_of,
    unknown_because,
)
from proccli.agent.rules import MANY_RULES, CompiledRule
from proccli.model.config import Rule
from proccli.model.explanation import Requirement
from proccli.model.outcome import Reason, Status
from proccli.versions import SENT_FEATURE, InputsProc

if TYPE_CHECKING:
    from proccli.agent.candidates import Candidates

BUILT_IN: Final = 0
"""The index of the matchers that these agents add to os-proc-regex."""


class EveryMatcher:
    """The matchers of one feature, in order.

    It remembers what the matchers took, so it serves one run on one source.

    Source: FACTS B3 to B5 and measured cases; agent main utils/process/linux.rs, config.rs:449-567.
    """

    def __init__(self, rules: Sequence[CompiledRule], behaviour: InputsProc, feature: str) -> None:
        self._all = tuple(rules)
        self.rules = tuple(one for one in rules if one.rule.index != BUILT_IN)
        self.feature = feature
        self.matchers = tuple(
            compiled._replace(expansion=None)
            if compiled.rule.ignore and behaviour.ignore != "unused"
            else compiled
            for compiled in rules
            if feature in compiled.rule.enabled_features and compiled.regex is not None
        )
        self.needs = _needs(self.matchers, behaviour)
        self._behaviour = behaviour
        self._reports_ancestors = any(
            compiled.rule.match_type == "parent_process_name" and not self.ignores(compiled)
            for compiled in self.matchers
        )
        self._index: Candidates | None = None
        self._takings: dict[int, Takings] = {}
        self._by_ancestor: Mapping[int, Sequence[Take]] | None = None
        self._all_known: bool | None = None

    def of_feature(self, feature: str) -> EveryMatcher:
        """The strategy of another feature."""
        return EveryMatcher(self._all, self._behaviour, feature)

    def ignores(self, compiled: CompiledRule) -> bool:
        """Whether a matcher keeps later ones from taking a process, and takes none itself."""
        return compiled.rule.ignore and self._behaviour.ignore == "removes"

    def skip_reason(self, process: AgentProcess, context: Context) -> Reason | None:
        """A name in the blacklist hides a process from the matchers."""
        if not self._behaviour.blacklist or process.texts is None:
            return None
        name = process.texts.process_name.text
        return "blacklisted" if name in context.config.blacklist else None

    def decide(self, process: AgentProcess, context: Context) -> Decision:
        """What the feature publishes of a process, and of the sending feature, what is sent."""
        takings = self.takings(process, context)
        published = self.published(process, context)
        rule = published.rule or takings.ignored_by
        if rule is None and takings.hits:
            rule = next(take.rule for take in takings.takes if take.doubt is None)
        hits = tuple(index for index in takings.hits if index != BUILT_IN)
        rule = None if rule is not None and rule.index == BUILT_IN else rule
        status, reason = self._outcome(process, takings, published, context)
        return Decision(
            status=status,
            reason=reason,
            rule=rule,
            hits=hits,
            name=published.name if status == "accepted" else None,
            taken=takings.taken,
            reported_pid=takings.reported_pid if not published.certain else None,
            stands_for=published.stands_for,
        )

    def _outcome(
        self, process: AgentProcess, takings: Takings, published: Published, context: Context
    ) -> tuple[Status, Reason]:
        if published.certain:
            reason = self._not_sent(process, context)
            if reason is not None:
                return "skipped", reason
            if published.doubt is not None:
                return "unknown", published.doubt
            if takings.hits == (BUILT_IN,):
                return "accepted", "implicit-accept"
            return "accepted", "rule" if takings.hits else "ancestor"
        doubt = published.doubt or takings.doubt or self._hidden_descendants(process, context)
        if doubt is not None:
            return "unknown", doubt
        if takings.taken:
            return "skipped", "reported-as-ancestor"
        reason = self.skip_reason(process, context)
        if reason is not None:
            return "skipped", reason
        return "dropped", "no-match" if takings.ignored_by is None else "ignore-matcher"

    def _not_sent(self, process: AgentProcess, context: Context) -> Reason | None:
        """Why the data of a process are published and not sent."""
        if self.feature != SENT_FEATURE:
            return None
        if self._behaviour.start_check and process.process.starttime_ticks is None:
            return "no-start-time"
        return age_reason(process, context)

    def _hidden_descendants(self, process: AgentProcess, context: Context) -> Reason | None:
        """`unreadable` where a process that is hidden from us may be reported as this one."""
        if not self._reports_ancestors or process.texts is None:
            return None
        if self._sees_all(context):
            return None
        name = process.texts.process_name.text
        for compiled in self.matchers:
            of_parents = compiled.rule.match_type == "parent_process_name"
            if of_parents and compiled.regex is not None and compiled.regex.is_match(name):
                return unknown_because(process.process, "unreadable")
        return None

    def _sees_all(self, context: Context) -> bool:
        """Whether we can read every process that the agent can; found out once in a run."""
        if self._all_known is None:
            known = (process.known for process in context.agent_processes())
            self._all_known = context.host.sees_all and all(known)
        return self._all_known

    def takings(self, process: AgentProcess, context: Context) -> Takings:
        """What the matchers do with one process, whether or not its data are published."""
        pid = process.process.pid
        if pid not in self._takings:
            visible = process.texts is not None and self.skip_reason(process, context) is None
            self._takings[pid] = self._run(process, context) if visible else Takings()
        return self._takings[pid]

    def publication(self, context: Context) -> Publication:
        """What one scan hands to the consumer of the feature."""
        pids: list[int] = []
        processes: dict[int, str | None] = {}
        for process in sorted(context.agent_processes(), key=lambda one: one.process.pid):
            if self.takings(process, context).taken:
                pids.append(process.process.pid)
            published = self.published(process, context)
            if published.certain:
                processes[process.process.pid] = published.name
        return Publication(pids=tuple(pids), processes=processes)

    # ---- one process against all matchers ---------------------------------------------------

    def _run(self, process: AgentProcess, context: Context) -> Takings:
        """The takes of a process, until an ignore matcher hits."""
        takes: list[Take] = []
        removed = False
        ignored: bool | None = False
        ignored_by: Rule | None = None
        why: Reason | None = None
        for order in self._candidates(process):
            compiled = self.matchers[order]
            found = evaluate(compiled, process, context)
            if found.hit is False:
                continue
            if self.ignores(compiled):
                if ignored is not True:
                    ignored = found.hit
                    ignored_by = compiled.rule
                    why = found.finding.why
            elif ignored:
                removed = True
            else:
                takes.append(self._take(order, process, found, found.finding.why or why))
        return Takings(takes=tuple(takes), ignored_by=ignored_by if removed else None)

    def _candidates(self, process: AgentProcess) -> Iterable[int]:
        """The matchers without those that are certain not to hit."""
        if len(self.matchers) < MANY_RULES:
            return range(len(self.matchers))
        if self._index is None:
            from proccli.agent.candidates import Candidates

            self._index = Candidates(self.matchers, _text_of)
        return self._index.of(process)

    def _take(
        self, order: int, process: AgentProcess, found: Evaluation, doubt: Reason | None
    ) -> Take:
        compiled = self.matchers[order]
        return Take(
            order=order,
            rule=compiled.rule,
            pid=process.process.pid,
            reported_pid=None if found.reported is None else found.reported.process.pid,
            name=self.name_from(compiled, found),
            doubt=doubt,
        )

    def name_from(self, compiled: CompiledRule, found: Evaluation) -> Name:
        """The name that a matcher gives to what it reports."""
        subject, regex = found.finding.subject, compiled.regex
        if found.reported is None:
            return Name()
        own = Name(text=subject_of(found.reported, "process_name").text)
        if compiled.expansion is None or subject is None or regex is None:
            return own
        if compiled.unknown_env:
            return Name(unknown="env-unknown")
        template = compiled.expansion.text
        if not template:
            return own
        alone = self._behaviour.rename == "match"
        if subject.masked_spans and not is_mask_safe(
            found.reported, "cmdline", regex.pattern, template, of_match_alone=alone
        ):
            return Name(unknown=unknown_because(found.reported.process, "masked"))
        return Name(text=rewritten(regex, subject.text, template, of_match_alone=alone))

    # ---- what is published of one process ---------------------------------------------------

    def published(self, process: AgentProcess, context: Context) -> Published:
        """Whether the data of a process are published, and under which name."""
        pid = process.process.pid
        own = [take for take in self.takings(process, context).takes if take.reported_pid == pid]
        above = self._takes_by_ancestor(context).get(pid, ()) if self._reports_ancestors else ()
        takes = sorted((*own, *above), key=lambda take: take.order)
        return merged(takes, process)

    def _takes_by_ancestor(self, context: Context) -> Mapping[int, Sequence[Take]]:
        """The takes whose published data are those of an ancestor, by its pid."""
        if self._by_ancestor is None:
            found: dict[int, list[Take]] = {}
            for process in context.agent_processes():
                for take in self.takings(process, context).takes:
                    if take.reported_pid is not None and take.reported_pid != take.pid:
                        found.setdefault(take.reported_pid, []).append(take)
            self._by_ancestor = found
        return self._by_ancestor


# ---- what the matchers took -----------------------------------------------------------------


class Take(NamedTuple):
    """A matcher takes a process, certainly or perhaps."""

    order: int
    """Among the matchers of the feature."""
    rule: Rule
    pid: int
    reported_pid: int | None
    """Whose data are published: the process's own, or those of an ancestor; None: not known."""
    name: Name
    doubt: Reason | None
    """Why it is not certain."""


class Takings(NamedTuple):
    """All takes of one process, in the order of the matchers."""

    takes: tuple[Take, ...] = ()
    ignored_by: Rule | None = None
    """The ignore matcher that kept a later one from taking the process."""

    @property
    def hits(self) -> tuple[int, ...]:
        """The indexes of the matchers that certainly took it."""
        return tuple(take.rule.index for take in self.takes if take.doubt is None)

    @property
    def taken(self) -> bool | None:
        """Whether the pid is published; None: not known."""
        if self.hits:
            return True
        return None if self.takes else False

    @property
    def doubt(self) -> Reason | None:
        """Why it is not known whether the process is taken; None where it is."""
        return self.takes[0].doubt if self.taken is None else None

    @property
    def reported_pid(self) -> int | None:
        """The first process whose data are published in place of its own."""
        others = (take.reported_pid for take in self.takes if take.doubt is None)
        return next((pid for pid in others if pid not in (None, self.takes[0].pid)), None)


class Published(NamedTuple):
    """The data of one process that a feature publishes."""

    certain: bool
    """Whether they are published; False with a `doubt`: perhaps."""
    name: str | None = None
    rule: Rule | None = None
    """The matcher whose name stands, or the first that took it where none renames."""
    stands_for: tuple[int, ...] = ()
    doubt: Reason | None = None
    """Why the name, or whether they are published, is not known."""


class Publication(NamedTuple):
    """What one scan hands to the consumer of a feature."""

    pids: tuple[int, ...]
    """Those that the matchers took, ascending."""
    processes: Mapping[int, str | None]
    """The names of the processes whose data are published, by pid; None: not known."""


class _Named(NamedTuple):
    name: Name
    rule: Rule


def merged(takes: Sequence[Take], process: AgentProcess) -> Published:
    """The data of a process as its takes are merged, from the first matcher to the last.

    A later name replaces the one before if it differs from it and from the process's own name.
    Takes that are not certain give more than one result.

    Source: FACTS B3; agent main linux_process.rs:72-98.
    """
    if not takes:
        return Published(certain=False)
    raw = subject_of(process, "process_name").text
    results: list[_Named | None] = [None]
    for take in takes:
        after = [_merged(before, take, raw) for before in results]
        results = list(dict.fromkeys([*results, *after] if take.doubt else after))
    doubt = next((take.doubt for take in takes if take.doubt is not None), None)
    named = [result for result in results if result is not None]
    pid = process.process.pid
    own = [take.rule for take in takes if take.pid == pid and take.doubt is None]
    last = named[-1]
    rule = own[0] if own and last.name.text == raw else last.rule
    stands_for = {take.pid for take in takes if take.pid != pid and take.doubt is None}
    names = {result.name for result in named}
    if len(names) > 1 or last.name.unknown is not None:
        doubt = last.name.unknown or doubt
    elif len(named) == len(results):
        doubt = None
    return Published(
        certain=len(named) == len(results),
        name=None if doubt else last.name.text,
        rule=rule,
        stands_for=tuple(sorted(stands_for)),
        doubt=doubt,
    )


def _merged(before: _Named | None, take: Take, raw: str) -> _Named:
    name = take.name
    if before is None or name.unknown is not None or name.text not in (before.name.text, raw):
        return _Named(name, take.rule)
    return before


def rewritten(regex: rustregex.Regex, text: str, template: str, *, of_match_alone: bool) -> str:
    """The text with all matches replaced; or the first match alone, in which the pattern is then
    searched again (FACTS B5)."""
    if of_match_alone:
        match = regex.search(text)
        text = match.group(0) or "" if match is not None else text
    return regex.replace_all(text, template)


# ---- one matcher on one process -------------------------------------------------------------


class Evaluation(NamedTuple):
    """Whether one matcher hits one process."""

    hit: bool | None
    """None: not known; `finding.why` is the reason."""
    finding: Finding
    """What its pattern found; not tried where a requirement is not met."""
    reported: AgentProcess | None = None
    """Whose data it reports: the process itself, or an ancestor."""
    requirement: Requirement | None = None
    """What the process lacks."""


def evaluate(compiled: CompiledRule, process: AgentProcess, context: Context) -> Evaluation:
    """Whether a matcher hits a process: what it requires first, then its pattern.

    Source: FACTS B5; agent main config.rs:449-567.
    """
    requirement, unknown = unmet_requirement(compiled.rule, process, context)
    if requirement is not None and unknown is None:
        return Evaluation(hit=False, finding=Finding(hit=False), requirement=requirement)
    finding, reported = find(compiled, process, context)
    if finding.hit is not False and unknown is not None:
        finding = finding._replace(why=unknown)
        return Evaluation(hit=None, finding=finding, reported=reported, requirement=requirement)
    return Evaluation(hit=finding.hit, finding=finding, reported=reported)


def unmet_requirement(
    rule: Rule, process: AgentProcess, context: Context
) -> tuple[Requirement | None, Reason | None]:
    """What a matcher requires and the process lacks; with a reason where it is not known."""
    doubtful: tuple[Requirement, Reason] | None = None
    if rule.only_in_container and not process.container_id:
        if process.container_id is not None:
            return "container", None
        doubtful = "container", unknown_because(process.process, "unreadable")
    if rule.only_with_tag and process.process.pid not in context.tags.entries:
        if context.tags.known:
            return "tag", None
        doubtful = doubtful or ("tag", "tags-unknown")
    return doubtful or (None, None)


def find(
    compiled: CompiledRule, process: AgentProcess, context: Context
) -> tuple[Finding, AgentProcess | None]:
    """What a matcher's pattern finds, and the process whose data it reports then."""
    regex = compiled.regex
    if regex is None or process.texts is None:
        return Finding(hit=False), None
    match compiled.rule.match_type:
        case "parent_process_name":
            ancestors = ancestors_for_matcher(process.process, context.agent_process, context.host)
            for ancestor in ancestors.processes:
                subject = subject_of(ancestor, "process_name")
                if regex.is_match(subject.text):
                    pid = ancestor.process.pid
                    return Finding(hit=True, subject=subject, subject_pid=pid), ancestor
            if not ancestors.complete:
                return Finding(hit=None, why=unknown_because(process.process, "unreadable")), None
            return Finding(hit=False), None
        case "tag":
            return match_tags(regex, process.process.pid, context.tags), process
        case "cmdline" if process.texts.exe is None:
            return Finding(hit=None, why=unknown_because(process.process, "unreadable")), process
        case _:
            kind = _text_of(compiled.rule) or "process_name"
            hit = matches(regex, kind, process)
            why = unknown_because(process.process, "masked") if hit is None else None
            subject = subject_of(process, kind)
            pid = process.process.pid
            return Finding(hit=hit, subject=subject, subject_pid=pid, why=why), process


_KINDS: Final[Mapping[str, SubjectKind]] = {"cmdline": "exe", "cmdline_with_args": "cmdline"}
_TEXTS: Final[Mapping[str, Text]] = {"cmdline": "exe", "cmdline_with_args": "arguments"}


def _text_of(rule: Rule) -> SubjectKind | None:
    """The text of the process itself that a matcher is matched against, if it is."""
    if rule.match_type in ("parent_process_name", "tag"):
        return None
    return _KINDS.get(rule.match_type, "process_name")


def _needs(matchers: Sequence[CompiledRule], behaviour: InputsProc) -> frozenset[Text]:
    """The texts that the matchers look at, and those without which the agent has no process."""
    needs: set[Text] = {"comm", "arguments"}
    needs.update(_TEXTS.get(compiled.rule.match_type, "comm") for compiled in matchers)
    if behaviour.invisible_without == "everything":
        needs.add("exe")
    if any(compiled.rule.only_in_container for compiled in matchers):
        needs.add("container")
    return frozenset(needs)

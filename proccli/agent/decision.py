"""The decision about one process: whether the agent sends it, under which name, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

from proccli.agent.facts import agent_start_s, now_s
from proccli.agent.process import AgentProcess, AncestorSearch, Lookup
from proccli.agent.rules import CompiledRule
from proccli.model.config import Config, Rule
from proccli.model.outcome import Reason, Status
from proccli.model.process import Field, Host, TagTable
from proccli.versions import StaticConfig

Text: TypeAlias = Literal["argv0", "arguments", "exe", "comm", "user", "container", "tags"]
"""A text of a process that rules may match; `comm` is the thread name that `stat` holds."""

_FIELDS_OF_TEXT: Final[Mapping[Text, frozenset[Field]]] = {
    "argv0": frozenset({"cmdline"}),
    "arguments": frozenset({"cmdline"}),
    "exe": frozenset({"exe"}),
    "comm": frozenset({"stat"}),
    "user": frozenset({"uid", "root_inode"}),
    "container": frozenset({"cgroup"}),
    "tags": frozenset(),
}
_FIELDS_OF_ALL: Final[frozenset[Field]] = frozenset({"uid", "stat", "cmdline"})
"""For which processes the agent keeps, how old they are, and who their parents are."""


def fields_for(needs: Iterable[Text]) -> frozenset[Field]:
    """What must be read of a process to decide about it with rules that match these texts."""
    return _FIELDS_OF_ALL.union(*(_FIELDS_OF_TEXT[text] for text in needs))


class Decision(NamedTuple):
    """What was decided about one process."""

    status: Status
    reason: Reason
    rule: Rule | None = None
    """The rule that decided; None: the implicit accept, or no rule was tried."""
    hits: tuple[int, ...] = ()
    """Indexes of the rules that matched, as far as they were tried."""
    name: str | None = None
    """The gprocess; None unless accepted."""


class Strategy(Protocol):
    """How the rules of one dialect are applied: which of them decide, and the resulting name.

    `decide` and `skip_reason` below are the same for every dialect. A dialect in which every
    matcher runs is a second class like `first_match.FirstMatch`, chosen in
    `pipeline.strategy_for`: its `decide` tries all its rules and reports those that match in
    `Decision.hits`. What its rules match on top of argv0 and the arguments it lists in `needs`,
    and the pipeline reads those fields.
    """

    @property
    def rules(self) -> Sequence[CompiledRule]:
        """The rules in the order of the file, including those that the agent ignores."""

    @property
    def needs(self) -> frozenset[Text]:
        """The texts that the rules match, or that become the name: only their files are read."""

    def decide(self, process: AgentProcess, context: Context) -> Decision:
        """The decision about a process that is not skipped.

        Status `unknown` where the result depends on something that is masked, unreadable or not
        known; never a guess.
        """


class Context(NamedTuple):
    """What decisions are based on besides the process; the same for all processes of a run."""

    config: Config
    behaviour: StaticConfig
    strategy: Strategy
    host: Host
    tags: TagTable
    agent_process: Lookup
    """For ancestors."""
    ancestors: AncestorSearch
    """For rules on them."""


def decide(process: AgentProcess, context: Context) -> Decision:
    """The decision about one process.

    Source: agent v6.5 linux_process.rs:398-492.
    """
    reason = skip_reason(process, context)
    if reason is not None:
        return Decision(status="skipped" if process.known else "unknown", reason=reason)
    return context.strategy.decide(process, context)


def skip_reason(process: AgentProcess, context: Context) -> Reason | None:
    """Why no rule is tried on a process; None where they are tried."""
    if process.skip_reason is not None:
        return process.skip_reason
    if not context.behaviour.min_lifetime:
        return None
    started = agent_start_s(process.process, context.host)
    if started is None:
        return None  # for the agent it started in 1970
    age_s = now_s(context.host) - started
    if age_s < 0:
        return "future-start"
    return "min-lifetime" if age_s < context.config.min_lifetime_s else None

"""The decision about one process: whether the agent sends it, under which name, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

from proccli.agent.facts import agent_start_s, now_s
from proccli.agent.process import AgentProcess, AncestorSearch, Lookup
from proccli.agent.rules import CompiledRule
from proccli.model.config import Config, Rule
from proccli.model.outcome import Reason, Status
from proccli.model.process import Field, Host, TagTable
from proccli.versions import Behaviour

Text: TypeAlias = Literal["argv0", "arguments", "exe", "comm", "user", "container", "tags"]
"""A text of a process that rules may match; `comm` is the name that `status` holds."""

_FIELDS_OF_TEXT: Final[Mapping[Text, frozenset[Field]]] = {
    "argv0": frozenset({"cmdline"}),
    "arguments": frozenset({"cmdline"}),
    "exe": frozenset({"exe"}),
    "comm": frozenset({"status"}),
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
    """Indexes of the rules that matched, as far as they were tried; where every matcher runs, of
    those that took the process."""
    name: str | None = None
    """The gprocess; None unless accepted."""
    taken: bool | None = None
    """As in `Outcome`, and so are the next two."""
    reported_pid: int | None = None
    stands_for: tuple[int, ...] | None = ()


class Strategy(Protocol):
    """How the rules of one dialect are applied: which of them decide, and the resulting name.

    `first_match.FirstMatch` and `every_matcher.EveryMatcher` are chosen in
    `pipeline.strategy_for`. What the rules match on top of argv0 and the arguments is in `needs`,
    and the pipeline reads those fields.
    """

    @property
    def rules(self) -> Sequence[CompiledRule]:
        """The rules in the order of the file, including those that the agent ignores."""

    @property
    def needs(self) -> frozenset[Text]:
        """The texts that the rules match, or that become the name: only their files are read."""

    def skip_reason(self, process: AgentProcess, context: Context) -> Reason | None:
        """Why no rule is tried on a process that the agent keeps; None where they are tried."""

    def decide(self, process: AgentProcess, context: Context) -> Decision:
        """The decision about a process that the agent keeps.

        Status `unknown` where the result depends on something that is masked, unreadable or not
        known; never a guess.
        """


class Context(NamedTuple):
    """What decisions are based on besides the process; the same for all processes of a run."""

    config: Config
    behaviour: Behaviour
    strategy: Strategy
    host: Host
    tags: TagTable
    agent_process: Lookup
    """For ancestors."""
    agent_processes: Callable[[], Iterable[AgentProcess]]
    """All processes of the source, for what depends on more than one of them."""
    ancestors: AncestorSearch
    """For rules on them."""


def decide(process: AgentProcess, context: Context) -> Decision:
    """The decision about one process.

    Source: agent v6.5 linux_process.rs:398-492; FACTS B3.
    """
    if process.skip_reason is not None:
        status: Status = "skipped" if process.known else "unknown"
        taken = False if process.known else None
        decision = Decision(status=status, reason=process.skip_reason, taken=taken)
    else:
        decision = context.strategy.decide(process, context)
    if context.config.dialect == "static_config":
        return Decision(*decision[:5], None, None, None)
    return decision


def skip_reason(process: AgentProcess, context: Context) -> Reason | None:
    """Why no rule is tried on a process; None where they are tried."""
    return process.skip_reason or context.strategy.skip_reason(process, context)


def age_reason(process: AgentProcess, context: Context) -> Reason | None:
    """Why a process is too young to be sent; None where it is old enough."""
    started = agent_start_s(process.process, context.host)
    if started is None:
        return None  # for the agent it started in 1970
    age_s = now_s(context.host) - started
    if age_s < 0:
        return "future-start"
    return "min-lifetime" if age_s < context.config.min_lifetime_s else None

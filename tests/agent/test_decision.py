"""One decision for all dialects: what must be read for it, and that a strategy can be replaced."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from proccli.agent.decision import Context, Decision, Text, decide, fields_for
from proccli.agent.inputs import Inputs
from proccli.agent.pipeline import Pipeline
from proccli.agent.process import AgentProcess
from proccli.agent.rules import CompiledRule
from proccli.model.outcome import Reason
from proccli.model.process import NO_TAGS, Environment, Field, Process
from tests.build import ListSource, Machine, config, process

NOTHING_SET = Environment(values={}, complete=True, origin="a test")


class AcceptsAll:
    """A strategy without rules, which names each process by its program file."""

    rules: Sequence[CompiledRule] = ()
    needs: frozenset[Text] = frozenset({"exe"})

    def skip_reason(self, process: AgentProcess, context: Context) -> Reason | None:
        """None is skipped."""
        del process, context
        return None

    def decide(self, process: AgentProcess, context: Context) -> Decision:
        """Accepted, by the name of its program."""
        del context
        return Decision(status="accepted", reason="implicit-accept", name=process.process.exe)


def test_another_strategy_decides_only_about_processes_that_are_not_skipped() -> None:
    shop, kernel_thread = process(7, "shop", exe="/opt/shop"), process(2)
    machine = Machine([shop, kernel_thread], config(("shop", "", "drop")))
    context = machine.context._replace(strategy=AcceptsAll())

    assert decide(machine.members[7], machine.context).status == "dropped"
    assert decide(machine.members[7], context).name == "/opt/shop"
    assert decide(machine.members[2], context).reason == "no-cmdline"


@pytest.mark.parametrize(
    ("needs", "more"),
    [
        (set(), set()),
        ({"argv0", "arguments"}, set()),
        ({"exe"}, {"exe"}),
        ({"container", "tags"}, {"cgroup"}),
        ({"user"}, {"root_inode"}),
    ],
)
def test_texts_need_their_fields_besides_those_of_every_decision(
    needs: set[Text], more: set[Field]
) -> None:
    assert fields_for(needs) == {"uid", "stat", "cmdline"} | more


class Noting(ListSource):
    """Notes the fields that it is asked for."""

    def __init__(self, processes: Sequence[Process]) -> None:
        super().__init__(processes)
        self.fields: dict[int, frozenset[Field]] = {}

    def read(self, pid: int, fields: frozenset[Field] = frozenset()) -> Process:
        """One of them."""
        self.fields[pid] = fields
        return super().read(pid, fields)


def test_the_pipeline_asks_for_what_strategy_and_result_need() -> None:
    source = Noting([process(1, "init"), process(7, "shop", ppid=1)])
    given = Inputs(
        config=config(("init", "parent_process_name", "drop")),
        source=source,
        environment=NOTHING_SET,
        tags=NO_TAGS,
        notes=(),
    )

    (outcome,) = Pipeline(given, frozenset({"netns", "fds"})).decided_all([7])

    assert outcome.status == "dropped"
    assert source.fields == {
        7: {"uid", "stat", "cmdline", "netns", "fds"},
        1: {"uid", "stat", "cmdline", "netns"},  # an ancestor's sockets are not asked for
    }

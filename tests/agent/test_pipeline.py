from __future__ import annotations

from proccli.agent.inputs import Inputs
from proccli.agent.pipeline import Pipeline
from proccli.model.process import NO_TAGS, Environment
from tests.build import ListSource, config, process


def test_agent_processes_that_are_given_up_are_made_again_but_none_appears() -> None:
    """The child's parent was not there when the others were read."""
    source = ListSource([process(6, "shop"), process(8, "worker", ppid=7)])
    pipeline = Pipeline(
        Inputs(
            config=config(("^nginx$", "parent_process_name", "drop"), (".*",)),
            source=source,
            environment=Environment(values={}, complete=True, origin="a test"),
            tags=NO_TAGS,
            notes=(),
        )
    )
    decided = tuple(pipeline.decided_all([6, 8]))
    before = pipeline.agent_process(6)
    assert pipeline.agent_process(7) is None
    source.by_pid[7] = process(7, "nginx")

    pipeline.forget_agent_processes()

    assert pipeline.agent_process(6) == before
    assert pipeline.agent_process(6) is not before
    assert pipeline.agent_process(7) is None
    assert pipeline.decided(7) is None
    assert tuple(pipeline.decided_all([6, 8])) == decided

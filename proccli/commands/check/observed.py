"""Which rules the processes of recordings hit, and which they don't."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from proccli.agent.decision import skip_reason
from proccli.agent.first_match import match_rule
from proccli.agent.inputs import Inputs
from proccli.agent.pipeline import Pipeline
from proccli.commands.inputs import InputOptions, environment_for, tag_table
from proccli.diagnostics.folded_context import Context
from proccli.model.config import Config, Diagnostic
from proccli.model.source import Source
from proccli.sources.recording.recording_reader import Recording


class Observation:
    """What the processes of some sources did to the rules of a configuration."""

    def __init__(self) -> None:
        self.sources = 0
        self.matched: Counter[int] = Counter()
        """Processes that a rule matches, whether or not they get to it."""
        self.decided: Counter[int] = Counter()
        self.open: Counter[int] = Counter()
        """Processes for which it can't be told."""
        self.taken_by: dict[int, set[int]] = {}
        """For each rule, which earlier ones decide about processes that it matches."""

    def add(self, config: Config, source: Source, env: Mapping[str, str]) -> None:
        """Count the processes of one more source. Tag commands are not run."""
        self.sources += 1
        pipeline = Pipeline(_inputs(config, source, env))
        for pid in source.pids():
            process = pipeline.agent_process(pid)
            if process is None or skip_reason(process, pipeline.context) is not None:
                continue
            findings = {
                compiled.rule.index: match_rule(compiled, process, pipeline.context).hit
                for compiled in pipeline.context.strategy.rules
            }
            self._count(findings)

    def _count(self, findings: Mapping[int, bool | None]) -> None:
        """Count one process; `findings` are in the order of the rules."""
        first = next((index for index, hit in findings.items() if hit is not False), None)
        decided = first is not None and findings[first] is not None
        for index, hit in findings.items():
            if hit is None or (hit and not decided):
                self.open[index] += 1
            elif hit:
                self.matched[index] += 1
                if first is not None and index != first:
                    self.taken_by.setdefault(index, set()).add(first)
        if first is not None and decided:
            self.decided[first] += 1


def _inputs(config: Config, source: Source, env: Mapping[str, str]) -> Inputs:
    recorded = source if isinstance(source, Recording) else None
    environment, _ = environment_for(
        config, source.host.kind, recorded.environment if recorded else None, env
    )
    tags, _ = tag_table(InputOptions(tag_exec=False), config, None, source)
    return Inputs(config=config, source=source, environment=environment, tags=tags, notes=())


def unhit(context: Context, seen: Observation, proven: Sequence[int]) -> Iterator[Diagnostic]:
    """The rules that no process got to, but for those where that is proven anyhow."""
    where = "this recording" if seen.sources == 1 else f"these {seen.sources} recordings"
    for rule in context.rules:
        index = rule.index
        if seen.decided[index] or seen.open[index] or index in proven:
            continue
        matched = seen.matched[index]
        if matched:
            takers = sorted(seen.taken_by.get(index, ()))
            names = ", ".join(str(taker) for taker in takers)
            by = f"rule {names}" if len(takers) == 1 else f"rules {names}"
            processes = "1 process" if matched == 1 else f"{matched} processes"
            message = f"no process of {where} gets to rule {index}"
            effect = f"it matches {processes}, all taken by {by}"
        else:
            message, effect = f"no process of {where} matches rule {index}", None
        yield context.at_rule(rule, "rule-not-observed", message, effect=effect)

"""What a mask does not change: asked of the real text and of the masked one while both are here."""

from __future__ import annotations

from collections.abc import Iterator

from proccli.agent.census import AgentProcess, enrol
from proccli.agent.inputs import Inputs
from proccli.agent.rules import (
    CompiledRule,
    SubjectKind,
    compile_rules,
    question,
    subject_of,
)
from proccli.model.process import Process


class Prover:
    """Asks the patterns and rewrites of a configuration."""

    def __init__(self, inputs: Inputs) -> None:
        self._host = inputs.source.host
        self._rules = compile_rules(inputs.config.rules, inputs.environment)

    def prove(self, real: Process, masked: Process) -> frozenset[str]:
        """The questions that both answer alike; none where the agent has no such process."""
        known, shown = enrol(real, self._host), enrol(masked, self._host)
        if known.subjects is None or shown.subjects is None or real.masked_spans:
            return frozenset()  # what is masked already can't be asked
        return frozenset(
            proof for rule in self._rules for proof in _proofs_of_rule(rule, known, shown)
        )


def _proofs_of_rule(
    compiled: CompiledRule, known: AgentProcess, shown: AgentProcess
) -> Iterator[str]:
    regex, match_type = compiled.regex, compiled.rule.match_type
    if regex is None or match_type == "tag":
        return
    kind: SubjectKind = "cmdline" if match_type == "cmdline" else "process_name"
    real, masked = subject_of(known, kind).text, subject_of(shown, kind).text
    if regex.is_match(real) != regex.is_match(masked):
        return
    yield question(kind, regex.pattern, None)
    if compiled.expansion is not None:
        template = compiled.expansion.text
        if regex.replace_all(real, template) == regex.replace_all(masked, template):
            yield question(kind, regex.pattern, template)

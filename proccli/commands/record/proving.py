"""Which results a mask does not change: compared while both texts are known."""

from __future__ import annotations

from collections.abc import Iterator

from proccli.agent.first_match import SubjectKind, mask_safe_key, subject_of
from proccli.agent.inputs import Inputs
from proccli.agent.process import AgentProcess, agent_process
from proccli.agent.rules import CompiledRule, compile_rules
from proccli.model.process import Process


class Prover:
    """Compares real and masked texts by the patterns and rewrites of a configuration."""

    def __init__(self, inputs: Inputs) -> None:
        self._host = inputs.source.host
        self._rules = compile_rules(inputs.config.rules, inputs.environment)

    def prove(self, real: Process, masked: Process) -> frozenset[str]:
        """The digests of what gives the same result for both; none where the agent keeps no such
        process."""
        known, shown = agent_process(real, self._host), agent_process(masked, self._host)
        if known.texts is None or shown.texts is None or real.masked_spans:
            return frozenset()  # the text under an earlier mask is not known
        return frozenset(
            digest for rule in self._rules for digest in _mask_safe_of_rule(rule, known, shown)
        )


def _mask_safe_of_rule(
    compiled: CompiledRule, known: AgentProcess, shown: AgentProcess
) -> Iterator[str]:
    regex, match_type = compiled.regex, compiled.rule.match_type
    if regex is None or match_type == "tag":
        return
    kind: SubjectKind = "cmdline" if match_type == "cmdline" else "process_name"
    real, masked = subject_of(known, kind).text, subject_of(shown, kind).text
    if regex.is_match(real) != regex.is_match(masked):
        return
    yield mask_safe_key(kind, regex.pattern, None)
    if compiled.expansion is not None:
        template = compiled.expansion.text
        if regex.replace_all(real, template) == regex.replace_all(masked, template):
            yield mask_safe_key(kind, regex.pattern, template)

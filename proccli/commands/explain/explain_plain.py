"""A line per process for grep: `agent.yaml:22:drop<TAB>4312<TAB>java`."""

from __future__ import annotations

from proccli.commands.explain.explain import ExplainResult
from proccli.model.outcome import Outcome
from proccli.text import visible


def explain_plain(result: ExplainResult) -> str:
    """The location of the deciding rule with its action, the pid, and the name.

    If no rule decided, the location is `-`, and the `reason` of the JSON replaces the action.
    """
    return "".join(_line(explanation.verdict) for explanation in result.explanations)


def _line(verdict: Outcome) -> str:
    rule = verdict.rule
    place = "-" if rule is None else f"{rule.at.source}:{rule.at.line}"
    action: str = verdict.reason
    if rule is not None and verdict.reason == "rule":
        action = "drop" if verdict.status == "dropped" else "accept"
    name = verdict.process_name if verdict.gprocess is None else verdict.gprocess
    if name is None:
        name = verdict.process.comm or "?"
    return f"{visible(place)}:{action}\t{verdict.process.pid}\t{visible(name)}\n"

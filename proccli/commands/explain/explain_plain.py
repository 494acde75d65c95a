"""A line per process for grep: `agent.yaml:22:drop<TAB>4312<TAB>java`."""

from __future__ import annotations

from proccli.commands.explain.explain import ExplainResult
from proccli.model.outcome import Outcome
from proccli.text import visible


def explain_plain(result: ExplainResult) -> str:
    """The location of the deciding rule with its action, the pid, and the name.

    If no rule decided, the location is `-`, and the `reason` of the JSON replaces the action.
    """
    return "".join(_line(explanation.outcome) for explanation in result.explanations)


def _line(outcome: Outcome) -> str:
    rule = outcome.rule
    place = "-" if rule is None else f"{rule.at.source}:{rule.at.line}"
    action: str = outcome.reason
    if rule is not None and outcome.reason == "rule":
        action = "drop" if outcome.status == "dropped" else "accept"
    name = outcome.process_name if outcome.gprocess is None else outcome.gprocess
    if name is None:
        name = outcome.process.comm or "?"
    return f"{visible(place)}:{action}\t{outcome.process.pid}\t{visible(name)}\n"

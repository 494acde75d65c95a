"""Recordings of the first format under agents that look at more: what they can't answer is said."""

from __future__ import annotations

import json

import pytest

from tests.cli.runner import call
from tests.paths import ROOT

OLD = str(ROOT / "docs" / "example" / "web-1.jsonl")


@pytest.mark.parametrize("agent", ["6.6.8", "6.6.9", "7.0.9", "7.1.8", "main"])
def test_an_old_recording_says_what_it_cannot_answer(agent: str) -> None:
    """The format lacks the name in status (FACTS B4)."""
    ran = call("scan", "-s", OLD, "--agent", agent, "--json")
    document = json.loads(ran.out)
    (warning,) = (each for each in document["warnings"] if each["code"] == "not-recorded")

    assert {each["reason"] for each in document["processes"]} == {"not-recorded"}
    assert document["summary"]["unknown"] == document["summary"]["total"]
    assert f"lacks status, which agent {agent} looks at" in warning["message"]
    assert call("scan", "-s", OLD, "--agent", agent, "--strict").code == 4


@pytest.mark.parametrize("agent", ["6.2.6.4", "6.5", "6.6.4"])
def test_it_answers_for_agents_that_look_at_what_it_holds(agent: str) -> None:
    document = json.loads(call("scan", "-s", OLD, "--agent", agent, "--json").out)
    assert document["summary"]["unknown"] == 0

"""Whose environment %NAME% is taken from, and what is said about it."""

from __future__ import annotations

from typing import Any

import pytest

from proccli.commands.inputs import environment_for
from proccli.local import agent_process
from proccli.model.process import OWN_ENVIRONMENT, Environment, SourceKind
from proccli.terminal.warning_text import message as words_of
from tests.build import config

RULES = config(("nginx", "", "accept", "$0-%SITE%-%UNSET_HERE%"))


def told(
    kind: SourceKind, recorded: Environment | None = None, **given: str
) -> tuple[Environment, list[str]]:
    environment, notes = environment_for(RULES, kind, recorded, given)
    return environment, [note.code for note in notes]


@pytest.fixture
def without_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests must not depend on an agent that happens to run here."""
    monkeypatch.setattr(agent_process, "find_environment", lambda: None)
    monkeypatch.setenv("SITE", "fra1")
    monkeypatch.delenv("UNSET_HERE", raising=False)


@pytest.mark.usefixtures("without_agent")
def test_without_an_agent_our_own_stands_in_and_that_is_said() -> None:
    environment, codes = told("live")

    assert environment.values["SITE"] == "fra1"
    assert codes == ["own-environment", "env-unset"]


@pytest.mark.usefixtures("without_agent")
def test_what_is_given_overrides_and_needs_no_word() -> None:
    environment, codes = told("live", SITE="ams2", UNSET_HERE="")

    assert environment.values["SITE"] == "ams2"
    assert codes == []


def test_a_directory_knows_only_what_is_given() -> None:
    environment, codes = told("directory", SITE="ams2")

    assert dict(environment.values) == {"SITE": "ams2"}
    assert environment.complete
    assert codes == ["env-unset"]


def test_a_recording_says_what_was_said_when_it_was_made() -> None:
    carried = Environment(
        values={"SITE": "fra1"},
        complete=False,
        origin=OWN_ENVIRONMENT,
        unset=frozenset({"UNSET_HERE"}),
    )

    assert told("recording", carried)[1] == ["own-environment", "env-unset"]


def test_a_name_that_a_recording_does_not_carry_is_unknown() -> None:
    environment, codes = told("recording", Environment(values={}, complete=False, origin="r"))

    assert not environment.knows("SITE")
    assert codes == ["env-unknown"]


def test_it_is_the_recording_that_does_not_carry_it_whoever_was_asked_then() -> None:
    carried = Environment(values={}, complete=False, origin="--env")

    _, notes = environment_for(RULES, "recording", carried, {"SITE": "fra1"})

    assert [words_of(note).partition(":")[0] for note in notes] == [
        "%UNSET_HERE% is not known from the recording"
    ]


@pytest.mark.parametrize(
    "rules", [(("a",),), (("a", "", "drop", "%X%"),), (("a", "tag", "", "%X%"),)]
)
def test_where_no_rule_uses_a_name_nothing_is_said(rules: Any) -> None:
    assert environment_for(config(*rules), "live", None, {})[1] == ()

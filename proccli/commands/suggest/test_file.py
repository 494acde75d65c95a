"""Tests for `proccli test`: one for each name that the proposed rules give."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from proccli.commands.suggest.rules import Member, Proposed
from proccli.commands.suggest.suggest import SuggestResult
from proccli.commands.test.evaluate import evaluate_made_up
from proccli.commands.test.test_file import MadeUpProcess
from proccli.commands.test.write import expectation, process_lines, scalar
from proccli.model.outcome import Outcome
from proccli.model.process import Environment
from proccli.text import visible

_NO_ENVIRONMENT: Final = Environment(values={}, complete=True, origin="a test")
_LONGEST: Final = 4000
"""Characters of a command line in a test."""


def test_file(result: SuggestResult, config: str | None, file: str) -> tuple[str, int]:
    """The text of a test file, and the number of its tests.

    The text is of use only with tests: `proccli test` rejects a file without any.

    `config` is the path of the configuration, if it is written to a file; else the tests are run
    with `proccli test -c`. Every test passes with the proposed configuration.
    """
    head = [
        "# The names that the rules of proccli suggest give.",
        *(["# Run them with proccli test -c CONFIGURATION."] if config is None else []),
        *([f"config: {scalar(_relative(config, file))}"] if config is not None else []),
        f'agent: "{result.config.agent}"',
    ]
    if result.config.via != "server":
        head.append(f"via: {result.config.via}")
    tests = list(_tests(result))
    body = ["tests:", *(line for test in tests for line in test)]
    return "".join(f"{line}\n" for line in [*head, *body]), len(tests)


def _relative(config: str, file: str) -> str:
    folder = os.path.realpath(os.path.dirname(file) or ".")  # noqa: PTH120 - `..` follows links
    return os.path.relpath(os.path.realpath(config), folder)


def _tests(result: SuggestResult) -> Iterator[list[str]]:
    used: set[str] = set()
    for _, rule in result.rules:
        for title, members in _by_name(rule):
            for member in sorted(members, key=lambda one: len(one.line.text)):
                outcome = _outcome(result, member)
                if outcome is None or not _agrees(outcome, rule, member):
                    continue
                name = base = title
                number = 1
                while name in used:
                    number += 1
                    name = f"{base} ({number})"
                used.add(name)
                described = process_lines(_described(member))
                yield [
                    f"- name: {scalar(name)}",
                    *described,
                    *_container(member),
                    f"  expect: {expectation(outcome)}",
                ]
                break


def _by_name(rule: Proposed) -> Iterator[tuple[str, list[Member]]]:
    alike: dict[str, list[Member]] = {}
    if rule.purpose == "keep":
        return  # its processes have ancestors that are not described
    for member in rule.members:
        program = visible(member.line.program or "?")
        title = f"{member.name} is named" if member.name else f"{program} is dropped"
        alike.setdefault(title, []).append(member)
    yield from alike.items()


def _described(member: Member) -> MadeUpProcess:
    container = "0" * 64 if _container(member) else None
    return MadeUpProcess(argv=member.line.pieces, container_id=container)


def _container(member: Member) -> list[str]:
    """The line for a process that its rule asks to be in a container."""
    rule = member.before.rule
    needed = rule is not None and rule.only_in_container
    return [f'    container_id: "{"0" * 64}"'] if needed else []


def _outcome(result: SuggestResult, member: Member) -> Outcome | None:
    """The outcome of the test's process; None where it can't be described."""
    if member.line.masked_spans or len(member.line.text) > _LONGEST:
        return None
    return evaluate_made_up(_described(member), result.config, _NO_ENVIRONMENT).outcome


def _agrees(outcome: Outcome, rule: Proposed, member: Member) -> bool:
    if rule.purpose == "drop":
        return outcome.status == "dropped"
    return outcome.status == "accepted" and outcome.gprocess == member.name

"""Runs rule tests: compares the outcome of each process with the expected one."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from proccli.commands.explain.explain import ExplainResult
from proccli.commands.test.evaluate import Evaluator, Evaluators, Overrides
from proccli.commands.test.test_file import Case, ExpectedValue, Suite
from proccli.config.loading import reader_notes
from proccli.errors import UsageError
from proccli.model.config import Config, Rule
from proccli.model.note import Note
from proccli.model.outcome import Outcome
from proccli.text import visible

KNOWN = "accepted, dropped or skipped"
"""Expected if a test has no `status`: an unknown outcome passes no test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One expectation that was not met."""

    field: str
    expected: ExpectedValue
    got: ExpectedValue


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """The result of one test."""

    suite: Suite
    config: Config
    case: Case
    outcome: Outcome
    failures: tuple[Failure, ...]
    explained: ExplainResult | None
    """The explanation of the outcome; None if the test passed."""
    duration_s: float

    @property
    def passed(self) -> bool:
        """Whether all expectations were met."""
        return not self.failures


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCoverage:
    """The number of tests that a rule decided."""

    config: Config
    rule: Rule
    hits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTestResult:
    """The results of all tests that were run."""

    results: tuple[CaseResult, ...]
    coverage: tuple[RuleCoverage, ...]
    """Every rule of every configuration that was tested, in order."""
    partial: bool
    """Whether only some tests were selected; then rules without hits mean nothing."""
    notes: tuple[Note, ...]

    @property
    def passed(self) -> bool:
        """Whether all tests passed."""
        return all(result.passed for result in self.results)


def run_suites(
    suites: Sequence[Suite],
    overrides: Overrides,
    names: Sequence[str] = (),
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> RuleTestResult:
    """Run the tests whose names match one of the globs in `names`, or all if it is empty.

    Raises: ConfigError, SourceError (a recording, or its process), UsageError if no test name
    matches.
    """
    evaluators = Evaluators(overrides)
    results: list[CaseResult] = []
    for suite in suites:
        chosen = [case for case in suite.cases if _is_chosen(case, names)]
        if not chosen:
            continue
        evaluator = evaluators.evaluator(suite)
        results.extend(_run(evaluator, suite, case, clock) for case in chosen)
    if not results:
        raise UsageError(f"no test name matches {' or '.join(visible(name) for name in names)}")
    hits = Counter((id(result.config), result.outcome.decided_by) for result in results)
    return RuleTestResult(
        results=tuple(results),
        coverage=tuple(
            RuleCoverage(config=config, rule=rule, hits=hits[id(config), rule.index])
            for config in evaluators.configs
            for rule in config.rules
        ),
        partial=len(results) < sum(len(suite.cases) for suite in suites),
        notes=(*reader_notes(), *evaluators.notes, *_sync_disabled_notes(evaluators.configs)),
    )


def _is_chosen(case: Case, names: Sequence[str]) -> bool:
    return not names or any(fnmatchcase(case.name, pattern) for pattern in names)


def _run(evaluator: Evaluator, suite: Suite, case: Case, clock: Callable[[], float]) -> CaseResult:
    begun = clock()
    evaluation = evaluator.evaluate(case.process)
    failures = compare(evaluation.outcome, case)
    return CaseResult(
        suite=suite,
        config=evaluator.config,
        case=case,
        outcome=evaluation.outcome,
        failures=failures,
        explained=evaluation.explain() if failures else None,
        duration_s=clock() - begun,
    )


def compare(outcome: Outcome, case: Case) -> tuple[Failure, ...]:
    """The expectations of a test that an outcome does not meet."""
    got = outcome_of(outcome)
    failures = []
    if outcome.status == "unknown" and "status" not in case.expect:
        failures.append(Failure(field="status", expected=KNOWN, got="unknown"))
    for name, expected in case.expect.items():
        # Unknown tags never meet an expectation.
        unsure = name == "tags" and outcome.tags is None
        if unsure or got[name] != expected.value:
            failures.append(Failure(field=name, expected=expected.value, got=got[name]))
    return tuple(failures)


def outcome_of(outcome: Outcome) -> dict[str, ExpectedValue]:
    """An outcome as the values of a test file; tags are None if they are unknown."""
    action = None
    if outcome.decided_by is not None:
        action = outcome.rule.action if outcome.rule is not None else "accept"
    tags = outcome.tags
    return {
        "status": outcome.status,
        "reason": outcome.reason,
        "rule": outcome.decided_by,
        "action": action,
        "gprocess": outcome.gprocess,
        "tags": None if tags is None else tuple(sorted((tag.key, tag.value) for tag in tags)),
    }


def _sync_disabled_notes(configs: Iterable[Config]) -> Iterator[Note]:
    for config in configs:
        if not config.sync_enabled:
            yield Note.of(
                "sync-disabled", file=visible(config.file or ""), key=config.key("sync_enabled")
            )

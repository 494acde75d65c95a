"""Rule tests: each process of a test file, and whether it fares as it is expected to."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from proccli.commands.explain.explain import ExplainResult
from proccli.commands.test.bench import Bench, Benches, Overrides
from proccli.commands.test.test_file import Case, Suite, Value
from proccli.config.loading import reader_notes
from proccli.errors import UsageError
from proccli.model.config import Config, Rule
from proccli.model.note import Note
from proccli.model.outcome import Outcome
from proccli.text import visible

KNOWN = "accepted, dropped or skipped"
"""What a test expects that names no status: an outcome that is not known passes no test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One expectation that was not met."""

    field: str
    expected: Value
    got: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """What came of one test."""

    suite: Suite
    config: Config
    case: Case
    outcome: Outcome
    failures: tuple[Failure, ...]
    explained: ExplainResult | None
    """Why, for a test that failed."""
    duration_s: float

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return not self.failures


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCoverage:
    """How many tests a rule decided."""

    config: Config
    rule: Rule
    hits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTestResult:
    """What came of all tests that were run."""

    results: tuple[CaseResult, ...]
    coverage: tuple[RuleCoverage, ...]
    """Every rule of every configuration that was tested, in order."""
    partial: bool
    """Whether only some of the tests were asked for: then rules without a hit mean nothing."""
    notes: tuple[Note, ...]

    @property
    def passed(self) -> bool:
        """Whether all did."""
        return all(result.passed for result in self.results)

    @property
    def never_hit(self) -> tuple[RuleCoverage, ...]:
        """The rules that no test exercised."""
        return tuple(row for row in self.coverage if not row.hits)


def run_suites(
    suites: Sequence[Suite],
    overrides: Overrides,
    names: Sequence[str] = (),
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> RuleTestResult:
    """What comes of the tests whose names are like one of the globs in `names`; of all, if there
    are none.

    Raises: ConfigError, SourceError (a recording, or its process), UsageError where no test is
    called like that.
    """
    benches = Benches(overrides)
    results: list[CaseResult] = []
    for suite in suites:
        chosen = [case for case in suite.cases if _is_chosen(case, names)]
        if not chosen:
            continue
        bench = benches.of(suite)
        results.extend(_run(bench, suite, case, clock) for case in chosen)
    if not results:
        raise UsageError(f"no test name matches {' or '.join(visible(name) for name in names)}")
    hits = Counter((id(result.config), result.outcome.decided_by) for result in results)
    return RuleTestResult(
        results=tuple(results),
        coverage=tuple(
            RuleCoverage(config=config, rule=rule, hits=hits[id(config), rule.index])
            for config in benches.configs
            for rule in config.rules
        ),
        partial=len(results) < sum(len(suite.cases) for suite in suites),
        notes=(*reader_notes(), *benches.notes, *_switched_off(benches.configs)),
    )


def _is_chosen(case: Case, names: Sequence[str]) -> bool:
    return not names or any(fnmatchcase(case.name, pattern) for pattern in names)


def _run(bench: Bench, suite: Suite, case: Case, clock: Callable[[], float]) -> CaseResult:
    begun = clock()
    trial = bench.trial(case.process)
    failures = compare(trial.outcome, case)
    return CaseResult(
        suite=suite,
        config=bench.config,
        case=case,
        outcome=trial.outcome,
        failures=failures,
        explained=trial.explain() if failures else None,
        duration_s=clock() - begun,
    )


def compare(outcome: Outcome, case: Case) -> tuple[Failure, ...]:
    """The expectations of a test that an outcome does not meet."""
    got = outcome_of(outcome)
    failures = []
    if outcome.status == "unknown" and "status" not in case.expect:
        failures.append(Failure(field="status", expected=KNOWN, got="unknown"))
    for name, expected in case.expect.items():
        # Tags that are not known are not those that were expected, whatever those were.
        unsure = name == "tags" and outcome.tags is None
        if unsure or got[name] != expected.value:
            failures.append(Failure(field=name, expected=expected.value, got=got[name]))
    return tuple(failures)


def outcome_of(outcome: Outcome) -> dict[str, Value]:
    """An outcome in the words of a test file; tags are None where they are not known."""
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


def _switched_off(configs: Iterable[Config]) -> Iterator[Note]:
    for config in configs:
        if not config.sync_enabled:
            yield Note.of("sync-disabled", file=visible(config.file or ""))

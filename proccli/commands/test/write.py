"""A file of rule tests from what is seen now: one test for each outcome."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from proccli.agent.inputs import Inputs
from proccli.agent.pipeline import Pipeline
from proccli.agent.process import all_ancestors
from proccli.commands.inputs import InputOptions, mentioned_names
from proccli.commands.test.bench import Benches, Overrides, invented_trial
from proccli.commands.test.ruletest_words import expectation, in_words, invented_lines, mapping
from proccli.commands.test.run import compare, outcome_of
from proccli.commands.test.suite import Invented, SuiteError
from proccli.commands.test.test_file import read_suite
from proccli.commands.test.yamltext import scalar
from proccli.errors import ProccliError, UsageError
from proccli.model.outcome import Outcome
from proccli.model.process import Host, Process
from proccli.sources.recording.masking import mask_process
from proccli.sources.recording.recording_reader import Recording
from proccli.terminal.warning_text import message
from proccli.text import visible

MOST_TESTS: Final = 500
_TRIES: Final = 50
"""Processes of one outcome that are looked at for one that can be described."""
_LONGEST_TEST: Final = 8000
"""Characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A file of tests, with what is not in it."""

    text: str
    tests: int
    unknown: int
    """Processes whose outcome is not known."""
    undescribed: int
    """Outcomes of processes that can't be made up, most often for the secrets they show."""
    too_many: int
    """Outcomes beyond what a file is good for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    """One test as text."""

    name: str
    lines: str


def draft_suite(inputs: Inputs, options: InputOptions, file: str | None) -> Draft:
    """One test for each outcome (status, reason, rule, name and tags) that a source shows.

    A process is made up like one that was seen where that has the same outcome and gives no
    secret away; else it is taken from the recording, if there is one. `file` is where the text
    is to stand: paths in it are relative to that, or to the current folder. Each test was run.

    Raises: UsageError where the configuration is no file; SuiteError where no outcome is known;
    SourceError.
    """
    if options.config is None or options.config == "-":
        raise UsageError("the tests need a configuration in a file: name it with -c FILE")
    pipeline = Pipeline(inputs)
    live = inputs.source.host.kind == "live"
    pids = [pid for pid in inputs.source.pids() if not (live and pid == os.getpid())]
    outcomes = pipeline.outcomes(pids)
    groups: dict[tuple[object, ...], list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.status != "unknown":
            groups.setdefault(tuple(outcome_of(outcome).values()), []).append(outcome)
    recording = _recording(inputs, options, file)
    chosen = list(groups.values())[:MOST_TESTS]
    writer = _Writer(pipeline, recording)
    tests = [test for group in chosen if (test := writer.test(group)) is not None]
    head = _head(inputs, options, file)
    tests = list(_that_pass(head, tests, options.config, file))
    if not tests:
        problem = f"no test can be written: of {len(outcomes)} processes no outcome is known"
        why = (message(n) for n in inputs.notes if n.code in ("tags-unknown", "env-unknown"))
        raise SuiteError(problem, hint=next(why, None))
    return Draft(
        text=head + "".join(test.lines for test in tests),
        tests=len(tests),
        unknown=sum(outcome.status == "unknown" for outcome in outcomes),
        undescribed=len(chosen) - len(tests),
        too_many=len(groups) - len(chosen),
    )


class _Writer:
    """Makes a test of an outcome."""

    def __init__(self, pipeline: Pipeline, recording: str | None) -> None:
        self._pipeline = pipeline
        self._recording = recording
        self._names: set[str] = set()

    def test(self, alike: Sequence[Outcome]) -> _Test | None:
        """A test for the outcome that all of these have; None where none can be written."""
        # The shorter the command line, the easier to read, and the less of somebody's in it.
        for outcome in sorted(alike, key=lambda v: len(v.process.cmdline or b""))[:_TRIES]:
            invented = self._invented(outcome)
            if invented is not None and self._fares_alike(invented, outcome):
                lines = list(invented_lines(invented))
                if sum(map(len, lines)) <= _LONGEST_TEST:
                    return self._written(outcome, lines)
        if self._recording is None:
            return None
        outcome = alike[0]
        lines = [f"  recording: {scalar(self._recording)}", f"  pid: {outcome.process.pid}"]
        return self._written(outcome, lines)

    def _invented(self, outcome: Outcome) -> Invented | None:
        """A process like this one, without its secrets; None where it has any."""
        argv = _arguments(outcome.process)
        if argv is None:
            return None
        parents = []
        member = self._pipeline.agent_process(outcome.process.pid)
        for above in all_ancestors(member.process, self._pipeline.agent_process) if member else ():
            arguments = _arguments(above.process, only_first=True)
            if arguments is None:
                return None
            parents.append(arguments)
            if above.texts is None:
                break  # the agent's walk upwards ends here
        by_age = outcome.reason in ("min-lifetime", "future-start")
        return Invented(
            argv=argv,
            user=outcome.user or None,
            uptime_s=outcome.agent_uptime_s if by_age else None,
            parents=tuple(parents),
            tags=self._pipeline.inputs.tags.entries.get(outcome.process.pid),
        )

    def _fares_alike(self, invented: Invented, outcome: Outcome) -> bool:
        inputs = self._pipeline.inputs
        trial = invented_trial(invented, inputs.config, inputs.environment)
        alike = outcome_of(trial.outcome)
        if outcome.tags is None:
            alike["tags"] = None  # what is not known is not expected
        return alike == outcome_of(outcome)

    def _written(self, outcome: Outcome, process: Iterable[str]) -> _Test:
        name = self._name(outcome)
        lines = (f"- name: {scalar(name)}", *process, f"  expect: {expectation(outcome)}")
        return _Test(name=name, lines="".join(f"{line}\n" for line in lines))

    def _name(self, outcome: Outcome) -> str:
        """What happens, in words; no two tests have the same."""
        name = base = in_words(outcome)
        number = 1
        while name in self._names:
            number += 1
            name = f"{base} ({number})"
        self._names.add(name)
        return name


def _arguments(process: Process, *, only_first: bool = False) -> tuple[str, ...] | None:
    """The arguments to write down; None where they hold a secret, or are no text."""
    cmdline = (process.cmdline or b"").rstrip(b"\0")
    masked = mask_process(process)
    if only_first:
        cmdline = cmdline.lstrip(b"\0").partition(b"\0")[0]
        reach = (process.cmdline or b"").find(cmdline) + len(cmdline)
        if any(start < reach for start, _ in masked.masked_spans):
            return None
    elif masked.masked_spans:
        return None
    try:
        return tuple(cmdline.decode().split("\0")) if cmdline else ()
    except UnicodeDecodeError:
        return None


def _head(inputs: Inputs, options: InputOptions, file: str | None) -> str:
    """Everything above the tests."""
    config = inputs.config
    lines = [
        f"# What {_source(inputs.source.host)} shows: what is, which may not be what should be.",
        f"config: {scalar(_relative(options.config or '', file))}",
        f'agent: "{config.agent}"',
    ]
    if config.via != "server":
        lines.append(f"via: {config.via}")
    values = inputs.environment.values
    named = [(name, values[name]) for name in mentioned_names(config) if name in values]
    if named:
        lines.append(f"env: {mapping(tuple(named))}")
    return "".join(f"{line}\n" for line in [*lines, "tests:"])


def _source(host: Host) -> str:
    name = visible(host.name) if host.name else "this machine"
    return {"recording": f"a recording of {name}", "directory": f"a directory of {name}"}.get(
        host.kind, name
    )


def _recording(inputs: Inputs, options: InputOptions, file: str | None) -> str | None:
    """The recording as the tests are to name it; None where there is none in a file."""
    path = options.snapshot
    if path is None or path == "-" or not isinstance(inputs.source, Recording):
        return None
    return _relative(path, file)


def _relative(path: str, file: str | None) -> str:
    if os.path.isabs(path):  # noqa: PTH117 - a path stays as it was given
        return path
    # A link is followed on the way up, so the way down has to start where it leads.
    folder = os.path.realpath(os.path.dirname(file) if file else "")  # noqa: PTH120 - likewise
    return os.path.relpath(os.path.join(os.path.realpath("."), path), folder)  # noqa: PTH118


def _that_pass(head: str, tests: Sequence[_Test], config: str, file: str | None) -> Iterator[_Test]:
    """The tests that say of the file to be what was seen: a recording may lack its tags."""
    text = head + "".join(test.lines for test in tests)
    if not tests:
        return
    suite = read_suite(text.encode(), file or "<stdin>")
    bench = Benches(Overrides(config=config)).of(suite)
    for test, case in zip(tests, suite.cases, strict=True):
        try:
            passes = not compare(bench.trial(case.process).outcome, case)
        except ProccliError:
            passes = False
        if passes:
            yield test

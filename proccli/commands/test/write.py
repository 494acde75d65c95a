"""Writes a test file from the current outcomes: one test for each."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from proccli.agent.inputs import Inputs
from proccli.agent.pipeline import Pipeline
from proccli.agent.process import all_ancestors
from proccli.commands.inputs import InputOptions, mentioned_names
from proccli.commands.test.evaluate import Evaluators, Overrides, evaluate_made_up
from proccli.commands.test.run import compare, outcome_of
from proccli.commands.test.test_file import MadeUpProcess, Pairs, SuiteError, read_suite
from proccli.config.yaml.nodes import Style
from proccli.errors import ProccliError, UsageError
from proccli.model.outcome import Outcome
from proccli.model.process import Host, Process
from proccli.sources.recording.masking import mask_process
from proccli.sources.recording.reader import Recording
from proccli.terminal.warning_text import message
from proccli.text import counted, visible

MAX_TESTS: Final = 500
_TRIES: Final = 50
"""Maximum number of processes of one outcome that are tried."""
_MAX_TEST_CHARACTERS: Final = 8000
"""Characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A test file as text, and the number of outcomes that are not in it."""

    text: str
    tests: int
    unknown: int
    """Number of processes with an unknown outcome."""
    undescribed: int
    """Number of outcomes that cannot be described, mostly because of secrets."""
    too_many: int
    """Number of outcomes beyond `MAX_TESTS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    """One test as text."""

    name: str
    lines: str


def draft_suite(inputs: Inputs, options: InputOptions, file: str | None) -> Draft:
    """One test for each outcome (status, reason, rule, name and tags) of a source.

    A test describes a process like the one found if that has the same outcome and reveals no
    secret; otherwise it refers to the recording, if there is one. `file` is the path that the
    text will be written to: paths in it are relative to its folder, or to the current one. Only
    tests that pass are included.

    Raises: UsageError if the configuration is not a file; SuiteError if no outcome is known;
    SourceError.
    """
    if options.config is None or options.config == "-":
        raise UsageError("the tests need a configuration file; use -c FILE")
    pipeline = Pipeline(inputs)
    live = inputs.source.host.kind == "live"
    pids = [pid for pid in inputs.source.pids() if not (live and pid == os.getpid())]
    outcomes = pipeline.outcomes(pids)
    groups: dict[tuple[object, ...], list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.status != "unknown":
            groups.setdefault(tuple(outcome_of(outcome).values()), []).append(outcome)
    recording = _recording(inputs, options, file)
    chosen = list(groups.values())[:MAX_TESTS]
    writer = _Writer(pipeline, recording)
    tests = [test for group in chosen if (test := writer.test(group)) is not None]
    head = _head(inputs, options, file)
    tests = list(_passing(head, tests, options.config, file))
    if not tests:
        processes = counted(len(outcomes), "process")
        problem = f"cannot write any test: none of {processes} has a known outcome"
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
    """Writes tests as text."""

    def __init__(self, pipeline: Pipeline, recording: str | None) -> None:
        self._pipeline = pipeline
        self._recording = recording
        self._names: set[str] = set()

    def test(self, alike: Sequence[Outcome]) -> _Test | None:
        """A test for the common outcome of these processes; None if none can be written."""
        # A short command line is easier to read and contains less private text.
        for outcome in sorted(alike, key=lambda v: len(v.process.cmdline or b""))[:_TRIES]:
            described = self._made_up(outcome)
            if described is not None and self._has_same_outcome(described, outcome):
                lines = list(process_lines(described))
                if sum(map(len, lines)) <= _MAX_TEST_CHARACTERS:
                    return self._written(outcome, lines)
        if self._recording is None:
            return None
        outcome = alike[0]
        lines = [f"  recording: {scalar(self._recording)}", f"  pid: {outcome.process.pid}"]
        return self._written(outcome, lines)

    def _made_up(self, outcome: Outcome) -> MadeUpProcess | None:
        """A description of this process; None if it has secrets."""
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
                break  # the agent stops at this ancestor
        by_age = outcome.reason in ("min-lifetime", "future-start")
        return MadeUpProcess(
            argv=argv,
            user=outcome.user or None,
            uptime_s=outcome.agent_uptime_s if by_age else None,
            parents=tuple(parents),
            tags=self._pipeline.inputs.tags.entries.get(outcome.process.pid),
        )

    def _has_same_outcome(self, described: MadeUpProcess, outcome: Outcome) -> bool:
        inputs = self._pipeline.inputs
        evaluation = evaluate_made_up(described, inputs.config, inputs.environment)
        alike = outcome_of(evaluation.outcome)
        if outcome.tags is None:
            alike["tags"] = None  # unknown tags are not expected
        return alike == outcome_of(outcome)

    def _written(self, outcome: Outcome, process: Iterable[str]) -> _Test:
        name = self._name(outcome)
        lines = (f"- name: {scalar(name)}", *process, f"  expect: {expectation(outcome)}")
        return _Test(name=name, lines="".join(f"{line}\n" for line in lines))

    def _name(self, outcome: Outcome) -> str:
        """A unique name that describes the outcome."""
        name = base = outcome_name(outcome)
        number = 1
        while name in self._names:
            number += 1
            name = f"{base} ({number})"
        self._names.add(name)
        return name


def _arguments(process: Process, *, only_first: bool = False) -> tuple[str, ...] | None:
    """The arguments as text; None if they contain a secret or are not UTF-8."""
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
        f"# Current outcomes on {_source(inputs.source.host)}. Check that they are what you want.",
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
    """The path of the recording as written in the tests; None if there is no such file."""
    path = options.snapshot
    if path is None or path == "-" or not isinstance(inputs.source, Recording):
        return None
    return _relative(path, file)


def _relative(path: str, file: str | None) -> str:
    if os.path.isabs(path):  # noqa: PTH117 - a path stays as it was given
        return path
    # `..` follows links, so the path must be relative to the real folder.
    folder = os.path.realpath(os.path.dirname(file) if file else "")  # noqa: PTH120 - likewise
    return os.path.relpath(os.path.join(os.path.realpath("."), path), folder)  # noqa: PTH118


def _passing(head: str, tests: Sequence[_Test], config: str, file: str | None) -> Iterator[_Test]:
    """The tests that pass; those of a recording may not, for example if it has no tags."""
    text = head + "".join(test.lines for test in tests)
    if not tests:
        return
    suite = read_suite(text.encode(), file or "<stdin>")
    evaluator = Evaluators(Overrides(config=config)).evaluator(suite)
    for test, case in zip(tests, suite.cases, strict=True):
        try:
            passes = not compare(evaluator.evaluate(case.process).outcome, case)
        except ProccliError:
            passes = False
        if passes:
            yield test


_MAX_NAME_CHARACTERS: Final = 60


def process_lines(process: MadeUpProcess) -> Iterator[str]:
    """The lines of `process:`."""
    yield "  process:"
    yield f"    cmdline: {flow_list(process.argv)}"
    if process.user is not None:
        yield f"    user: {scalar(process.user)}"
    if process.uptime_s is not None:
        yield f"    uptime_s: {process.uptime_s}"
    if process.parents:
        yield f"    parents: [{', '.join(flow_list(parent) for parent in process.parents)}]"
    if process.tags is not None:
        yield f"    tags: {mapping(process.tags)}"


def expectation(outcome: Outcome) -> str:
    """The value of `expect:`, in one line."""
    got = outcome_of(outcome)
    parts = [f"status: {outcome.status}"]
    if outcome.status == "skipped":
        parts.append(f"reason: {outcome.reason}")
    if outcome.decided_by is not None:
        parts.append(f"rule: {outcome.decided_by}")
    if outcome.gprocess is not None:
        parts.append(f"gprocess: {_text(outcome.gprocess)}")
    tags = got["tags"]
    if isinstance(tags, tuple) and tags:
        parts.append(f"tags: {mapping(tags)}")
    return f"{{{', '.join(parts)}}}"


def _text(value: str) -> str:
    return scalar(value, like="single") if value in ("~", "null") else scalar(value)


def mapping(pairs: Pairs) -> str:
    """Pairs in braces; a key with several values has a list."""
    by_key: dict[str, list[str]] = {}
    for key, value in pairs:
        by_key.setdefault(key, []).append(value)
    parts = (
        f"{scalar(key)}: {scalar(values[0]) if len(values) == 1 else flow_list(values)}"
        for key, values in by_key.items()
    )
    return f"{{{', '.join(parts)}}}"


def outcome_name(outcome: Outcome) -> str:
    """The outcome of a process as the name of a test."""
    name = outcome.process_name or f"[{outcome.process.comm or '?'}]"
    if outcome.status == "skipped":
        end = f"skipped, {outcome.reason}"
    elif outcome.decided_by == 0:
        end = "matched by no rule"
    elif outcome.status == "dropped":
        end = f"dropped by rule {outcome.decided_by}"
    elif outcome.gprocess == outcome.process_name:
        end = f"accepted by rule {outcome.decided_by}"
    else:
        end = f"renamed by rule {outcome.decided_by} to {_short(outcome.gprocess or '')}".rstrip()
    return f"{_short(name)}: {end}"


def _short(text: str) -> str:
    text = visible(text)
    return text if len(text) <= _MAX_NAME_CHARACTERS else f"{text[:_MAX_NAME_CHARACTERS]}…"


_PLAIN: Final = re.compile(
    r"[A-Za-z_/][A-Za-z0-9_/.+@=-]*(?: [A-Za-z0-9_/(][A-Za-z0-9_/.+@=()-]*)*"
)
_WORDS: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
"""Words that YAML 1.1 or 1.2 does not read as strings, in lower case."""


def scalar(text: str, *, like: Style = "plain") -> str:
    """A string as a YAML scalar in one line, in the style `like` if that is possible."""
    if visible(text) != text:
        return _double(text)
    if like == "double":
        return _double(text)
    if like == "plain" and _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return "'" + text.replace("'", "''") + "'"


def flow_list(items: Iterable[str]) -> str:
    """`[one, 'two, three']`."""
    return f"[{', '.join(scalar(item) for item in items)}]"


def _double(text: str) -> str:
    # The escapes that `visible` writes are valid in YAML, too.
    return '"' + "".join(f"\\{char}" if char in '\\"' else visible(char) for char in text) + '"'

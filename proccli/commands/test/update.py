"""Replaces expected values in test files, and changes nothing else in them."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from proccli.commands.test.run import CaseResult, RuleTestResult
from proccli.commands.test.test_file import (
    Case,
    ExpectedValue,
    Pairs,
    RecordedProcess,
    Suite,
    SuiteError,
    read_suite,
)
from proccli.commands.test.write import mapping, scalar
from proccli.config.yaml.nodes import Alias, Node, Scalar, resolved
from proccli.config.yaml.nodes import Mapping as MappingNode
from proccli.errors import OutputError
from proccli.files import atomic_output, read_file

Edit: TypeAlias = tuple[int, int, str]
"""Start and end of a part of the text, and its replacement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """The number of changes in one file."""

    file: str
    tests: int
    values: int


def update_files(suites: Iterable[Suite], result: RuleTestResult) -> tuple[Update, ...]:
    """Replace the expected values that were not met with the actual ones; the changes by file.

    A test with an unknown outcome is not changed. Each file is replaced atomically, and none
    until the changes of all are known to be possible.

    Raises: SuiteError if an expectation is shared with a test that needs another one, or cannot be
    changed in place; OutputError.
    """
    planned = []
    for suite in suites:
        failed = [
            one for one in result.results if one.suite is suite and one.failures and _is_known(one)
        ]
        edits = {edit for one in failed for edit in _edits_of(one)}
        if edits:
            update = Update(file=suite.file, tests=len(failed), values=len(edits))
            planned.append((suite, _changed(suite, edits, failed), update))
    for suite, text, _ in planned:
        _write(suite, text)
    return tuple(update for _, _, update in planned)


def _changed(suite: Suite, edits: Iterable[Edit], failed: Sequence[CaseResult]) -> str:
    text = edited(suite.source.text, edits)
    if text is None or not _changes_only_expectations(text, suite, failed):
        case = failed[0].case
        problem = f"the expectations of {case.name!r} cannot be changed in place"
        hint = "they may be shared with another test (& and *); change them by hand"
        raise SuiteError(problem, case.at, hint=hint)
    return text


def _is_known(result: CaseResult) -> bool:
    tags_unknown = "tags" in result.case.expect and result.outcome.tags is None
    return result.outcome.status != "unknown" and not tags_unknown


def edited(text: str, edits: Iterable[Edit]) -> str | None:
    """The text with all edits applied; None if they overlap."""
    last = len(text)
    for start, end, new in sorted(edits, reverse=True):
        if end > last:
            return None
        text = text[:start] + new + text[end:]
        last = start
    return text


def _edits_of(result: CaseResult) -> Iterator[Edit]:
    for failure in result.failures:
        expected = result.case.expect.get(failure.field)
        if expected is None:
            continue
        if failure.field == "tags" and isinstance(failure.got, tuple):
            yield from _tag_edits(expected.node, failure.got, result.suite.source.text)
        else:
            yield _replacement(expected.node, failure.got, result.suite.source.text)


def _replacement(node: Node, value: ExpectedValue, text: str) -> Edit:
    start, end = extent(node, text)
    written = resolved(node)
    if value is None:
        new = "null"
    elif isinstance(value, str):
        quoted = isinstance(written, Scalar) and written.style in ("single", "double")
        like = written.style if isinstance(written, Scalar) and quoted else "plain"
        # Without quotes these mean null.
        new = scalar(value, like="single" if like == "plain" and value in ("null", "~") else like)
    else:
        new = str(value)
    if isinstance(node, Scalar) and node.absent:
        new = f" {new}" if text[:start].endswith(":") else f": {new}"
    return start, end, new


def _tag_edits(node: Node, tags: Pairs, text: str) -> Iterator[Edit]:
    """One edit per value if the keys stay the same, otherwise one for all."""
    wanted: dict[str, list[str]] = {}
    for key, value in tags:
        wanted.setdefault(key, []).append(value)
    values = _single_values(node)
    if values is not None and values.keys() == wanted.keys() and _each_once(wanted):
        for key, old in values.items():
            (new,) = wanted[key]
            if isinstance(old, Scalar) and old.text != new:
                yield _replacement(old, new, text)
        return
    yield (*extent(node, text), mapping(tags))


def _each_once(wanted: Mapping[str, Sequence[str]]) -> bool:
    return all(len(values) == 1 for values in wanted.values())


def _single_values(node: Node) -> dict[str, Scalar] | None:
    """The nodes of tags by key; None if a key has several values or the tags are an alias."""
    if not isinstance(node, MappingNode):
        return None
    values: dict[str, Scalar] = {}
    for key, value in node.pairs:
        name = resolved(key)
        if not isinstance(name, Scalar) or not isinstance(value, Scalar):
            return None
        values[name.text] = value
    return values


def extent(node: Node, text: str) -> tuple[int, int]:
    """Start and end of a node without the white space and comments after it."""
    if isinstance(node, (Scalar, Alias)) or text[node.start] in "{[":
        end = node.end
    else:
        inner = (
            [part for pair in node.pairs for part in pair]
            if isinstance(node, MappingNode)
            else list(node.items)
        )
        end = max((extent(part, text)[1] for part in inner), default=node.end)
    while end > node.start and text[end - 1].isspace():
        end -= 1
    return node.start, end


def _changes_only_expectations(text: str, suite: Suite, failed: Sequence[CaseResult]) -> bool:
    """Whether the new text differs from the old one only in the values to change."""
    try:
        new = read_suite(text.encode(), suite.file)
    except SuiteError:
        return False
    if (new.config, new.agent, new.via, new.env) != (
        suite.config,
        suite.agent,
        suite.via,
        suite.env,
    ):
        return False
    changed = {result.case.name: result for result in failed}
    return [_content(case, changed.get(case.name)) for case in suite.cases] == [
        _content(case, None) for case in new.cases
    ]


def _content(case: Case, result: CaseResult | None) -> tuple[str, object, dict[str, ExpectedValue]]:
    """The content of a test without its position, with the changes of a result applied."""
    process: object = case.process
    if isinstance(case.process, RecordedProcess):
        process = (case.process.recording, case.process.pid, case.process.process_name)
    values = {name: expected.value for name, expected in case.expect.items()}
    if result is not None:
        values |= {f.field: f.got for f in result.failures if f.field in values}
    return case.name, process, values


def _write(suite: Suite, text: str) -> None:
    current = read_file(suite.file)
    mark = codecs.BOM_UTF8 if current.startswith(codecs.BOM_UTF8) else b""
    if current.removeprefix(mark) != suite.source.text.encode():
        raise OutputError(f"{suite.file} was changed in the meantime", hint="run the command again")
    try:
        mode = Path(suite.file).stat().st_mode & 0o777
    except OSError as error:
        raise OutputError(f"cannot write {suite.file}: {error.strerror}") from None
    with atomic_output(suite.file, mode=mode, force=True) as file:
        file.write(mark + text.encode())

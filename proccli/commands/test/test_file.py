"""Test files: what they contain, how they are read, and how they are found."""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias, get_args

from proccli.commands.test.strict_yaml import StrictReader, read_root
from proccli.config.characters import advice
from proccli.config.loading import Via
from proccli.config.yaml.nodes import (
    Node,
    Refusal,
    Scalar,
    SourceText,
    check_bytes,
    is_null,
    resolved,
)
from proccli.config.yaml.reader import Loader
from proccli.errors import ConfigError, Location, ProccliError, UsageError
from proccli.files import read_file
from proccli.model.outcome import Reason, Status
from proccli.text import visible
from proccli.versions import agent_version

FIELDS: Final = ("status", "reason", "rule", "action", "gprocess", "tags")
"""The fields of `expect`, in the order of output."""

Pairs: TypeAlias = tuple[tuple[str, str], ...]
ExpectedValue: TypeAlias = str | int | Pairs | None


class SuiteError(ProccliError):
    """A test file is not valid or cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUpProcess:
    """A process that exists only in its test."""

    argv: tuple[str, ...] = ()
    """Empty: a process without a command line."""
    title: str | None = None
    """A rewritten title, instead of `argv`."""
    user: str | None = None
    uptime_s: int | None = None
    """None: old enough; negative: it starts in the future."""
    parents: tuple[tuple[str, ...], ...] = ()
    """Their arguments, nearest first."""
    tags: Pairs | None = None
    """The output of the tag command for it; None: none."""
    comm: str | None = None
    exe: str | None = None
    container_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedProcess:
    """A process of a recording, selected by exactly one of `pid` and `process_name`."""

    recording: str
    """Relative to the test file."""
    recording_at: Location
    pid: int | None
    process_name: str | None
    which_at: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """One expected value, with its node."""

    value: ExpectedValue
    """Tags as pairs sorted by key, with several pairs for a key that has several values."""
    node: Node = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test."""

    name: str
    at: Location
    process: MadeUpProcess | RecordedProcess
    expect: Mapping[str, Expected]
    """By the names in `FIELDS`; at least one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A test file."""

    file: str
    source: SourceText
    config: str | None
    """Relative to the test file; None if it has none."""
    config_at: Location | None
    agent: str | None
    via: Via | None
    env: Mapping[str, str]
    cases: tuple[Case, ...]


ENDINGS: Final = (".test.yaml", ".test.yml")
"""Names of test files in folders; a file given on the command line can have any name."""


def open_suites(paths: Sequence[str]) -> tuple[Suite, ...]:
    """The test files given, and those in the folders given and below, each once.

    Raises: SuiteError.
    """
    files: dict[str, str] = {}
    for path in paths:
        for file in _files(path):
            files.setdefault(file if file == "-" else os.path.realpath(file), file)
    return tuple(_open(file) for file in files.values())


def _files(path: str) -> Iterator[str]:
    if path == "-" or not os.path.isdir(path):  # noqa: PTH112 - a path stays as it was given
        yield path
        return
    found = False
    for file in _below(path):
        found = True
        yield file
    if not found:
        where = "here" if path == "." else f"in {visible(path)}"
        hint = "create one with proccli test init"
        raise SuiteError(f"no test files (*.test.yaml) {where}", hint=hint)


def _below(folder: str) -> Iterator[str]:
    """The test files, sorted by name; hidden folders and links to folders are skipped."""
    for at, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = os.path.join(at, name).removeprefix("./")  # noqa: PTH118 - as above
            if name.endswith(ENDINGS) and _is_file(path):
                yield path


def _refuse(error: OSError) -> None:
    # Tests that were not found must not count as passed.
    where = visible(os.fsdecode(error.filename or ""))
    raise SuiteError(f"cannot read the directory {where}: {error.strerror}") from None


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - as above
    except OSError:
        return True  # opening it reports the error


def _open(file: str) -> Suite:
    try:
        text = read_file(file)
    except ConfigError as error:
        raise SuiteError(error.problem) from None
    return read_suite(text, "<stdin>" if file == "-" else file)


MAX_BYTES: Final = 4 << 20
_FILE: Final = ("config", "agent", "via", "env", "tests")
_TEST: Final = ("name", "process", "recording", "pid", "process_name", "expect")
_TEXTS: Final = ("user", "comm", "exe", "container_id")
_PROCESS: Final = ("cmdline", "title", "uptime_s", "parents", "tags", *_TEXTS)
_LONGEST_UPTIME_S: Final = 10**10
_PID_MAX: Final = 2**31 - 1
_U32_MAX: Final = 2**32 - 1


def read_suite(text: bytes, source_name: str, *, loader: Loader | None = None) -> Suite:
    """The tests in the text of a test file.

    Raises: SuiteError, with the place, for invalid YAML, unknown keys, wrong types, duplicate test
    names, and tests without expectations.
    """
    text = text.removeprefix(codecs.BOM_UTF8)
    source = SourceText(text[:MAX_BYTES].decode("utf-8", "replace"), source_name)
    try:
        check_bytes(text, MAX_BYTES)
        return _Reader(source).suite(read_root(source.text, loader=loader))
    except Refusal as refusal:
        hint = advice(refusal, source)
        raise SuiteError(refusal.problem, source.at(refusal.offset), hint=hint) from None


class _Reader:
    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.values = StrictReader()

    def suite(self, root: Node) -> Suite:
        fields = self.values.fields(root, "a test file", _FILE)
        if "tests" not in fields:
            raise Refusal("the file has no tests", root.start, hint="add tests: with a list")
        config = fields.get("config")
        items = self.values.items(fields["tests"], "tests", "a list of tests: - name: …")
        if not items:
            raise Refusal("tests is an empty list", fields["tests"].start)
        return Suite(
            file=self.source.name,
            source=self.source,
            config=self.values.text(config, "config") if config else None,
            config_at=self.source.at(config.start) if config else None,
            agent=self._agent(fields["agent"]) if "agent" in fields else None,
            via=self._via(fields["via"]) if "via" in fields else None,
            env=self._env(fields["env"]) if "env" in fields else {},
            cases=self._cases(items),
        )

    def _agent(self, node: Node) -> str:
        text = self.values.text(node, "agent")
        try:
            return agent_version(text).number
        except UsageError as error:
            raise Refusal(error.problem, node.start) from None

    def _via(self, node: Node) -> Via:
        return "file" if self.values.word(node, "via", ("server", "file")) == "file" else "server"

    def _env(self, node: Node) -> Mapping[str, str]:
        return {
            name: self.values.text(value, "a value of env")
            for name, value in self.values.named(node, "env")
        }

    def _cases(self, items: tuple[Node, ...]) -> tuple[Case, ...]:
        first: dict[str, int] = {}
        cases = []
        for number, item in enumerate(items, start=1):
            fields = self.values.fields(item, f"test {number}", _TEST)
            for needed in ("name", "expect"):
                if needed not in fields:
                    raise Refusal(f"test {number} has no {needed}", item.start)
            name = self.values.text(fields["name"], f"name of test {number}")
            if not name.strip():
                raise Refusal(f"name of test {number} is blank", fields["name"].start)
            at = self.source.at(fields["name"].start)
            if name in first:
                problem = f"duplicate test name; the first is in line {first[name]}"
                raise Refusal(problem, fields["name"].start)
            first[name] = at.line
            cases.append(
                Case(
                    name=name,
                    at=self.source.at(item.start),
                    process=self._process(fields, item),
                    expect=self._expect(fields["expect"]),
                )
            )
        return tuple(cases)

    def _process(self, fields: Mapping[str, Node], item: Node) -> MadeUpProcess | RecordedProcess:
        if "recording" in fields:
            return self._recorded(fields, item)
        for name in ("pid", "process_name"):
            if name in fields:
                problem = f"{name} selects a process of a recording, but recording is missing"
                raise Refusal(problem, fields[name].start, hint="add recording: PATH")
        if "process" not in fields:
            raise Refusal("the test has neither process nor recording", item.start)
        return self._made_up(fields["process"])

    def _recorded(self, fields: Mapping[str, Node], item: Node) -> RecordedProcess:
        if "process" in fields:
            raise Refusal(
                "a test cannot have both process and recording",
                fields["process"].start,
                hint="select a recorded process with process_name: NAME",
            )
        by_pid, by_name = fields.get("pid"), fields.get("process_name")
        if by_pid is not None and by_name is not None:
            raise Refusal("a test cannot have both pid and process_name", by_name.start)
        which = by_pid if by_pid is not None else by_name
        if which is None:
            problem = "no process of the recording is selected"
            raise Refusal(problem, item.start, hint="add pid: N or process_name: NAME")
        path = fields["recording"]
        return RecordedProcess(
            recording=self.values.text(path, "recording"),
            recording_at=self.source.at(path.start),
            pid=self.values.integer(which, "pid", 1, _PID_MAX) if which is by_pid else None,
            process_name=self.values.text(which, "process_name") if which is by_name else None,
            which_at=self.source.at(which.start),
        )

    def _made_up(self, node: Node) -> MadeUpProcess:
        fields = self.values.fields(node, "process", _PROCESS)
        if ("cmdline" in fields) == ("title" in fields):
            raise Refusal("a process needs either cmdline or title", node.start)
        uptime = fields.get("uptime_s")
        texts = {name: self.values.text(fields[name], name) for name in _TEXTS if name in fields}
        return MadeUpProcess(
            **texts,
            argv=self._argv(fields["cmdline"], "cmdline") if "cmdline" in fields else (),
            title=self.values.text(fields["title"], "title") if "title" in fields else None,
            uptime_s=(
                self.values.integer(uptime, "uptime_s", -_LONGEST_UPTIME_S, _LONGEST_UPTIME_S)
                if uptime is not None
                else None
            ),
            parents=tuple(
                self._argv(parent, "a parent")
                for parent in self.values.items(
                    fields["parents"], "parents", "a list of lists: [[nginx], [/sbin/init]]"
                )
            )
            if "parents" in fields
            else (),
            tags=self._tags(fields["tags"]) if "tags" in fields else None,
        )

    def _argv(self, node: Node, what: str) -> tuple[str, ...]:
        items = self.values.items(node, what, "a list of its arguments: [python3, app.py]")
        return tuple(self.values.text(item, f"an argument of {what}") for item in items)

    def _tags(self, node: Node) -> Pairs:
        pairs: list[tuple[str, str]] = []
        for key, value in self.values.named(node, "tags"):
            several = not isinstance(resolved(value), Scalar)
            values = self.values.items(value, "a tag", "a string") if several else (value,)
            pairs.extend((key, self.values.text(one, "a tag's value")) for one in values)
        return tuple(pairs)

    def _expect(self, node: Node) -> Mapping[str, Expected]:
        fields = self.values.fields(node, "expect", FIELDS)
        if not fields:
            raise Refusal("expect is empty", node.start, hint="for example {gprocess: shop}")
        return {
            name: Expected(value=self._expected(name, fields[name]), node=fields[name])
            for name in FIELDS
            if name in fields
        }

    def _expected(self, name: str, node: Node) -> ExpectedValue:
        if name == "status":
            return self.values.word(node, name, get_args(Status))
        if name == "reason":
            return self.values.word(node, name, get_args(Reason))
        if name == "rule":
            return None if is_null(node) else self.values.integer(node, name, 0, _U32_MAX)
        if name == "action":
            return None if is_null(node) else self.values.word(node, name, ("accept", "drop"))
        if name == "tags":
            return tuple(sorted(self._tags(node)))
        return self.values.text_or_null(node, name)

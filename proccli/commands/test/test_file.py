"""Reading files of rule tests."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Final, get_args

from proccli.commands.test.strict_yaml import Reading, read_root
from proccli.commands.test.suite import (
    FIELDS,
    Case,
    Expected,
    Invented,
    Pairs,
    Recorded,
    Suite,
    SuiteError,
    Value,
)
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
from proccli.errors import UsageError
from proccli.model.outcome import Reason, Status
from proccli.versions import agent_version

MAX_BYTES: Final = 4 << 20
_FILE: Final = ("config", "agent", "via", "env", "tests")
_TEST: Final = ("name", "process", "recording", "pid", "process_name", "expect")
_PROCESS: Final = ("cmdline", "title", "user", "uptime_s", "parents", "tags")
_LONGEST_UPTIME_S: Final = 10**10
_PID_MAX: Final = 2**31 - 1
_U32_MAX: Final = 2**32 - 1


def read_suite(text: bytes, source_name: str, *, loader: Loader | None = None) -> Suite:
    """The tests that a text describes.

    Raises: SuiteError, with the place, for what is not YAML, for unknown keys, wrong types, names
    that two tests share, and tests that expect nothing.
    """
    text = text.removeprefix(codecs.BOM_UTF8)
    source = SourceText(text[:MAX_BYTES].decode("utf-8", "replace"), source_name)
    try:
        check_bytes(text, MAX_BYTES)
        return _Reader(source).suite(read_root(source.text, loader=loader))
    except Refusal as refusal:
        raise SuiteError(refusal.problem, source.at(refusal.offset), hint=refusal.hint) from None


class _Reader:
    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.values = Reading()

    def suite(self, root: Node) -> Suite:
        fields = self.values.fields(root, "a file of tests", _FILE)
        if "tests" not in fields:
            raise Refusal("no tests are here", root.start, hint="write tests: and a list")
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
                problem = f"a second test of this name: the first is in line {first[name]}"
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

    def _process(self, fields: Mapping[str, Node], item: Node) -> Invented | Recorded:
        if "recording" in fields:
            return self._recorded(fields, item)
        for name in ("pid", "process_name"):
            if name in fields:
                problem = f"{name} names a process of a recording, and there is none"
                raise Refusal(problem, fields[name].start, hint="add recording: PATH")
        if "process" not in fields:
            raise Refusal("the test has neither process nor recording", item.start)
        return self._invented(fields["process"])

    def _recorded(self, fields: Mapping[str, Node], item: Node) -> Recorded:
        if "process" in fields:
            raise Refusal(
                "a test has a made-up process or one of a recording, not both",
                fields["process"].start,
                hint="process_name: NAME chooses one by name",
            )
        by_pid, by_name = fields.get("pid"), fields.get("process_name")
        if by_pid is not None and by_name is not None:
            raise Refusal("pid and process_name say the same thing: give one", by_name.start)
        which = by_pid if by_pid is not None else by_name
        if which is None:
            problem = "which process of the recording is not said"
            raise Refusal(problem, item.start, hint="add pid: N or process_name: NAME")
        path = fields["recording"]
        return Recorded(
            recording=self.values.text(path, "recording"),
            recording_at=self.source.at(path.start),
            pid=self.values.integer(which, "pid", 1, _PID_MAX) if which is by_pid else None,
            process_name=self.values.text(which, "process_name") if which is by_name else None,
            which_at=self.source.at(which.start),
        )

    def _invented(self, node: Node) -> Invented:
        fields = self.values.fields(node, "process", _PROCESS)
        if ("cmdline" in fields) == ("title" in fields):
            raise Refusal("a process needs either cmdline or title", node.start)
        uptime = fields.get("uptime_s")
        return Invented(
            argv=self._argv(fields["cmdline"], "cmdline") if "cmdline" in fields else (),
            title=self.values.text(fields["title"], "title") if "title" in fields else None,
            user=self.values.text(fields["user"], "user") if "user" in fields else None,
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
        items = self.values.items(node, what, "its arguments as a list: [python3, app.py]")
        return tuple(self.values.text(item, f"an argument of {what}") for item in items)

    def _tags(self, node: Node) -> Pairs:
        pairs: list[tuple[str, str]] = []
        for key, value in self.values.named(node, "tags"):
            several = not isinstance(resolved(value), Scalar)
            values = self.values.items(value, "a tag", "a text") if several else (value,)
            pairs.extend((key, self.values.text(one, "a tag's value")) for one in values)
        return tuple(pairs)

    def _expect(self, node: Node) -> Mapping[str, Expected]:
        fields = self.values.fields(node, "expect", FIELDS)
        if not fields:
            raise Refusal("the test expects nothing", node.start, hint="as in: {gprocess: shop}")
        return {
            name: Expected(value=self._expected(name, fields[name]), node=fields[name])
            for name in FIELDS
            if name in fields
        }

    def _expected(self, name: str, node: Node) -> Value:
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

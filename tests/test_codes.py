"""Every public code is in the registry, is given somewhere, and has words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import get_args

import pytest

from proccli.config.warning_words import WORDINGS
from proccli.model.codes import DIAGNOSTICS, LABELS, REASONS, SOCKET_REASONS, WARNINGS
from proccli.model.outcome import Reason
from proccli.model.sockets import SocketReason
from proccli.terminal.warning_text import TEXTS
from tests.codes import FILE, page
from tests.paths import ROOT

PACKAGE = ROOT / "proccli"
CODE_ARGUMENT = {"at": 1, "at_rule": 1, "at_setting": 1, "at_value": 2}
"""Where the methods of a check's context have the code of a diagnostic."""
FOUND = {"socket", "tot", "tot-likely"}
"""Labels with a process."""


def trees(*parts: str) -> Iterator[ast.Module]:
    """The modules of some files and folders of the package, or all of them."""
    missing = [part for part in parts if not (PACKAGE / part).exists()]
    assert missing == []
    for path in sorted(PACKAGE.rglob("*.py")):
        relative = path.relative_to(PACKAGE).as_posix()
        if not parts or relative.startswith(parts):
            yield ast.parse(path.read_text(encoding="utf-8"))


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """The calls of methods: their names without the object, but for `Note.of`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of_note = isinstance(node.func.value, ast.Name) and node.func.value.id == "Note"
            yield f"Note.{node.func.attr}" if of_note else node.func.attr, node


def constants(node: ast.AST) -> set[str]:
    """The texts in an expression, apart from keys of a mapping."""
    if isinstance(node, ast.Dict):
        return set().union(*map(constants, node.values))
    return {
        found.value
        for found in ast.walk(node)
        if isinstance(found, ast.Constant) and isinstance(found.value, str)
    }


def named(tree: ast.Module) -> dict[str, ast.AST]:
    """The values of a module's constants."""
    values: dict[str, ast.AST] = {}
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            values[node.target.id] = node.value
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            values[node.targets[0].id] = node.value
    return values


def given(argument: ast.expr, known: dict[str, ast.AST]) -> set[str]:
    """The codes that an argument may be: a text, or a constant of the module."""
    name = argument.value if isinstance(argument, ast.Subscript) else argument
    return constants(known[name.id] if isinstance(name, ast.Name) else argument)


def warnings_given() -> set[str]:
    codes: set[str] = set()
    for tree in trees():
        known = named(tree)
        for name, call in calls(tree):
            # The two methods that hand a code on have it as a parameter.
            handed_on = (
                call.args and isinstance(call.args[0], ast.Name) and call.args[0].id == "code"
            )
            if name in ("Note.of", "note") and not handed_on:
                codes |= given(call.args[0], known)
    return codes


def test_the_warnings_given_are_those_of_the_registry() -> None:
    assert warnings_given() == set(WARNINGS)


def test_every_warning_has_words_in_one_place() -> None:
    assert set(TEXTS) | set(WORDINGS) == set(WARNINGS)
    assert not set(TEXTS) & set(WORDINGS)


def test_every_reason_is_in_the_registry() -> None:
    assert tuple(REASONS) == get_args(Reason)
    assert tuple(SOCKET_REASONS) == get_args(SocketReason)


def test_the_labels_given_are_those_of_the_registry() -> None:
    labels: set[str] = set()
    written: set[str] = set()
    for tree in trees("server/labels.py", "server/senders.py"):
        written |= constants(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "label":
                labels |= given(node.value, {}) if not isinstance(node.value, ast.Name) else set()
    assert labels - FOUND <= set(LABELS)
    assert set(LABELS) <= written


def test_the_diagnostics_given_are_those_of_the_registry() -> None:
    codes: set[str] = set()
    written: set[str] = set()
    for tree in trees("diagnostics/", "commands/check/", "config/", "errors.py"):
        known = named(tree)
        written |= constants(tree)
        for name, call in calls(tree):
            at = CODE_ARGUMENT.get(name, len(call.args))
            if at < len(call.args) and isinstance(call.args[at], ast.Constant):
                codes |= given(call.args[at], known)
    assert codes <= set(DIAGNOSTICS)
    assert set(DIAGNOSTICS) <= written


@pytest.mark.parametrize("line", [*(w.line for w in WARNINGS.values()), *REASONS.values()])
def test_every_line_is_a_sentence(line: str) -> None:
    assert line.endswith(".")
    assert line[0].isupper() or line.startswith(("`", "proccli"))


def test_the_page_in_docs_is_current() -> None:
    """`python -m tests.codes` writes it."""
    assert FILE.read_text(encoding="utf-8") == page()


READS_A_SENTENCE = re.compile(
    r"\.(message|problem)\.(startswith|endswith|removeprefix|removesuffix|r?partition|split|find)\("
    r"|\bin \w+\.(message|problem)$"
    r"|\bre\.\w+\([^)\n]*\.(message|problem)\b"
    r"|\bmessage\(\w+\)\.",
    re.MULTILINE,
)


@pytest.mark.parametrize(
    "line",
    [
        'if error.problem.startswith("cut short"):',
        'found = re.match("x", note.message)',
        'known = "x" in error.problem',
        'place = message(note).partition(": ")[0]',
    ],
)
def test_code_that_reads_a_sentence_is_found(line: str) -> None:
    assert READS_A_SENTENCE.search(line)


def test_no_code_reads_a_sentence() -> None:
    readers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if READS_A_SENTENCE.search(path.read_text(encoding="utf-8"))
    }
    assert readers == set()

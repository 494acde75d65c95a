"""The map of docs/architecture.md, enforced: imports go one way, and the core knows no edges."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "proccli"

ORDER = (
    "__init__",
    "errors",
    "text",
    "streams",
    "files",
    "versions",
    "rustregex",
    "model",
    "config",
    "sources",
    "agent",
    "local",
    "server",
    "store",
    "traffic",
    "diagnostics",
    "terminal",
    "cli",
    "commands",
    "__main__",
)
"""The files and folders of proccli/, from the ground up. Each imports only from those before it."""

USABLE_ALONE = "rustregex"
"""Imports nothing of the rest, so that others can use it by itself."""

SYSTEM = {"os", "time", "datetime", "pathlib", "subprocess", "socket", "psutil"}
SCREEN = {"click", "rich"}
FORBIDDEN = {
    # The time that a search takes decides which engine runs, never what the answer is.
    "rustregex": SYSTEM - {"pathlib", "time"} | SCREEN,
    "model": SYSTEM | SCREEN,
    "config": {"time", "subprocess", "psutil"} | SCREEN,
    "agent": SYSTEM | SCREEN,
    "server": SYSTEM | SCREEN,
    "diagnostics": SYSTEM | SCREEN,
    "sources": {"subprocess"} | SCREEN,
    "store": SCREEN,
    "local": SCREEN,
    "traffic": {"subprocess"} | SCREEN,
    "terminal": SYSTEM - {"datetime"} | {"click"},
}
"""What a folder must not import: the core reads no clock, disk or environment."""

VERSION = re.compile(r"(?<![\w.])[67]\.[0-9](?:\.[0-9]+)*(?![\w.])")


@cache
def modules() -> Mapping[str, Path]:
    """All modules by their dotted names; a package is its `__init__`."""
    return {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts if len(parts) == 2 or parts[-1] != "__init__" else parts[:-1])


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def folder_of(module: str) -> str:
    return module.split(".")[1]


@cache
def imports_of(module: str) -> tuple[tuple[str, int], ...]:
    """The modules of proccli that a module imports, wherever in it, with the line."""
    found: list[tuple[str, int]] = []
    for node in ast.walk(tree_of(modules()[module])):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            if name == "proccli.__version__":
                found.append(("proccli.__init__", node.lineno))
            elif name.startswith("proccli."):
                found.append((_module_of(name), node.lineno))
    return tuple(found)


def _module_of(name: str) -> str:
    while name and name not in modules():
        name = name.rpartition(".")[0]
    return name or "proccli.__init__"


def every_import() -> Iterator[tuple[str, str, int]]:
    for module in modules():
        for imported, line in imports_of(module):
            yield module, imported, line


def test_every_file_and_folder_has_a_place() -> None:
    assert {folder_of(module) for module in modules()} == set(ORDER)


def test_imports_go_one_way() -> None:
    place = {name: position for position, name in enumerate(ORDER)}
    wrong = [
        f"{module}:{line} imports {imported}"
        for module, imported, line in every_import()
        if place[folder_of(imported)] > place[folder_of(module)]
    ]
    assert wrong == []


def test_no_modules_import_each_other() -> None:
    """Imports inside functions and for type checking count, too."""
    graph = {module: {imported for imported, _ in imports_of(module)} for module in modules()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_rustregex_can_be_used_alone() -> None:
    wrong = [
        f"{module}:{line} imports {imported}"
        for module, imported, line in every_import()
        if folder_of(module) == USABLE_ALONE and folder_of(imported) != USABLE_ALONE
    ]
    assert wrong == []


def test_no_module_imports_a_command() -> None:
    """Commands share results; the click part of one is loaded by name alone."""
    wrong = [
        f"{module}:{line} imports {imported}"
        for module, imported, line in every_import()
        if re.fullmatch(r"proccli\.commands\.\w+\.command", imported)
    ]
    assert wrong == []


RESULT_NEEDS_NO_SCREEN = re.compile(
    r"(^|_)(text|json|junit|table|output|command|words|vertices|diagrams)$"
)


def _presents(module: str) -> bool:
    return bool(RESULT_NEEDS_NO_SCREEN.search(module.rpartition(".")[2]))


def test_a_commands_work_does_not_know_how_it_is_shown() -> None:
    """Inside a command: `command` uses `text` and `json`, which use the work; never back."""
    wrong = []
    for module in modules():
        if not module.startswith("proccli.commands.") or _presents(module):
            continue
        parts = module.split(".")
        if len(parts) < 4 or parts[2] == "options" or "drawing" in parts:
            continue
        wrong += [
            f"{module}:{line} imports {imported}"
            for imported, line in imports_of(module)
            if imported.startswith("proccli.commands.") and _presents(imported)
        ]
    assert wrong == []


def test_the_drawing_can_be_taken_out() -> None:
    """Only the topology command imports it."""
    importing = {
        module
        for module, imported, _ in every_import()
        if ".drawing" in imported and ".drawing" not in module
    }
    assert importing == {"proccli.commands.topology.command"}


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_the_core_knows_no_edges(folder: str) -> None:
    wrong = []
    for module, path in modules().items():
        if folder_of(module) != folder:
            continue
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Import):
                names = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = {node.module.split(".")[0]}
            else:
                continue
            if names & FORBIDDEN[folder]:
                wrong.append(f"{module}:{node.lineno} imports {names}")
    assert wrong == []


def _docstrings(tree: ast.Module) -> set[int]:
    """The ids of constants that are docstrings, of attributes, too: expressions of their own."""
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def test_versions_are_named_in_one_place() -> None:
    """No other module than versions.py names a version of an agent or a server."""
    wrong = []
    for module, path in modules().items():
        if folder_of(module) in ("versions", "rustregex"):
            continue
        tree = tree_of(path)
        documentation = _docstrings(tree)
        wrong += [
            f"{module}:{node.lineno}: {node.value!r}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in documentation
            and VERSION.search(node.value)
        ]
    assert wrong == []

"""Imports go one way: from the edges of the program towards its vocabulary, never back."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "proccli"

LAYERS = [
    {"errors", "textsafe", "streams", "__init__"},
    {"model"},
    {"rustregex"},
    {"config"},
    {
        "sources",
        "recording",
        "flows",
        "captures",
        "atomicfile",
        "tagcmd",
        "agentenv",
        "agentproc",
        "state",
    },
    {"agent", "tags", "tot", "lint", "identity", "fleet"},
    {"jobs"},
    {"render", "schemas"},
    {"cli"},
    {"__main__"},
]
"""Each layer may import from those above it in this list, and from itself."""

LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
KEPT_APART = {"rustregex": {"rustregex"}}
"""Packages of use by themselves: they import nothing of the rest."""


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def unit_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_units(path: Path) -> Iterator[tuple[str, int]]:
    """The parts of proccli that a module imports, wherever in it, with the line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            if package == "proccli" and rest:
                unit = rest.split(".")[0]
                yield ("__init__" if unit == "__version__" else unit), node.lineno


def test_every_module_has_a_layer() -> None:
    assert {unit_of(path) for path in modules()} <= set(LEVEL)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    unit = unit_of(path)
    allowed = KEPT_APART.get(unit)
    for imported, line in imported_units(path):
        assert LEVEL[imported] <= LEVEL[unit], f"{path}:{line}: {unit} imports {imported}"
        if allowed is not None:
            assert imported in allowed, f"{path}:{line}: {unit} imports {imported}"


FORBIDDEN = {
    "tot": {"os", "time", "datetime", "pathlib", "subprocess", "socket", "psutil", "click"},
    "identity": {"os", "time", "datetime", "pathlib", "subprocess", "socket", "psutil", "click"},
    "agent": {"os", "time", "datetime", "pathlib", "subprocess", "socket", "psutil", "click"},
    "lint": {
        "os",
        "time",
        "datetime",
        "pathlib",
        "subprocess",
        "socket",
        "psutil",
        "click",
        "rich",
    },
    "rustregex": {"os", "time", "datetime", "subprocess", "socket", "psutil", "click", "rich"},
    "jobs": {"click", "rich"},
    "config": {"click", "rich", "psutil", "time", "subprocess"},
}
"""What a part must not know: the core reads no clock, disk or environment."""


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_core_knows_no_edges(path: Path) -> None:
    forbidden = FORBIDDEN.get(unit_of(path), set())
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not forbidden & {alias.name.split(".")[0] for alias in node.names}, path
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.module.split(".")[0] not in forbidden, f"{path}:{node.lineno}"

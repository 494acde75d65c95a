"""The pages for contributors: every path that they name exists, and the index is complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.paths import ROOT

CONTRIBUTING = ROOT / "CONTRIBUTING.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
INDEX = ROOT / "docs" / "README.md"

_PATH = re.compile(
    r"(?<![\w./-])(?:(?:proccli|tests|docs|benchmarks|completions|sample-configs)/[\w./-]*"
    r"|[A-Z]+\.md)"
)
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
EXAMPLES = {"NAME": "scan"}
"""What stands for the part of a path that a contributor chooses."""


def paths_in(text: str) -> set[str]:
    """The paths that a page names, from the root of the repository."""
    found = {path.rstrip(".") for path in _PATH.findall(text)}
    return {"/".join(EXAMPLES.get(part, part) for part in path.split("/")) for path in found}


@pytest.mark.parametrize("page", [CONTRIBUTING, ARCHITECTURE], ids=lambda page: page.stem)
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    paths = paths_in(page.read_text(encoding="utf-8"))

    assert len(paths) > 20
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize(
    "page",
    [CONTRIBUTING, *sorted((ROOT / "docs").rglob("*.md"))],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = _LINK.findall(page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("index", [INDEX, INDEX.parent / "zh" / "README.md"], ids=["en", "zh"])
def test_an_index_links_every_page(index: Path) -> None:
    links = set(_LINK.findall(index.read_text(encoding="utf-8")))

    assert {path.name for path in index.parent.glob("*.md")} - {index.name} <= links


@pytest.mark.parametrize(
    "page",
    [ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted((ROOT / "docs").rglob("*.md"))],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_every_section_that_a_page_links_to_exists(page: Path) -> None:
    for path, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
        target = page.parent / path if path else page
        headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
        assert anchor in {_anchor(heading) for heading in headings}, f"{path}#{anchor}"


def _anchor(heading: str) -> str:
    """The anchor that GitHub makes of a heading."""
    kept = "".join(char for char in heading.lower() if char.isalnum() or char in " -_")
    return kept.replace(" ", "-")


def test_every_folder_and_file_of_the_package_is_on_the_map() -> None:
    text = ARCHITECTURE.read_text(encoding="utf-8").partition("## One process")[0]
    entries = [
        f"proccli/{path.name}{'/' if path.is_dir() else ''}"
        for path in (ROOT / "proccli").iterdir()
        if not path.name.startswith(("_", ".")) and path.name != "py.typed"
    ]

    assert [entry for entry in sorted(entries) if f"`{entry}`" not in text] == []


def test_the_readme_links_the_index_and_the_page_for_contributors() -> None:
    links = set(_LINK.findall((ROOT / "README.md").read_text(encoding="utf-8")))

    assert {"docs/README.md", "CONTRIBUTING.md"} <= links


def test_the_license_is_the_one_that_the_metadata_names() -> None:
    metadata = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")

    assert 'license = "Apache-2.0"\nlicense-files = ["LICENSE"]\n' in metadata
    assert text.split("\n", 3)[1:3] == [
        f"{' ' * 33}Apache License",
        f"{' ' * 27}Version 2.0, January 2004",
    ]

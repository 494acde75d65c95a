"""README.md, README.zh-CN.md and docs/ say what proccli does now."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from proccli.cli.main import COMMANDS, load
from proccli.cli.output import Invocation
from proccli.model.codes import DIAGNOSTICS
from tests.paths import ROOT
from tests.readme import CHINESE, PAGES, README, written_anew

READMES = (README, CHINESE)
ZH = ROOT / "docs" / "zh"
_CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", READMES, ids=name_of)
def test_the_first_two_commands_are_make_run_and_make_test(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()

    commands = [line.split("#")[0].strip() for line in lines if line.startswith("$ ")]
    assert commands[:2] == ["$ make run", "$ make test"]


@pytest.mark.skipif(shutil.which("jq") is None, reason="some of the commands need jq")
@pytest.mark.parametrize("pages", PAGES, ids=lambda pages: pages[0].stem)
def test_every_command_prints_what_a_page_shows(pages: tuple[Path, ...]) -> None:
    """`make readme` writes it anew. A command that two languages show is run once."""
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert written_anew(text) == text, name_of(page)


def test_every_command_is_listed() -> None:
    text = README.read_text(encoding="utf-8")

    for name in COMMANDS:
        assert f"`proccli {name}`" in text


@pytest.mark.parametrize("page", READMES, ids=name_of)
def test_every_page_and_picture_it_links_to_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    links = [part.split(")")[0].partition("#")[0] for part in text.split("](")[1:]]
    links += re.findall(r'(?:src|srcset)="([^"]+)"', text)
    assert len(links) > 20
    assert [path for path in links if not (ROOT / path).exists()] == []


def commands_in(text: str) -> list[str]:
    """Every `… proccli NAME …` in the cells of the tables of a page."""
    cells = re.findall(r"`([^`\n]*\bproccli [^`\n]*)`", text)
    return [cell for cell in cells if shlex.split(cell)[-1] != "…"]


@pytest.mark.parametrize("page", READMES, ids=name_of)
def test_every_command_of_the_jobs_is_accepted(page: Path) -> None:
    """Its options exist and its arguments fit; the files are the reader's."""
    jobs = [
        line
        for line in page.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and "agent.yaml" in line
    ]
    commands = [command for line in jobs for command in commands_in(line)]

    assert len(commands) > 15
    for command in commands:
        words = shlex.split(command.split("<")[0].split(">")[0])
        name, *rest = words[words.index("proccli") + 1 :]
        load(name).make_context(name, rest, obj=Invocation(arguments=rest))


def test_both_readmes_have_the_same_jobs_and_examples() -> None:
    """In the same order; only the words around them differ."""
    english, chinese = (page.read_text(encoding="utf-8") for page in READMES)

    jobs = [
        [commands_in(line) for line in text.splitlines() if line.startswith("| ")]
        for text in (english.partition("## Commands")[0], chinese)
    ]
    assert [job for job in jobs[0] if job] == [job for job in jobs[1] if job]
    assert _CONSOLE.findall(english)[1:] == _CONSOLE.findall(chinese)[1:]
    assert english.count("```sh\n") == chinese.count("```sh\n")


@pytest.mark.parametrize("name", ["configuration", "doctor", "migrate", "upgrade"])
def test_a_chinese_page_has_the_rows_and_examples_of_the_english_one(name: str) -> None:
    """What is between backticks in the first column of its tables; the JSON is described once."""
    english = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8").partition("## JSON")[0]
    chinese = (ZH / f"{name}.md").read_text(encoding="utf-8")

    rows = re.findall(r"^\| (`[^`]+`)[^|]* \|", english, re.MULTILINE)
    assert [row for row in rows if row not in chinese] == []
    assert len(_CONSOLE.findall(english)) == len(_CONSOLE.findall(chinese)) or "```text" in chinese
    assert english.count("\n## ") == chinese.count("\n## ")


def test_every_diagnostic_is_explained_in_chinese() -> None:
    text = (ZH / "diagnostics.md").read_text(encoding="utf-8")

    rows = re.findall(r"^\| `([\w-]+)` \| (\w+) \| .+ \| .+ \|$", text, re.MULTILINE)
    assert len(rows) == len(dict(rows))
    assert dict(rows) == dict(DIAGNOSTICS)


def test_no_page_says_to_install_a_package_that_is_not_published() -> None:
    """Nor one with a relative path, which is not found after a sudo."""
    pages = [*READMES, ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"pipx? install (?:-\S+ )*proccli", text), page
        assert "pipx install ." not in text, page

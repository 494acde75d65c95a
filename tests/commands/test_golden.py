"""The output equals the reviewed one."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len

from tests.commands.goldens import FOLDER, GOLDENS, content

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("name", GOLDENS)
def test_output_is_as_it_was(name: str) -> None:
    """`make goldens` writes them anew."""
    assert content(name).decode() == (FOLDER / name).read_text(encoding="utf-8")


def test_no_golden_is_left_behind() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(GOLDENS)


@pytest.mark.parametrize("name", [name for name in GOLDENS if re.search(r"-\d+", name)])
def test_no_line_is_wider_than_the_terminal(name: str) -> None:
    width = int(re.findall(r"-(\d+)", name)[0])
    for line in ESCAPE.sub("", content(name).decode()).splitlines():
        assert cell_len(line) <= width, line


@pytest.mark.parametrize("name", GOLDENS)
def test_untrusted_text_does_not_control_the_terminal(name: str) -> None:
    """Only colours are escape sequences, and only where there is colour."""
    text = content(name).decode()
    if "colour" in name:
        text = ESCAPE.sub("", text)
    acting = [
        char for char in text if (ord(char) < 32 and char not in "\n\t") or 127 <= ord(char) < 160
    ]
    assert not acting
    assert not set(text) & set("\u202e\u200b\u2028")
    assert "\t" not in text or name == "explain-plain.txt"


@pytest.mark.parametrize("name", ["scan", "explain"])
def test_colour_changes_no_text(name: str) -> None:
    """But for the carets, which stand for underlining."""
    plain = content(f"{name}-80.txt").decode().splitlines()
    coloured = ESCAPE.sub("", content(f"{name}-80-colour.txt").decode()).splitlines()
    carets = re.compile(r" *\^+")
    assert [line.rstrip() for line in coloured] == [
        line for line in plain if not carets.fullmatch(line)
    ]


def test_untrusted_markup_is_printed_as_text() -> None:
    assert "[bold red]not markup[/]" in content("scan-200.txt").decode()
    assert "[bold red]not markup[/]" in ESCAPE.sub("", content("explain-80-colour.txt").decode())

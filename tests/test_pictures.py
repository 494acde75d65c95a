"""The pictures of README.md show what commands print now."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from tests.cli.runner import on_a_terminal
from tests.paths import ROOT
from tests.pictures import COLUMNS, COMMANDS, FOLDER, THEMES, picture


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_picture_is_current(name: str, theme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`make pictures` writes it."""
    monkeypatch.chdir(ROOT)

    drawn = (FOLDER / f"{name}-{theme}.svg").read_text("utf-8")
    assert picture(name, THEMES[theme]) == drawn


@pytest.mark.parametrize("name", COMMANDS)
def test_a_picture_contains_the_whole_text(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    command = COMMANDS[name][0]
    printed = on_a_terminal(*command.split()[1:], columns=COLUMNS).out
    plain = re.sub(r"\x1b\[[0-9;]*m", "", printed)

    tree = ET.parse(FOLDER / f"{name}-light.svg").getroot()
    texts = [text.text or "" for text in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert "".join("".join(texts).split()) == "".join(f"$ {command}{plain}".split())


def test_there_are_no_other_pictures() -> None:
    expected = {f"{name}-{theme}.svg" for name in COMMANDS for theme in THEMES}
    assert {path.name for path in FOLDER.iterdir()} == expected


def test_the_colours_can_be_read() -> None:
    """At least 4.5:1, as WCAG 2.1 asks for text."""
    for theme in THEMES.values():
        for colour in (theme.text, theme.dim, *theme.colours.values()):
            light, dark = sorted((_luminance(colour), _luminance(theme.background)))[::-1]
            assert (light + 0.05) / (dark + 0.05) >= 4.5, colour


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

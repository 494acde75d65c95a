"""Pictures of what commands print on a terminal, for README.md: `make pictures` writes them.

Each is an SVG for a light and for a dark page. The text in it is text: it can be selected and read
aloud.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Final, NamedTuple

from tests.cli.runner import on_a_terminal
from tests.paths import ROOT

FOLDER: Final = ROOT / "docs" / "images"
COLUMNS: Final = 100

COMMANDS: Final = {
    "explain": (
        "proccli explain -c sample-configs/typical.yaml -s docs/example/web-1.jsonl 19",
        "The rules of a configuration, and which of them names a process",
    ),
}
"""What the picture of a name shows: a command line, and a title for those who cannot see it."""


class Theme(NamedTuple):
    """The colours of a page."""

    background: str
    border: str
    text: str
    dim: str
    colours: dict[str, str]
    """By their SGR codes."""


THEMES: Final = {
    "light": Theme(
        background="#ffffff",
        border="#d0d7de",
        text="#1f2328",
        dim="#59636e",
        colours={"31": "#b3261e", "32": "#1a7f37", "33": "#8a5a00", "36": "#0e6a77"},
    ),
    "dark": Theme(
        background="#0d1117",
        border="#3d444d",
        text="#e6edf3",
        dim="#9198a1",
        colours={"31": "#ff7b72", "32": "#56d364", "33": "#e3b341", "36": "#56d4dd"},
    ),
}

_CHARACTER, _LINE, _MARGIN = 8.4, 20, 16
_SGR = re.compile(r"\x1b\[([0-9;]*)m")


class _Run(NamedTuple):
    """Characters of one style, from a column on."""

    column: int
    text: str
    codes: frozenset[str]


def _runs(line: str) -> Iterator[_Run]:
    """The styled pieces of a line of terminal output, without those that are blank."""
    column, codes = 0, frozenset[str]()
    for number, piece in enumerate(_SGR.split(line)):
        if number % 2:
            codes = frozenset(piece.split(";")) - {"0", ""}
            continue
        for word in re.finditer(r"\S(?:.*\S)?", piece):
            yield _Run(column + word.start(), word[0], codes)
        column += len(piece)


def _element(run: _Run, y: int, theme: Theme) -> str:
    colour = next((theme.colours[code] for code in run.codes if code in theme.colours), None)
    colour = colour or (theme.dim if "2" in run.codes else theme.text)
    more = ' font-weight="bold"' if "1" in run.codes else ""
    more += ' text-decoration="underline"' if "4" in run.codes else ""
    # The length is given, so that columns stay aligned in whatever font a reader has.
    return (
        f'<text x="{_MARGIN + run.column * _CHARACTER:.1f}" y="{y}" fill="{colour}"{more}'
        f' textLength="{len(run.text) * _CHARACTER:.1f}" lengthAdjust="spacingAndGlyphs">'
        f"{escape(run.text, quote=False)}</text>"
    )


def picture(name: str, theme: Theme) -> str:
    """The SVG of what a command prints on a terminal of `COLUMNS` columns."""
    command, title = COMMANDS[name]
    ran = on_a_terminal(*command.split()[1:], columns=COLUMNS)
    assert ran.code == 0, ran.out
    lines = [f"$ {command}", "", *ran.out.rstrip("\n").split("\n")]
    width = round(COLUMNS * _CHARACTER) + 2 * _MARGIN
    height = len(lines) * _LINE + 2 * _MARGIN
    elements = [
        _element(run, _MARGIN + number * _LINE - 5, theme)
        for number, line in enumerate(lines, start=1)
        for run in _runs(line)
    ]
    start = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" role="img" font-size="14" font-family="ui-monospace, SFMono-Regular,'
        ' Menlo, Consolas, Liberation Mono, monospace" xml:space="preserve">'
    )
    frame = (
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"'
        f' fill="{theme.background}" stroke="{theme.border}"/>'
    )
    title = f"<title>{escape(title, quote=False)}</title>"
    return "\n".join((start, title, frame, *elements, "</svg>\n"))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for _name in COMMANDS:
        for _theme, _colours in THEMES.items():
            (FOLDER / f"{_name}-{_theme}.svg").write_text(picture(_name, _colours), "utf-8")

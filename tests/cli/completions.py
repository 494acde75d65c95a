"""Writes completions/, as `make completions` asks."""

from __future__ import annotations

from proccli.commands.completion.command import SHELLS, script
from tests.paths import ROOT

FOLDER = ROOT / "completions"
FILES = {"bash": "proccli.bash", "zsh": "_proccli", "fish": "proccli.fish"}
"""The name under which each shell looks for it."""

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for shell in SHELLS:
        (FOLDER / FILES[shell]).write_text(script(shell), encoding="utf-8")

"""The scripts that make a recording on a machine without proccli."""

from __future__ import annotations

from importlib.resources import files
from typing import Final, Literal, TypeAlias

from proccli import __version__

Language: TypeAlias = Literal["python", "sh"]

_FILES: Final[dict[Language, str]] = {"python": "collect.py", "sh": "collect.sh"}
_VERSION_LINES: Final[dict[Language, str]] = {"python": 'PROCCLI = "0"', "sh": "PROCCLI=0"}


def collector_script(language: Language) -> str:
    """The script, in ASCII, with this proccli's version in it."""
    text = (files("proccli.commands.collector") / _FILES[language]).read_text(encoding="ascii")
    line = _VERSION_LINES[language]
    if text.count(f"\n{line}") != 1:
        raise ValueError(f"{_FILES[language]} has no line {line}")
    return text.replace(f"\n{line}", f"\n{line.replace('0', __version__)}")

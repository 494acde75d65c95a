"""What a recipe is: a pattern for command lines, and the name that it gives.

A recipe becomes one rule. Its pattern matches the arguments joined by blanks, from the first
character to the last, so that the name is the same whether an agent replaces the match or the
whole text (FACTS A5, B5). It is written for the oldest regex release of the agents: no escapes of
characters that need none.
"""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple, TypeAlias

Distinguish: TypeAlias = Literal["path", "class", "no"]
"""What tells two programs apart that get the same name: the folders of the argument that holds the
name, the whole argument, or nothing."""


class Recipe(NamedTuple):
    """A pattern and the name that it gives."""

    about: str
    """What it matches, in a few words for a comment."""
    pattern: str
    name: str
    """A template, as in rewrite-name."""
    needs: str
    """A text that every match contains: whoever lacks it is not tried."""
    distinguish: Distinguish = "no"
    in_code: bool = False
    """Whether the name may lie within an argument with blanks: code after -c."""
    few_alone: bool = False
    """Whether a few names are better given by a rule each."""
    guards: bool = False
    """Whether it keeps the next recipe from matching what it should not, and belongs before it."""


END: Final = r"(?: .*)?$"
"""The other arguments."""
ID: Final = r"(?:[-_.](?:[0-9]{4,}[0-9._-]*|[0-9a-f]{8,40}|v?[0-9]+(?:\.[0-9]+)+))*"
"""Dates, hashes and versions at the end of a file name."""

_WORDS: Final = (
    "app|application|main|index|server|run|start|boot|service|manage|wsgi|asgi|cli|launcher|dist"
    "|www"
)
"""File names that say nothing; the folder says more."""
_FOLDERS: Final = (
    "bin|sbin|src|dist|build|lib|target|app|apps|current|releases?|versions?|scripts?|public|html"
    r"|www|server|cli|cmd|code|config|out|\.{1,2}|tmp[^\s/]*|v?[0-9][^\s/]*"
)
_ROOTS: Final = "opt|srv|var|usr|local|share|home|root|data|mnt|etc|workspace|site|wwwroot"
SAYS_NOTHING: Final = re.compile(
    rf"{_ROOTS}|{_FOLDERS}|lib64|libexec|python[0-9.]*|(?:site|dist)-packages|\.?v?env"
    r"|node_modules|[0-9a-f]{8,}"
)
"""Folders that do not distinguish programs of the same name."""
_START: Final = r"(?:\.{0,2}/)?"


def scripts(about: str, start: str, ending: str, needs: str) -> tuple[Recipe, ...]:
    """The recipes for an interpreter's script: by its folder where its own name says nothing, else
    by its name. `start` is all before the script, `ending` what may follow its name."""
    word = rf"(?:{_WORDS}){ending}{END}"
    return (
        Recipe(
            f"{about}: a script whose folders say no more than its name",
            rf"{start}{_START}(?:(?:{_ROOTS}|{_FOLDERS})/)*({_WORDS}){ending}{END}",
            "$1",
            needs,
            guards=True,
        ),
        Recipe(
            f"{about}: the folder of a script with a general name",
            rf"{start}{_START}{folder()}/{word}",
            "$1",
            needs,
            "path",
            few_alone=True,
        ),
        Recipe(
            f"{about}: the script",
            rf"{start}(?:[^\s-]\S*/)?([^\s/0-9-][^\s/]*?){ID}{ending}/?{END}",
            "$1",
            needs,
            "path",
        ),
    )


def folder() -> str:
    """A path up to the last folder that says something: that is the group."""
    return rf"(?:[^\s/-][^\s/]*/)*?([^\s/-][^\s/]*?){ID}(?:/(?:{_FOLDERS}))*"

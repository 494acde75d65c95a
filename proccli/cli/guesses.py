"""What users type instead of a command or an option, and what they mean by it.

Loaded only for a name that does not exist, so that a start pays nothing for it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import click

ALIASES: Final[Mapping[str, str]] = {
    "list": "scan",
    "ls": "scan",
    "ps": "scan",
    "why": "explain",
    "lint": "check",
    "validate": "check",
}
"""Names that run a command. Help and completion do not list them."""

HINTS: Final[Mapping[str, Sequence[str]]] = {
    "status": ("doctor", "scan"),
    "debug": ("doctor", "explain"),
    "trace": ("explain",),
    "apply": ("scan", "sync"),
    "run": ("scan", "sync"),
    "top": ("scan", "scan --watch"),
    "watch": ("scan --watch", "sync"),
    "docs": ("help",),
    "man": ("help",),
    "show": ("scan", "explain"),
    "verify": ("check", "test"),
    "codes": ("check --explain",),
    "compare": ("diff", "check --compare"),
    "upgrade": ("migrate", "check --compare"),
    "convert": ("migrate",),
    "snapshot": ("record",),
    "save": ("record",),
    "dump": ("record",),
    "capture": ("record", "tot"),
    "grep": ("regex", "scan --name"),
    "match": ("regex", "explain"),
    "netstat": ("sockets",),
    "ss": ("sockets",),
    "lsof": ("sockets",),
    "connections": ("sockets", "topology"),
    "graph": ("topology",),
    "map": ("topology",),
    "version": ("--version", "versions"),
}
"""Names that may mean several commands, or a command that the user should learn."""


def command_hint(name: str, commands: Iterable[str]) -> str:
    """` ; did you mean …?` for a command that does not exist; "" without a guess."""
    meant = HINTS.get(name.lower())
    if meant is None:
        close = difflib.get_close_matches(name.lower(), [*commands, *ALIASES], n=1)
        meant = [ALIASES.get(word, word) for word in close]
    return f"; did you mean {_either(f'proccli {word}' for word in meant)}?" if meant else ""


def option_hint(name: str, ctx: click.Context) -> str:
    """`; did you mean …?` for an option that the command does not have; "" without a guess.

    A short option, or one before the command, is explained instead.
    """
    if isinstance(ctx.command, click.Group):
        first = ctx.command.list_commands(ctx)[0]
        return f"; options follow the command, as in: {ctx.command_path} {first} {name} …"
    word = name.lstrip("-").upper()
    for parameter in ctx.command.get_params(ctx):
        shown = parameter.metavar or (parameter.name or "").upper()
        if isinstance(parameter, click.Argument) and word in re.findall("[A-Z]+", shown):
            return f"; {word} is an argument, as in: {ctx.command_path} {word}"
    known = [
        option
        for parameter in ctx.command.get_params(ctx)
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("--")
    ]
    close = sorted(
        difflib.get_close_matches(name, known, n=8, cutoff=_LIKE),
        key=lambda option: (not option.startswith(name), -_likeness(name, option)),
    )
    if not name.startswith("--") or not close:
        return ""
    best = _likeness(name, close[0])
    return f"; did you mean {_either(word for word in close if _likeness(name, word) >= best)}?"


_LIKE: Final = 0.6


def _likeness(typed: str, name: str) -> float:
    """How alike two options are, without the dashes that all of them share."""
    return round(difflib.SequenceMatcher(None, typed.lstrip("-"), name.lstrip("-")).ratio(), 2)


def _either(words: Iterable[str]) -> str:
    return " or ".join(words)

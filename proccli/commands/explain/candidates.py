"""Help for a name that several processes have."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from proccli.cli.invocation import Invocation
from proccli.cli.output import say, view_of
from proccli.text import visible

if TYPE_CHECKING:
    from proccli.commands.explain.explain import AmbiguousName

_MOST = 20


def print_candidates(error: AmbiguousName, invocation: Invocation) -> None:
    """Print the processes with that name and the command for the first of them to stderr."""
    from proccli.commands.explain.candidates_text import candidates_table

    table = candidates_table(error.candidates[:_MOST], view_of(sys.stderr, invocation.colour))
    more = len(error.candidates) - _MOST
    hidden = f"and {more:,} more\n" if more > 0 else ""
    again = naming(invocation.arguments, error.name, error.candidates[0].pid)
    say(f"{table}{hidden}Try: {visible(again)}\n")


def naming(arguments: Sequence[str], name: str, pid: int) -> str:
    """The command line with the pid in place of the name."""
    import shlex

    changed: list[str] = []
    for argument in arguments:
        if argument == name:
            if changed and changed[-1] == "--name":
                changed.pop()
            changed.append(str(pid))
        elif argument == f"--name={name}":
            changed.append(str(pid))
        else:
            changed.append(argument)
    return shlex.join(["proccli", *changed])

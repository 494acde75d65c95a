"""What to do about a name that fits several processes."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from proccli.cli.invocation import Invocation
from proccli.cli.streams import say, view_of
from proccli.textsafe import visible

if TYPE_CHECKING:
    from proccli.jobs.explain import AmbiguousName

_MOST = 20


def tell_candidates(error: AmbiguousName, invocation: Invocation) -> None:
    """The processes that the name may mean, on stderr, and the command that asks for the first."""
    from proccli.render.candidates import candidates_table

    table = candidates_table(error.candidates[:_MOST], view_of(sys.stderr, invocation.colour))
    more = len(error.candidates) - _MOST
    hidden = f"and {more:,} more\n" if more > 0 else ""
    again = naming(invocation.arguments, error.name, error.candidates[0].pid)
    say(f"{table}{hidden}next: {visible(again)}\n")


def naming(arguments: Sequence[str], name: str, pid: int) -> str:
    """The same command line with a pid instead of the name."""
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

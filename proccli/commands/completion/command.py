"""`proccli completion`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import click

from proccli.cli.help import CommandWithExamples
from proccli.cli.messages import print_message, print_result
from proccli.cli.output import Invocation
from proccli.commands.options.output import general_options, option

SHELLS: Final = ("bash", "zsh", "fish")


def script(shell: str) -> str:
    """The script with which a shell asks `proccli` for completions."""
    from proccli.cli.shells import SHELLS

    return SHELLS[shell].source_template


@click.command(
    "completion",
    cls=CommandWithExamples,
    examples=(
        ("proccli completion --install", "Install completions for your shell"),
        ("sudo proccli completion --install bash", "Install them for all users"),
        ('eval "$(proccli completion bash)"', "Or load them yourself, in ~/.bashrc"),
    ),
)
@click.argument("shell", metavar="[bash|zsh|fish]", required=False, type=click.Choice(SHELLS))
@option(
    "--install",
    section="File options",
    is_flag=True,
    help="Write the script to the folder where the shell looks for it: as root for all users,"
    " otherwise for you.",
)
@general_options
def command(*, shell: str | None, install: bool, invocation: Invocation) -> int:
    """Print or install the completion script for a shell.

    Without SHELL, it is the shell of the environment variable SHELL. The script completes
    commands, options and their values, diagnostic codes, and the pids and names of live processes,
    as the agent sees them.
    """
    if shell is None:
        shell = Path(os.environ.get("SHELL", "")).name
        if shell not in SHELLS:
            raise click.UsageError(f"give a shell: {', '.join(SHELLS)}")
    if not install:
        return print_result(invocation, script(shell), ())
    from proccli.commands.completion.install import install as write_script
    from proccli.commands.completion.install import place_of

    place = place_of(shell, os.environ, for_all=os.geteuid() == 0)
    write_script(script(shell), shell, place)
    loaded = f", loaded by {place.startup}" if place.startup is not None else ""
    print_message(
        f"wrote completions for {shell} to {place.script}{loaded}; start a new shell to use them"
    )
    return 0

"""`proccli completion`."""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import ShellComplete, get_completion_class

from proccli.cli.help import CommandWithExamples
from proccli.cli.messages import print_result
from proccli.cli.output import Invocation
from proccli.commands.options.output import general_options

SHELLS: Final = ("bash", "zsh", "fish")


def script(shell: str) -> str:
    """The script with which a shell asks `proccli` for completions."""
    from proccli.cli.main import proccli

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"shell completion for {shell} is not available")
    completer = kind(proccli, {}, "proccli", "_PROCCLI_COMPLETE")
    # click's own bash class would start bash to ask for its version first.
    return ShellComplete.source(completer).strip() + "\n"


@click.command(
    "completion",
    cls=CommandWithExamples,
    examples=(
        ('eval "$(proccli completion bash)"', "Add this line to ~/.bashrc"),
        ('eval "$(proccli completion zsh)"', "Add this line to ~/.zshrc, after compinit"),
        ("proccli completion fish > ~/.config/fish/completions/proccli.fish", "Run this once"),
    ),
)
@click.argument("shell", type=click.Choice(SHELLS))
@general_options
def command(shell: str, invocation: Invocation) -> int:
    """Print the completion script for a shell.

    It completes commands, options and their values, and the pids and names of live processes.
    """
    return print_result(invocation, script(shell), ())

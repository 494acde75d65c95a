"""The group of all commands, and the entry point.

To add a command, add a folder of its name to `proccli/commands` and a line to `COMMANDS`.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import click

from proccli import __version__
from proccli.cli.failures import report
from proccli.cli.help import SETTINGS, CommandWithExamples, Option, keep
from proccli.cli.output import Invocation, PipeClosed, flush_streams, write

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS: Final[Mapping[str, str]] = {
    "scan": "Show which rule each process hits and the name it gets.",
    "explain": "Explain why a process gets its rule and its name.",
    "record": "Save a snapshot to analyse later or on another machine.",
    "collector": "Print a script that records a machine without proccli.",
    "diff": "Show what a configuration change does to each process.",
    "regex": "Test a pattern in the agent's regex dialect.",
    "tags": "Show each process's tags and which of them reach the server.",
    "sockets": "Show each socket, its role and age, and why it is not sent.",
    "sync": "Print what the agent would send and what changed since last time.",
    "tot": "Find the sending process in a capture (TCP option 253).",
    "topology": "Show which processes on many hosts are connected to each other.",
    "fleet": "Ask about the output of proccli sync from many hosts.",
    "label": "Label flow records and captures with the process at each end.",
    "suggest": "Write the rules that name what runs, and prove them.",
    "audit": "Compare what agents should have sent with DeepFlow's ClickHouse.",
    "check": "Find problems in a configuration before it is rolled out.",
    "migrate": "Write an inputs.proc configuration for a static_config.",
    "test": "Run rule tests on made-up and recorded processes.",
    "doctor": "Find the step at which processes lose their labels.",
    "versions": "Show what changes between agent and server versions.",
    "schema": "Print the JSON Schema of a command's output.",
    "completion": "Print or install the completion script for a shell.",
}
"""The summary of each command, in the order of `proccli --help`; no command is loaded for it."""

_WITH_COMMANDS: Final = ("fleet", "test")
"""Those with commands of their own."""

_HELP: Final = ("help", "Show the help of a command.")
"""Not a command: `help scan` is `scan --help`."""

_EXAMPLES = (
    ("proccli scan -c agent.yaml", "Show the rule and the name of every process on this machine"),
    ("proccli explain -c agent.yaml 4242", "Explain the name of process 4242"),
    ("proccli record -c agent.yaml web-1.jsonl.gz", "Save a snapshot for later"),
    ("proccli scan -c agent.yaml -s web-1.jsonl.gz", "Analyse a saved snapshot"),
)


def load(name: str) -> click.Command:
    """The command of this name, from its own module."""
    command = import_module(f"proccli.commands.{name}.command").command
    if not isinstance(command, click.Command):
        raise TypeError(f"proccli.commands.{name}.command.command is not a click command")
    return command


class Commands(CommandWithExamples, click.Group):
    """The commands, each loaded when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        cmd_name: str,
    ) -> click.Command | None:
        """The command of this name, or None."""
        return load(cmd_name) if cmd_name in COMMANDS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first argument names; `help scan` stands for `scan --help`.

        Raises: click.UsageError.
        """
        if args[0] == "help":
            args = [word for word in args if word != "help"]
            if ctx.resilient_parsing and not args:
                return None, None, []
            if not args or args[0].startswith("-"):
                write(ctx.get_help() + "\n")
                ctx.exit()
            if not ctx.resilient_parsing:
                _refuse_more(ctx, args)
                args = [*args, "--help"]
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            from proccli.cli.guesses import ALIASES, command_hint

            if name not in ALIASES:
                hint = command_hint(name, COMMANDS)
                raise click.UsageError(f"unknown command {name!r}{hint}", ctx)
            args = [ALIASES[name], *args[1:]]
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """What the command returns: its exit code. Raises: PipeClosed."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            # click would exit with code 1, which has a meaning here.
            raise PipeClosed from error

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, then the options."""
        with formatter.section("Commands"):
            formatter.write_dl([*COMMANDS.items(), _HELP])
        super().format_options(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[Any]]:
        """Names and options, without loading any command."""
        from click.shell_completion import CompletionItem

        names = [
            CompletionItem(name, help=purpose)
            for name, purpose in (*COMMANDS.items(), _HELP)
            if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]


def _refuse_more(ctx: click.Context, words: Sequence[str]) -> None:
    """Raises: click.UsageError if `help` has more words than the name of a command."""
    name, *more = words
    if more and name in COMMANDS:
        for word in more[name in _WITH_COMMANDS :]:
            if not word.startswith("-"):
                raise click.UsageError(f"unexpected argument {word!r} of help", ctx)


def _show_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        write(f"proccli {__version__}\n")
        ctx.exit()


@click.group(
    cls=Commands,
    examples=_EXAMPLES,
    invoke_without_command=True,
    subcommand_metavar="[COMMAND] [ARGS]...",
    context_settings=SETTINGS,
)
@click.option(
    "--debug",
    cls=Option,
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=keep,
    help="Show the Python traceback of an error.",
)
@click.option(
    "-V",
    "--version",
    cls=Option,
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
@click.pass_context
def proccli(ctx: click.Context) -> None:
    """Show what the DeepFlow agent would report about this machine's processes, and why.

    Reads the agent's configuration, applies its rules to the live processes or to a recording,
    and shows which rule each process hits and which name it gets. Changes nothing and sends
    nothing.
    """
    if ctx.invoked_subcommand is None:
        write(ctx.get_help() + "\n")


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; all errors end here."""
    invocation = Invocation(arguments=arguments)
    if signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN:
        # The parent process ignores SIGCHLD, and this is inherited: the kernel would discard the
        # exit codes of our children, and Python would take that of a tag command for 0.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        if "_PROCCLI_COMPLETE" in os.environ:
            import_module("proccli.cli.shells")  # registers the shells
        code = proccli.main(
            list(arguments), prog_name="proccli", standalone_mode=False, obj=invocation
        )
    except Exception as error:
        return report(error, invocation)
    except KeyboardInterrupt as error:
        return report(error, invocation)
    finally:
        flush_streams()
    return code if isinstance(code, int) else 0

"""Turns an exception into one line on stderr and an exit code; this happens only here."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

import click

from proccli.cli.messages import ALIKE, labelled
from proccli.cli.output import Invocation, PipeClosed, view_of, write_stderr
from proccli.errors import (
    EXIT_BUG,
    EXIT_INPUT,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
    Location,
    NoSourceRead,
    ProccliError,
)
from proccli.text import agreeing, visible


def report(error: BaseException, invocation: Invocation) -> int:
    """Print the error to stderr and return its exit code."""
    if isinstance(error, PipeClosed):
        return 0
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return EXIT_INTERRUPTED
    if isinstance(error, NoSourceRead):
        return report_sources(error.errors, invocation)
    # Where the command line could not be parsed, --debug may not have been seen.
    debug = invocation.debug or "--debug" in invocation.arguments
    if debug:
        import traceback

        trace = "".join(traceback.format_exception(error))
        write_stderr("".join(f"{visible(line)}\n" for line in trace.splitlines()))
    label = labelled(invocation, "error", "red")
    if isinstance(error, ProccliError):
        message = str(error)
        if error.at is not None:
            from proccli.sources.secrets.arguments import mask_line

            message = mask_line(message)
        write_stderr(f"{label} {visible(message)}\n")
        if error.at is not None and error.at.text:
            write_stderr(_pointer(error.at._replace(text=mask_line(error.at.text))))
        return error.exit_code
    if isinstance(error, click.ClickException):
        write_stderr(f"{label} {visible(_usage_problem(error))}\n")
        return EXIT_USAGE
    if (limit := _limit(error)) is not None:
        write_stderr(f"{label} {limit}\n")
        return EXIT_INPUT
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    advice = "" if debug else "; please report this with the output of --debug"
    write_stderr(f"{label} internal error: {visible(what)}{advice}\n")
    return EXIT_BUG


def _limit(error: BaseException) -> str | None:
    """What is missing where we run, and what to do, for an error that is no bug of ours."""
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, MemoryError) or number == errno.ENOMEM:
        return "not enough memory (see ulimit -v and the memory limit of the container)"
    if number in (errno.EMFILE, errno.ENFILE):
        return "too many open files (raise the limit: ulimit -n)"
    if number == errno.ENOENT and not _has_current_directory():
        return "the current directory has been removed (change to another one)"
    return None


def _has_current_directory() -> bool:
    try:
        os.getcwd()  # noqa: PTH109 - pathlib takes long to load
    except FileNotFoundError:
        return False
    return True


def report_sources(
    failures: Sequence[ProccliError], invocation: Invocation, code: int = EXIT_INPUT
) -> int:
    """Print the errors of sources that were left out; return the exit code: without any, `code`.

    Of many, the first few are printed, and the number of the others.
    """
    if not failures:
        return code
    for error in failures[:ALIKE]:
        report(error, invocation)
    if more := len(failures) - ALIKE if len(failures) > ALIKE else 0:
        label = labelled(invocation, "error", "red")
        write_stderr(f"{label} {more:,} more {agreeing(more, 'source', 'sources')} not read\n")
    return EXIT_INPUT


def _pointer(at: Location) -> str:
    """The faulty line with a caret under the column, shortened around it on a terminal."""
    from proccli.terminal.lines import around, cells

    view = view_of(sys.stderr, "never")
    start = min(at.column - 1, len(at.text))
    room = None if view.width is None else view.width - 4
    before, fault, after = around(at.text, (start, start + 1), room, view.glyphs.ellipsis)
    return f"    {before}{fault}{after}\n    {' ' * cells(((before, ''),))}^\n"


def _usage_problem(error: click.ClickException) -> str:
    """click's message in our style, with a reference to the help."""
    context = getattr(error, "ctx", None)
    if isinstance(error, click.NoSuchOption) and isinstance(context, click.Context):
        from proccli.cli.guesses import option_hint

        message = f"no such option {error.option_name}{option_hint(error.option_name, context)}"
    else:
        message = " ".join(error.format_message().split()).removesuffix(".")
    message = message[:1].lower() + message[1:]
    path = context.command_path if isinstance(context, click.Context) else "proccli"
    return f"{message} (see {path} --help)"

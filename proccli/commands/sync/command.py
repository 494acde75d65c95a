"""`proccli sync`."""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import click
from click.core import ParameterSource

from proccli.cli.help import CommandWithExamples
from proccli.cli.messages import warn
from proccli.cli.output import Invocation, require_stdout, view_of, write_pieces
from proccli.cli.progress import wait_for_second_sample
from proccli.commands.options.output import (
    general_options,
    option,
    output_options_with,
    strict_option,
)
from proccli.commands.options.source import jobs_option, no_nan, source_options, wait_options
from proccli.errors import EXIT_INCOMPLETE, EXIT_NO

if TYPE_CHECKING:
    from proccli.commands.inputs import InputOptions
    from proccli.commands.samples import WaitPolicy
    from proccli.commands.sync.sync import SyncResult
    from proccli.model.note import Note

Format: TypeAlias = Literal["table", "json", "jsonl", "prometheus"]

_WHEN = "Schedule"
_WHERE = "Output options"
_STATE = "State"
_ROUTINE: Final = frozenset(
    {
        "no-config",
        "own-environment",
        "unreadable",
        "vanished",
        "stat-missing",
        "sockets-unreadable",
        "sockets-without-process",
        "another-boot",
        "config-changed",
    }
)
"""Codes that are normal on a healthy machine; not printed with --out or after the first cycle."""


def _mode(_ctx: click.Context, _param: click.Parameter, value: str) -> int:
    """Raises: click.BadParameter."""
    if not 1 <= len(value) <= 4 or set(value) - set("01234567"):
        raise click.BadParameter(f"{value!r} is not an octal mode such as 0644")
    mode = int(value, 8)
    if mode & ~0o666 or not mode & 0o400:
        raise click.BadParameter(
            f"{value!r} must let the owner read the file and must not make it executable"
        )
    return mode


@click.command(
    "sync",
    cls=CommandWithExamples,
    examples=(
        ("sudo proccli sync --once -c agent.yaml --json", "Print what the agent would send"),
        (
            "sudo proccli sync -c agent.yaml -o jsonl",
            "Run continuously and print one JSON document per line",
        ),
        (
            "sudo proccli sync --once -c agent.yaml --out /var/lib/proccli/sync.json",
            "From cron: keep a file up to date; prints only problems",
        ),
        (
            "sudo proccli sync --once -c agent.yaml --if-changed --exit-code",
            "Print only if something changed, and exit 1 then",
        ),
        (
            "sudo proccli sync --once -c agent.yaml --out sync.json --exit-on names",
            "Exit 1 if a name appeared or disappeared; restarts do not count",
        ),
        (
            "sudo proccli sync --once -c agent.yaml --out-mode 0644 --out textfile/proccli.prom",
            "Write metrics for Prometheus' node_exporter",
        ),
        (
            "proccli sync --once -c agent.yaml --state web-1.state.json -s web-1.jsonl.gz",
            "Compare a recording with the previous one",
        ),
    ),
)
@option("--once", section=_WHEN, is_flag=True, help="Run one cycle and exit.")
@option(
    "--interval",
    section=_WHEN,
    type=click.FloatRange(min=1, max=86_400),
    callback=no_nan,
    metavar="SECONDS",
    help="Time between the starts of two cycles. Default: os-proc-socket-sync-interval, at least"
    " 1.",
)
@option(
    "--assume-enabled",
    section=_WHEN,
    is_flag=True,
    help="Collect even if os-proc-sync-enabled is false.",
)
@option(
    "--out",
    section=_WHERE,
    metavar="FILE",
    type=click.Path(allow_dash=True),
    help="Write to this file, atomically, instead of standard output; .gz is compressed. Default"
    " format: by the name (.jsonl, .prom), else json.",
)
@option(
    "--out-mode",
    section=_WHERE,
    metavar="MODE",
    default="0600",
    show_default=True,
    callback=_mode,
    help="Permissions of the output file.",
)
@option(
    "--if-changed",
    section=_WHERE,
    is_flag=True,
    help="Write nothing if nothing changed since the last run.",
)
@option(
    "--exit-code", section=_WHERE, is_flag=True, help="With --once: exit 1 if anything changed."
)
@option(
    "--exit-on",
    section=_WHERE,
    multiple=True,
    type=click.Choice(["names", "processes", "sockets"]),
    help="With --once: exit 1 if one of these changed. names: a gprocess appeared or disappeared,"
    " however many processes have the name. Repeatable. Implies --exit-code.",
)
@option(
    "--state",
    section=_STATE,
    metavar="FILE",
    type=click.Path(dir_okay=False),
    envvar="PROCCLI_STATE",
    show_envvar=True,
    help="State file with the last run (JSON). Default: one for each configuration and --out, in"
    " $XDG_STATE_HOME or ~/.local/state/proccli; none for a snapshot.",
)
@option("--no-state", section=_STATE, is_flag=True, help="Keep no state; changes are not reported.")
@option(
    "--lock-timeout",
    section=_STATE,
    type=click.FloatRange(min=0, max=86_400),
    callback=no_nan,
    metavar="SECONDS",
    default=10.0,
    show_default=True,
    help="Maximum wait for another run that uses the same state.",
)
@source_options
@jobs_option
@wait_options
@output_options_with(prometheus="metrics for node_exporter")
@strict_option
@general_options
def command(
    *,
    options: InputOptions,
    wait_policy: WaitPolicy,
    output: Format,
    strict: bool,
    invocation: Invocation,
    **how: Any,
) -> int:
    """Print what the agent would send and what changed since last time.

    Each cycle prints the processes and long-lived connections that the agent would report, with
    the agent's field names, what changed since the previous cycle, and whether the agent would
    detect the change. The previous cycle may be that of an earlier run: it is kept in a state
    file, which is updated after the result has been written.

    Without --once it runs until SIGINT or SIGTERM, reads the configuration again in each cycle,
    and exits 0.
    """
    from proccli.commands.sync.loop import Effects, SyncPlan, run_sync
    from proccli.commands.sync.signals import Stop, sigterm_as_interrupt

    once, out = how["once"], None if how["out"] == "-" else how["out"]
    output = _format(output, out)
    _check(how, output, strict=strict)
    if out is None:
        require_stdout()
    stop = None if once else Stop(watch_stdout=out is None)
    sleep = time.sleep if stop is None else stop.sleep
    wait = functools.partial(wait_for_second_sample, invocation, sleep=sleep)
    plan = SyncPlan(
        inputs=options._replace(announce=_announcer(options.announce, out)),
        wait_policy=wait_policy._replace(wait=wait),
        once=once,
        interval_s=how["interval"],
        assume_enabled=how["assume_enabled"],
        state=None if how["no_state"] else how["state"],
        keep_state=not how["no_state"],
        out=out,
        lock_timeout_s=how["lock_timeout"],
    )
    effects = Effects(
        deliver=Delivery(
            invocation=invocation,
            output=output,
            out=out,
            mode=how["out_mode"],
            if_changed=how["if_changed"],
        ),
        sleep=sleep,
    )
    with sigterm_as_interrupt() if stop is None else stop.listening():
        result = run_sync(plan, effects)
    if result is None or not once:
        return 0
    if strict and result.incomplete:
        return EXIT_INCOMPLETE
    return EXIT_NO if _has_changed(result, how) else 0


def _has_changed(result: SyncResult, how: dict[str, Any]) -> bool:
    """Whether something changed that the exit code depends on."""
    if how["exit_on"]:
        changes = result.changes
        return changes is not None and any(map(changes.includes, how["exit_on"]))
    return bool(how["exit_code"] and result.changed)


def _check(how: dict[str, Any], output: Format, *, strict: bool) -> None:
    """Raises: click.UsageError."""
    exits = "--exit-on" if how["exit_on"] else "--exit-code" if how["exit_code"] else None
    if not how["once"] and (exits or strict):
        name = "--strict" if strict else exits
        raise click.UsageError(f"{name} requires --once")
    if output == "prometheus" and how["if_changed"]:
        raise click.UsageError(
            "--if-changed cannot be combined with -o prometheus: the metrics tell when the last run"
            " was"
        )
    if how["once"] and how["interval"] is not None:
        raise click.UsageError("--interval and --once are mutually exclusive")
    if how["no_state"]:
        source = click.get_current_context().get_parameter_source("state")
        if source is ParameterSource.COMMANDLINE:
            raise click.UsageError("--state and --no-state are mutually exclusive")
        if how["once"] and (how["if_changed"] or exits):
            name = "--if-changed" if how["if_changed"] else exits
            raise click.UsageError(f"{name} cannot be combined with --no-state")


def _announcer(announce: Callable[[str], None] | None, out: str | None) -> Any:
    """Announces the tag command once, and only if the output is not a file."""
    if announce is None or out is not None:
        return None
    return functools.cache(announce)


def _format(output: Format, out: str | None) -> Format:
    """The requested format; for a file, without a request, that of its name."""
    source = click.get_current_context().get_parameter_source("output")
    if out is None or source is not ParameterSource.DEFAULT or output != "table":
        return output
    name = out.removesuffix(".gz")
    return (
        "jsonl" if name.endswith(".jsonl") else "prometheus" if name.endswith(".prom") else "json"
    )


class Delivery:
    """Writes results, then prints their warnings."""

    def __init__(
        self,
        invocation: Invocation,
        output: Format,
        out: str | None,
        mode: int,
        *,
        if_changed: bool,
    ) -> None:
        self.invocation = invocation
        self.output: Format = output
        self.out = out
        self.mode = mode
        self.if_changed = if_changed
        self.warned_all = False
        """Whether all warnings have been printed once, which is done without `out` only."""

    def __call__(self, result: SyncResult) -> bool:
        """Write a result; return whether it was written. Raises: OutputError, PipeClosed."""
        from proccli.files import atomic_output

        unchanged = self.if_changed and result.changed is False
        wanted = not (unchanged and _is_written(result, self.out))
        if wanted and self.out is None:
            pieces = _content(result, self.output, self.invocation, to_file=False)
            write_pieces(pieces, at_once=False)
        elif wanted and self.out is not None:
            pieces = _content(result, self.output, self.invocation, to_file=True)
            if self.out.endswith(".gz"):
                pieces = _compressed(pieces)
            with atomic_output(self.out, mode=self.mode, force=True) as file:
                file.writelines(pieces)
        warn(self.invocation, self._shown_notes(result))
        return wanted

    def _shown_notes(self, result: SyncResult) -> Sequence[Note]:
        """All notes in the first cycle without `out`; else only new ones that are not routine."""
        if self.out is None and not self.warned_all:
            self.warned_all = True
            return result.notes
        return [note for note in result.new_notes if note.code not in _ROUTINE]


def _is_written(result: SyncResult, out: str | None) -> bool:
    """Whether the output file exists and was written by the run that this one is compared with."""
    if out is None:
        return True
    written_to = result.before.written_to if result.before is not None else None
    return written_to == os.path.realpath(out) and os.path.exists(out)  # noqa: PTH110 - text


def _compressed(pieces: Iterable[bytes]) -> Iterable[bytes]:
    """The same as a gzip file without a time, so that equal content is equal."""
    import zlib

    deflate = zlib.compressobj(6, wbits=zlib.MAX_WBITS | 16)
    for piece in pieces:
        yield deflate.compress(piece)
    yield deflate.flush()


def _content(
    result: SyncResult, output: Format, invocation: Invocation, *, to_file: bool
) -> Iterable[bytes]:
    if output == "prometheus":
        from proccli.commands.sync.metrics import metrics

        return (metrics(result),)
    if output != "table":
        from proccli.commands.sync.json import sync_document, sync_line

        return sync_document(result) if output == "json" else sync_line(result)
    from proccli.commands.sync.text import sync_text
    from proccli.terminal.view import View

    view = View() if to_file else view_of(sys.stdout, invocation.colour)
    return [sync_text(result, view).encode(errors="backslashreplace")]

"""`proccli sync`."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from proccli.cli.helptext import HelpfulCommand
from proccli.cli.invocation import Invocation
from proccli.cli.options import (
    Output,
    general_options,
    option,
    output_options,
    strict_option,
)
from proccli.cli.source_options import no_nan, source_options, wait_options
from proccli.cli.streams import require_stdout
from proccli.cli.syncdelivery import Delivery
from proccli.cli.waiting import wait_for_second_look
from proccli.errors import EXIT_INCOMPLETE, EXIT_NO

if TYPE_CHECKING:
    from proccli.jobs.inputs import InputOptions

_WHEN = "When to look"
_WHERE = "Where it goes"
_STATE = "What is remembered"


def _mode(_ctx: click.Context, _param: click.Parameter, value: str) -> int:
    """Raises: click.BadParameter."""
    if not 1 <= len(value) <= 4 or set(value) - set("01234567"):
        raise click.BadParameter(f"{value!r} is no octal mode like 0644")
    mode = int(value, 8)
    if mode & ~0o666 or not mode & 0o400:
        raise click.BadParameter(f"{value!r}: its owner must be able to read it, and nobody run it")
    return mode


@click.command(
    "sync",
    cls=HelpfulCommand,
    examples=(
        ("sudo proccli sync --once -c agent.yaml --json", "what would the agent send?"),
        ("sudo proccli sync -c agent.yaml -o jsonl", "and from now on, a document a line?"),
        (
            "sudo proccli sync --once -c agent.yaml --out /var/lib/proccli/sync.json",
            "from cron: keep a file current, and speak up only if something is wrong",
        ),
        (
            "sudo proccli sync --once -c agent.yaml --if-changed --exit-code",
            "only if there is news, which the exit code tells too",
        ),
        (
            "proccli sync --once -c agent.yaml --state web-1.state.json -s web-1.jsonl.gz",
            "what is new in this recording, compared with the one before?",
        ),
    ),
)
@option("--once", section=_WHEN, is_flag=True, help="One cycle, then the end.")
@option(
    "--interval",
    section=_WHEN,
    type=click.FloatRange(min=1, max=86_400),
    callback=no_nan,
    metavar="SECONDS",
    help="From the beginning of a cycle to that of the next; without it"
    " os-proc-socket-sync-interval, and at least 1.",
)
@option(
    "--assume-enabled",
    section=_WHEN,
    is_flag=True,
    help="Look even if os-proc-sync-enabled is false.",
)
@option(
    "--out",
    section=_WHERE,
    metavar="FILE",
    type=click.Path(allow_dash=True),
    help="Replace this file, whole or not at all, instead of printing; JSON unless -o asks"
    " for more.",
)
@option(
    "--out-mode",
    section=_WHERE,
    metavar="MODE",
    default="0600",
    show_default=True,
    callback=_mode,
    help="The file's permissions.",
)
@option(
    "--if-changed",
    section=_WHERE,
    is_flag=True,
    help="Write nothing when nothing has changed since the last run.",
)
@option("--exit-code", section=_WHERE, is_flag=True, help="With --once: exit with 1 on any change.")
@option(
    "--state",
    section=_STATE,
    metavar="FILE",
    type=click.Path(dir_okay=False),
    envvar="PROCCLI_STATE",
    show_envvar=True,
    help="Where to remember the last run (JSON). Without it, in ~/.local/state/proccli or"
    " $XDG_STATE_HOME, one for each configuration and --out; none for a snapshot.",
)
@option("--no-state", section=_STATE, is_flag=True, help="Remember nothing: no news are told.")
@option(
    "--lock-timeout",
    section=_STATE,
    type=click.FloatRange(min=0, max=86_400),
    callback=no_nan,
    metavar="SECONDS",
    default=10.0,
    show_default=True,
    help="Wait so long for another run that uses the same state.",
)
@source_options
@wait_options
@output_options
@strict_option
@general_options
def command(
    *,
    options: InputOptions,
    no_wait: bool,
    max_wait: float,
    output: Output,
    strict: bool,
    invocation: Invocation,
    **how: Any,
) -> int:
    """what the agent would send, and what of it is new, once or again and again

    Each cycle prints the processes and the long-lived connections that the agent would report, in
    its own field names, what differs from the cycle before, and whether the agent itself would
    notice. A run begins where the last one ended, even the one of yesterday: that is remembered
    in a state, which moves on when the result is safely out.

    Without --once it goes on, with the configuration as it is by then, until SIGINT or SIGTERM
    ends it, with exit code 0.
    """
    from proccli.cli.stopping import Stop, terminated_like_interrupted
    from proccli.jobs.looks import WaitPolicy
    from proccli.jobs.syncloop import SyncPlan, Way, run_sync

    once, out = how["once"], None if how["out"] == "-" else how["out"]
    _check(how, strict=strict)
    if out is None:
        require_stdout()
    stop = None if once else Stop(watch_stdout=out is None)
    sleep = time.sleep if stop is None else stop.sleep
    wait = functools.partial(wait_for_second_look, invocation, sleep=sleep)
    plan = SyncPlan(
        inputs=replace(options, announce=_announcer(options.announce, out)),
        wait_policy=WaitPolicy(no_wait=no_wait, max_wait_s=max_wait, wait=wait),
        once=once,
        interval_s=how["interval"],
        assume_enabled=how["assume_enabled"],
        state=None if how["no_state"] else how["state"],
        keep_state=not how["no_state"],
        out=out,
        lock_timeout_s=how["lock_timeout"],
    )
    way = Way(
        deliver=Delivery(
            invocation=invocation,
            output=_format(output, out),
            out=out,
            mode=how["out_mode"],
            if_changed=how["if_changed"],
        ),
        sleep=sleep,
    )
    with terminated_like_interrupted() if stop is None else stop.listening():
        result = run_sync(plan, way)
    if result is None or not once:
        return 0
    if strict and result.incomplete:
        return EXIT_INCOMPLETE
    return EXIT_NO if how["exit_code"] and result.changed else 0


def _check(how: dict[str, Any], *, strict: bool) -> None:
    """Raises: click.UsageError."""
    if not how["once"] and (how["exit_code"] or strict):
        name = "--strict" if strict else "--exit-code"
        raise click.UsageError(f"{name} tells of one run: it needs --once")
    if how["once"] and how["interval"] is not None:
        raise click.UsageError("--interval and --once contradict each other")
    if how["no_state"]:
        source = click.get_current_context().get_parameter_source("state")
        if source is ParameterSource.COMMANDLINE:
            raise click.UsageError("--state and --no-state contradict each other")
        if how["once"] and (how["if_changed"] or how["exit_code"]):
            name = "--if-changed" if how["if_changed"] else "--exit-code"
            raise click.UsageError(f"{name} needs a state to compare with")


def _announcer(announce: Callable[[str], None] | None, out: str | None) -> Any:
    """Names the tag command where somebody reads along, and not in every cycle anew."""
    if announce is None or out is not None:
        return None
    return functools.cache(announce)


def _format(output: Output, out: str | None) -> Output:
    source = click.get_current_context().get_parameter_source("output")
    return "json" if out is not None and source is ParameterSource.DEFAULT else output

"""`proccli record`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from proccli.cli.help import CommandWithExamples
from proccli.cli.messages import print_message, warn
from proccli.cli.output import Invocation, require_stdout
from proccli.commands.options.output import general_options, option, strict_option
from proccli.commands.options.source import source_options, wait_options
from proccli.errors import EXIT_INCOMPLETE
from proccli.text import counted, listed, visible

if TYPE_CHECKING:
    from proccli.commands.inputs import InputOptions
    from proccli.commands.record.record import RecordResult
    from proccli.commands.samples import WaitPolicy


@click.command(
    "record",
    cls=CommandWithExamples,
    examples=(
        ("proccli record -c agent.yaml web-1.jsonl.gz", "Record this machine, with secrets masked"),
        (
            "proccli scan -c agent.yaml -s web-1.jsonl.gz",
            "Analyse the recording later or on another machine",
        ),
        (
            "ssh web-1 proccli record -c - - <agent.yaml | proccli scan -c agent.yaml -s -",
            "Analyse another machine over SSH",
        ),
    ),
)
@click.argument("path", type=click.Path(allow_dash=True))
@option(
    "--no-redact",
    section="Recording options",
    is_flag=True,
    help="Do not mask secrets: write command lines with their passwords and tokens.",
)
@option(
    "--show-masked",
    section="Recording options",
    is_flag=True,
    help="List what the masked values were recognized by: names of options and variables.",
)
@option("--force", section="Recording options", is_flag=True, help="Overwrite an existing file.")
@source_options
@wait_options
@strict_option
@general_options
def command(
    *,
    options: InputOptions,
    path: str,
    no_redact: bool,
    show_masked: bool,
    force: bool,
    wait_policy: WaitPolicy,
    strict: bool,
    invocation: Invocation,
) -> int:
    """Save a snapshot to analyse later or on another machine.

    PATH is a JSON Lines file, compressed if its name ends in .gz, or - for standard output. Only
    its owner can read it. Secrets in command lines are masked; then the rules are run again, and
    the command reports whether masking changed any outcome under this configuration. If the age
    of a socket is unknown, a live machine is sampled a second time, after the minimum lifetime.

    Run it as root, with the configuration whose rules will be applied to the recording: what only
    root can read is otherwise missing, and rules on masked values cannot be decided.
    """
    from proccli.commands.inputs import open_inputs
    from proccli.commands.record.record import record

    if path == "-":
        require_stdout()
    inputs = open_inputs(options)
    result = record(inputs, path, redact=not no_redact, force=force, wait_policy=wait_policy)
    print_message(
        record_message(result, redact=not no_redact, with_config=options.config is not None)
    )
    if show_masked:
        for found_by, count in result.masked_by:
            name = found_by if len(found_by) <= _NAME_LENGTH else f"{found_by[:_NAME_LENGTH]}…"
            print_message(f"masked {counted(count, 'value')}: {name}")
    warn(invocation, result.notes)
    return EXIT_INCOMPLETE if strict and result.incomplete else 0


_SHOWN = 10
_NAME_LENGTH = 60


def record_message(result: RecordResult, *, redact: bool, with_config: bool = True) -> str:
    """`recorded 142 processes, masked 7 values in 5 processes; …`, after the path."""
    what = counted(result.processes, "process")
    if not redact:
        return f"{_place(result.path)}: recorded {what}, secrets not masked"
    masked = []
    if result.masked_values:
        masked.append(
            f"{counted(result.masked_values, 'value')}"
            f" in {counted(result.masked_processes, 'process')}"
        )
    if result.masked_variables:
        masked.append(
            f"the value of {listed([visible(f'%{name}%') for name in result.masked_variables])}"
        )
    if not masked:
        return f"{_place(result.path)}: recorded {what}, no secrets found"
    effect = _outcomes(result.changed_pids)
    if not with_config:
        effect += " under the agent's defaults (give -c, or rules may be undecided later)"
    return f"{_place(result.path)}: recorded {what}, masked {listed(masked)}; {effect}"


def _place(path: str) -> str:
    return "standard output" if path == "-" else path


def _outcomes(changed: tuple[int, ...]) -> str:
    if not changed:
        return "masking changes no outcome"
    pids = ", ".join(str(pid) for pid in changed[:_SHOWN])
    more = f" and {len(changed) - _SHOWN:,} more" if len(changed) > _SHOWN else ""
    return f"masking makes {counted(len(changed), 'outcome')} unknown: pid {pids}{more}"

"""`proccli doctor`."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from proccli.cli.helptext import HelpfulCommand
from proccli.cli.invocation import Invocation
from proccli.cli.options import Output, general_options, output_options
from proccli.cli.result import deliver, untold
from proccli.cli.source_options import source_options, wait_options
from proccli.cli.streams import view_of
from proccli.cli.waiting import wait_for_second_look
from proccli.errors import EXIT_NO

if TYPE_CHECKING:
    from proccli.jobs.inputs import InputOptions
    from proccli.model.notice import Notice

_GATES_SAY = (
    "no-config",
    "no-static-config",
    "sync-disabled",
    "rule-thrown-away",
    "tag-exec-failed",
    "tags-rejected",
    "tags-unknown",
    "tagged-only-without-tags",
    "own-environment",
    "env-unset",
    "env-unknown",
    "unreadable",
    "unreadable-for-us",
)


@click.command(
    "doctor",
    cls=HelpfulCommand,
    examples=(
        ("sudo proccli doctor -c agent.yaml", "the process table is empty: where does it end?"),
        ("proccli doctor -c agent.yaml -s web-1.jsonl.gz", "and on the recorded machine?"),
        (
            "proccli doctor -c agent.yaml -o jsonl | jq -r 'select(.state == \"fail\") | .hint'",
            "what is there to do?",
        ),
    ),
)
@source_options
@wait_options
@output_options
@general_options
def command(
    *,
    options: InputOptions,
    no_wait: bool,
    max_wait: float,
    output: Output,
    invocation: Invocation,
) -> int:
    """every gate between a process and its label, and where labels are lost

    From the configuration to the server, in order: whether each gate lets labels through (pass,
    fail, unknown), how many processes it is the first to remove, and what to do. The last ones
    can only be seen on the server: they say what to ask there.

    Exits with 0 if no gate fails, and with 1 if one does.
    """
    from proccli.jobs.doctor import doctor
    from proccli.jobs.looks import WaitPolicy
    from proccli.render.doctor_json import doctor_document, doctor_lines
    from proccli.render.doctor_text import doctor_text

    wait = functools.partial(wait_for_second_look, invocation)
    result = doctor(options, WaitPolicy(no_wait=no_wait, max_wait_s=max_wait, wait=wait))
    notices: Sequence[Notice] = result.notices
    content: str | bytes
    if output == "json":
        content = doctor_document(result)
    elif output == "jsonl":
        content = doctor_lines(result.gates)
    else:
        content = doctor_text(result, view_of(sys.stdout, invocation.colour))
        notices = untold(notices, *_GATES_SAY)
    return deliver(invocation, content, notices, EXIT_NO if result.first_failure else 0)

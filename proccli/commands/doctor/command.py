"""`proccli doctor`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from proccli.cli.help import CommandWithExamples
from proccli.cli.messages import print_result, without_codes
from proccli.cli.output import Invocation, view_of
from proccli.commands.options.output import Output, general_options, output_options
from proccli.commands.options.source import (
    several_sources,
    source_operands,
    source_options_without,
    wait_options,
)
from proccli.errors import EXIT_NO

if TYPE_CHECKING:
    from proccli.commands.inputs import InputOptions
    from proccli.commands.samples import WaitPolicy
    from proccli.model.note import Note
    from proccli.sources.opening import NamedSource

_SHOWN_AS_STEPS = (
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
    "vanished",
    "masked",
    "unreadable-for-us",
)


@click.command(
    "doctor",
    cls=CommandWithExamples,
    examples=(
        ("sudo proccli doctor -c agent.yaml", "Find out why the process table is empty"),
        ("proccli doctor -c agent.yaml -s web-1.jsonl.gz", "Do the same on a recording"),
        (
            "proccli doctor -c agent.yaml -o jsonl | jq -r 'select(.state == \"fail\") | .hint'",
            "List only what to fix",
        ),
    ),
)
@source_operands
@several_sources
@source_options_without("snapshot")
@wait_options
@output_options
@general_options
def command(
    *,
    sources: Sequence[NamedSource],
    options: InputOptions,
    wait_policy: WaitPolicy,
    output: Output,
    invocation: Invocation,
) -> int:
    """Find the step at which processes lose their labels.

    Goes through every step from the configuration to the server. For each step it reports whether
    labels pass it (pass, fail, unknown), how many processes it removes, and what to do. The last
    steps can only be checked on the server; for these it prints what to check there.

    Exits 0 if no step fails and 1 otherwise. A SOURCE is a recording, a /proc-like directory, or
    a folder of recordings; the default is the live machine.
    """
    from proccli.commands.doctor.doctor import NotOnHost, doctor
    from proccli.commands.doctor.output import doctor_document, doctor_lines, doctor_text
    from proccli.commands.inputs import each_source

    try:
        if len(sources) > 1:
            return _several(options, sources, wait_policy, output, invocation)
        ((_, result),) = each_source(
            options, sources, lambda of_one: doctor(of_one, wait_policy), []
        )
    except NotOnHost as error:
        result = error.result
    notes: Sequence[Note] = result.notes
    content: str | bytes | Iterable[bytes]
    if output == "json":
        content = doctor_document(result)
    elif output == "jsonl":
        content = doctor_lines(result)
    else:
        content = doctor_text(result, view_of(sys.stdout, invocation.colour))
        notes = without_codes(notes, *_SHOWN_AS_STEPS)
    return print_result(invocation, content, notes, EXIT_NO if result.first_failure else 0)


def _several(
    options: InputOptions,
    sources: Sequence[NamedSource],
    wait_policy: WaitPolicy,
    output: Output,
    invocation: Invocation,
) -> int:
    """Print the steps of several sources. Raises: NotOnHost."""
    from proccli.commands.doctor.doctor import DoctorOnHost, DoctorTotals, doctor_on_host
    from proccli.commands.doctor.output import hosts_pieces, hosts_text, step_lines
    from proccli.commands.doctor.step import Step
    from proccli.commands.hosts.each import Rendering, each_line, print_each

    def add(totals: DoctorTotals, result: DoctorOnHost) -> Sequence[Step]:
        totals.add(result.result)
        return result.result.steps

    return print_each(
        options,
        sources,
        work=lambda of_one: doctor_on_host(of_one, wait_policy),
        start=lambda result: DoctorTotals(result.result.config),
        add=add,
        rendering=Rendering(
            table=hosts_text,
            pieces=hosts_pieces,
            lines=each_line(step_lines),
            shown_in_table=_SHOWN_AS_STEPS,
        ),
        output=output,
        invocation=invocation,
        code=lambda totals: EXIT_NO if totals.first_failure else 0,
    )

"""`proccli test init`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from proccli.cli.help import CommandWithExamples
from proccli.cli.invocation import Invocation
from proccli.cli.messages import tell
from proccli.cli.result import print_result
from proccli.commands.options.output import general_options, option
from proccli.commands.options.source import source_options

if TYPE_CHECKING:
    from proccli.commands.inputs import InputOptions
    from proccli.commands.test.write import Draft


@click.command(
    "init",
    cls=CommandWithExamples,
    examples=(
        (
            "proccli test init -c agent.yaml -s web-1.jsonl.gz web.test.yaml",
            "Create one test for each outcome in a recording",
        ),
        ("proccli test init -c agent.yaml", "Print tests for this machine without writing a file"),
    ),
)
@click.argument("file", required=False, type=click.Path(allow_dash=True))
@option("--force", section="File options", is_flag=True, help="Overwrite an existing file.")
@source_options
@general_options
def init(*, options: InputOptions, file: str | None, force: bool, invocation: Invocation) -> int:
    """Create a test file from the current outcomes.

    Writes one test for each outcome: status, reason, rule, name and tags. Each test describes a
    process like one that was found, with its arguments, user, tags and ancestors. If that would
    reveal a secret, the test refers to the recording instead; on a live machine it is left out.
    Without FILE, or with -, the tests are printed.
    """
    from proccli.commands.inputs import open_inputs
    from proccli.commands.test.write import draft_suite
    from proccli.files import atomic_output

    inputs = open_inputs(options)
    target = None if file == "-" else file
    draft = draft_suite(inputs, options, target)
    if target is None:
        tell(_remark(draft))
        return print_result(invocation, draft.text, inputs.notes)
    with atomic_output(target, mode=0o644, force=force) as out:
        out.write(draft.text.encode())
    tell(f"{_remark(draft)}, written to {target}")
    return print_result(invocation, "", inputs.notes)


def _remark(draft: Draft) -> str:
    """The number of tests, and of outcomes without a test."""
    from proccli.text import counted, listed

    missing = [
        words
        for number, words in (
            (
                draft.undescribed,
                f"{counted(draft.undescribed, 'outcome')} that cannot be described",
            ),
            (draft.unknown, f"{counted(draft.unknown, 'process')} with an unknown outcome"),
            (draft.too_many, f"{counted(draft.too_many, 'more outcome')}"),
        )
        if number
    ]
    without = f"; without a test: {listed(missing)}" if missing else ""
    return f"{counted(draft.tests, 'test')}{without}"

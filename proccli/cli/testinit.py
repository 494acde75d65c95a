"""`proccli test init`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from proccli.cli.helptext import HelpfulCommand
from proccli.cli.invocation import Invocation
from proccli.cli.messages import tell
from proccli.cli.options import general_options, option
from proccli.cli.result import deliver
from proccli.cli.source_options import source_options

if TYPE_CHECKING:
    from proccli.jobs.inputs import InputOptions
    from proccli.jobs.ruletest_init import Draft


@click.command(
    "init",
    cls=HelpfulCommand,
    examples=(
        (
            "proccli test init -c agent.yaml -s web-1.jsonl.gz web.test.yaml",
            "a test for each outcome that a recording shows",
        ),
        ("proccli test init -c agent.yaml", "look at what this machine would give, first"),
    ),
)
@click.argument("file", required=False, type=click.Path(allow_dash=True))
@option("--force", section="What to write", is_flag=True, help="Replace a file that is there.")
@source_options
@general_options
def init(*, options: InputOptions, file: str | None, force: bool, invocation: Invocation) -> int:
    """write a file of tests from what is seen now

    One test for each outcome: status, reason, rule, name and tags. The process of a test is made
    up like one that was seen, with its arguments, user, tags and the processes above it; where
    that would give a secret away, the test takes the process from the recording, or there is
    none. Without FILE, or with -, the tests go to standard output.
    """
    from proccli.atomicfile import atomic_output
    from proccli.jobs.inputs import open_inputs
    from proccli.jobs.ruletest_init import draft_suite

    inputs = open_inputs(options)
    target = None if file == "-" else file
    draft = draft_suite(inputs, options, target)
    if target is None:
        tell(_remark(draft))
        return deliver(invocation, draft.text, inputs.notices)
    with atomic_output(target, mode=0o644, force=force) as out:
        out.write(draft.text.encode())
    tell(f"{_remark(draft)}, written to {target}")
    return deliver(invocation, "", inputs.notices)


def _remark(draft: Draft) -> str:
    """How many tests there are, and what has none."""
    from proccli.plural import counted, listed

    missing = [
        words
        for number, words in (
            (draft.undescribed, f"{counted(draft.undescribed, 'outcome')} that can't be made up"),
            (draft.unknown, f"{counted(draft.unknown, 'process')} of unknown outcome"),
            (draft.too_many, f"{counted(draft.too_many, 'more outcome')}"),
        )
        if number
    ]
    without = f"; without a test: {listed(missing)}" if missing else ""
    return f"{counted(draft.tests, 'test')}{without}"

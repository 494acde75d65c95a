"""`proccli collector`."""

from __future__ import annotations

import click

from proccli.cli.help import CommandWithExamples
from proccli.cli.messages import print_result
from proccli.cli.output import Invocation
from proccli.commands.options.output import general_options, option


@click.command(
    "collector",
    cls=CommandWithExamples,
    examples=(
        ("proccli collector > collect.py", "Save the script, for Python 2.7 or newer"),
        (
            "ssh web-1 sudo python3 - < collect.py | proccli record -s - web-1.jsonl.gz",
            "Record a machine that has no proccli, and mask secrets here",
        ),
        (
            "proccli collector --sh | ssh router sudo sh -s > router.raw.jsonl",
            "Record a machine that has no Python either",
        ),
    ),
)
@option(
    "--sh",
    "shell",
    section="Output options",
    is_flag=True,
    help="Print the script for a POSIX shell with awk, od and stat, such as busybox sh.",
)
@general_options
def command(*, shell: bool, invocation: Invocation) -> int:
    """Print a script that records a machine without proccli.

    The script is read from standard input by the other machine's Python (2.7, or 3.4 and newer) and
    writes a recording to standard output. It needs no arguments and no installation, and writes
    nothing to the machine.

    The script cannot mask secrets: its output holds whole command lines. Pass it to proccli record
    -s - OUT, which masks them. proccli record --ssh HOST OUT does all of this in one step.
    """
    from proccli.commands.collector.collector import collector_script

    return print_result(invocation, collector_script("sh" if shell else "python"), ())

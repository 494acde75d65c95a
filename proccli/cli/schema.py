"""`proccli schema`."""

from __future__ import annotations

import click

from proccli.cli.helptext import HelpfulCommand
from proccli.cli.invocation import Invocation
from proccli.cli.options import general_options
from proccli.cli.result import deliver


@click.command(
    "schema",
    cls=HelpfulCommand,
    examples=(
        ("proccli schema", "which commands have one?"),
        ("proccli schema scan > scan.schema.json", "what does scan --json print?"),
    ),
)
@click.argument("name", required=False)
@general_options
def command(name: str | None, invocation: Invocation) -> int:
    """the JSON Schema of a command's output

    Without NAME, the names there are. The schemas are of draft 2020-12 and describe what
    `--json` prints; a line of `-o jsonl` is an element of the document's main list.
    """
    from proccli.render.schemas import schema_names, schema_text

    names = schema_names()
    if name is None:
        return deliver(invocation, "".join(f"{known}\n" for known in names), ())
    if name not in names:
        raise click.UsageError(f"there is no schema {name!r}: there are {', '.join(names)}")
    return deliver(invocation, schema_text(name), ())

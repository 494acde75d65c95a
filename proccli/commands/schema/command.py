"""`proccli schema`."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import click

from proccli.cli.help import CommandWithExamples
from proccli.cli.messages import print_result
from proccli.cli.output import Invocation
from proccli.commands.options.output import general_options

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def _complete_name(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem[Any]]:
    from click.shell_completion import CompletionItem

    from proccli.cli.main import COMMANDS

    return [
        CompletionItem(name, help=COMMANDS.get(name))
        for name in schema_names()
        if name.startswith(incomplete)
    ]


@click.command(
    "schema",
    cls=CommandWithExamples,
    examples=(
        ("proccli schema", "List the commands that have a schema"),
        ("proccli schema scan > scan.schema.json", "Save the schema of scan --json"),
    ),
)
@click.argument("name", required=False, shell_complete=_complete_name)
@general_options
def command(name: str | None, invocation: Invocation) -> int:
    """Print the JSON Schema of a command's output.

    Without NAME, the available names are listed. The schemas use JSON Schema draft 2020-12 and
    describe the output of `--json`; each line of `-o jsonl` is an element of the document's main
    list.
    """
    names = schema_names()
    if name is None:
        return print_result(invocation, "".join(f"{known}\n" for known in names), ())
    if name not in names:
        raise click.UsageError(f"unknown schema {name!r}; available: {', '.join(names)}")
    return print_result(invocation, schema_text(name), ())


_FOLDER = files("proccli") / "schemas"


def schema_names() -> tuple[str, ...]:
    """The sorted names of the commands whose JSON documents have a schema."""
    found = (entry.name for entry in _FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in found if name.endswith(".json")))


def schema_text(name: str) -> str:
    """The schema of `proccli/<name>/v1`, as JSON text."""
    return (_FOLDER / f"{name}.json").read_text(encoding="utf-8")

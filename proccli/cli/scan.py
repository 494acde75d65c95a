"""`proccli scan`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from proccli.cli.helptext import HelpfulCommand
from proccli.cli.invocation import Invocation
from proccli.cli.options import (
    Output,
    general_options,
    option,
    output_options,
    server_option,
    strict_option,
    tag_globs,
)
from proccli.cli.result import deliver, untold
from proccli.cli.source_options import source_options
from proccli.cli.streams import view_of
from proccli.errors import EXIT_INCOMPLETE

if TYPE_CHECKING:
    from proccli.jobs.inputs import InputOptions
    from proccli.model.notice import Notice

_WHICH = "Which processes to list (the counts are always of all)"


@click.command(
    "scan",
    cls=HelpfulCommand,
    examples=(
        ("proccli scan -c agent.yaml", "what would the agent make of this machine?"),
        ("proccli scan -c agent.yaml -s web-1.jsonl.gz", "and of the recorded one?"),
        ("proccli scan -c agent.yaml --unmatched", "what do my rules miss?"),
        ("proccli scan -c agent.yaml --rule 2 --status dropped", "what does rule 2 drop?"),
        (
            "proccli scan -c agent.yaml --identity --server 7.1",
            "which does the server take for one?",
        ),
        (
            "proccli scan -c agent.yaml -o jsonl | jq -r 'select(.gprocess) | .gprocess' | sort -u",
            "every name, once",
        ),
    ),
)
@option(
    "--status",
    "statuses",
    section=_WHICH,
    type=click.Choice(["accepted", "dropped", "skipped", "unknown"]),
    multiple=True,
    help="With this outcome. Repeatable.",
)
@option(
    "--rule",
    "rules",
    section=_WHICH,
    type=click.IntRange(min=0),
    metavar="N",
    multiple=True,
    help="Decided by the Nth rule; 0: by none, the implicit accept. Repeatable.",
)
@option(
    "--name",
    "names",
    section=_WHICH,
    metavar="GLOB",
    multiple=True,
    help="Whose gprocess or process_name is like this. Repeatable.",
)
@option(
    "--user", "users", section=_WHICH, metavar="USER", multiple=True, help="Of this user or uid."
)
@option(
    "--tag",
    "having",
    section=_WHICH,
    metavar="KEY[=GLOB]",
    callback=tag_globs,
    multiple=True,
    help="With this tag. Repeatable.",
)
@option("--unmatched", section=_WHICH, is_flag=True, help="Which no rule hit: --rule 0.")
@option(
    "--sort",
    section=_WHICH,
    type=click.Choice(["pid", "name", "rule", "status", "uptime", "user"]),
    default="pid",
    show_default=True,
    help="What to order them by.",
)
@option("--reverse", section=_WHICH, is_flag=True, help="The other way round.")
@option(
    "--identity",
    section="What to look at",
    is_flag=True,
    help="Also which of them the server takes for one gprocess, and what restarts and time do.",
)
@server_option("For --identity: which server; by default that of the agent's version.")
@source_options
@output_options
@strict_option
@general_options
def command(
    *,
    options: InputOptions,
    identity: bool,
    server: str | None,
    output: Output,
    strict: bool,
    invocation: Invocation,
    **which: Any,
) -> int:
    """every process, with the rule it hits and the name it gets

    A line for each process: what the agent would make of it (accepted, dropped, skipped,
    unknown) and the number of the rule that decided, the name it is sent under and the one it
    had. Below, the rules with the processes that each one decided, and what the agent would send.
    """
    if server is not None and not identity:
        raise click.UsageError("--server says whose ids --identity shows: give both")
    from proccli.identity.server import SERVERS, server_beside
    from proccli.jobs.identity import identify
    from proccli.jobs.inputs import open_inputs
    from proccli.jobs.scan import scan
    from proccli.jobs.selection import Selection
    from proccli.render.scan_json import scan_document, scan_lines
    from proccli.render.scan_table import scan_table

    selection = Selection(tags=which.pop("having"), **which)
    inputs = open_inputs(options)
    selection.check(inputs.config)
    result = scan(inputs)
    shown = selection.of(result.verdicts)
    identified = None
    if identity:
        chosen = SERVERS[server] if server else server_beside(result.config.agent)
        identified = identify(result.verdicts, result.host, chosen)
    notices: Sequence[Notice] = result.notices
    content: str | bytes
    if output == "json":
        content = scan_document(result, shown, identified)
    elif output == "jsonl":
        content = scan_lines(shown, identified)
    else:
        view = view_of(sys.stdout, invocation.colour)
        content = scan_table(result, shown, view, identified)
        notices = untold(notices, "sync-disabled")
    code = EXIT_INCOMPLETE if strict and result.incomplete else 0
    return deliver(invocation, content, notices, code)

"""`proccli fleet`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from proccli.cli.help import CommandWithExamples
from proccli.cli.messages import print_result
from proccli.cli.output import Invocation, view_of, write
from proccli.cli.progress import progress_bar
from proccli.commands.options.output import (
    Body,
    Output,
    general_options,
    option,
    output_options,
)
from proccli.commands.options.store import (
    at_option,
    documents_to_ask,
    documents_to_load,
    duration_option,
    max_age_option,
    required_store_options,
)
from proccli.errors import EXIT_INPUT, EXIT_NO

if TYPE_CHECKING:
    from proccli.commands.stores import StoreRequest
    from proccli.terminal.view import View

Answer = TypeVar("Answer")
_WHICH = "Filters"


class _Fleet(CommandWithExamples, click.Group):
    """The commands on many hosts."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order in which they are used."""
        return list(self.commands)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, then the options."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (name, (one.help or "").partition("\n\n")[0])
                    for name, one in self.commands.items()
                ]
            )
        super().format_options(ctx, formatter)


@click.group(
    "fleet",
    cls=_Fleet,
    examples=(
        (
            "proccli fleet load --store chdb:///var/lib/fleet incoming/",
            "Load the output of proccli sync from many hosts",
        ),
        ("proccli fleet names --store chdb:///var/lib/fleet", "Show which rule names what, where"),
        ("proccli fleet names *.jsonl.gz", "Ask files, without a store"),
    ),
    invoke_without_command=True,
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Ask about the output of proccli sync from many hosts.

    Hosts run proccli sync --once and send their documents to one machine; this command loads them
    into a store, or asks the files. The store is a directory with an embedded database (chDB), or
    a ClickHouse server. Requires the extra fleet.
    """
    if ctx.invoked_subcommand is None:
        write(ctx.get_help() + "\n")


def _host_option(body: Body) -> Body:
    return option(
        "--host",
        "hosts",
        section=_WHICH,
        metavar="GLOB",
        multiple=True,
        help="Only hosts whose name matches GLOB. Repeatable.",
    )(body)


def _gprocess_option(explained: str) -> Callable[[Body], Body]:
    return option(
        "--gprocess", "names", section=_WHICH, metavar="GLOB", multiple=True, help=explained
    )


def _rendered(
    answer: Answer,
    output: Output,
    invocation: Invocation,
    *,
    document: Callable[[Answer], bytes],
    lines: Callable[[Answer], bytes],
    text: Callable[[Answer, View], str],
) -> str | bytes:
    """An answer in one of the output formats."""
    if output == "table":
        return text(answer, _view(invocation))
    return document(answer) if output == "json" else lines(answer)


def _view(invocation: Invocation) -> View:
    return view_of(sys.stdout, invocation.colour)


@command.command(
    "load",
    cls=CommandWithExamples,
    examples=(
        (
            "proccli fleet load --store chdb:///var/lib/fleet incoming/",
            "Load all documents of a directory into an embedded store",
        ),
        (
            "proccli fleet load --store clickhouse://fleet@ch-1 --password-file pw *.jsonl.gz",
            "Load files into a ClickHouse server",
        ),
        (
            "proccli fleet load --store chdb:///var/lib/fleet blue=blue/ green=green/",
            "Load two networks that use the same addresses",
        ),
    ),
)
@documents_to_load
@output_options
@general_options
def load_command(*, request: StoreRequest, output: Output, invocation: Invocation) -> int:
    """Load the output of proccli sync into a store.

    A SOURCE is a file with one or more documents, also compressed with gzip, or a directory with
    such files. Each document is checked; what can't be used is listed, the rest is loaded, and
    the exit code is 3. A document that is in the store already is skipped, so that a load can be
    repeated after an interruption.
    """
    from proccli.commands.fleet.output import load_document, load_lines, load_text
    from proccli.commands.stores import load_files, store_to_load

    with (
        store_to_load(request) as opened,
        progress_bar(invocation, len(request.sources), "Loading") as progress,
    ):
        loaded = load_files(opened.engine, opened.database, request, progress)
    opened = opened._replace(loaded=loaded)
    content = _rendered(
        opened, output, invocation, document=load_document, lines=load_lines, text=load_text
    )
    return print_result(invocation, content, opened.refusals(), EXIT_INPUT if loaded.refused else 0)


@command.command(
    "names",
    cls=CommandWithExamples,
    examples=(
        ("proccli fleet names --store chdb:///var/lib/fleet", "Show all names of all hosts"),
        (
            "proccli fleet names --gprocess 'java*' *.jsonl.gz",
            "Show which rules give names that begin with java",
        ),
    ),
)
@documents_to_ask
@at_option
@max_age_option
@_gprocess_option("Only gprocesses that match GLOB. Repeatable.")
@_host_option
@output_options
@general_options
def names_command(
    *,
    request: StoreRequest,
    at_s: int | None,
    max_age_s: int | None,
    names: Sequence[str],
    hosts: Sequence[str],
    output: Output,
    invocation: Invocation,
) -> int:
    """Show which rule gives which name on how many hosts.

    Counts the newest document of each host. Rule 0 is the implicit accept; documents of older
    versions do not have the rule.
    """
    from proccli.commands.fleet.fleet import asked
    from proccli.commands.fleet.output import names_document, names_lines, names_text
    from proccli.store.questions import Selection
    from proccli.store.questions import names as names_of

    selection = Selection(hosts=hosts, names=names)
    with progress_bar(invocation, len(request.sources), "Reading") as progress:
        answer = asked(
            request,
            at_s,
            max_age_s,
            progress,
            lambda engine, moment: names_of(engine, moment, selection),
        )
    content = _rendered(
        answer, output, invocation, document=names_document, lines=names_lines, text=names_text
    )
    return print_result(invocation, content, answer.notes, answer.exit_code)


@command.command(
    "hosts",
    cls=CommandWithExamples,
    examples=(
        (
            "proccli fleet hosts --store chdb:///var/lib/fleet --silent",
            "Show which hosts stopped reporting",
        ),
        (
            "proccli fleet hosts --store chdb:///var/lib/fleet --host 'web-*' --without nginx",
            "Show the web hosts on which nothing is named nginx",
        ),
    ),
)
@documents_to_ask
@at_option
@max_age_option
@_host_option
@_gprocess_option("Only hosts with a gprocess that matches GLOB. Repeatable.")
@option(
    "--without",
    section=_WHICH,
    metavar="GLOB",
    multiple=True,
    help="Only hosts without a gprocess that matches GLOB. Repeatable.",
)
@option("--silent", section=_WHICH, is_flag=True, help="Only silent hosts, see --max-age.")
@output_options
@general_options
def hosts_command(
    *,
    request: StoreRequest,
    at_s: int | None,
    max_age_s: int | None,
    output: Output,
    invocation: Invocation,
    **which: Any,
) -> int:
    """Show the hosts, when each last reported, and what it would send.

    A host is shown with its newest document. It is silent if that is older than --max-age, counted
    from the newest document of all hosts.
    """
    from proccli.commands.fleet.fleet import asked
    from proccli.commands.fleet.output import hosts_document, hosts_lines, hosts_text
    from proccli.store.questions import Selection
    from proccli.store.questions import hosts as hosts_of

    selection = Selection(**which)
    with progress_bar(invocation, len(request.sources), "Reading") as progress:
        answer = asked(
            request,
            at_s,
            max_age_s,
            progress,
            lambda engine, moment: hosts_of(engine, moment, selection),
        )
    # The table shows the silent hosts.
    notes = [note for note in answer.notes if output != "table" or note.code != "hosts-silent"]
    content = _rendered(
        answer, output, invocation, document=hosts_document, lines=hosts_lines, text=hosts_text
    )
    return print_result(invocation, content, notes, answer.exit_code)


@command.command(
    "changes",
    cls=CommandWithExamples,
    examples=(
        (
            "proccli fleet changes --store chdb:///var/lib/fleet",
            "Show what changed in a day",
        ),
        (
            "proccli fleet changes --store chdb:///var/lib/fleet --since 7d --exit-code",
            "Exit 1 if anything changed in a week",
        ),
    ),
)
@documents_to_ask
@at_option
@duration_option(
    "--since",
    "since_s",
    section="Input options",
    default="1d",
    show_default=True,
    help="How long before that time to compare with.",
)
@max_age_option
@option("--exit-code", section="Output options", is_flag=True, help="Exit 1 if anything changed.")
@output_options
@general_options
def changes_command(
    *,
    request: StoreRequest,
    at_s: int | None,
    since_s: int,
    max_age_s: int | None,
    exit_code: bool,
    output: Output,
    invocation: Invocation,
) -> int:
    """Show which hosts, configurations, names and connections changed.

    Compares the newest documents up to two moments. A host that is silent at one of them is added
    or removed; names and configurations are compared on hosts that are not silent at either.
    Restarts are not changes. Connections are compared by the names at both ends and the server's
    port, for connections with a process at both ends.
    """
    from proccli.commands.fleet.fleet import changed
    from proccli.commands.fleet.output import changes_document, changes_lines, changes_text

    with progress_bar(invocation, len(request.sources), "Reading") as progress:
        answer = changed(request, at_s, since_s, max_age_s, progress)
    content = _rendered(
        answer,
        output,
        invocation,
        document=changes_document,
        lines=changes_lines,
        text=changes_text,
    )
    code = answer.exit_code or (EXIT_NO if exit_code and answer.rows else 0)
    return print_result(invocation, content, answer.notes, code)


@command.command(
    "prune",
    cls=CommandWithExamples,
    examples=(
        (
            "proccli fleet prune --store chdb:///var/lib/fleet --keep 30d",
            "Drop what is older than 30 days",
        ),
    ),
)
@required_store_options
@duration_option(
    "--keep",
    "keep_s",
    section="Input options",
    required=True,
    help="How long before the newest document to keep documents; whole days are dropped.",
)
@option("--dry-run", section="Input options", is_flag=True, help="Only show what would be dropped.")
@output_options
@general_options
def prune_command(
    *,
    request: StoreRequest,
    keep_s: int,
    dry_run: bool,
    output: Output,
    invocation: Invocation,
) -> int:
    """Drop old days from a store.

    The age counts from the newest document, so that a wrong clock on this machine drops nothing.
    """
    from proccli.commands.fleet.fleet import pruned
    from proccli.commands.fleet.output import prune_document, prune_lines, prune_text

    result = pruned(request, keep_s, dry_run=dry_run)
    content = _rendered(
        result, output, invocation, document=prune_document, lines=prune_lines, text=prune_text
    )
    return print_result(invocation, content, ())

"""`proccli audit`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from proccli.cli.failures import report_sources
from proccli.cli.help import CommandWithExamples
from proccli.cli.messages import print_result
from proccli.cli.output import Invocation, view_of
from proccli.cli.progress import progress_bar
from proccli.commands.options.output import (
    INPUT_PATH,
    Output,
    general_options,
    option,
    output_options,
    strict_option,
)
from proccli.commands.options.source import fleet_options, source_options_without, wait_options
from proccli.errors import EXIT_INCOMPLETE, EXIT_NO

if TYPE_CHECKING:
    from proccli.commands.inputs import InputOptions
    from proccli.commands.samples import WaitPolicy
    from proccli.sources.opening import NamedSource

_WHERE = "Server options"


@click.command(
    "audit",
    cls=CommandWithExamples,
    examples=(
        (
            "proccli audit --store clickhouse://reader@ch-1 --password-file pw *.jsonl.gz",
            "Compare the output of proccli sync with the server",
        ),
        (
            "proccli audit --store clickhouse://ch-1 --fleet chdb:///var/lib/fleet",
            "Compare all hosts of a store with the server",
        ),
        (
            "sudo proccli audit --store clickhouse://ch-1 -c agent.yaml",
            "Compare this machine with the server",
        ),
    ),
)
@click.argument("operands", metavar="[[NETWORK=]SOURCE]...", nargs=-1, type=INPUT_PATH)
@option(
    "--store",
    "deepflow",
    section=_WHERE,
    metavar="DSN",
    required=True,
    help="DeepFlow's ClickHouse: clickhouse://[USER@]HOST[:PORT] (clickhouses:// for TLS).",
)
@option(
    "--password-file",
    section=_WHERE,
    metavar="FILE",
    type=click.Path(readable=False),
    help="File with the password; otherwise PROCCLI_STORE_PASSWORD is used.",
)
@option(
    "--organisation",
    section=_WHERE,
    metavar="ID",
    type=click.IntRange(1, 9999),
    default=1,
    show_default=True,
    help="Id of the organisation whose databases are read.",
)
@option(
    "--fleet",
    section="Input options",
    metavar="DSN",
    help="What should be there: the hosts of this store of proccli fleet, instead of sources.",
)
@fleet_options
@source_options_without("snapshot")
@wait_options
@output_options
@strict_option
@general_options
def command(
    *,
    deepflow: str,
    password_file: str | None,
    organisation: int,
    fleet: str | None,
    sources: Sequence[NamedSource],
    options: InputOptions,
    wait_policy: WaitPolicy,
    output: Output,
    strict: bool,
    invocation: Invocation,
) -> int:
    """Compare what agents should have sent with DeepFlow's ClickHouse.

    What should be there comes from sources (recordings, the output of proccli sync, by default the
    live machine) or from a store. The server's version is recognised by its tables, if --server is
    not given. Asks, in this order: are the dictionaries loaded; does each host have an agent with
    processes; are the names and tags there; when did agents report; do flows of our connections
    have the expected process. Only reads, with limits on time and memory. Exits 1 if something is
    not as it should be. Requires the extra fleet.
    """
    from proccli.commands.audit.audit import audit
    from proccli.commands.hosts.gather import gather
    from proccli.commands.hosts.stored import gather_stored
    from proccli.commands.stores import StoredDocuments, StoreRequest
    from proccli.store.address import parse_address, read_password
    from proccli.store.deepflow import DeepFlow
    from proccli.store.engine import open_engine

    address = parse_address(deepflow)
    if address.directory is not None:
        raise click.UsageError(
            "--store is DeepFlow's ClickHouse, such as clickhouse://HOST; a store of proccli fleet"
            " is given with --fleet"
        )
    password = read_password(password_file)
    if fleet is not None:
        expected: Any = gather_stored(
            options, StoredDocuments(StoreRequest(store=fleet, password_file=None), None, None)
        )
    else:
        with progress_bar(invocation, len(sources), "Reading") as progress:
            expected = gather(options, sources, wait_policy, progress)
    with expected.fleet, open_engine(address, password) as engine:
        result = audit(
            DeepFlow(engine, organisation=organisation),
            expected,
            store=address.text,
            server=options.server,
        )
    if output == "json":
        from proccli.commands.audit.output import audit_document

        content: str | bytes = audit_document(result)
    elif output == "jsonl":
        from proccli.commands.audit.output import audit_lines

        content = audit_lines(result)
    else:
        from proccli.commands.audit.output import audit_text

        content = audit_text(result, view_of(sys.stdout, invocation.colour))
    lacking = expected.incomplete or any(one.state == "unknown" for one in result.answers)
    code = EXIT_NO if result.failed else EXIT_INCOMPLETE if strict and lacking else 0
    return report_sources(
        expected.failures, invocation, print_result(invocation, content, result.notes, code)
    )

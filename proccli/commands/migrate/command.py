"""`proccli migrate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from proccli.cli.help import CommandWithExamples
from proccli.cli.messages import print_message, print_result
from proccli.cli.output import Invocation
from proccli.commands.options.output import (
    INPUT_PATH,
    Output,
    general_options,
    option,
    output_options,
)
from proccli.commands.options.source import (
    agent_option,
    snapshot_option,
    source_options_without,
)
from proccli.errors import EXIT_NO
from proccli.versions import CONFIG_SERVERS, DEFAULT_INPUTS_AGENT, NEWEST_SERVER

if TYPE_CHECKING:
    from proccli.commands.inputs import InputOptions

_WHERE = "Result options"


@click.command(
    "migrate",
    cls=CommandWithExamples,
    examples=(
        ("proccli migrate old.yaml", "Write a configuration with the same effect"),
        (
            "proccli migrate -s web-1.jsonl.gz --out new.yaml old.yaml",
            "Also compare both on a recording; exit 1 for differences without a comment",
        ),
        (
            f"proccli migrate --as-vendor {NEWEST_SERVER} old.yaml",
            f"Print what the upgrade of server {NEWEST_SERVER} writes",
        ),
    ),
)
@click.argument("old", metavar="OLD", type=INPUT_PATH)
@option(
    "--as-vendor",
    "server",
    section=_WHERE,
    metavar="SERVER",
    shell_complete=lambda _ctx, _param, incomplete: [
        name
        for name, server in CONFIG_SERVERS.items()
        if server.migrator != "none" and name.startswith(incomplete)
    ],
    help="Print what the upgrade of this server version writes, byte by byte.",
)
@option(
    "--out",
    section=_WHERE,
    metavar="FILE",
    type=INPUT_PATH,
    help="Write the text to a new file. It replaces no file.",
)
@agent_option(
    "Agent version that the new configuration is for.",
    _WHERE,
    default=DEFAULT_INPUTS_AGENT,
    show_default=True,
)
@snapshot_option(
    "Compare both configurations on this recording or /proc-like directory (such as /proc).", _WHERE
)
@source_options_without("config", "snapshot", "proc_root", "agent", "server", "feature")
@output_options
@general_options
def command(
    *,
    old: str,
    server: str | None,
    out: str | None,
    agent: str,
    snapshot: str | None,
    options: InputOptions,
    output: Output,
    invocation: Invocation,
) -> int:
    """Write an inputs.proc configuration for a static_config.

    The result does on an agent of inputs.proc what OLD does on a 6.5 agent, as far as that is
    possible; a comment marks each place where it is not. Order and comments are kept. With -s,
    both are compared on the processes of a snapshot, and the exit code is 1 if the outcomes differ
    without a comment.
    """
    from proccli.commands.migrate.migrate import migrate_as_vendor, migrate_for_agent
    from proccli.commands.migrate.output import messages, migrate_document, migrate_lines
    from proccli.files import atomic_output

    if (old, snapshot, options.tags).count("-") > 1:
        raise click.UsageError("only one of OLD, -s and --tags can read standard input")
    source_of = click.get_current_context().get_parameter_source
    if server is not None and source_of("snapshot") is ParameterSource.COMMANDLINE:
        raise click.UsageError("-s compares proccli's own configuration; leave out --as-vendor")
    if server is not None:
        result = migrate_as_vendor(old, server)
    else:
        result = migrate_for_agent(options._replace(config=old, snapshot=snapshot), agent)
    text = result.text or ""
    if out is not None and result.text is not None:
        with atomic_output(out, mode=0o644) as file:
            file.write(text.encode())
    content: str | bytes
    if output == "json":
        content = migrate_document(result)
    elif output == "jsonl":
        content = migrate_lines(result)
    else:
        content = "" if out is not None else text
    code = EXIT_NO if result.text is None or result.unannounced else 0
    code = print_result(invocation, content, result.notes, code)
    for message in messages(result):
        print_message(message)
    return code

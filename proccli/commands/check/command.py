"""`proccli check`."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from proccli.cli.failures import report, report_sources
from proccli.cli.help import CommandWithExamples
from proccli.cli.messages import print_result
from proccli.cli.output import Invocation, view_of
from proccli.cli.progress import progress_bar
from proccli.commands.options.output import INPUT_PATH, general_options, option, output_options_with
from proccli.commands.options.source import (
    config_option,
    snapshots_option,
    source_options_without,
)
from proccli.errors import SourceError
from proccli.versions import DEFAULT_AGENT, NEWEST_RELEASE

if TYPE_CHECKING:
    from proccli.commands.check.check import CheckResult
    from proccli.commands.inputs import InputOptions

_UPGRADE: Final = f"{DEFAULT_AGENT},{NEWEST_RELEASE}"
_ALL_CODES: Final = "all"
Format: TypeAlias = Literal["table", "json", "jsonl", "sarif", "github"]


def _complete_code(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem[Any]]:
    from proccli.diagnostics.codes import title
    from proccli.model.codes import DIAGNOSTICS

    found = [code for code in DIAGNOSTICS if code.startswith(incomplete)]
    return [CompletionItem(code, help=title(code)) for code in found]


@click.command(
    "check",
    cls=CommandWithExamples,
    examples=(
        ("proccli check agent.yaml", "Check one file"),
        (
            "proccli check agent.yaml -s web-1.jsonl.gz",
            "Also report rules that no process in a recording reaches",
        ),
        (
            f"proccli check --compare {_UPGRADE} agent.yaml",
            "Show what an upgrade of the agents changes",
        ),
        ("proccli check --explain rewrite-group", "Explain a diagnostic"),
        (
            "proccli check --fail-on warning -o github configs/*.yaml",
            "Fail on warnings and annotate a change on GitHub",
        ),
        (
            "proccli check -o sarif agent.yaml > check.sarif",
            "Write SARIF for a code scanning service",
        ),
    ),
)
@click.argument("files", metavar="[FILE]...", nargs=-1, type=INPUT_PATH)
@source_options_without(
    "config", "snapshot", "proc_root", "tags", "no_tag_exec", "run_tag_exec", "tag_timeout"
)
@config_option(
    "Another file to check. PROCCLI_CONFIG is used only if no FILE is given.", "Check options"
)
@snapshots_option(
    "Report the rules that no process in this recording, /proc-like directory, folder of"
    " recordings or output of ps reaches. Repeatable.",
    "Check options",
)
@option(
    "--fail-on",
    section="Check options",
    type=click.Choice(["error", "warning"]),
    default="error",
    show_default=True,
    help="Exit 1 if a diagnostic has at least this severity.",
)
@option(
    "--compare",
    section="What to look at",
    metavar="OLD,NEW",
    once=True,
    help="Report only what changes for the configuration from agent version OLD to NEW.",
)
@option(
    "--explain",
    section="Check options",
    metavar="[CODE]",
    is_flag=False,
    flag_value=_ALL_CODES,
    shell_complete=_complete_code,
    help="Explain a diagnostic, with examples, and exit. Without CODE, list all diagnostics.",
)
@output_options_with(sarif="SARIF 2.1.0", github="GitHub annotations")
@general_options
def command(
    *,
    options: InputOptions,
    files: Sequence[str],
    config: str | None,
    snapshots: Sequence[str],
    compare: str | None,
    explain: str | None,
    fail_on: Literal["error", "warning"],
    output: Format,
    invocation: Invocation,
) -> int:
    """Find problems in a configuration before it is rolled out.

    Each FILE is read the way the server and then the agent read it. The command reports values
    that make the agent reject the configuration, rules that the agent silently ignores or that no
    process can reach, rewrites with unintended names, and settings that leave nothing to sync.
    Each diagnostic has a location and a suggested fix. Commands in the configuration are not run.
    """
    from proccli.commands.check.check import CheckOptions, check

    if explain is not None:
        return print_result(invocation, _page(explain), ())
    if compare is not None and _given("agent", "server", "snapshots"):
        raise click.UsageError("--compare cannot be combined with --agent, --server or -s")
    recordings = _recordings(snapshots) if compare is None else ()
    with progress_bar(invocation, len(recordings), "Reading") as progress:
        result = check(
            CheckOptions(
                files=_files(files, config, snapshots),
                agent=options.agent,
                server=options.server,
                via=options.via,
                compare=None if compare is None else _two_agents(compare),
                env=options.env,
                snapshots=recordings,
                progress=progress,
            )
        )
    code = print_result(
        invocation, _rendered(result, output, invocation), result.notes, result.exit_code(fail_on)
    )
    for unread in result.reports:
        if unread.failure is not None:
            report(unread.failure, invocation)
    return report_sources(result.failures, invocation, code)


def _recordings(snapshots: Sequence[str]) -> tuple[str, ...]:
    from proccli.sources.opening import NamedSource, sources_of

    return tuple(source.path or "" for source in sources_of(map(NamedSource, snapshots)))


def _given(*names: str) -> bool:
    """Whether one of these options is on the command line."""
    context = click.get_current_context()
    return any(context.get_parameter_source(name) is ParameterSource.COMMANDLINE for name in names)


def _two_agents(value: str) -> tuple[str, str]:
    """The two versions of --compare. Raises: click.BadParameter for another number of them."""
    versions = [part.strip() for part in value.split(",")]
    if len(versions) != 2 or not all(versions):
        raise click.BadParameter(
            f"give two agent versions, such as {_UPGRADE}", param_hint="--compare"
        )
    return versions[0], versions[1]


def _files(files: Sequence[str], config: str | None, snapshots: Sequence[str]) -> tuple[str, ...]:
    """The files to check, without duplicates. Raises: click.UsageError, SourceError."""
    source = click.get_current_context().get_parameter_source("config")
    named = [*files]
    if config is not None and not (files and source is ParameterSource.ENVIRONMENT):
        named.append(config)
    if not named:
        raise click.UsageError("no configuration given; try: proccli check agent.yaml")
    given = tuple(dict.fromkeys(named))
    from_stdin = [*given, *snapshots].count("-")
    if from_stdin > 1:
        raise click.UsageError("only one of FILE, -c and -s can read standard input")
    if from_stdin and sys.stdin is None:
        raise SourceError("standard input is closed")
    return given


def _page(code: str) -> str:
    """The page of a diagnostic, or the list of all.

    Raises: click.BadParameter if the code does not exist.
    """
    from proccli.diagnostics.codes import page, title
    from proccli.model.codes import DIAGNOSTICS

    if code == _ALL_CODES:
        width = max(map(len, DIAGNOSTICS))
        return "".join(
            f"{code:<{width}}  {severity:<7}  {title(code)}\n"
            for code, severity in DIAGNOSTICS.items()
        )
    if code not in DIAGNOSTICS:
        close = difflib.get_close_matches(code, DIAGNOSTICS, n=3, cutoff=0.4)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        raise click.BadParameter(f"unknown diagnostic code {code!r}{hint}", param_hint="--explain")
    return page(code)


def _rendered(result: CheckResult, output: Format, invocation: Invocation) -> str | bytes:
    from proccli.commands.check.json import check_document, check_github, check_lines, check_sarif
    from proccli.commands.check.text import check_text

    if output == "json":
        return check_document(result)
    if output == "jsonl":
        return check_lines(result)
    if output == "sarif":
        return check_sarif(result)
    if output == "github":
        return check_github(result)
    return check_text(result, view_of(sys.stdout, invocation.colour))

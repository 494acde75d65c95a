"""`proccli explain`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from proccli.cli.completing import complete_process
from proccli.cli.help import CommandWithExamples
from proccli.cli.messages import print_result, without_codes
from proccli.cli.output import Invocation, view_of
from proccli.commands.options.output import (
    Output,
    general_options,
    name_values,
    option,
    output_options,
    strict_option,
)
from proccli.commands.options.source import several_sources, source_options_without
from proccli.errors import EXIT_INCOMPLETE

if TYPE_CHECKING:
    from proccli.commands.explain.explain import ExplainResult, ExplainTotals, GroupKey
    from proccli.commands.inputs import InputOptions
    from proccli.model.explanation import Explanation
    from proccli.sources.made_up import MadeUp
    from proccli.sources.opening import NamedSource
    from proccli.terminal.document import OfHost
    from proccli.terminal.view import View

_PID = r"[0-9]{1,300}"
_MADE_UP = "Made-up process (instead of PID or NAME)"


@click.command(
    "explain",
    cls=CommandWithExamples,
    examples=(
        ("proccli explain -c agent.yaml 4242", "Explain the name of process 4242"),
        ("proccli explain -c agent.yaml nginx", "Explain all processes of that name"),
        (
            "proccli explain -c agent.yaml -s recordings/ 'java*'",
            "Explain the outcomes of a name on many hosts",
        ),
        (
            "proccli explain -c agent.yaml --cmdline 'python3 -u app.py' --parent supervisord",
            "Explain a process that does not run here",
        ),
        (
            "proccli explain -c agent.yaml --title 'nginx: worker process'",
            "Explain a process that rewrites its title",
        ),
        (
            "proccli explain -c agent.yaml --plain 4242 4311 | cut -f1",
            "Print only the deciding rules, for scripts",
        ),
    ),
)
@click.argument("targets", metavar="[PID|NAME]...", nargs=-1, shell_complete=complete_process)
@option(
    "--name",
    "names",
    section="Input options",
    metavar="NAME",
    multiple=True,
    help="Process name, even if it is all digits. Repeatable.",
)
@option("--argv", section=_MADE_UP, metavar="ARG", multiple=True, help="One argument. Repeatable.")
@option("--cmdline", section=_MADE_UP, metavar="LINE", help="All arguments, with shell quoting.")
@option(
    "--title", section=_MADE_UP, metavar="TEXT", help="A rewritten process title, as one string."
)
@option(
    "--parent",
    "parents",
    section=_MADE_UP,
    metavar="NAME",
    multiple=True,
    help="process_name of its parent; repeat for the grandparent, and so on.",
)
@option(
    "--tag",
    "with_tags",
    section=_MADE_UP,
    metavar="KEY=VALUE",
    callback=name_values,
    multiple=True,
    help="A tag that the tag command reports for it. Repeatable.",
)
@option(
    "--comm",
    section=_MADE_UP,
    metavar="NAME",
    help="Its comm. Default: the first 15 bytes of the program's file name.",
)
@option(
    "--exe",
    section=_MADE_UP,
    metavar="PATH",
    help="Target of its exe link. Default: the first argument.",
)
@option(
    "--container-id",
    section=_MADE_UP,
    metavar="ID",
    help="Id of its container (64 characters). By default it runs in none.",
)
@option("--user", section=_MADE_UP, metavar="NAME", help="User it runs as.")
@option(
    "--uptime",
    section=_MADE_UP,
    metavar="SECONDS",
    type=int,
    help="Age of the process. By default it is old enough.",
)
@several_sources
@source_options_without("snapshot")
@output_options
@option(
    "--plain",
    section="Output options",
    is_flag=True,
    help="Print one line per process: location:action, pid and name, separated by tabs.",
)
@strict_option
@general_options
def command(
    *,
    sources: Sequence[NamedSource],
    options: InputOptions,
    targets: Sequence[str],
    names: Sequence[str],
    output: Output,
    plain: bool,
    strict: bool,
    invocation: Invocation,
    **question: Any,
) -> int:
    """Explain why a process gets its rule and its name.

    Prints the outcome, then each rule in order: the text it is matched against, the part that
    matches, how the rewrite builds the name, and, if the rule does not match, how much of the
    pattern matched. An argument of only digits is a pid; anything else is a name, or a pattern such
    as 'java*'. All processes of a name are explained; for people, one of each outcome.
    """
    from proccli.commands.explain.explain import (
        explain_made_up,
        explain_targets,
        no_such_process,
        open_made_up,
        visible_process,
    )
    from proccli.commands.inputs import open_inputs

    for_people = output == "table" and not plain
    made_up = _made_up(question)
    if (made_up is None) == (not targets and not names):
        raise click.UsageError(
            "give a pid or a name, or describe a made-up process with --argv, --cmdline or --title"
            if made_up is None
            else "a made-up process cannot be combined with PID or NAME"
        )
    asked = [int(one) if re.fullmatch(_PID, one) else one for one in targets]
    if len(sources) > 1:
        if made_up is not None:
            raise click.UsageError("a made-up process takes only one source")
        return _several(
            options, sources, [*asked, *names], output, plain, strict=strict, invocation=invocation
        )
    options = options._replace(snapshot=sources[0].path)
    if made_up is not None:
        result = explain_made_up(open_made_up(options, made_up), made_up)
    else:
        inputs = open_inputs(options)
        result = explain_targets(inputs, [*asked, *names], grouped=for_people)
        for target in result.missing:
            if isinstance(target, int):
                inputs.source.read(target)
            raise no_such_process(target, visible_process(result.host), result.alike, options)
    content = _rendered(result, output, plain, invocation, options)
    notes = without_codes(result.notes, "sync-disabled") if for_people else result.notes
    return print_result(
        invocation, content, notes, EXIT_INCOMPLETE if strict and result.incomplete else 0
    )


def _several(
    options: InputOptions,
    sources: Sequence[NamedSource],
    asked: Sequence[int | str],
    output: Output,
    plain: bool,
    *,
    strict: bool,
    invocation: Invocation,
) -> int:
    """Explain the processes of several sources."""
    from proccli.commands.explain.explain import ExplainTotals, explain_targets
    from proccli.commands.explain.json import explain_pieces, explanation_lines, plain_line
    from proccli.commands.explain.text import totals_text
    from proccli.commands.hosts.each import Rendering, each_line, print_each, strict_code
    from proccli.commands.inputs import open_inputs
    from proccli.text import visible

    for_people = output == "table" and not plain
    explained: set[GroupKey] = set()

    def add(totals: ExplainTotals, result: ExplainResult) -> Sequence[Explanation]:
        totals.add(result)
        explained.update(totals.explained)
        return result.explanations

    def lines_of_hosts(_totals: ExplainTotals, rows: Sequence[OfHost], _view: View) -> str:
        return "".join(f"{visible(row.host or '')}\t{plain_line(row.row.outcome)}" for row in rows)

    return print_each(
        options,
        sources,
        work=lambda of_one: explain_targets(
            open_inputs(of_one), asked, grouped=for_people, explained=explained
        ),
        start=lambda result: ExplainTotals(result.config),
        add=add,
        rendering=Rendering(
            table=lines_of_hosts
            if plain
            else lambda totals, _rows, view: totals_text(totals, view, None),
            pieces=explain_pieces,
            lines=each_line(explanation_lines),
            shown_in_table=("sync-disabled",) if for_people else (),
        ),
        output=output,
        invocation=invocation,
        problem=ExplainTotals.not_found,
        code=strict_code(strict=strict),
    )


def _made_up(question: dict[str, Any]) -> MadeUp | None:
    """The made-up process that the options describe, or None. Raises: click.UsageError."""
    argv, cmdline, title = (question.pop(key) for key in ("argv", "cmdline", "title"))
    given = [bool(argv), cmdline is not None, title is not None]
    if sum(given) > 1:
        raise click.UsageError("--argv, --cmdline and --title are mutually exclusive")
    if not any(given):
        if any(value not in (None, ()) for value in question.values()):
            raise click.UsageError(
                "--parent, --tag, --comm, --exe, --container-id, --user and --uptime describe"
                " a made-up process and require --argv, --cmdline or --title"
            )
        return None
    import shlex

    from proccli.sources.made_up import MadeUp

    if cmdline is not None:
        try:
            argv = shlex.split(cmdline)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--cmdline") from error
    return MadeUp(
        argv=tuple(argv),
        title=title,
        parents=tuple(question["parents"]),
        tags=tuple(question["with_tags"]),
        user=question["user"],
        uptime_s=question["uptime"],
        comm=question["comm"],
        exe=question["exe"],
        container_id=question["container_id"],
    )


def _rendered(
    result: ExplainResult,
    output: Output,
    plain: bool,
    invocation: Invocation,
    options: InputOptions,
) -> str | bytes | Iterable[bytes]:
    if output == "json":
        from proccli.commands.explain.json import explain_document

        return explain_document(result)
    if output == "jsonl":
        from proccli.commands.explain.json import explain_lines

        return explain_lines(result)
    if plain:
        from proccli.commands.explain.json import explain_plain

        return explain_plain(result)
    from proccli.commands.explain.explain import ExplainTotals
    from proccli.commands.explain.text import totals_text

    totals = ExplainTotals(result.config)
    totals.hosts.append(result.host)
    totals.add(result)
    return totals_text(totals, view_of(sys.stdout, invocation.colour), options)

"""`proccli test`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import click
from click.shell_completion import CompletionItem

from proccli.cli.helptext import HelpfulCommand
from proccli.cli.invocation import Invocation
from proccli.cli.messages import tell
from proccli.cli.options import Output, general_options, name_values, option, output_options
from proccli.cli.result import deliver
from proccli.cli.source_options import emulated_agent
from proccli.cli.streams import view_of
from proccli.cli.testinit import init
from proccli.errors import EXIT_NO

if TYPE_CHECKING:
    from proccli.config.suite import Suite
    from proccli.jobs.ruletest import RuleTestResult
    from proccli.jobs.ruletest_bench import Overrides

_WHICH = "Which tests to run"
_AGAINST = "What to run them against, in place of what the files say"


class _WithInit(HelpfulCommand):
    """A command that takes files, or `init` as its first word: a file of that name is ./init."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        if args[:1] == ["init"]:
            return init.make_context(f"{info_name} init", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


def _complete_first(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem[Any]]:
    """`init` as the first word, and files, which the shell itself knows."""
    found: list[CompletionItem[Any]] = [CompletionItem(incomplete, type="file")]
    if not ctx.params.get("files") and "init".startswith(incomplete):
        found.insert(0, CompletionItem("init", help="write tests of what is seen now"))
    return found


@click.command(
    "test",
    cls=_WithInit,
    examples=(
        ("proccli test", "run all files called *.test.yaml in this folder and below"),
        ("proccli test web.test.yaml --run '*nginx*'", "some tests of one file"),
        ("proccli test -c new.yaml --junit report.xml rules/", "would another configuration pass?"),
        ("proccli test --update web.test.yaml && git diff", "what has changed, as a diff"),
        (
            "proccli test init -c agent.yaml -s web-1.jsonl.gz web.test.yaml",
            "begin with what a recording shows",
        ),
    ),
)
@click.argument(
    "files",
    metavar="[FILE|DIR]...",
    nargs=-1,
    type=click.Path(allow_dash=True),
    shell_complete=_complete_first,
)
@option(
    "--run",
    "names",
    section=_WHICH,
    metavar="GLOB",
    multiple=True,
    help="Tests whose name is like this. Repeatable.",
)
@option(
    "-c",
    "--config",
    section=_AGAINST,
    metavar="FILE",
    type=click.Path(allow_dash=True),
    envvar="PROCCLI_CONFIG",
    show_envvar=True,
    help="Another configuration, - for standard input.",
)
@option(
    "--agent",
    section=_AGAINST,
    metavar="VERSION",
    callback=emulated_agent,
    envvar="PROCCLI_AGENT",
    show_envvar=True,
    help="Another agent.",
)
@option(
    "--via",
    section=_AGAINST,
    type=click.Choice(["server", "file"]),
    envvar="PROCCLI_VIA",
    show_envvar=True,
    help="How the configuration reaches the agent.",
)
@option(
    "--env",
    section=_AGAINST,
    metavar="NAME=VALUE",
    callback=name_values,
    multiple=True,
    help="A variable of the agent's environment, for %NAME%. Repeatable.",
)
@option(
    "--update",
    section="What to write",
    is_flag=True,
    help="Write what is the case into the expectations that are not met, and nothing else.",
)
@option(
    "--junit",
    section="What to write",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="A report as JUnit XML, beside what is printed. Replaces FILE.",
)
@output_options
@option(
    "--coverage",
    section="How to print it",
    is_flag=True,
    help="With a table of the rules and how many tests each one decided.",
)
@general_options
def command(
    *,
    files: Sequence[str],
    names: Sequence[str],
    update: bool,
    junit: str | None,
    output: Output,
    coverage: bool,
    invocation: Invocation,
    **against: Any,
) -> int:
    """rule tests: made-up and recorded processes, and what should become of each

    Each FILE describes processes and the rule, name or tags that they should get; of a DIR all
    files called *.test.yaml, and without either those in the current folder and below. A test
    that fails shows the trace of `proccli explain`. Exits with 1 if any failed, and with 3 if a
    file of tests, a configuration or a recording can't be used.

    `proccli test init` writes a file of tests from what is seen now (see its --help).
    """
    from proccli.errors import UsageError
    from proccli.jobs.ruletest import run_suites
    from proccli.jobs.ruletest_files import open_suites

    if update and "-" in files:
        raise UsageError("--update writes into the files of tests: - is none")
    if "-" in files and against["config"] == "-":
        raise UsageError("only one of -c and FILE can read standard input")
    overrides = _overrides(**against)
    suites = open_suites(files or ["."])
    result = run_suites(suites, overrides, names)
    if update and _updated(suites, result):
        result = run_suites(open_suites(files or ["."]), overrides, names)
    if junit is not None:
        _write_junit(junit, result)
    content = _rendered(result, output, coverage, invocation)
    return deliver(invocation, content, result.notices, 0 if result.passed else EXIT_NO)


def _overrides(
    *,
    config: str | None,
    agent: str | None,
    via: Literal["server", "file"] | None,
    env: Sequence[tuple[str, str]],
) -> Overrides:
    from proccli.jobs.ruletest_bench import Overrides

    return Overrides(config=config, agent=agent, via=via, env=dict(env))


def _updated(suites: Sequence[Suite], result: RuleTestResult) -> bool:
    """Whether any file was changed; tells which."""
    from proccli.jobs.ruletest_update import update_files
    from proccli.plural import counted

    updates = update_files(suites, result)
    for update in updates:
        values = counted(update.values, "expected value")
        tell(f"{update.file}: {values} of {counted(update.tests, 'test')} changed")
    return bool(updates)


def _write_junit(path: str, result: RuleTestResult) -> None:
    from proccli.atomicfile import atomic_output
    from proccli.render.ruletest_junit import ruletest_junit

    with atomic_output(path, mode=0o644, force=True) as file:
        file.write(ruletest_junit(result))


def _rendered(
    result: RuleTestResult, output: Output, coverage: bool, invocation: Invocation
) -> str | bytes:
    from proccli.render.ruletest_json import ruletest_document, ruletest_lines
    from proccli.render.ruletest_text import ruletest_text

    if output == "json":
        return ruletest_document(result)
    if output == "jsonl":
        return ruletest_lines(result)
    return ruletest_text(result, view_of(sys.stdout, invocation.colour), coverage=coverage)

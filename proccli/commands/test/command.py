"""`proccli test` and `proccli test init`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import click
from click.shell_completion import CompletionItem

from proccli.cli.help import CommandWithExamples
from proccli.cli.messages import print_message, print_result
from proccli.cli.output import Invocation, view_of
from proccli.commands.options.output import (
    INPUT_PATH,
    Output,
    general_options,
    option,
    output_options,
)
from proccli.commands.options.source import (
    agent_option,
    config_option,
    env_option,
    source_options,
    via_option,
)
from proccli.errors import EXIT_NO

if TYPE_CHECKING:
    from proccli.commands.inputs import InputOptions
    from proccli.commands.test.evaluate import Overrides
    from proccli.commands.test.run import RuleTestResult
    from proccli.commands.test.test_file import Suite
    from proccli.commands.test.write import Draft


@click.command(
    "init",
    cls=CommandWithExamples,
    examples=(
        (
            "proccli test init -c agent.yaml -s web-1.jsonl.gz web.test.yaml",
            "Create one test for each outcome in a recording",
        ),
        ("proccli test init -c agent.yaml", "Print tests for this machine without writing a file"),
    ),
)
@click.argument("file", required=False, type=click.Path(allow_dash=True))
@option("--force", section="File options", is_flag=True, help="Overwrite an existing file.")
@source_options
@general_options
def init(*, options: InputOptions, file: str | None, force: bool, invocation: Invocation) -> int:
    """Create a test file from the current outcomes.

    Writes one test for each outcome: status, reason, rule, name and tags. Each test describes a
    process like one that was found, with its arguments, user, tags and ancestors. If that would
    reveal a secret, the test refers to the recording instead; on a live machine it is left out.
    Without FILE, or with -, the tests are printed.
    """
    from proccli.commands.inputs import open_inputs, refuse_ps
    from proccli.commands.test.write import draft_suite
    from proccli.files import atomic_output

    inputs = refuse_ps(open_inputs(options), "separate arguments, which tests are made of")
    target = None if file == "-" else file
    draft = draft_suite(inputs, options, target)
    if target is None:
        print_message(_draft_summary(draft))
        return print_result(invocation, draft.text, inputs.notes)
    with atomic_output(target, mode=0o644, force=force) as out:
        out.write(draft.text.encode())
    print_message(f"{_draft_summary(draft)}, written to {target}")
    return print_result(invocation, "", inputs.notes)


def _draft_summary(draft: Draft) -> str:
    """The number of tests, and of outcomes without a test."""
    from proccli.text import counted, listed

    missing = [
        words
        for number, words in (
            (
                draft.undescribed,
                f"{counted(draft.undescribed, 'outcome')} that cannot be described",
            ),
            (draft.unknown, f"{counted(draft.unknown, 'process')} with an unknown outcome"),
            (draft.too_many, f"{counted(draft.too_many, 'more outcome')}"),
        )
        if number
    ]
    without = f"; without a test: {listed(missing)}" if missing else ""
    return f"{counted(draft.tests, 'test')}{without}"


_WHICH = "Test selection"
_AGAINST = "Overrides (instead of the values in the test files)"


class _WithInit(CommandWithExamples):
    """A command with FILE arguments or the subcommand `init`; a file of that name is ./init."""

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
    """`init` as the first word, and files, which the shell completes itself."""
    found: list[CompletionItem[Any]] = [CompletionItem(incomplete, type="file")]
    if not ctx.params.get("files") and "init".startswith(incomplete):
        found.insert(0, CompletionItem("init", help="Write tests for the current outcomes."))
    return found


@click.command(
    "test",
    cls=_WithInit,
    examples=(
        ("proccli test", "Run all *.test.yaml files in this directory and below"),
        ("proccli test web.test.yaml --run '*nginx*'", "Run some tests of one file"),
        (
            "proccli test -c new.yaml --junit report.xml rules/",
            "Test another configuration and write a JUnit report",
        ),
        (
            "proccli test --update web.test.yaml && git diff",
            "Update the expected values and review the difference",
        ),
        (
            "proccli test init -c agent.yaml -s web-1.jsonl.gz web.test.yaml",
            "Create tests from a recording",
        ),
    ),
)
@click.argument(
    "files",
    metavar="[FILE|DIR]...",
    nargs=-1,
    type=INPUT_PATH,
    shell_complete=_complete_first,
)
@option(
    "--run",
    "names",
    section=_WHICH,
    metavar="GLOB",
    multiple=True,
    help="Only tests whose name matches GLOB. Repeatable.",
)
@config_option("Configuration to test; - reads standard input.", _AGAINST)
@agent_option("Agent version to emulate.", _AGAINST)
@via_option("How the configuration reaches the agent.", _AGAINST)
@env_option(_AGAINST)
@option(
    "--update",
    section="File options",
    is_flag=True,
    help="Replace the expected values that do not match with the actual ones, and nothing else.",
)
@option(
    "--junit",
    section="File options",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Also write a JUnit XML report. Overwrites FILE.",
)
@output_options
@option(
    "-q",
    "--quiet",
    section="Output options",
    is_flag=True,
    help="Print only failed tests; nothing if all pass.",
)
@option(
    "--coverage",
    section="Output options",
    is_flag=True,
    help="Also show how many tests each rule decided.",
)
@general_options
def command(
    *,
    files: Sequence[str],
    names: Sequence[str],
    update: bool,
    junit: str | None,
    output: Output,
    quiet: bool,
    coverage: bool,
    invocation: Invocation,
    **against: Any,
) -> int:
    """Run rule tests on made-up and recorded processes.

    Each FILE describes processes and the rule, name or tags that they should get. For a DIR, all
    *.test.yaml files in it and below are run; the default is the current directory. A failed test
    shows the output of `proccli explain`. Exits 1 if a test failed, and 3 if a test file, a
    configuration or a recording cannot be used.

    `proccli test init` creates a test file from the current outcomes (see its --help).
    """
    from proccli.commands.test.run import run_suites
    from proccli.commands.test.test_file import open_suites
    from proccli.errors import UsageError

    if quiet and (coverage or output != "table"):
        raise UsageError("--quiet cannot be combined with --coverage or another output format")
    if update and "-" in files:
        raise UsageError("--update cannot write to standard input (-)")
    if "-" in files and against["config"] == "-":
        raise UsageError("only one of -c and FILE can read standard input")
    overrides = _overrides(**against)
    suites = open_suites(files or ["."])
    result = run_suites(suites, overrides, names)
    if update and _updated(suites, result):
        result = run_suites(open_suites(files or ["."]), overrides, names)
    if junit is not None:
        _write_junit(junit, result)
    content = (
        ""
        if quiet and result.passed
        else _rendered(result, output, invocation, coverage=coverage, failed_only=quiet)
    )
    return print_result(invocation, content, result.notes, 0 if result.passed else EXIT_NO)


def _overrides(
    *,
    config: str | None,
    agent: str | None,
    via: Literal["server", "file"] | None,
    env: Sequence[tuple[str, str]],
) -> Overrides:
    from proccli.commands.test.evaluate import Overrides

    return Overrides(config=config, agent=agent, via=via, env=dict(env))


def _updated(suites: Sequence[Suite], result: RuleTestResult) -> bool:
    """Update the files and report each; return whether any was changed."""
    from proccli.commands.test.update import update_files
    from proccli.text import counted

    updates = update_files(suites, result)
    for update in updates:
        values = counted(update.values, "expected value")
        print_message(f"{update.file}: updated {values} in {counted(update.tests, 'test')}")
    return bool(updates)


def _write_junit(path: str, result: RuleTestResult) -> None:
    from proccli.commands.test.junit import ruletest_junit
    from proccli.files import atomic_output

    with atomic_output(path, mode=0o644, force=True) as file:
        file.write(ruletest_junit(result))


def _rendered(
    result: RuleTestResult,
    output: Output,
    invocation: Invocation,
    *,
    coverage: bool,
    failed_only: bool,
) -> str | bytes:
    from proccli.commands.test.json import ruletest_document, ruletest_lines
    from proccli.commands.test.text import ruletest_text

    if output == "json":
        return ruletest_document(result)
    if output == "jsonl":
        return ruletest_lines(result)
    view = view_of(sys.stdout, invocation.colour)
    return ruletest_text(result, view, coverage=coverage, failed_only=failed_only)

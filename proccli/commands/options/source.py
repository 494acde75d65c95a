"""The input options of most commands, with their environment variables."""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import click
from click.core import ParameterSource

from proccli.cli.output import Invocation
from proccli.commands.options.output import INPUT_PATH, Body, name_values, option
from proccli.errors import SourceError, UsageError
from proccli.versions import (
    AGENTS,
    DEFAULT_AGENT,
    FEATURES,
    SERVERS,
    agent_version,
    server_version,
)

if TYPE_CHECKING:
    from proccli.commands.inputs import InputOptions


def source_options(body: Body) -> Body:
    """The input options; the command gets them as `options`, an `InputOptions`."""
    return source_options_without()(body)


def source_options_without(*names: str) -> Callable[[Body], Body]:
    """The input options without these parameters, which the command defines itself or lacks."""

    def decorated(body: Body) -> Body:
        @functools.wraps(body)
        def with_options(**given: Any) -> Any:
            return body(options=_input_options(given, names), **given)

        wrapped = cast("Body", with_options)
        for name, decorate in reversed(tuple(_SOURCE_OPTIONS.items())):
            if name not in names:
                wrapped = decorate(wrapped)
        return wrapped

    return decorated


def _input_options(given: dict[str, Any], without: Sequence[str]) -> InputOptions:
    """The `InputOptions`, removed from `given`. Raises: click.UsageError."""
    from proccli.cli.messages import print_message
    from proccli.commands.inputs import InputOptions

    # A parameter of that name belongs to the command.
    own = {name: given.pop(name) for name in without if name in given}
    given.update(dict.fromkeys(without))
    _prefer_typed(given)
    named = {"-c": given["config"], "-s": given["snapshot"], "--tags": given["tags"]}
    from_stdin = [name for name, value in named.items() if value == "-"]
    if len(from_stdin) > 1:
        *names, last = from_stdin
        raise click.UsageError(f"only one of {', '.join(names)} and {last} can read standard input")
    if from_stdin and sys.stdin is None:
        raise SourceError("standard input is closed")
    options = InputOptions(
        config=given.pop("config"),
        snapshot=given.pop("snapshot"),
        proc_root=given.pop("proc_root"),
        agent=given.pop("agent"),
        server=given.pop("server"),
        via=given.pop("via"),
        feature=given.pop("feature"),
        env=dict(given.pop("env")),
        tags=given.pop("tags"),
        tag_exec=not given.pop("no_tag_exec"),
        run_tag_exec=given.pop("run_tag_exec"),
        tag_timeout_s=given.pop("tag_timeout"),
        announce=print_message,
    )
    given.update(own)
    return options


def _prefer_typed(given: dict[str, Any]) -> None:
    """Of two mutually exclusive options, the typed one overrides the environment variable."""
    source_of = click.get_current_context().get_parameter_source
    for one, other in (("snapshot", "proc_root"), ("run_tag_exec", "tags")):
        for typed, set_aside in ((one, other), (other, one)):
            if (
                source_of(typed) is ParameterSource.COMMANDLINE
                and source_of(set_aside) is ParameterSource.ENVIRONMENT
            ):
                given[set_aside] = None


def emulated_agent(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """The version, if it is known. Raises: click.BadParameter."""
    if value is not None:
        try:
            agent_version(value)
        except UsageError as error:
            raise click.BadParameter(error.problem) from None
    return value


def complete_agent(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The agent versions that a typed one may become."""
    return [version for version in AGENTS if version.startswith(incomplete)]


def known_server(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """The version, if it is known. Raises: click.BadParameter."""
    if value is not None:
        try:
            server_version(value)
        except UsageError as error:
            raise click.BadParameter(error.problem) from None
    return value


def no_nan(_ctx: click.Context, _param: click.Parameter, value: float | None) -> float | None:
    """The number of seconds, or None if not given. Raises: click.BadParameter if it is NaN."""
    # A range accepts NaN: it is neither below nor above anything.
    if value is not None and math.isnan(value):
        raise click.BadParameter("nan is not a number of seconds")
    return value


_WHAT = "Input options"
_SOURCE_OPTIONS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "config": option(
        "-c",
        "--config",
        section=_WHAT,
        metavar="FILE",
        type=INPUT_PATH,
        once=True,
        envvar="PROCCLI_CONFIG",
        show_envvar=True,
        help="Agent configuration; - reads standard input. Default: the agent's defaults.",
    ),
    "snapshot": option(
        "-s",
        "--snapshot",
        section=_WHAT,
        metavar="PATH",
        type=INPUT_PATH,
        once=True,
        envvar="PROCCLI_SNAPSHOT",
        show_envvar=True,
        help="A recording or a /proc-like directory to use instead of the live machine; - reads a"
        " recording from standard input.",
    ),
    "proc_root": option(
        "--proc-root",
        section=_WHAT,
        rare=True,
        metavar="DIR",
        type=click.Path(readable=False),
        once=True,
        envvar="PROCCLI_PROC_ROOT",
        show_envvar=True,
        help="Mount point of the live proc file system; overrides os-proc-root.",
    ),
    "agent": option(
        "--agent",
        section=_WHAT,
        metavar="VERSION",
        callback=emulated_agent,
        shell_complete=complete_agent,
        envvar="PROCCLI_AGENT",
        show_envvar=True,
        help="Agent version to emulate: a release, or a branch such as"
        f" {DEFAULT_AGENT}. Default: by the configuration's dialect.",
    ),
    "server": option(
        "--server",
        section=_WHAT,
        rare=True,
        metavar="VERSION",
        callback=known_server,
        shell_complete=lambda _ctx, _param, incomplete: [
            version for version in SERVERS if version.startswith(incomplete)
        ],
        help="Server version, which passes the configuration on and receives the processes."
        " Default: that of the agent.",
    ),
    "via": option(
        "--via",
        section=_WHAT,
        rare=True,
        type=click.Choice(["server", "file"]),
        default="server",
        show_default=True,
        envvar="PROCCLI_VIA",
        show_envvar=True,
        help="How the configuration reaches the agent; the server rewrites some values.",
    ),
    "feature": option(
        "--feature",
        section=_WHAT,
        rare=True,
        metavar="NAME",
        shell_complete=lambda _ctx, _param, incomplete: [
            name for name in FEATURES if name.startswith(incomplete)
        ],
        help="Feature whose matchers are applied (inputs.proc). Default: proc.gprocess_info.",
    ),
    "env": option(
        "--env",
        section=_WHAT,
        rare=True,
        metavar="NAME=VALUE",
        callback=name_values,
        multiple=True,
        help="Environment variable of the agent, used for %NAME%. Repeatable.",
    ),
    "tags": option(
        "--tags",
        section=_WHAT,
        metavar="FILE",
        type=INPUT_PATH,
        once=True,
        envvar="PROCCLI_TAGS",
        show_envvar=True,
        help="Output of the tag command, used instead of running it; - reads standard input.",
    ),
    "no_tag_exec": option(
        "--no-tag-exec",
        section=_WHAT,
        rare=True,
        is_flag=True,
        help="Do not run the configured tag command; tags are then unknown.",
    ),
    # The next two have no environment variable: the environment must not start a command.
    "run_tag_exec": option(
        "--run-tag-exec",
        section=_WHAT,
        rare=True,
        is_flag=True,
        help="Run the tag command even if the configuration comes from standard input or is"
        " writable by users other than root and you.",
    ),
    "tag_timeout": option(
        "--tag-timeout",
        section=_WHAT,
        rare=True,
        metavar="SECONDS",
        type=click.FloatRange(min=0, min_open=True, max=86_400),
        callback=no_nan,
        default=10.0,
        show_default=True,
        help="Time limit for the tag command (the agent has none).",
    ),
}


def jobs_option(body: Body) -> Body:
    """`--jobs`, for a command with `source_options` above it; it gets the number in `options`."""

    @functools.wraps(body)
    def with_jobs(*, options: InputOptions, jobs: int | None, **given: Any) -> Any:
        return body(options=options._replace(jobs=jobs), **given)

    jobs = option(
        "--jobs",
        section=_WHAT,
        type=click.IntRange(min=1, max=64),
        metavar="N",
        help="Number of processes that read the live machine; 1 starts none. Default: by the free"
        " cores, if there are many processes to read.",
    )
    return jobs(cast("Body", with_jobs))


def wait_options(body: Body) -> Body:
    """Options of the second sample; the command gets them as `wait_policy`, a `WaitPolicy`."""

    @functools.wraps(body)
    def with_policy(*, no_wait: bool, max_wait: float, **given: Any) -> Any:
        from proccli.cli.progress import wait_for_second_sample
        from proccli.commands.samples import WaitPolicy

        invocation: Any = click.get_current_context().find_object(Invocation)
        wait = functools.partial(wait_for_second_sample, invocation)
        policy = WaitPolicy(no_wait=no_wait, max_wait_s=max_wait, wait=wait)
        return body(wait_policy=policy, **given)

    no_wait = option(
        "--no-wait",
        section=_WHAT,
        is_flag=True,
        help="Sample once; sockets not seen before have no age then.",
    )
    max_wait = option(
        "--max-wait",
        section=_WHAT,
        rare=True,
        type=click.FloatRange(min=0),
        metavar="SECONDS",
        callback=no_nan,
        default=10.0,
        show_default=True,
        help="Maximum wait for the second sample of the sockets.",
    )
    return no_wait(max_wait(cast("Body", with_policy)))

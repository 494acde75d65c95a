"""The options that say what to look at, with the environment variables that stand for them."""

from __future__ import annotations

import functools
import math
import sys
from typing import TYPE_CHECKING, Any, Final, cast

import click

from proccli.cli.options import Body, name_values, option
from proccli.errors import SourceError

if TYPE_CHECKING:
    from proccli.jobs.inputs import InputOptions

EMULATED: Final = ("6.5",)


def source_options(body: Body) -> Body:
    """What to look at; the command gets it as `options`, an `InputOptions`."""

    @functools.wraps(body)
    def with_options(**given: Any) -> Any:
        return body(options=_input_options(given), **given)

    wrapped = cast("Body", with_options)
    for decorate in reversed(_SOURCE_OPTIONS):
        wrapped = decorate(wrapped)
    return wrapped


def _input_options(given: dict[str, Any]) -> InputOptions:
    """Takes its options out of `given`. Raises: click.UsageError."""
    from proccli.cli.messages import tell
    from proccli.jobs.inputs import InputOptions

    named = {"-c": given["config"], "-s": given["snapshot"], "--tags": given["tags"]}
    from_stdin = [name for name, value in named.items() if value == "-"]
    if len(from_stdin) > 1:
        *names, last = from_stdin
        raise click.UsageError(f"only one of {', '.join(names)} and {last} can read standard input")
    if from_stdin and sys.stdin is None:
        raise SourceError("standard input is closed")
    return InputOptions(
        config=given.pop("config"),
        snapshot=given.pop("snapshot"),
        proc_root=given.pop("proc_root"),
        agent=given.pop("agent"),
        via=given.pop("via"),
        env=dict(given.pop("env")),
        tags=given.pop("tags"),
        tag_exec=not given.pop("no_tag_exec"),
        run_tag_exec=given.pop("run_tag_exec"),
        tag_timeout_s=given.pop("tag_timeout"),
        announce=tell,
    )


def _emulated_agent(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and value not in EMULATED:
        raise click.BadParameter(f"agent {value} is not emulated yet; {', '.join(EMULATED)} is")
    return value


def _no_nan(_ctx: click.Context, _param: click.Parameter, value: float) -> float:
    # A range lets it pass: it is neither below nor above anything.
    if math.isnan(value):
        raise click.BadParameter("nan is no number of seconds")
    return value


_WHAT = "What to look at"
_SOURCE_OPTIONS: Final = (
    option(
        "-c",
        "--config",
        section=_WHAT,
        metavar="FILE",
        type=click.Path(allow_dash=True),
        envvar="PROCCLI_CONFIG",
        show_envvar=True,
        help="The agent's configuration, - for standard input. Without it, the agent's defaults.",
    ),
    option(
        "-s",
        "--snapshot",
        section=_WHAT,
        metavar="PATH",
        type=click.Path(allow_dash=True),
        envvar="PROCCLI_SNAPSHOT",
        show_envvar=True,
        help="A recording, a directory laid out like /proc, or - for a recording on standard"
        " input, instead of the live machine.",
    ),
    option(
        "--proc-root",
        section=_WHAT,
        metavar="DIR",
        type=click.Path(file_okay=False),
        envvar="PROCCLI_PROC_ROOT",
        show_envvar=True,
        help="Another mount of the live proc file system; overrides os-proc-root.",
    ),
    option(
        "--agent",
        section=_WHAT,
        metavar="VERSION",
        callback=_emulated_agent,
        shell_complete=lambda _ctx, _param, incomplete: [
            version for version in EMULATED if version.startswith(incomplete)
        ],
        envvar="PROCCLI_AGENT",
        show_envvar=True,
        help=f"Which agent to be: {', '.join(EMULATED)}.",
    ),
    option(
        "--via",
        section=_WHAT,
        type=click.Choice(["server", "file"]),
        default="server",
        show_default=True,
        envvar="PROCCLI_VIA",
        show_envvar=True,
        help="How the configuration reaches the agent: the server rewrites some values.",
    ),
    option(
        "--env",
        section=_WHAT,
        metavar="NAME=VALUE",
        callback=name_values,
        multiple=True,
        help="A variable of the agent's environment, for %NAME%. Repeatable.",
    ),
    option(
        "--tags",
        section=_WHAT,
        metavar="FILE",
        type=click.Path(allow_dash=True),
        envvar="PROCCLI_TAGS",
        show_envvar=True,
        help="What the tag command printed, - for standard input, instead of running it.",
    ),
    option(
        "--no-tag-exec",
        section=_WHAT,
        is_flag=True,
        help="Don't run the configuration's tag command: tags are then unknown.",
    ),
    # No variable stands for the next two: the environment must not start a command.
    option(
        "--run-tag-exec",
        section=_WHAT,
        is_flag=True,
        help="Run it even if the configuration comes from standard input, or others than root"
        " and you could have written it.",
    ),
    option(
        "--tag-timeout",
        section=_WHAT,
        metavar="SECONDS",
        type=click.FloatRange(min=0, min_open=True, max=86_400),
        callback=_no_nan,
        default=10.0,
        show_default=True,
        help="How long it may take; the agent has no limit.",
    ),
)


def wait_options(body: Body) -> Body:
    """How long to wait for a second look; the command gets them as `no_wait` and `max_wait`."""
    no_wait = option(
        "--no-wait",
        section=_WHAT,
        is_flag=True,
        help="Look once: what is new to /proc has no age then.",
    )
    max_wait = option(
        "--max-wait",
        section=_WHAT,
        type=click.FloatRange(min=0),
        metavar="SECONDS",
        callback=_no_nan,
        default=10.0,
        show_default=True,
        help="Wait at most so long for a second look at the sockets.",
    )
    return no_wait(max_wait(body))

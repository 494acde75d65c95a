"""The options that commands share, with the environment variables that stand for them."""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypeVar, cast

import click
from click.core import ParameterSource

from proccli.cli.helptext import Option
from proccli.cli.invocation import Invocation
from proccli.errors import SourceError

if TYPE_CHECKING:
    from proccli.jobs.inputs import InputOptions

Output: TypeAlias = Literal["table", "json", "jsonl"]
Body = TypeVar("Body", bound=Callable[..., Any])

EMULATED: Final = ("6.5",)
_OUTPUT = "proccli.output"


def option(*names: str, section: str, **settings: Any) -> Callable[[Body], Body]:
    """An option under a heading of the help."""
    return click.option(*names, cls=Option, section=section, **settings)


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


def name_values(
    _ctx: click.Context, param: click.Parameter, values: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    """Each `NAME=VALUE` as a pair; the value may be empty and may hold further `=`.

    Raises: click.BadParameter.
    """
    pairs = [value.partition("=") for value in values]
    for name, equals, content in pairs:
        if not name or not equals:
            raise click.BadParameter(f"{name + equals + content!r} is not {param.metavar}")
    return tuple((name, content) for name, _, content in pairs)


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
        default=10.0,
        show_default=True,
        help="Wait at most so long for a second look at the sockets.",
    )
    return no_wait(max_wait(body))


def output_options(body: Body) -> Body:
    """How to print the result; the command gets it as `output`. The last one given counts."""

    @functools.wraps(body)
    def with_output(**given: Any) -> Any:
        given.pop("as_json")
        context = click.get_current_context()
        output = context.meta.get(_OUTPUT, given.pop("output"))
        return body(output=output, **given)

    return _OUTPUT_OPTION(_JSON_OPTION(cast("Body", with_output)))


def _remember_output(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    # click calls back in the order of the command line, so the last one stays.
    if ctx.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE:
        ctx.meta[_OUTPUT] = "json" if param.name == "as_json" else value
    return value


_HOW = "How to print it"
_OUTPUT_OPTION = option(
    "-o",
    "--output",
    section=_HOW,
    type=click.Choice(["table", "json", "jsonl"]),
    default="table",
    show_default=True,
    callback=_remember_output,
    envvar="PROCCLI_OUTPUT",
    show_envvar=True,
    help="For people; one JSON document; one JSON line for each process.",
)
_JSON_OPTION = option(
    "--json", "as_json", section=_HOW, is_flag=True, callback=_remember_output, help="-o json."
)


def strict_option(body: Body) -> Body:
    """`--strict`; the command gets it as `strict`."""
    return option(
        "--strict",
        section=_HOW,
        is_flag=True,
        help="Exit with 4 if the view was incomplete: something that the agent would know is"
        " unknown here.",
    )(body)


def general_options(body: Body) -> Body:
    """`--color` and `--debug`, which the invocation keeps; the command gets it as `invocation`."""

    @functools.wraps(body)
    def with_invocation(**given: Any) -> Any:
        return body(invocation=click.get_current_context().find_object(Invocation), **given)

    return _COLOUR_OPTION(_DEBUG_OPTION(cast("Body", with_invocation)))


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    invocation = ctx.find_object(Invocation)
    if invocation is not None and param.name:
        setattr(invocation, param.name, value)


_COLOUR_OPTION = option(
    "--color",
    "colour",
    section=_HOW,
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    is_eager=True,
    expose_value=False,
    callback=_keep,
    envvar="PROCCLI_COLOR",
    show_envvar=True,
    help="When to use colours; auto: on a terminal, unless NO_COLOR is set.",
)
_DEBUG_OPTION = option(
    "--debug",
    section="Other options",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_keep,
    help="Show the Python traceback of an error.",
)

"""Options that several commands share: output, colours, filters, debugging."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, TypeAlias, TypeVar, cast

import click
from click.core import ParameterSource

from proccli.cli.help import OnceOption, Option, keep
from proccli.cli.output import Invocation

Output: TypeAlias = Literal["table", "json", "jsonl"]
Body = TypeVar("Body", bound=Callable[..., Any])

_OUTPUT = "proccli.output"
_FORMATS = "Output format. json: one document; jsonl: one JSON object per line"


INPUT_PATH: Final = click.Path(allow_dash=True, readable=False)
"""A file that is read, or `-`. Whether it can be read is found out by reading it: exit code 3."""


def option(
    *names: str, section: str, once: bool = False, **settings: Any
) -> Callable[[Body], Body]:
    """An option in a section of the help; `once`: giving it twice is an error."""
    return click.option(*names, cls=OnceOption if once else Option, section=section, **settings)


def name_values(
    _ctx: click.Context, param: click.Parameter, values: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    """Each `NAME=VALUE` as a pair; the value may be empty and may contain `=`.

    Raises: click.BadParameter.
    """
    pairs = [value.partition("=") for value in values]
    for name, equals, content in pairs:
        if not name or not equals:
            raise click.BadParameter(f"{name + equals + content!r} is not {param.metavar}")
    return tuple((name, content) for name, _, content in pairs)


def tag_globs(
    ctx: click.Context, param: click.Parameter, values: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    """Each `KEY[=GLOB]` as a pair; without a glob it is `*`. Raises: click.BadParameter."""
    return name_values(ctx, param, [text if "=" in text else f"{text}=*" for text in values])


def output_options(body: Body) -> Body:
    """`-o` and `--json`; the command gets them as `output`. The last one given wins."""
    return _with_output(body, _OUTPUT_OPTION)


def output_options_with(**more: str) -> Callable[[Body], Body]:
    """`output_options` with further formats, each with its explanation."""
    explained = "; ".join([_FORMATS, *(f"{name}: {text}" for name, text in more.items())])
    choice = _output_option(("table", "json", "jsonl", *more), f"{explained}.")
    return lambda body: _with_output(body, choice)


def _with_output(body: Body, choice: Callable[[Body], Body]) -> Body:
    @functools.wraps(body)
    def with_output(**given: Any) -> Any:
        given.pop("as_json")
        context = click.get_current_context()
        output = context.meta.get(_OUTPUT, given.pop("output"))
        return body(output=output, **given)

    return choice(_JSON_OPTION(cast("Body", with_output)))


def _remember_output(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    # click calls back in the order of the command line, so the last one wins.
    if ctx.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE:
        ctx.meta[_OUTPUT] = "json" if param.name == "as_json" else value
    return value


_HOW = "Output options"


def _output_option(formats: Sequence[str], explained: str) -> Callable[[Body], Body]:
    return option(
        "-o",
        "--output",
        section=_HOW,
        type=click.Choice(formats),
        default="table",
        show_default=True,
        callback=_remember_output,
        envvar="PROCCLI_OUTPUT",
        show_envvar=True,
        help=explained,
    )


_OUTPUT_OPTION: Callable[[Any], Any] = _output_option(("table", "json", "jsonl"), f"{_FORMATS}.")
_JSON_OPTION = option(
    "--json",
    "as_json",
    section=_HOW,
    is_flag=True,
    callback=_remember_output,
    help="Same as -o json.",
)


def strict_option(body: Body) -> Body:
    """`--strict`; the command gets it as `strict`."""
    return option(
        "--strict",
        section=_HOW,
        rare=True,
        is_flag=True,
        help="Exit 4 if anything the agent would know could not be determined.",
    )(body)


def port_option(section: str, explained: str) -> Callable[[Body], Body]:
    """`--port`, repeatable; the command gets it as `ports`."""
    return option(
        "--port",
        "ports",
        section=section,
        type=click.IntRange(min=0, max=65535),
        metavar="PORT",
        multiple=True,
        help=explained,
    )


def protocol_option(section: str) -> Callable[[Body], Body]:
    """`--protocol`, repeatable; the command gets it as `protocols`."""
    return option(
        "--protocol",
        "protocols",
        section=section,
        type=click.Choice(["tcp", "udp"]),
        multiple=True,
        help="Only this protocol. Repeatable.",
    )


def general_options(body: Body) -> Body:
    """`--color` and `--debug`, stored in the invocation; the command gets it as `invocation`."""

    @functools.wraps(body)
    def with_invocation(**given: Any) -> Any:
        return body(invocation=click.get_current_context().find_object(Invocation), **given)

    return _COLOUR_OPTION(_DEBUG_OPTION(cast("Body", with_invocation)))


_COLOUR_OPTION = option(
    "--color",
    "colour",
    section=_HOW,
    rare=True,
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    is_eager=True,
    expose_value=False,
    callback=keep,
    envvar="PROCCLI_COLOR",
    show_envvar=True,
    help="When to use colours. auto: on a terminal, unless NO_COLOR is set.",
)
_DEBUG_OPTION = option(
    "--debug",
    section="Other options",
    rare=True,
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=keep,
    help="Show the Python traceback of an error.",
)

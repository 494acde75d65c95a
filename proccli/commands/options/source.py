"""The input options of most commands, with their environment variables."""

from __future__ import annotations

import functools
import math
import os
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
    from proccli.sources.opening import NamedSource


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


def config_option(explained: str, section: str = _WHAT) -> Callable[[Any], Any]:
    """`-c`, for one file; the command gets it as `config`."""
    return option(
        "-c",
        "--config",
        section=section,
        metavar="FILE",
        type=INPUT_PATH,
        once=True,
        envvar="PROCCLI_CONFIG",
        show_envvar=True,
        help=explained,
    )


def snapshot_option(explained: str, section: str = _WHAT) -> Callable[[Any], Any]:
    """`-s`, for one source; the command gets it as `snapshot`."""
    return _snapshot_option(explained, section, once=True)


def snapshots_option(
    explained: str, section: str = _WHAT, metavar: str = "PATH"
) -> Callable[[Any], Any]:
    """`-s`, repeatable; the command gets it as `snapshots`."""
    return _snapshot_option(explained, section, "snapshots", metavar=metavar, multiple=True)


def _snapshot_option(
    explained: str, section: str, *name: str, metavar: str = "PATH", **how: bool
) -> Callable[[Any], Any]:
    return option(
        "-s",
        "--snapshot",
        *name,
        section=section,
        metavar=metavar,
        type=INPUT_PATH,
        envvar="PROCCLI_SNAPSHOT",
        show_envvar=True,
        help=explained,
        **how,
    )


def agent_option(explained: str, section: str = _WHAT, **how: Any) -> Callable[[Any], Any]:
    """`--agent`; the command gets it as `agent`."""
    return option(
        "--agent",
        section=section,
        metavar="VERSION",
        callback=emulated_agent,
        shell_complete=complete_agent,
        envvar="PROCCLI_AGENT",
        show_envvar=True,
        help=explained,
        **how,
    )


def via_option(explained: str, section: str = _WHAT, **how: Any) -> Callable[[Any], Any]:
    """`--via`; the command gets it as `via`."""
    return option(
        "--via",
        section=section,
        type=click.Choice(["server", "file"]),
        envvar="PROCCLI_VIA",
        show_envvar=True,
        help=explained,
        **how,
    )


def env_option(section: str = _WHAT, **how: Any) -> Callable[[Any], Any]:
    """`--env`, repeatable; the command gets it as `env`, pairs of name and value."""
    return option(
        "--env",
        section=section,
        metavar="NAME=VALUE",
        callback=name_values,
        multiple=True,
        help="Environment variable of the agent, used for %NAME%. Repeatable.",
        **how,
    )


_SOURCE_OPTIONS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "config": config_option(
        "Agent configuration; - reads standard input. Default: the agent's defaults."
    ),
    "snapshot": snapshot_option(
        "A recording or a /proc-like directory to use instead of the live machine, or the output"
        " of ps, which has no sockets; - reads standard input."
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
    "agent": agent_option(
        f"Agent version to emulate: a release, or a branch such as {DEFAULT_AGENT}. Default: by the"
        " configuration's dialect."
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
    "via": via_option(
        "How the configuration reaches the agent; the server rewrites some values.",
        default="server",
        show_default=True,
        rare=True,
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
    "env": env_option(rare=True),
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
        " cores, if there are at least 50 processes to read.",
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


source_operands: Final[Callable[[Any], Any]] = click.argument(
    "operands", metavar="[[NETWORK=]SOURCE]...", nargs=-1, type=INPUT_PATH
)
"""Sources as operands, for commands without other ones."""


def several_sources(body: Body) -> Body:
    """Any number of sources; the command gets them as `sources`.

    They come from `-s`, from the argument `operands` if the command has one, and from `--live`.
    Without any, the source is that of PROCCLI_SNAPSHOT, or the live machine. With `--store` or
    `--fleet`, if the command has it, there are none.
    """

    @functools.wraps(body)
    def with_sources(
        *,
        snapshots: Sequence[str],
        live: bool,
        network: str = "",
        operands: Sequence[str] = (),
        **given: Any,
    ) -> Any:
        ctx = click.get_current_context()
        if ctx.get_parameter_source("snapshots") is not ParameterSource.COMMANDLINE:
            snapshots = ()
        typed = [*snapshots, *operands]
        for name in ("store", "fleet"):
            if given.get(name) is None:
                continue
            if typed or live:
                raise click.UsageError(f"--{name} replaces all sources: give either of them")
            if ctx.get_parameter_source("config") is ParameterSource.COMMANDLINE:
                raise click.UsageError(
                    f"--{name} has the names of the hosts' own configurations: leave -c out"
                )
            return body(sources=(), **given)
        sources = _sources(ctx, typed, network, live=live)
        _check_stdin(ctx, sources)
        if sources[0].path is not None and not live and given["proc_root"] is not None:
            _refuse_both(ctx, given, typed=bool(typed))
        return body(sources=sources, **given)

    return cast("Body", _snapshots(_live(cast("Body", with_sources))))


def fleet_options(body: Body) -> Body:
    """`several_sources`, and the network of those without a `NETWORK=`."""
    return several_sources(cast("Body", _network(body)))


def _refuse_both(ctx: click.Context, given: dict[str, Any], *, typed: bool) -> None:
    """Of a source and --proc-root, the typed one counts. Raises: click.UsageError."""
    if not typed or ctx.get_parameter_source("proc_root") is ParameterSource.COMMANDLINE:
        raise click.UsageError("--snapshot and --proc-root name two sources: give one of them")
    given["proc_root"] = None


def _sources(
    ctx: click.Context, typed: Sequence[str], network: str, *, live: bool
) -> tuple[NamedSource, ...]:
    from proccli.sources.opening import NamedSource, sources_of

    by_variable = os.environ.get("PROCCLI_SNAPSHOT")
    own_root = ctx.get_parameter_source("proc_root") is ParameterSource.COMMANDLINE
    if not typed and not live and by_variable and not own_root:
        typed = [by_variable]
    named = [NamedSource(*_parts(text, network)) for text in typed]
    if live or not named:
        named.append(NamedSource(None, network))
    return sources_of(named)


def _parts(text: str, network: str) -> tuple[str, str]:
    """Path and network of `NETWORK=PATH`; if a file has this whole name, it is the path."""
    name, equals, path = text.partition("=")
    if not equals or not _network_name(name) or os.path.lexists(text):
        return text, network
    return path, name


def _network_name(text: str) -> bool:
    return text.isascii() and text.replace("_", "a").replace(".", "a").replace("-", "a").isalnum()


def _check_stdin(ctx: click.Context, sources: Sequence[NamedSource]) -> None:
    """Raises: click.UsageError; SourceError."""
    others = {"flows": "FLOWS", "config": "-c", "tags": "--tags"}
    from_stdin = [*(source.path for source in sources), *map(ctx.params.get, others)]
    if from_stdin.count("-") > 1:
        names = [written for name, written in others.items() if name in ctx.params]
        raise click.UsageError(
            f"only one of the sources, {', '.join(names[:-1])} and {names[-1]} can read standard"
            " input"
        )
    if "-" in from_stdin and sys.stdin is None:
        raise SourceError("standard input is closed")


def _only_network(_ctx: click.Context, _param: click.Parameter, names: Sequence[str]) -> str:
    """Raises: click.UsageError."""
    if len(names) > 1:
        raise click.UsageError(
            "--network applies to all sources and can be given only once; use -s NETWORK=PATH for"
            " the network of one source"
        )
    return names[0] if names else ""


_snapshots: Callable[[Any], Any] = snapshots_option(
    "A recording, a /proc-like directory, a folder of recordings, or, for topology and label,"
    " the output of proccli sync; - reads standard input. NETWORK= sets the network of this source."
    " Repeatable. Default: the live machine.",
    metavar="[NETWORK=]PATH",
)
_network: Callable[[Any], Any] = option(
    "--network",
    section=_WHAT,
    metavar="NAME",
    multiple=True,
    callback=_only_network,
    help="Network of all sources without their own NETWORK=. Equal addresses mean the same host"
    " only within one network.",
)
_live: Callable[[Any], Any] = option(
    "--live", section=_WHAT, is_flag=True, help="Add the live machine to the sources."
)

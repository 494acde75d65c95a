"""Options for several sources, each in a network: `-s NETWORK=PATH`, or `--network` for all."""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import click
from click.core import ParameterSource

from proccli.commands.options.output import INPUT_PATH, Body, option
from proccli.errors import SourceError

if TYPE_CHECKING:
    from proccli.commands.hosts.read import NamedSource

_WHAT: Final = "Input options"
_NETWORK_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+")


def fleet_options(body: Body) -> Body:
    """Sources and their networks; the command gets them as `sources`.

    Sources come from `-s`, from the argument `operands` if the command has one, and from `--live`.
    Without any, the source is that of PROCCLI_SNAPSHOT, or the live machine. With `--store`, if the
    command has it, there are none.
    """

    @functools.wraps(body)
    def with_sources(
        *,
        snapshots: Sequence[str],
        network: str,
        live: bool,
        operands: Sequence[str] = (),
        **given: Any,
    ) -> Any:
        ctx = click.get_current_context()
        if ctx.get_parameter_source("snapshots") is not ParameterSource.COMMANDLINE:
            snapshots = ()
        if given.get("store") is not None:
            if snapshots or operands or live:
                raise click.UsageError("--store replaces all sources: give either of them")
            return body(sources=(), **given)
        sources = _sources([*snapshots, *operands], network, live=live)
        _check_stdin(ctx, sources)
        return body(sources=sources, **given)

    wrapped = cast("Body", with_sources)
    for decorate in (_live, _network, _snapshot):
        wrapped = decorate(wrapped)
    return wrapped


def _sources(given: Sequence[str], network: str, *, live: bool) -> tuple[NamedSource, ...]:
    from proccli.commands.hosts.read import NamedSource

    by_variable = os.environ.get("PROCCLI_SNAPSHOT")
    if not given and not live and by_variable:
        given = [by_variable]
    named = [NamedSource(**_parts(text, network)) for text in given]
    if live or not named:
        named.append(NamedSource(path=None, network=network))
    return tuple(named)


def _parts(text: str, network: str) -> dict[str, str]:
    """Path and network of `NETWORK=PATH`; if a file has this whole name, it is the path."""
    name, equals, path = text.partition("=")
    if not equals or not _NETWORK_NAME.fullmatch(name) or os.path.lexists(text):
        return {"path": text, "network": network}
    return {"path": path, "network": name}


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


_snapshot: Callable[[Any], Any] = option(
    "-s",
    "--snapshot",
    "snapshots",
    section=_WHAT,
    metavar="[NETWORK=]PATH",
    multiple=True,
    type=INPUT_PATH,
    envvar="PROCCLI_SNAPSHOT",
    show_envvar=True,
    help="A recording, a /proc-like directory, or the output of proccli sync; - reads standard"
    " input. NETWORK= sets the network of this source. Repeatable. Default: the live machine.",
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

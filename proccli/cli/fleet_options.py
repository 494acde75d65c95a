"""Many sources on one command line, each in a network: `--network` holds for what follows it."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import click

from proccli.cli.helptext import HelpfulCommand
from proccli.cli.options import Body, option
from proccli.errors import SourceError

if TYPE_CHECKING:
    from proccli.jobs.hostviews import NamedSource

_GIVEN: Final = "proccli.sources"
_WHAT: Final = "What to look at"
_LIVE: Final = "--live"
_NETWORK: Final = "--network"
_SNAPSHOT: Final = ("-s", "--snapshot")


class FleetCommand(HelpfulCommand):
    """A command whose sources stand in networks.

    click keeps no order between options, so sources and networks are taken out before it looks.
    """

    def __init__(self, *args: Any, sources_are_arguments: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sources_are_arguments = sources_are_arguments

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """What click leaves over. Raises: click.UsageError."""
        given = _Given()
        rest: list[str] = []
        for name, value, written in self._words(args):
            if name == _NETWORK and value is not None:
                given.enter(value)
            elif name in _SNAPSHOT and value is not None:
                given.add(value)
            elif written == [_LIVE]:
                given.add(None)
            elif name == "" and value is not None and self.sources_are_arguments:
                given.add(value)
            else:
                rest.extend(written)
        ctx.meta[_GIVEN] = given.sources
        ctx.allow_extra_args = True  # click's own words for them don't say what to do
        left = super().parse_args(ctx, rest)  # which ends here if only help is asked for
        if left and not ctx.resilient_parsing:
            problem = f"unexpected extra argument {left[0]!r}: each source needs a -s of its own"
            raise click.UsageError(problem, ctx)
        if (idle := given.idle()) is not None and not ctx.resilient_parsing:
            problem = f"--network {idle} holds for the sources behind it: there are none"
            raise click.UsageError(problem, ctx)
        return left

    def _words(self, args: Sequence[str]) -> Iterator[tuple[str, str | None, Sequence[str]]]:
        """Each option with its value, `""` for an argument; and the words themselves."""
        with_value = {
            name
            for parameter in self.params
            if isinstance(parameter, click.Option) and not parameter.is_flag
            for name in parameter.opts
        }
        words = iter(args)
        for word in words:
            if word == "--":
                # click takes one of these, and reads all behind it as arguments.
                end = ["--"]
                for argument in words:
                    yield "", argument, [*end, argument]
                    end = []
                return
            if not word.startswith("-") or word == "-":
                yield "", word, [word]
                continue
            name, equals, value = word.partition("=") if word.startswith("--") else _short(word)
            if name not in with_value:
                yield name, None, [word]
            elif equals or value:
                yield name, value, [word]
            else:
                following = next(words, None)
                yield name, following, [word] if following is None else [word, following]


def _short(word: str) -> tuple[str, str, str]:
    return word[:2], "", word[2:]


class _Given:
    """The sources, in the order of the command line."""

    def __init__(self) -> None:
        self.sources: list[tuple[str | None, str]] = []
        self._entered: list[tuple[str, int]] = []
        """The networks, each with how many sources stand before it."""

    def enter(self, network: str) -> None:
        self._entered.append((network, len(self.sources)))

    def add(self, path: str | None) -> None:
        self.sources.append((path, self._entered[-1][0] if self._entered else ""))

    def idle(self) -> str | None:
        """A network with no source behind it."""
        starts = [*(before for _, before in self._entered), len(self.sources)]
        for (network, start), end in zip(self._entered, starts[1:], strict=True):
            if start == end:
                return network
        return None


def fleet_options(body: Body) -> Body:
    """Sources in networks; the command gets them as `sources`, those of PROCCLI_SNAPSHOT or the
    live machine where none is named."""

    @functools.wraps(body)
    def with_sources(**given: Any) -> Any:
        for name in ("snapshots", "network", "live"):
            given.pop(name)
        return body(sources=_sources(click.get_current_context()), **given)

    wrapped = cast("Body", with_sources)
    for decorate in (_live, _network, _snapshot):
        wrapped = decorate(wrapped)
    return wrapped


def _sources(ctx: click.Context) -> tuple[NamedSource, ...]:
    from proccli.jobs.hostviews import NamedSource

    named: list[tuple[str | None, str]] = ctx.meta[_GIVEN]
    if not named:
        named = [(os.environ.get("PROCCLI_SNAPSHOT") or None, "")]
    others = {"flows": "FLOWS", "config": "-c", "tags": "--tags"}
    from_stdin = [*(path for path, _ in named), *map(ctx.params.get, others)]
    if from_stdin.count("-") > 1:
        names = [written for name, written in others.items() if name in ctx.params]
        raise click.UsageError(
            f"only one of the sources, {', '.join(names[:-1])} and {names[-1]} can read standard"
            " input"
        )
    if "-" in from_stdin and sys.stdin is None:
        raise SourceError("standard input is closed")
    if sum(path is None for path, _ in named) > 1:
        raise click.UsageError("--live stands for one machine: give it once")
    return tuple(NamedSource(path=path, network=network) for path, network in named)


_snapshot: Callable[[Any], Any] = option(
    *_SNAPSHOT,
    "snapshots",
    section=_WHAT,
    metavar="PATH",
    multiple=True,
    type=click.Path(allow_dash=True),
    envvar="PROCCLI_SNAPSHOT",
    show_envvar=True,
    help="A recording, a directory laid out like /proc, or the output of proccli sync; - for one"
    " on standard input. Repeatable. Without any, the live machine.",
)
_network: Callable[[Any], Any] = option(
    _NETWORK,
    section=_WHAT,
    metavar="NAME",
    help="The network of all sources behind it on the command line, up to the next --network:"
    " addresses mean the same host only within a network.",
)
_live: Callable[[Any], Any] = option(
    _LIVE, section=_WHAT, is_flag=True, help="The live machine, besides the others."
)

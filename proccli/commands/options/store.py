"""Options of commands that ask a store, or the output of `proccli sync` in files."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import click
from click.core import ParameterSource

from proccli.commands.options.output import INPUT_PATH, Body, option
from proccli.commands.options.source import config_option, source_options_without

if TYPE_CHECKING:
    from proccli.commands.inputs import InputOptions

_WHAT: Final = "Input options"


def _duration(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    """Raises: click.BadParameter."""
    from proccli.commands.stores import parse_duration

    try:
        return None if value is None else parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _time(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    """Raises: click.BadParameter."""
    from proccli.commands.stores import parse_time

    try:
        return None if value is None else parse_time(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def duration_option(*names: str, section: str, **settings: Any) -> Callable[[Body], Body]:
    """An option that takes a duration; the command gets seconds."""
    return option(*names, section=section, metavar="DURATION", callback=_duration, **settings)


def store_options(body: Body) -> Body:
    """`--store`, `--password-file`, `--at` and `--max-age`, for a command that has other sources.

    The command gets them as `stored`, a `StoredDocuments`, or None without `--store`.
    """

    @functools.wraps(body)
    def with_store(
        *,
        store: str | None,
        password_file: str | None,
        at_s: int | None,
        max_age_s: int | None,
        **given: Any,
    ) -> Any:
        if store is None:
            others = {"--password-file": password_file, "--at": at_s, "--max-age": max_age_s}
            for name, value in others.items():
                if value is not None:
                    raise click.UsageError(f"{name} requires --store")
            return body(stored=None, **given)
        from proccli.commands.stores import StoredDocuments, StoreRequest

        request = StoreRequest(store=store, password_file=password_file)
        return body(stored=StoredDocuments(request, at_s, max_age_s), **given)

    wrapped = cast("Body", with_store)
    for decorate in (max_age_option, at_option, _password_file, _store_option(required=False)):
        wrapped = decorate(wrapped)
    return wrapped


def _store_option(*, required: bool) -> Callable[[Any], Any]:
    return option(
        "--store",
        section=_WHAT,
        metavar="DSN",
        required=required,
        help="The store: chdb:///DIRECTORY, or clickhouse://[USER@]HOST[:PORT][/DATABASE]"
        " (clickhouses:// for TLS).",
    )


_password_file: Callable[[Any], Any] = option(
    "--password-file",
    section=_WHAT,
    metavar="FILE",
    type=click.Path(readable=False),
    help="File with the password of the store; otherwise PROCCLI_STORE_PASSWORD is used.",
)
_network: Callable[[Any], Any] = option(
    "--network",
    section=_WHAT,
    metavar="NAME",
    default="",
    help="Network of all sources without their own NETWORK=. Equal addresses mean the same host"
    " only within one network.",
)
at_option: Callable[[Any], Any] = option(
    "--at",
    "at_s",
    section=_WHAT,
    metavar="TIME",
    callback=_time,
    help="Ask about this time (UTC), such as 2026-01-02T03:04:05Z. Default: the newest document.",
)
max_age_option: Callable[[Any], Any] = duration_option(
    "--max-age",
    "max_age_s",
    section=_WHAT,
    help="Hosts without a document for so long are silent: they are counted, but not asked."
    " Default: 1d in a store; in files, any age.",
)


def required_store_options(body: Body) -> Body:
    """`--store`, which is required, and `--password-file`; the command gets them as `request`."""

    @functools.wraps(body)
    def with_request(*, store: str, password_file: str | None, **given: Any) -> Any:
        from proccli.commands.stores import StoreRequest

        return body(request=StoreRequest(store=store, password_file=password_file), **given)

    wrapped = cast("Body", with_request)
    for decorate in (_password_file, _store_option(required=True)):
        wrapped = decorate(wrapped)
    return wrapped


_NOT_OF_RECORDINGS: Final = (
    "config",
    "snapshot",
    "proc_root",
    "feature",
    "tags",
    "no_tag_exec",
    "run_tag_exec",
    "tag_timeout",
)


def documents_to_ask(body: Body) -> Body:
    """SOURCE, `--store` and their companions; the command gets them as `request`."""
    return _with_request(body, required=False)


def documents_to_load(body: Body) -> Body:
    """Like `documents_to_ask`, with both a store and sources."""
    return _with_request(body, required=True)


def _with_request(body: Body, *, required: bool) -> Body:
    @functools.wraps(body)
    def with_request(
        *,
        store: str | None,
        password_file: str | None,
        network: str,
        operands: Sequence[str],
        config: str | None,
        options: InputOptions,
        **given: Any,
    ) -> Any:
        from proccli.commands.stores import StoreRequest, split_network

        source = click.get_current_context().get_parameter_source("config")
        if source is ParameterSource.COMMANDLINE and not operands:
            raise click.UsageError("-c is for recordings among the sources, and there are none")
        if [config, *operands].count("-") > 1:
            raise click.UsageError("only one of the sources and -c can read standard input")
        sources = [split_network(text, network) for text in operands]
        request = StoreRequest(
            store=store,
            password_file=password_file,
            sources=sources,
            of_recordings=None if config is None else options._replace(config=config),
        )
        return body(request=request, **given)

    wrapped = cast("Body", with_request)
    operands: Callable[[Any], Any] = click.argument(
        "operands", metavar="[[NETWORK=]SOURCE]...", nargs=-1, type=INPUT_PATH, required=required
    )
    decorators = (
        source_options_without(*_NOT_OF_RECORDINGS),
        config_option(
            "Configuration of the hosts whose recordings are among the sources: what the agent"
            " would send is then used, as sync prints it. Without it, recordings are refused.",
            _WHAT,
        ),
        _network,
        _password_file,
        _store_option(required=required),
    )
    for decorate in (*decorators, operands):
        wrapped = decorate(wrapped)
    return wrapped

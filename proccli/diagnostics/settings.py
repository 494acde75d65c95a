"""Checks of the settings besides the rules: switches, intervals, the tag command."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from proccli.config.yaml.nodes import resolved
from proccli.diagnostics.context import Context
from proccli.model.config import Diagnostic
from proccli.sources.secrets.arguments import mask_line
from proccli.text import visible

_LONG_S: Final = 3600
_SHELL_WORDS: Final = re.compile(r"^(?:\|\|?|&&?|;|[0-9]?>>?.*|<.*)$|\$\(|`|\$\{?[A-Za-z_]|;$")
_SHELLS: Final = re.compile(r"(?:^|/)(?:ba|da|z|k|a)?sh$")
_TIME_LIMITS: Final = re.compile(r"(?:^|/)timeout$")


def check(context: Context) -> Iterator[Diagnostic]:
    """Settings that leave nothing to sync, or have unwanted effects."""
    config, keys = context.config, context.keys
    if not config.sync_enabled:
        yield context.at_setting(
            keys.enabled,
            "sync-off",
            f"{keys.enabled} is false"
            f"{'' if context.written.setting(keys.enabled) else ' (the default)'}",
            effect="the agent sends no processes and no sockets, regardless of the rules",
            hint=f"write {keys.enabled}: true",
        )
    yield from _intervals(context)
    yield from _tags(context)
    if config.tag_exec:
        yield from _command(context)


def _intervals(context: Context) -> Iterator[Diagnostic]:
    config, keys = context.config, context.keys
    lifetime, interval = config.min_lifetime_s, config.socket_sync_interval_s
    unit = "the unit is seconds; " if config.dialect == "static_config" else ""
    static = context.agent.static_config if context.behaviour is None else None
    filters_young = static is None or static.min_lifetime
    if filters_young and lifetime == 0:
        yield context.at_setting(
            keys.lifetime,
            "min-lifetime",
            "there is no minimum lifetime",
            effect="every short-lived process is sent, and the server stores it",
            hint="omit the key for the default of 3 seconds",
        )
    elif filters_young and lifetime > _LONG_S:
        yield context.at_setting(
            keys.lifetime,
            "min-lifetime",
            f"processes and sockets younger than {lifetime} s are not sent",
            effect=f"{unit}few connections live that long",
            hint="use a few seconds",
        )
    if interval == 0 and static is not None and static.sockets != "none":
        yield context.at_setting(
            keys.interval,
            "socket-interval",
            "the agent reads the sockets without a pause",
            effect="it reads /proc continuously and runs the tag command each time",
            hint="omit the key for the default of 10 seconds",
        )
    elif interval > _LONG_S:
        yield context.at_setting(
            keys.interval,
            "socket-interval",
            f"the agent reads the sockets only every {interval} s",
            effect=f"{unit}connections in between are never seen",
            hint="use a few seconds",
        )


def _tags(context: Context) -> Iterator[Diagnostic]:
    config, keys = context.config, context.keys
    if config.tag_exec and config.tag_exec_user:
        return
    if config.tagged_only:
        yield context.at_setting(
            keys.tagged_only,
            "tagged-only-untagged",
            f"{keys.tagged_only} is true, but {keys.command} is not set",
            effect="no process has a tag, so none is synced",
            hint=f"set {keys.command}",
        )
    for rule in context.rules:
        if rule.only_with_tag:
            yield context.at_value(
                rule,
                keys.tagged_only,
                "tag-rule-untagged",
                f"{keys.rule} {rule.index} requires tags, but {keys.command} is not set",
                effect=f"no process has a tag, so the {keys.rule} never hits",
                hint=f"set {keys.command}",
            )
        elif rule.match_type == "tag":
            yield context.at_rule(
                rule,
                "tag-rule-untagged",
                f"{keys.rule} {rule.index} matches tags, but {keys.command} is not set",
                effect=f"no process has a tag, so the {keys.rule} never hits",
                hint=f"set {keys.command}",
            )
    if config.tag_exec:
        yield context.at_setting(
            keys.user,
            "tag-exec-no-user",
            f"{keys.user} is empty",
            effect=f"the agent does not run {keys.command}, so there are no tags",
            hint="use an unprivileged user",
        )


def _command(context: Context) -> Iterator[Diagnostic]:
    config = context.config
    program = config.tag_exec[0]
    shown = visible(mask_line(program)[:60])
    shell = any(_SHELLS.search(argument) for argument in config.tag_exec)
    if " " in program.strip() and len(config.tag_exec) == 1:
        yield _element(
            context,
            0,
            "tag-exec-shell",
            f'"{shown}" is read as one program name, including its spaces',
            effect=f"the agent uses no shell and finds no such program: {_without_tags(context)}",
            hint="write each argument as a list element",
        )
    elif not shell:
        yield from _shell_words(context)
    if "/" not in program:
        yield _element(
            context,
            0,
            "tag-exec-relative",
            f"{shown} is searched in the PATH of the agent",
            effect="which program runs depends on how the agent was started",
            hint="write the absolute path",
        )
    elif not context.surroundings.exists(program):
        yield _element(
            context,
            0,
            "tag-exec-missing",
            f"{shown} does not exist on this machine",
            effect=f"on hosts without it, {_without_tags(context)}",
            hint=None,
        )
    if not any(_TIME_LIMITS.search(argument) for argument in config.tag_exec[:1]):
        yield _element(
            context,
            0,
            "tag-exec-no-timeout",
            "the tag command has no time limit",
            effect="the agent waits forever; a command that hangs stops the sync",
            hint="begin with /usr/bin/timeout, 10",
        )
    yield from _user(context)


def _without_tags(context: Context) -> str:
    """What a tag command that fails costs.

    Source: FACTS A7; for inputs.proc B7: on any error the process list is empty.
    """
    if context.behaviour is None:
        return "there are no tags"
    return "the agent sends no processes at all while the command fails"


def _without_user(context: Context) -> str:
    if context.behaviour is None:
        return "the agent does not run the tag command"
    return _without_tags(context)


def _shell_words(context: Context) -> Iterator[Diagnostic]:
    for index, argument in enumerate(context.config.tag_exec):
        if _SHELL_WORDS.search(argument):
            shown = visible(mask_line(argument)[:60])
            yield _element(
                context,
                index,
                "tag-exec-shell",
                f'"{shown}" is shell syntax, but the agent does not use a shell',
                effect="the program gets it as a literal argument",
                hint="write [/bin/sh, -c, 'the whole line']",
            )
            return


def _user(context: Context) -> Iterator[Diagnostic]:
    keys = context.keys
    user, users = context.config.tag_exec_user, context.surroundings.users
    if user == "root":
        yield context.at_setting(
            keys.user,
            "tag-exec-root",
            "the tag command runs as root",
            effect="anyone who can change the command or its input is root on every host",
            hint="use an unprivileged user; the default is deepflow",
        )
    elif user and users is not None and user not in users:
        yield context.at_setting(
            keys.user,
            "tag-user-missing",
            f"user {visible(user[:60])} is not in /etc/passwd on this machine",
            effect=f"on hosts without this user, {_without_user(context)}",
            hint="the agent reads only /etc/passwd; users from LDAP or SSSD are not found",
        )


def _element(
    context: Context, index: int, code: str, message: str, *, effect: str, hint: str | None
) -> Diagnostic:
    """A diagnostic at an element of the tag command."""
    elements = context.written.elements(context.keys.command)
    if index < len(elements):
        node = resolved(elements[index])
        place = context.written.place((node.start, node.end))
        return context.at(place, code, message, effect=effect, hint=hint)
    return context.at_setting(context.keys.command, code, message, effect=effect, hint=hint)

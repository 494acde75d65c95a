"""What its readers refuse, pass over or change before any rule is looked at."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from proccli.config.nodes import Node, Scalar, resolved
from proccli.config.refusal import Refusal
from proccli.config.stages import RULE_FIELDS
from proccli.config.static_config import KEYS, NEWER_SECTION
from proccli.errors import ConfigError, Location
from proccli.lint.context import Context
from proccli.lint.reading import Reading
from proccli.lint.written import Place, Written
from proccli.model.config import Config, Diagnostic, Notice, Rule
from proccli.textsafe import visible

_HINT: Final = re.compile(r"(?P<text>.*) \((?P<hint>[^()]*(?:\([^()]*\)[^()]*)*)\)", re.DOTALL)
_NEWER_KEYS: Final[Mapping[str, str | None]] = {
    "enabled": "os-proc-sync-enabled",
    "proc_dir_path": "os-proc-root",
    "socket_info_sync_interval": "os-proc-socket-sync-interval, in seconds",
    "min_lifetime": "os-proc-socket-min-lifetime, in seconds",
    "tag_extraction": "os-app-tag-exec and os-app-tag-exec-user",
    "process_matcher": "os-proc-regex",
    "process_blacklist": "a rule with action: drop in os-proc-regex",
}
_NEWER_FIELDS: Final[Mapping[str, str | None]] = {
    "match_regex": "match-regex",
    "match_type": "match-type",
    "rewrite_name": "rewrite-name",
    "ignore": "action: drop",
    "only_with_tag": "os-proc-sync-tagged-only beside os-proc-regex",
    "only_in_container": None,
    "enabled_features": None,
    "match_languages": None,
    "match_usernames": None,
}
"""Keys of `inputs.proc`, and what does the same for agents up to 6.5."""


def refusals(reading: Reading, context: Context) -> Iterator[Diagnostic]:
    """Why the configuration, or the text as a whole, is refused."""
    failure = reading.failure
    if failure is None:
        return
    written = reading.written
    newer = next((key for key in written.keys(written.root) if key.text == NEWER_SECTION), None)
    if newer is not None:
        yield _other_dialect(failure, newer, context)
    elif not reading.is_yaml:
        code = "yaml-syntax" if failure.problem.startswith("not valid YAML") else "unreadable"
        yield _about_all(failure, code, context)
    elif not reading.faults:
        yield _about_all(failure, "config-rejected", context)
    else:
        yield from (_refusal(fault, context) for fault in reading.faults)


def _refusal(refusal: Refusal, context: Context) -> Diagnostic:
    effect = _consequence(refusal, context.config)
    at = context.written.source.at(refusal.offset)
    place = context.written.from_place(at)
    problem = refusal.problem
    return context.at(place, "config-rejected", problem, effect=effect, hint=refusal.hint)


def _consequence(refusal: Refusal, config: Config) -> str:
    if refusal.by == "server":
        return "the server refuses to take the configuration"
    if refusal.by == "proccli":
        return "what the agent makes of this can't be told, so nothing is said about the rest"
    passed_on = "the server passes it on, and " if config.via == "server" else ""
    return (
        f"{passed_on}agent {config.agent} rejects the whole configuration and goes on with its"
        " previous one"
    )


def _about_all(failure: ConfigError, code: str, context: Context) -> Diagnostic:
    at = failure.at
    place = context.written.place((0, 0)) if at is None else context.written.from_place(at)
    effect = "nothing of this configuration takes effect"
    return context.at(place, code, failure.problem, effect=effect, hint=failure.hint)


def _other_dialect(failure: ConfigError, newer: Scalar, context: Context) -> Diagnostic:
    return context.at(
        context.written.place((newer.start, newer.end)),
        "other-dialect",
        failure.problem,
        effect=f"agent {context.config.agent} passes over {NEWER_SECTION}",
        hint=failure.hint or "check the configuration of agents up to 6.5, with static_config",
    )


def notices(context: Context) -> Iterator[Diagnostic]:
    """What was said while the configuration was read, but for what other checks say better."""
    newer = {_key(found.at): found for found in _newer_keys(context)}
    yield from newer.values()
    empty = [_lines(context.written, rule) for rule in context.config.rules if not rule.places]
    for notice in context.config.notices:
        found = _located(notice, context)
        if found is None:
            continue
        place, message = found
        line = place[0].line
        if notice.code == "unknown-key" and _key(place[0]) in newer:
            continue
        if notice.code == "server-changes-value" and any(line in lines for lines in empty):
            continue
        yield _from_notice(notice, place, message, context)


def _key(at: Location) -> tuple[int, int]:
    return at.line, at.column


def _from_notice(notice: Notice, place: Place, message: str, context: Context) -> Diagnostic:
    hint = effect = None
    if notice.code in ("unknown-key", "null-is-text") and (found := _HINT.fullmatch(message)):
        message, hint = found["text"], found["hint"]
    head, separator, tail = message.rpartition(": the agent passes over it")
    if separator and not tail:
        message, effect = head, "the agent passes over it without a word"
    return context.at(place, notice.code, message, effect=effect, hint=hint)


def _located(notice: Notice, context: Context) -> tuple[Place, str] | None:
    """A notice's place and its text without it; None for one that other checks replace."""
    if notice.code == "rule-thrown-away":
        return None
    prefix = re.escape(visible(context.written.source.name))
    found = re.match(rf"{prefix}:(\d+):(\d+): ", notice.message)
    if found is None:
        return context.written.place((0, 0)), notice.message
    scalar = context.written.scalar_by(int(found[1]), int(found[2]))
    message = notice.message[found.end() :]
    if scalar is None:
        offset = context.written.offset(int(found[1]), int(found[2]))
        return context.written.place((offset, offset)), message
    return context.written.place((scalar.start, scalar.end)), message


def _newer_keys(context: Context) -> Iterator[Diagnostic]:
    written = context.written
    mappings: list[tuple[Node | None, Collection[str], Mapping[str, str | None]]] = [
        (written.section, KEYS, _NEWER_KEYS),
        *((rule, RULE_FIELDS, _NEWER_FIELDS) for rule in written.elements("os-proc-regex")),
    ]
    for mapping, own, newer in mappings:
        for key in written.keys(mapping):
            if key.text in newer and key.text not in own:
                instead = newer[key.text]
                yield context.at(
                    written.place((key.start, key.end)),
                    "newer-key",
                    f"{key.text} is a key of agents after 6.5",
                    effect=f"agent {context.config.agent} passes over it",
                    hint=f"write {instead}" if instead else "agents up to 6.5 know nothing like it",
                )


def _lines(written: Written, rule: Rule) -> range:
    """The lines of a rule."""
    elements = written.elements("os-proc-regex")
    if rule.index > len(elements):
        return range(0)
    node = resolved(elements[rule.index - 1])
    at = written.source.at
    return range(at(node.start).line, at(node.end).line + 1)

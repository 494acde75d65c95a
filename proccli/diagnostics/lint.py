"""Static checks of configurations: from a text to its diagnostics.

Everything here is a function of the text and of what is known of the machine it is for: nothing
is opened and nothing is run.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from proccli.config import loading
from proccli.diagnostics import (
    matchers,
    mistakes,
    names,
    newer_settings,
    overriding,
    patterns,
    reach,
    refused,
    rewriting,
    settings,
)
from proccli.diagnostics.context import Context, Surroundings, Written
from proccli.diagnostics.reach import Unreachable
from proccli.model.config import Config, Diagnostic


@dataclass(frozen=True, slots=True, kw_only=True)
class Linted:
    """The diagnostics of one configuration."""

    config: Config | None
    """None where it is refused."""
    diagnostics: tuple[Diagnostic, ...]
    """By line and column."""
    unreachable: tuple[Unreachable, ...] = ()
    is_yaml: bool = True
    context: Context | None = None
    """For further diagnostics; None where it is refused."""


def lint(
    text: bytes,
    name: str,
    *,
    agent: str | None = None,
    server: str | None = None,
    via: Literal["server", "file"] = "server",
    surroundings: Surroundings | None = None,
) -> Linted:
    """Everything that is wrong with a configuration, or may not be what was meant.

    Raises: UsageError for an agent or server that isn't emulated.
    """
    reading = loading.read(text, name, agent=agent, server=server, via=via)
    config = reading.config or loading.defaults(agent, via)
    context = Context(
        config=config,
        written=Written(reading.source, reading.root, config.dialect),
        surroundings=surroundings or Surroundings(),
    )
    found = list(refused.refusals(reading, context))
    if reading.faults:
        if reading.config is not None and not refused.unknown_to_us(reading):
            found += refused.notes(context)
            found += patterns.check_validity(context)
            found += rewriting.check(context)
            if config.dialect == "inputs.proc":
                found += matchers.check(context)
        return Linted(config=None, diagnostics=ordered(found), is_yaml=reading.is_yaml)
    # What costs little comes first: the time may end before everything is decided.
    newer = config.dialect == "inputs.proc"
    for check in (
        refused.notes,
        patterns.check_validity,
        *((matchers.check, matchers.check_blacklist) if newer else ()),
        *((patterns.check_titles,) if context.behaviour is None else ()),
        reach.check_agent,
        rewriting.check,
        settings.check,
        newer_settings.check,
    ):
        found += check(context)
    samples = reach.samples(context)
    found += patterns.check(context, samples)
    found += mistakes.check(context, samples)
    found += names.check(context, samples)
    if context.behaviour is not None:
        known, more = overriding.reach(context, samples)
        found += more
    else:
        known = reach.reach(context, samples)
        found += reach.check(context, known)
    return Linted(
        config=reading.config,
        diagnostics=ordered(found),
        unreachable=known.unreachable,
        context=context,
    )


def ordered(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """By line and column; at one place, what is worse comes first. Nothing is said twice."""
    ranks = {"error": 0, "warning": 1, "info": 2}
    return tuple(
        sorted(
            dict.fromkeys(diagnostics),
            key=lambda found: (
                found.at.line,
                found.at.column,
                ranks[found.severity],
                found.code,
                found.message,
            ),
        )
    )

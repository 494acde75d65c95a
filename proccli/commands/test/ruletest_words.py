"""An outcome as a test says it: the process, what is expected of it, and a name for both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from proccli.commands.test.run import outcome_of
from proccli.commands.test.suite import Invented, Pairs
from proccli.commands.test.yamltext import flow_list, scalar
from proccli.model.outcome import Outcome
from proccli.text import visible

_LONGEST_NAME: Final = 60


def invented_lines(process: Invented) -> Iterator[str]:
    """The lines of `process:`."""
    yield "  process:"
    yield f"    cmdline: {flow_list(process.argv)}"
    if process.user is not None:
        yield f"    user: {scalar(process.user)}"
    if process.uptime_s is not None:
        yield f"    uptime_s: {process.uptime_s}"
    if process.parents:
        yield f"    parents: [{', '.join(flow_list(parent) for parent in process.parents)}]"
    if process.tags is not None:
        yield f"    tags: {mapping(process.tags)}"


def expectation(outcome: Outcome) -> str:
    """What is to be expected, in one line."""
    got = outcome_of(outcome)
    parts = [f"status: {outcome.status}"]
    if outcome.status == "skipped":
        parts.append(f"reason: {outcome.reason}")
    if outcome.decided_by is not None:
        parts.append(f"rule: {outcome.decided_by}")
    if outcome.gprocess is not None:
        parts.append(f"gprocess: {_text(outcome.gprocess)}")
    tags = got["tags"]
    if isinstance(tags, tuple) and tags:
        parts.append(f"tags: {mapping(tags)}")
    return f"{{{', '.join(parts)}}}"


def _text(value: str) -> str:
    return scalar(value, like="single") if value in ("~", "null") else scalar(value)


def mapping(pairs: Pairs) -> str:
    """Pairs in braces; a key that comes more than once has a list."""
    by_key: dict[str, list[str]] = {}
    for key, value in pairs:
        by_key.setdefault(key, []).append(value)
    parts = (
        f"{scalar(key)}: {scalar(values[0]) if len(values) == 1 else flow_list(values)}"
        for key, values in by_key.items()
    )
    return f"{{{', '.join(parts)}}}"


def in_words(outcome: Outcome) -> str:
    """What happens to a process, as the name of a test."""
    name = outcome.process_name or f"[{outcome.process.comm or '?'}]"
    if outcome.status == "skipped":
        end = f"skipped, {outcome.reason}"
    elif outcome.decided_by == 0:
        end = "no rule hits it"
    elif outcome.status == "dropped":
        end = f"rule {outcome.decided_by} drops it"
    elif outcome.gprocess == outcome.process_name:
        end = f"rule {outcome.decided_by} accepts it"
    else:
        end = f"rule {outcome.decided_by} names it {_short(outcome.gprocess or '')}".rstrip()
    return f"{_short(name)}: {end}"


def _short(text: str) -> str:
    text = visible(text)
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}…"

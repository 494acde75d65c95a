"""The result of a step. In JSON, its name has the key `gate`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from proccli.commands.inputs import InputOptions

State: TypeAlias = Literal["pass", "fail", "unknown"]

_LONGEST: Final = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: whether labels pass it, and if not, what to do."""

    name: str
    state: State
    removes: int | None
    """Number of processes that this step is the first to remove; None: unknown, or not a step that
    processes pass one by one."""
    detail: str
    hint: str | None = None
    """What to do, or what to check on the server."""


def passed(name: str, detail: str, *, removes: int | None = None, hint: str | None = None) -> Step:
    """A step that labels pass."""
    return Step(name=name, state="pass", removes=removes, detail=detail, hint=hint)


def failed(name: str, detail: str, hint: str, *, removes: int | None = None) -> Step:
    """A step at which labels, or all processes, are lost."""
    return Step(name=name, state="fail", removes=removes, detail=detail, hint=hint)


def unknown(name: str, detail: str, hint: str | None = None, *, removes: int | None = None) -> Step:
    """A step whose result cannot be determined."""
    return Step(name=name, state="unknown", removes=removes, detail=detail, hint=hint)


def as_root(options: InputOptions) -> str:
    """The hint to read as root what this user cannot: again on the machine, if it was recorded."""
    if options.snapshot is not None:
        recorded = options._replace(snapshot=None)
        return f"record as root: {recorded.command('record', 'FILE', as_root=True)}"
    return f"run {options.command('doctor', as_root=True)}"


def masked_cure(options: InputOptions) -> str:
    """How to get a recording in which the rules of this configuration are decided."""
    recorded = options._replace(snapshot=None)
    again = recorded.command("record", "FILE", as_root=True)
    return f"record with this configuration: {again} (or with --no-redact)"


def brief(text: str) -> str:
    """Untrusted text, shortened for use in a sentence."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"

"""What a gate says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

State: TypeAlias = Literal["pass", "fail", "unknown"]

_LONGEST: Final = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One gate: whether labels get through it here, and if not, what to do."""

    gate: str
    state: State
    removes: int | None
    """The processes that this gate is the first to remove; None: not known, or not a gate that
    processes pass one by one."""
    detail: str
    hint: str | None = None
    """What to do, or what to ask on the server."""


def passed(gate: str, detail: str, *, removes: int | None = None, hint: str | None = None) -> Gate:
    """Nothing is lost here that should not be."""
    return Gate(gate=gate, state="pass", removes=removes, detail=detail, hint=hint)


def failed(gate: str, detail: str, hint: str, *, removes: int | None = None) -> Gate:
    """Labels are lost here, or all processes are."""
    return Gate(gate=gate, state="fail", removes=removes, detail=detail, hint=hint)


def unknown(gate: str, detail: str, hint: str | None = None, *, removes: int | None = None) -> Gate:
    """It can't be told from here."""
    return Gate(gate=gate, state="unknown", removes=removes, detail=detail, hint=hint)


def brief(text: str) -> str:
    """Somebody else's text, no longer than a sentence of ours bears."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def processes(number: int) -> str:
    """`1 process`, `2 processes`."""
    return "1 process" if number == 1 else f"{number:,} processes"

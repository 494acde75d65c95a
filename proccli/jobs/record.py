"""Write what a source shows into a recording, and prove that masking changed no outcome."""

from __future__ import annotations

from dataclasses import dataclass

from proccli.jobs.inputs import Inputs
from proccli.model import Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordResult:
    """What went into a recording."""

    path: str
    processes: int
    masked_values: int
    masked_processes: int
    changed_pids: tuple[int, ...]
    """Processes whose verdict can't be told from the recording, because of a mask."""
    notices: tuple[Notice, ...]


def record(inputs: Inputs, path: str, *, redact: bool = True, force: bool = False) -> RecordResult:
    """Write a recording, atomically and with mode 0600; `-` is stdout.

    Raises: SourceError, OutputError.
    """
    raise NotImplementedError

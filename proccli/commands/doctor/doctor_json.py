"""The steps of `doctor` as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from proccli.commands.doctor.doctor import DoctorResult
from proccli.commands.doctor.step import Gate
from proccli.terminal.document import config_json, document, lines, snapshot_json, warnings_json
from proccli.terminal.record import Json


def doctor_document(result: DoctorResult) -> bytes:
    """The document `proccli/doctor/v1`."""
    first = result.first_failure
    return document(
        "doctor",
        {
            "snapshot": snapshot_json(result.host) if result.host is not None else None,
            "config": config_json(result.config) if result.config is not None else None,
            "gates": [_gate(gate) for gate in result.gates],
            "first_failure": first.gate if first is not None else None,
            "summary": asdict(result.summary) if result.summary is not None else None,
            "warnings": warnings_json(result.notes),
        },
    )


def doctor_lines(gates: Iterable[Gate]) -> bytes:
    """One line per step."""
    return lines(map(_gate, gates))


def _gate(gate: Gate) -> Json:
    return {
        "gate": gate.gate,
        "state": gate.state,
        "removes": gate.removes,
        "detail": gate.detail,
        "hint": gate.hint,
    }

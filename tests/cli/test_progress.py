"""What a terminal shows while a scan takes long."""

from __future__ import annotations

import io
import sys

import pytest

from proccli.agent.inputs import Inputs
from proccli.agent.pipeline import Pipeline
from proccli.cli.progress import scan_progress
from proccli.model.process import NO_TAGS, Environment
from tests.build import ListSource, config, process

SLOW = r"(a{1,50}){1,50}b"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def pipeline(pattern: str, progress: object) -> Pipeline:
    return Pipeline(
        Inputs(
            config=config(("^x$",), (pattern, "cmdline", "accept")),
            source=ListSource([process(pid, "b" + "a" * 3000) for pid in range(1, 4)]),
            environment=Environment(values={}, complete=True, origin="a test"),
            tags=NO_TAGS,
            notes=(),
        ),
        progress=progress,  # type: ignore[arg-type]
    )


def test_the_slow_rule_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    times = iter(range(0, 1000, 2))

    with scan_progress(clock=lambda: float(next(times))) as progress:
        decided = pipeline(SLOW, progress).outcomes([1, 2, 3])

    assert [outcome.status for outcome in decided] == ["accepted"] * 3
    assert "3 of 3 processes; slow: rule 2" in shown.getvalue()
    assert shown.getvalue().endswith("\r\x1b[K")


def test_a_quick_scan_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    with scan_progress(clock=lambda: 0.0) as progress:
        pipeline("^y$", progress).outcomes([1, 2, 3])
    assert shown.getvalue() == ""

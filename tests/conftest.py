"""Settings of all tests: how many examples a property test tries."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase

from tests.cli.machine import write_config, write_machine
from tests.paths import ROOT

# `nohup` and a shell's `&` start us with these ignored, and every program of a test would be, too.
signal.signal(signal.SIGINT, signal.default_int_handler)
for _number in (signal.SIGHUP, signal.SIGQUIT):
    signal.signal(_number, signal.SIG_DFL)

# No deadline and no check of how long examples take to draw: both measure the machine. What failed
# is tried first the next time, except in CI, where nothing is kept between two runs.
for _profile, _examples in (("quick", 50), ("full", 1000)):
    settings.register_profile(
        _profile,
        max_examples=_examples,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        print_blob=True,
        database=None
        if "CI" in os.environ
        else DirectoryBasedExampleDatabase(ROOT / ".hypothesis" / "examples"),
    )
# `make fuzz` sets "full". A test with a number of its own has this number in both.
settings.load_profile(os.environ.get("PROCCLI_TESTS", "quick"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect tests without a look for garbage; what is there then is never looked at again.

    13,000 tests are a million objects: each look at all of them takes a quarter of a second.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Options that name a configuration and a machine; tests only read both."""
    folder: Path = tmp_path_factory.mktemp("shop")
    return ("-c", write_config(folder), "-s", str(write_machine(folder / "proc")))

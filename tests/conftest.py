"""Settings of all tests: one hypothesis profile, and which tests start first."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase

# No deadline and no check of how long examples take to draw: both measure the machine. What failed
# is tried first the next time, except in CI, where nothing is kept between two runs.
settings.register_profile(
    "proccli",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
    database=None
    if "CI" in os.environ
    else DirectoryBasedExampleDatabase(Path(__file__).parent.parent / ".hypothesis" / "examples"),
)
settings.load_profile("proccli")

"""The shop as files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.machine import write_config, write_machine


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """The options that name a configuration and a machine, to which the tests only look."""
    folder: Path = tmp_path_factory.mktemp("shop")
    return ("-c", write_config(folder), "-s", str(write_machine(folder / "proc")))

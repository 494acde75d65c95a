"""An embedded engine that the tests of a process share: to start one takes a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from proccli.store.address import parse_address
from proccli.store.engine import Engine, open_engine
from proccli.store.schema import create_tables


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine with an empty directory."""
    folder: Path = tmp_path_factory.mktemp("store")
    with open_engine(parse_address(f"chdb://{folder}/engine"), "", create=True) as opened:
        yield opened


@pytest.fixture(scope="session")
def new_store(engine: Engine) -> Callable[[], str]:
    """Makes another empty store in the engine; returns its database."""
    numbers = count()

    def make() -> str:
        database = f"store_{next(numbers)}"
        create_tables(engine, database)
        return database

    return make

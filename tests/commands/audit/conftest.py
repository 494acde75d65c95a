"""An embedded engine."""

from tests.store.conftest import engine, new_store

__all__ = ["engine", "new_store"]

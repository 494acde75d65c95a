"""What a run of `sync` leaves for the next one: a SQLite file, and a lock beside it."""

from __future__ import annotations

from proccli.state.boot import boot_id
from proccli.state.lock import locked
from proccli.state.memory import Memory
from proccli.state.place import default_state, given_state
from proccli.state.store import Store

__all__ = ["Memory", "Store", "boot_id", "default_state", "given_state", "locked"]

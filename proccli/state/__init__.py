"""What a run of `sync` saves for the next one: a JSON file, and a lock file beside it."""

from __future__ import annotations

from proccli.state.file import StateFile
from proccli.state.lock import locked
from proccli.state.memory import Memory, boot_id
from proccli.state.place import default_state, given_state

__all__ = ["Memory", "StateFile", "boot_id", "default_state", "given_state", "locked"]

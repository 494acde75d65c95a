"""Recordings of a machine's processes: one file of JSON Lines (docs/recording.md)."""

from proccli.recording.opening import open_source
from proccli.recording.reader import Recording, read_recording
from proccli.recording.writer import Written, write_recording

__all__ = ["Recording", "Written", "open_source", "read_recording", "write_recording"]

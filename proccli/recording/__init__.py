"""Recordings of a machine's processes: one file of JSON Lines (docs/recording.md)."""

from proccli.recording.opening import open_source, open_source_or_output
from proccli.recording.reader import Recording, read_recording
from proccli.recording.syncoutput import SyncOutput
from proccli.recording.writer import Written, write_recording

__all__ = [
    "Recording",
    "SyncOutput",
    "Written",
    "open_source",
    "open_source_or_output",
    "read_recording",
    "write_recording",
]

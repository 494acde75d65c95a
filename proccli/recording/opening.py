"""The source that a command's options name."""

from __future__ import annotations

from pathlib import Path

from proccli.procfs import DirectorySource, LiveSource
from proccli.procfs.source import Source
from proccli.recording.reader import read_recording


def open_source(spec: str | None, proc_root: str = "/proc") -> Source:
    """The live machine (None), a directory laid out like /proc, or a recording (`-`: on stdin).

    Raises: SourceError; RecordingError.
    """
    if spec is None:
        return LiveSource(proc_root)
    if spec != "-" and Path(spec).is_dir():
        return DirectorySource(spec)
    return read_recording(spec)

"""The process file system: a live /proc, and directories that are laid out like it."""

from proccli.procfs.directory import DirectorySource
from proccli.procfs.live import LiveSource

__all__ = ["DirectorySource", "LiveSource"]

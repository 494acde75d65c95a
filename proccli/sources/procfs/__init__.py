"""The process file system: a live /proc, and directories that are laid out like it."""

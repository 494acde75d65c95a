"""Reading what a command line names."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from proccli.errors import ConfigFileError
from proccli.text import visible

MAX_BYTES: Final = 16 << 20


def read_file(path: str) -> bytes:
    """All bytes of a file, a pipe (`<(command)`) or, for `-`, of stdin.

    Raises: ConfigFileError where there is nothing to read, or more than 16 MiB.
    """
    name = "<stdin>" if path == "-" else visible(path)
    try:
        if path == "-":
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ConfigFileError(name, _reason(error)) from None
    if len(data) > MAX_BYTES:
        raise ConfigFileError(name, f"more than {MAX_BYTES} bytes: not a configuration")
    return data


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, IsADirectoryError):
        return "is a directory: name a file in it"
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "not a path"

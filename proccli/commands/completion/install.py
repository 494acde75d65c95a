"""Writing a completion script to where its shell looks for it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from proccli.errors import OutputError
from proccli.files import atomic_output

BASH_COMPLETION: Final = Path("/usr/share/bash-completion/bash_completion")
"""The package that loads completions for bash when they are needed."""

_FOR_ALL: Final = {
    "bash": Path("/usr/local/share/bash-completion/completions/proccli"),
    "zsh": Path("/usr/local/share/zsh/site-functions/_proccli"),
    "fish": Path("/etc/fish/completions/proccli.fish"),
}


class Place(NamedTuple):
    """Where a script goes."""

    script: Path
    startup: Path | None = None
    """The start-up file of the shell that must load the script; None: the shell finds it."""


def place_of(
    shell: str, environment: Mapping[str, str], *, for_all: bool, loader: bool | None = None
) -> Place:
    """Where the script of a shell goes. `loader`: whether bash-completion is installed.

    Raises: OutputError without a home directory.
    """
    lazy = BASH_COMPLETION.exists() if loader is None else loader
    if for_all:
        needed = shell == "bash" and not lazy
        return Place(_FOR_ALL[shell], _system_bashrc() if needed else None)
    if not environment.get("HOME"):
        raise OutputError("HOME is not set, so there is no place for the completion script")
    home = Path(environment["HOME"])
    data = Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share")
    if shell == "fish":
        config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
        return Place(config / "fish" / "completions" / "proccli.fish")
    if shell == "zsh":
        startup = Path(environment.get("ZDOTDIR") or home) / ".zshrc"
        return Place(data / "zsh" / "site-functions" / "_proccli", startup)
    folder = Path(environment.get("BASH_COMPLETION_USER_DIR") or data / "bash-completion")
    return Place(folder / "completions" / "proccli", None if lazy else home / ".bashrc")


def _system_bashrc() -> Path:
    """Debian's name, or that of most others."""
    debian = Path("/etc/bash.bashrc")
    return debian if debian.exists() else Path("/etc/bashrc")


_LOAD: Final = {
    "bash": "source {script}",
    "zsh": "(( $+functions[compdef] )) || {{ autoload -Uz compinit && compinit }}; source {script}",
}
_MARK: Final = "  # proccli completion"


def install(script: str, shell: str, place: Place) -> None:
    """Write the script, and the line that loads it if one is needed and is not there yet.

    Raises: OutputError.
    """
    try:
        place.script.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot create {place.script.parent}: {error.strerror}") from error
    with atomic_output(str(place.script), mode=0o644, force=True) as file:
        file.write(script.encode())
    if place.startup is None:
        return
    line = _LOAD[shell].format(script=shlex.quote(str(place.script))) + _MARK
    try:
        before = place.startup.read_bytes() if place.startup.exists() else b""
        if line.encode() in before.splitlines():
            return
        # Appended: a start-up file is often a link into a folder of such files.
        with place.startup.open("ab") as file:
            file.write((b"\n" if before and not before.endswith(b"\n") else b"") + line.encode())
            file.write(b"\n")
    except OSError as error:
        raise OutputError(f"cannot change {place.startup}: {error.strerror}") from error

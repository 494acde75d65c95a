"""Processes that are not worth a name: shells, helpers, and what containers are started by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, get_args

from proccli.commands.suggest.naming import Line

Kind: TypeAlias = Literal["shell", "helper"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

_SHELLS: Final = frozenset("sh bash dash zsh ksh ash csh tcsh fish".split())  # noqa: SIM905 - words
_HELPERS: Final[Mapping[str, str]] = {
    **{
        name: name
        for name in [
            "sleep",
            "tail",
            "cat",
            "less",
            "more",
            "man",
            "watch",
            "top",
            "htop",
            "vi",
            "vim",
            "nano",
            "tmux",
            "screen",
            "su",
            "sudo",
            "login",
            "agetty",
            "mingetty",
            "getty",
            "pause",
            "tini",
            "dumb-init",
            "docker-init",
            "catatonit",
            "ssh-agent",
            "gpg-agent",
            "dbus-daemon",
            "dbus-launch",
            "runc",
            "conmon",
            "timeout",
            "tee",
            "xargs",
            "inotifywait",
        ]
    },
    "(sd-pam)": r"\(sd-pam\)",
}
_SHIM: Final = "containerd-shim"

SUPERVISORS: Final = frozenset(
    [
        "supervisord",
        "pm2",
        "runsvdir",
        "runsv",
        "s6-svscan",
        "s6-supervise",
        "circusd",
        "monit",
        "god",
        "foreman",
        "honcho",
        "perpd",
        "svscan",
        "supervise",
    ]
)
"""Programs that start services: what they start is no noise."""


def noise(line: Line) -> tuple[Kind, str] | None:
    """What kind of noise a process is, and the program as a pattern has it; None: it is none."""
    program = line.program
    shell = program.removeprefix("-")
    if shell in _SHELLS:
        first = line.pieces[1] if len(line.pieces) > 1 else ""
        flags = first.removeprefix("-")
        without_script = not first or (flags.isalpha() and set(flags) & set("cils"))
        return ("shell", shell) if without_script and first[:2] != "--" else None
    if program.startswith(_SHIM):
        return "helper", rf"{_SHIM}[\w-]*"
    found = _HELPERS.get(program)
    return None if found is None else ("helper", found)


def noise_pattern(kind: Kind, programs: list[str]) -> str:
    """A pattern for these programs of one kind."""
    names = programs[0] if len(programs) == 1 else f"(?:{'|'.join(programs)})"
    if kind == "shell":
        return rf"(?s)^(?:\S*/)?-?{names}(?: -[a-zA-Z]*[cils][a-zA-Z]*(?: .*)?)?$"
    return rf"(?s)^(?:\S*/)?{names}(?: .*)?$"

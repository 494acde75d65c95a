"""Shell completion of process arguments, read directly from /proc to start fast."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import click

from proccli.text import visible

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_MOST: Final = 200
_CONFIG_BYTES: Final = 1 << 20


def complete_process(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem[Any]]:
    """Pids with their name, or names as the agent sees them; nothing if a snapshot is given."""
    from click.shell_completion import CompletionItem

    if ctx.params.get("snapshot") or ctx.params.get("snapshots"):
        return []
    root = ctx.params.get("proc_root") or "/proc"
    names_from = _names_from(ctx.params.get("agent"), ctx.params.get("config"))
    if incomplete and not incomplete.isdigit():
        pids: dict[str, list[int]] = {}
        for pid, name in _processes(root, "", names_from):
            if name.startswith(incomplete) and name.isprintable():
                pids.setdefault(name, []).append(pid)
        return [
            CompletionItem(name, help=f"pid {found[0]}" if not found[1:] else f"{len(found)} pids")
            for name, found in sorted(pids.items())
        ]
    found = sorted(_processes(root, incomplete, names_from))[:_MOST]
    return [CompletionItem(str(pid), help=visible(name)) for pid, name in found]


def _names_from(agent: str | None, config: str | None) -> str:
    """Where the agent's process_name comes from: `argv0`, `exe`, or `comm` for `inputs.proc`.

    The first section of the configuration that has a dialect decides; it is looked for without
    reading YAML.
    """
    from proccli.errors import UsageError
    from proccli.versions import DEFAULT_AGENT, agent_version

    if config not in (None, "-"):
        with suppress(OSError), open(str(config), "rb") as file:  # noqa: PTH123 - starts faster
            section = re.search(
                rb"^(static_config|inputs):", file.read(_CONFIG_BYTES), re.MULTILINE
            )
            if section is not None and section[1] == b"inputs":
                return "comm"
    with suppress(UsageError):
        behaviour = agent_version(agent or DEFAULT_AGENT).static_config
        return "comm" if behaviour is None else behaviour.name_from
    return "argv0"


def _processes(root: str, prefix: str, names_from: str) -> Iterator[tuple[int, str]]:
    """Pid and name of the processes that can be read and have a name.

    Source: proccli/agent/process.py.
    """
    with suppress(OSError), os.scandir(root) as entries:
        for entry in entries:
            if entry.name.isdigit() and entry.name.startswith(prefix):
                with suppress(OSError):
                    if name := _name(entry.path, names_from):
                        yield int(entry.name), name


def _name(folder: str, names_from: str) -> str | None:
    """The name of a process; its comm where the agent has none. Raises: OSError."""
    from proccli.agent.process import file_name, parse_cmdline

    if names_from == "argv0":
        texts = parse_cmdline(_read(f"{folder}/cmdline"))
        if not isinstance(texts, str):
            return texts.process_name.text
    elif names_from == "exe":
        with suppress(OSError):
            return file_name(os.readlink(f"{folder}/exe"))  # noqa: PTH115 - starts faster
    return _read(f"{folder}/comm").decode(errors="replace").rstrip("\n")


def _read(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 - starts faster
        return file.read()

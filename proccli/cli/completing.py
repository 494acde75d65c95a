"""Shell completion of process arguments, read directly from /proc to start fast."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from proccli.text import visible

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_MOST = 200


def complete_process(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem[Any]]:
    """Pids with their comm, or process names; nothing if a snapshot is given."""
    from click.shell_completion import CompletionItem

    if ctx.params.get("snapshot") or ctx.params.get("snapshots"):
        return []
    root = ctx.params.get("proc_root") or "/proc"
    if incomplete and not incomplete.isdigit():
        names = {comm for _, comm in _processes(root, "") if comm.startswith(incomplete)}
        return [CompletionItem(name) for name in sorted(names) if name.isprintable()]
    found = sorted(_processes(root, incomplete))[:_MOST]
    return [CompletionItem(str(pid), help=visible(comm)) for pid, comm in found]


def _processes(root: str, prefix: str) -> Iterator[tuple[int, str]]:
    with suppress(OSError), os.scandir(root) as entries:
        for entry in entries:
            if entry.name.isdigit() and entry.name.startswith(prefix):
                with suppress(OSError):
                    with open(f"{entry.path}/comm", "rb") as file:  # noqa: PTH123 - starts faster
                        comm = file.read()
                    yield int(entry.name), comm.decode(errors="replace").rstrip("\n")

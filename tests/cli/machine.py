"""A directory laid out like /proc, and a configuration, for commands to look at."""

from __future__ import annotations

from pathlib import Path

from tests.commands.shop import processes

CONFIG = r"""
static_config:
  os-proc-sync-enabled: true
  os-proc-regex:
    - match-regex: python3 (.*)\.py
      match-type: cmdline
      rewrite-name: $1-py-script
    - match-regex: ^(?P<PROC>nginx).*
      rewrite-name: ${PROC}-%ROLE%
    - match-regex: bash
      match-type: parent_process_name
      action: drop
    - match-regex: ^cron$
      action: drop
"""
BOOT_S = 1_767_225_600
UPTIME_S = 97_445


def write_machine(root: Path) -> Path:
    """The web shop's processes as files; what cannot be read there is missing here."""
    root.mkdir()
    (root / "stat").write_text(f"cpu 1 2 3\nbtime {BOOT_S}\n", encoding="utf-8")
    (root / "uptime").write_text(f"{UPTIME_S}.00 1.00\n", encoding="utf-8")
    for process in processes():
        folder = root / str(process.pid)
        folder.mkdir()
        if process.cmdline is not None:
            (folder / "cmdline").write_bytes(process.cmdline)
        comm = process.comm or "x"
        (folder / "comm").write_text(f"{comm}\n", encoding="utf-8")
        numbers = f"{process.ppid} " + "0 " * 17 + f"{process.starttime_ticks} " + "0 " * 30
        (folder / "stat").write_text(f"{process.pid} ({comm}) S {numbers}\n", encoding="utf-8")
    return root


def write_config(folder: Path, text: str = CONFIG) -> str:
    """The path of a configuration file with this text."""
    path = folder / "agent.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)

"""The generated parts of README.md and other pages: what commands print, and which there are.

`python -m tests.readme` writes them anew.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

from proccli.cli.main import COMMANDS
from tests.paths import ROOT
from tests.waiting import LONG_S

README = ROOT / "README.md"
CHINESE = ROOT / "README.zh-CN.md"
_DOCS = ROOT / "docs"
PAGES = (
    (README, CHINESE),
    *((_DOCS / f"{name}.md", _DOCS / "zh" / f"{name}.md") for name in ("migrate", "upgrade")),
    *(
        (_DOCS / f"{name}.md",)
        for name in ("identity", "labels", "scripting", "suggest", "topology")
    ),
)
"""Those that show what commands print, with their translations."""

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_LIST = re.compile(r"(<!-- commands -->\n).*?(<!-- /commands -->)", re.DOTALL)


def written_anew(text: str) -> str:
    """The text with every console block run again, and the list of commands as it is."""
    text = _BLOCK.sub(lambda block: f"```console\n{_run_block(block[1])}```", text)
    rows = "".join(f"| `proccli {name}` | {what} |\n" for name, what in COMMANDS.items())
    return _LIST.sub(lambda found: f"{found[1]}| | |\n|---|---|\n{rows}{found[2]}", text)


def _run_block(block: str) -> str:
    lines = []
    for line in block.splitlines():
        if line.startswith("$ "):
            lines.append(line)
            if not line.startswith("$ make "):
                lines.extend(_run(line[2:]).splitlines())
    return "".join(f"{line}\n" for line in lines)


@cache
def _run(command: str) -> str:
    """What a terminal would show that doesn't shorten anything."""
    beside = str(Path(sys.executable).parent)
    environment = {
        "PATH": f"{beside}{os.pathsep}{os.environ['PATH']}",
        "LC_ALL": "C.UTF-8",
        "HOME": os.environ.get("HOME", "/"),
    }
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=LONG_S,
    )
    return done.stdout


if __name__ == "__main__":
    for page in (page for pages in PAGES for page in pages):
        page.write_text(written_anew(page.read_text(encoding="utf-8")), encoding="utf-8")

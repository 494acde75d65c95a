"""Builds dist/proccli.pyz: proccli and its dependencies in one file, for several Pythons.

`python -m tests.bundle.archive WHEEL OUTPUT [PYTHON-MACHINE]…`, such as `3.12-aarch64`. pip loads
the dependencies as wheels for each Python and machine. Files that are the same for all are stored
once.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from pathlib import Path
from typing import Final

TARGETS: Final = tuple(f"3.{minor}-{os.uname().machine}" for minor in range(10, 15))
"""By default: the Pythons that proccli supports, on machines like this one."""

_START: Final = Path(__file__).with_name("start.py")
_TIME: Final = (2020, 1, 1, 0, 0, 0)
"""Of all entries: the same input gives the same file."""


def build(wheel: Path, output: Path, targets: tuple[str, ...] = TARGETS) -> None:
    """Write the archive, executable, with a line that starts it with python3."""
    with tempfile.TemporaryDirectory() as folder:
        sites = {target: _installed(wheel, target, Path(folder, target)) for target in targets}
        contents = _sorted_out(sites)
    contents["__main__.py"] = _START.read_bytes()
    digest = hashlib.sha256()
    for name, content in sorted(contents.items()):
        digest.update(b"%s\0%d\0%s" % (name.encode(), len(content), content))
    contents["BUILD"] = digest.hexdigest()[:16].encode()
    beside = output.with_name(f".{output.name}.tmp")
    with beside.open("wb") as file:
        file.write(b"#!/usr/bin/env python3\n")
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in sorted(contents.items()):
                entry = zipfile.ZipInfo(name, _TIME)
                entry.external_attr = 0o644 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, content)
    beside.chmod(0o755)
    beside.replace(output)


def _installed(wheel: Path, target: str, folder: Path) -> Path:
    """The folder with proccli and its dependencies for one Python and machine."""
    python, _, machine = target.partition("-")
    platforms = [f"--platform=manylinux{name}_{machine}" for name in ("2014", "_2_17", "_2_28")]
    command = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    command += ["--no-compile", "--only-binary=:all:", "--implementation=cp", *platforms]
    command += [f"--python-version={python}", f"--target={folder}", str(wheel)]
    subprocess.run(command, check=True)
    return folder


def _sorted_out(sites: dict[str, Path]) -> dict[str, bytes]:
    """All files, below `common/` where every site has the same one, else below `cp310-x86_64/`."""
    found = {
        (target, str(path.relative_to(site))): path.read_bytes()
        for target, site in sites.items()
        for path in site.rglob("*")
        if path.is_file() and path.relative_to(site).parts[0] not in ("bin", "share")
    }
    same = Counter((name, content) for (_, name), content in found.items())
    contents: dict[str, bytes] = {}
    for (target, name), content in found.items():
        python, _, machine = target.partition("-")
        shared = same[name, content] == len(sites)
        top = "common" if shared else f"cp{python.replace('.', '')}-{machine}"
        contents[f"{top}/{name}"] = content
    for target in sites:  # a folder for every Python, even if all files are shared
        python, _, machine = target.partition("-")
        contents[f"cp{python.replace('.', '')}-{machine}/.python"] = target.encode()
    return contents


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[2]), tuple(sys.argv[3:]) or TARGETS)

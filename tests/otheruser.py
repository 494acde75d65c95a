"""What a user without rights imports, where the checkout is closed to other users."""

from __future__ import annotations

import atexit
import functools
import importlib
import importlib.metadata
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

import proccli

_ROOT: Final = Path(proccli.__file__).parent.parent


_IMPORTED_BY_OTHERS: Final = (
    "concurrent.futures.process",
    "concurrent.futures.thread",
    "encodings.ascii",
    "glob",
    "importlib.readers",
)
"""By other modules of the standard library, when they are needed."""


@functools.cache
def readable_copy() -> Path:
    """A directory that every user can read, with proccli and the packages that it requires.

    It is made once in each test process, and removed at its end. Bytecode is copied, too, and is as
    valid there: another user can't write any.
    """
    folder = Path(tempfile.mkdtemp(prefix="proccli-readable-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.copytree(Path(proccli.__file__).parent, folder / "proccli")
    for distribution in _required("proccli"):
        for name in {file.parts[0] for file in distribution.files or () if ".." not in file.parts}:
            source = Path(str(distribution.locate_file(name)))
            if source.is_dir():
                shutil.copytree(source, folder / name, dirs_exist_ok=True)
            elif source.suffix in (".py", ".so"):
                shutil.copy(source, folder)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def _required(name: str) -> list[importlib.metadata.Distribution]:
    """The distributions that one requires, and those that they require; no extras."""
    found: dict[str, importlib.metadata.Distribution] = {}
    names = [name]
    while names:
        distribution = importlib.metadata.distribution(names.pop())
        for requirement in distribution.requires or ():
            words = re.match(r"[\w.-]+", requirement)
            if words is None or words[0] in found or "extra ==" in requirement:
                continue
            try:
                found[words[0]] = importlib.metadata.distribution(words[0])
            except importlib.metadata.PackageNotFoundError:  # of other platforms or Pythons
                continue
            names.append(words[0])
    return list(found.values())


@functools.cache
def import_standard_modules() -> None:
    """Import what proccli may need of Python, which may itself be in a directory of root's."""
    for name in (*_IMPORTED_BY_OTHERS, *_standard_modules()):
        importlib.import_module(name)


def import_from(copy: Path) -> None:
    """Let this process import from the copy what it has not imported so far, and read its data."""
    sys.path.insert(0, str(copy))
    for name, module in list(sys.modules.items()):
        inside = copy.joinpath(*name.split("."))
        if isinstance(getattr(module, "__path__", None), list) and inside.is_dir():
            module.__path__ = [str(inside), *module.__path__]
        file = getattr(module, "__file__", None)
        if name.split(".")[0] == "proccli" and file is not None:
            module.__file__ = str(copy / Path(file).relative_to(_ROOT))


_BECOME_NOBODY: Final = """\
import os, sys
sys.path.insert(0, {copy!r})
import {modules}
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
"""


def as_nobody_code(modules: str, code: str) -> str:
    """Python code for `python -c` that a user without rights runs.

    It imports `modules` before it gives up root's rights, because Python itself may be in a
    directory of root's, and the rest of proccli after that, all from the copy.
    """
    standard = ", ".join(_standard_modules())
    modules = f"{standard}, {modules}"
    return _BECOME_NOBODY.format(copy=str(readable_copy()), modules=modules) + code


@functools.cache
def _standard_modules() -> list[str]:
    """The modules of the standard library that proccli imports, wherever in a function."""
    found = {
        name
        for path in Path(proccli.__file__).parent.rglob("*.py")
        for name in _IMPORT.findall(path.read_text(encoding="utf-8"))
    }
    return sorted(
        name
        for name in found
        if name.partition(".")[0] in sys.stdlib_module_names and name != "__future__"
    )


# To parse all modules takes a second of CPU time.
_IMPORT: Final = re.compile(
    r"^ *(?:import (?=[\w.]+(?: as \w+)?(?: *#.*)?$)|from (?=[\w.]+ import ))([\w.]+)", re.MULTILINE
)

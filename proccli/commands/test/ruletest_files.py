"""Which files of rule tests are meant."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from typing import Final

from proccli.commands.test.suite import Suite, SuiteError
from proccli.commands.test.test_file import read_suite
from proccli.errors import ConfigError
from proccli.files import read_file
from proccli.text import visible

ENDINGS: Final = (".test.yaml", ".test.yml")
"""Of files that are found in a folder; a file that is named may be called anything."""


def open_suites(paths: Sequence[str]) -> tuple[Suite, ...]:
    """The tests of the files named, and of all below the folders named, each file once.

    Raises: SuiteError.
    """
    files: dict[str, str] = {}
    for path in paths:
        for file in _files(path):
            files.setdefault(file if file == "-" else os.path.realpath(file), file)
    return tuple(_open(file) for file in files.values())


def _files(path: str) -> Iterator[str]:
    if path == "-" or not os.path.isdir(path):  # noqa: PTH112 - a path stays as it was given
        yield path
        return
    found = False
    for file in _below(path):
        found = True
        yield file
    if not found:
        where = "here" if path == "." else f"in {visible(path)}"
        hint = "proccli test init writes one"
        raise SuiteError(f"no file of tests {where}: none is called *.test.yaml", hint=hint)


def _below(folder: str) -> Iterator[str]:
    """Files with our endings, by name; hidden folders and links to folders are passed over."""
    for at, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = os.path.join(at, name).removeprefix("./")  # noqa: PTH118 - as above
            if name.endswith(ENDINGS) and _is_file(path):
                yield path


def _refuse(error: OSError) -> None:
    # Tests that nobody sees must not count as passed.
    where = visible(os.fsdecode(error.filename or ""))
    raise SuiteError(f"can't look into {where}: {error.strerror}") from None


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - as above
    except OSError:
        return True  # opening it will tell what is wrong


def _open(file: str) -> Suite:
    try:
        text = read_file(file)
    except ConfigError as error:
        raise SuiteError(error.problem) from None
    return read_suite(text, "<stdin>" if file == "-" else file)

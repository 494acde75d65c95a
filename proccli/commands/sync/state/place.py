"""Where a state is kept, and whether other users could change it there."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from proccli.errors import StateError
from proccli.text import visible

ELSEWHERE = "use another file with --state FILE, or none with --no-state"
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def default_state(identity: Sequence[str], environment: Mapping[str, str] = os.environ) -> Path:
    """The state file for `identity`, in `$XDG_STATE_HOME/proccli`.

    Creates the directory if it is missing. It must belong to this user, and must not be a symbolic
    link; its mode becomes 0700. A relative XDG_STATE_HOME is ignored, as the XDG Base Directory
    Specification requires.

    Raises: StateError.
    """
    import hashlib

    home = environment.get("XDG_STATE_HOME", "")
    if not home.startswith("/"):
        home = os.path.expanduser("~/.local/state")  # noqa: PTH111 - leaves ~ where there is none
        if not home.startswith("/"):
            raise StateError("no home directory for the state file", hint=ELSEWHERE)
    directory = Path(home, "proccli")
    try:
        directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
        found = directory.lstat()
    except OSError as error:
        raise _unusable(directory, error) from error
    if not stat.S_ISDIR(found.st_mode):
        raise StateError(f"{visible(str(directory))} is not a directory", hint=ELSEWHERE)
    _refuse_others(directory, found.st_uid, (os.geteuid(),))
    if stat.S_IMODE(found.st_mode) & 0o077:
        directory.chmod(0o700)
    _need_writable(directory)
    name = hashlib.sha256("\0".join(identity).encode(errors="surrogateescape")).hexdigest()[:16]
    state = directory / f"sync-{name}.json"
    former = directory / f"sync-{name}.sqlite3"
    if former.exists() and not state.exists():
        # Loading it renames it, with a warning. Another run may have been faster.
        with suppress(FileNotFoundError):
            former.replace(state)
    return state


def given_state(path: str) -> Path:
    """The file that the user gave, in a directory where no other user can replace it.

    Raises: StateError.
    """
    if "\0" in path or not path or path.endswith("/"):
        raise StateError(f"{visible(path)!r} can't be the state file: it is not a file name")
    state = Path(path).absolute()
    try:
        found = state.parent.stat()
    except OSError as error:
        raise _unusable(state.parent, error) from error
    if not stat.S_ISDIR(found.st_mode):
        raise _unusable(state.parent, NotADirectoryError(errno.ENOTDIR, "not a directory"))
    _refuse_others(state.parent, found.st_uid, (0, os.geteuid()))
    # In a sticky directory like /tmp others can add files, but not replace ours.
    if found.st_mode & _WRITABLE_BY_OTHERS and not found.st_mode & stat.S_ISVTX:
        mode = stat.S_IMODE(found.st_mode)
        where = visible(str(state.parent))
        raise StateError(
            f"other users can replace files in {where} (mode {mode:04o})", hint=ELSEWHERE
        )
    _need_writable(state.parent)
    return state


def own_file(path: Path) -> bool:
    """Whether the file exists; its mode becomes 0600.

    Raises: StateError if it is not a regular file, has another name, or belongs to another user.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _unusable(path, error) from error
    if not stat.S_ISREG(found.st_mode):
        what = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "not a regular file"
        raise StateError(f"{visible(str(path))} is {what}", hint=ELSEWHERE)
    _refuse_others(path, found.st_uid, (os.geteuid(),))
    if found.st_nlink > 1:
        problem = f"{visible(str(path))} is a hard link: the file has another name, too"
        raise StateError(problem, hint=ELSEWHERE)
    if stat.S_IMODE(found.st_mode) != 0o600:
        path.chmod(0o600)
    return True


def _refuse_others(path: Path, owner: int, allowed: Sequence[int]) -> None:
    if owner not in allowed:
        problem = f"{visible(str(path))} belongs to user id {owner}, not to you"
        raise StateError(problem, hint=ELSEWHERE)


def _need_writable(directory: Path) -> None:
    """Fail before the work, not after it, if the state can't be written."""
    if not os.access(directory, os.W_OK | os.X_OK, effective_ids=True):
        where = visible(str(directory))
        raise StateError(f"can't keep the state in {where}: no permission to write", hint=ELSEWHERE)


def _unusable(path: Path, error: OSError) -> StateError:
    reason = error.strerror or str(error)
    problem = f"can't keep the state in {visible(str(path))}: {reason}"
    return StateError(problem, hint=ELSEWHERE)

"""Starting a program by its name, as execvp(3) does, with the rights of a user."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from proccli.errors import ProccliError, TagCommandFailed, TagCommandUndecided
from proccli.local.tag_command.account import GROUP_HINT, Rights
from proccli.text import visible

Child: TypeAlias = "subprocess.Popen[bytes]"

SHELL = b"/bin/sh"
OURS = "PROCCLI_"
"""Environment variables with this prefix are for proccli: the agent's command has none."""

_GO_ON = {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ESTALE, errno.ENODEV, errno.ETIMEDOUT}
_AGENT_TOO = {
    errno.ENOEXEC,
    errno.E2BIG,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.EISDIR,
    errno.EINVAL,
    errno.ETXTBSY,
    errno.ELIBBAD,
}


def spawn(argv: Sequence[str], rights: Rights) -> Child:
    """The running command, with pipes for its stdout and stderr.

    Raises: TagCommandFailed, TagCommandUndecided.
    """
    name = visible(argv[0])
    environment = {key: value for key, value in os.environb.items() if not _ours(key)}
    try:
        arguments = [argument.encode() for argument in argv]
    except UnicodeEncodeError as error:
        raise TagCommandFailed("an argument holds invalid characters") from error
    if any(b"\0" in argument for argument in arguments):
        raise TagCommandFailed("an argument holds a NUL character")
    refused: OSError | None = None
    present = False
    for path in candidates(arguments[0], environment.get(b"PATH")):
        started = _run(path, arguments, rights, environment)
        if not isinstance(started, OSError):
            return started
        if started.filename is None:
            problem = f"{name} can't be started ({os.strerror(started.errno or 0)})"
            raise TagCommandUndecided(problem) from started
        if started.errno not in _GO_ON:
            raise _refusal(name, path, started) from started
        if started.errno == errno.EACCES:
            refused = started
        present = present or os.path.exists(path)  # noqa: PTH110 - bytes
    if refused is not None:
        raise _refusal(name, refused.filename, refused) from refused
    raise _missing(arguments[0], present=present)


def candidates(program: bytes, path: bytes | None) -> Iterator[bytes]:
    """The files that a name may mean, in order. An empty directory in PATH is the current one.

    Source: execvp(3); confstr(3) for the PATH of those who have none.
    """
    if b"/" in program:
        yield program
    elif program:
        if path is None:
            path = os.fsencode(os.confstr("CS_PATH") or "/bin:/usr/bin")
        for directory in path.split(b":"):
            yield os.path.join(directory or b".", program)  # noqa: PTH118 - bytes


def _run(
    path: bytes, arguments: Sequence[bytes], rights: Rights, environment: Mapping[bytes, bytes]
) -> Child | OSError:
    """The child, or the error; its `filename` is None if the program was not executed at all."""
    try:
        return _popen(path, arguments, rights, environment)
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            return error
    # A script without `#!` is run by the shell.
    try:
        return _popen(SHELL, [SHELL, path, *arguments[1:]], rights, environment)
    except OSError as error:
        return error


def _popen(
    path: bytes, arguments: Sequence[bytes], rights: Rights, environment: Mapping[bytes, bytes]
) -> Child:
    return subprocess.Popen(  # noqa: S603 - the configured command, run without a shell
        arguments,
        executable=path,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,
        user=rights.uid if rights.change else None,
        group=rights.gid if rights.change else None,
        # An empty list leaves root's groups on in Python 3.12.0 (CVE-2023-6507).
        extra_groups=[rights.gid] if rights.change else None,
    )


def _ours(key: bytes) -> bool:
    return key.startswith((OURS.encode(), b"_" + OURS.encode()))


def _missing(program: bytes, *, present: bool) -> ProccliError:
    name = visible(program.decode())
    if program.startswith(b"/") or not program:
        what = "exists, but its interpreter does not" if present else "does not exist"
        return TagCommandFailed(f"{name or 'the empty name'} {what}")
    where = "directory" if b"/" in program else "PATH"
    hint = f"the agent's {where} may differ: give the full path of the program"
    return TagCommandUndecided(f"{name} was not found in proccli's {where}", hint=hint)


def _refusal(name: str, path: bytes, error: OSError) -> ProccliError:
    problem = f"{name} can't be executed ({os.strerror(error.errno or 0)})"
    if error.errno == errno.EACCES:
        if _executable_by_any_user(path):
            return TagCommandUndecided(problem, hint=GROUP_HINT)
        return TagCommandFailed(problem, hint="make it executable with chmod +x")
    if error.errno in _AGENT_TOO:
        return TagCommandFailed(problem)
    return TagCommandUndecided(problem)


def _executable_by_any_user(path: bytes) -> bool:
    """Whether it is a file with any execute bit; true where that is not known."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - bytes
    except OSError:
        return True
    return stat.S_ISREG(mode) and bool(mode & 0o111)

"""Real processes of every odd kind, other users, and private proc mounts."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pickle
import resource
import signal
import subprocess
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest

from tests.otheruser import import_from, import_standard_modules, readable_copy
from tests.waiting import eventually

Value = TypeVar("Value")
Test = TypeVar("Test", bound=Callable[..., None])
NOBODY = 65534

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_NAME = 15
_CLONE_NEWNS = 0x0002_0000
_CLONE_NEWPID = 0x2000_0000
_MS_REC_PRIVATE = 0x4000 | (1 << 18)


def root_only(test: Test) -> Test:
    """A test that needs root's rights, and is skipped without them."""
    skip = pytest.mark.skipif(os.geteuid() != 0, reason="needs root's rights")
    return cast(Test, pytest.mark.root(skip(test)))


@contextlib.contextmanager
def running(argv: Sequence[str | bytes], executable: str = "/bin/sleep") -> Iterator[int]:
    """The pid of a process that runs with these arguments until the block ends."""
    process = subprocess.Popen(
        argv, executable=executable, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        _await_exec(process.pid, argv[0])
        yield process.pid
    finally:
        process.kill()
        process.communicate()


def _await_exec(pid: int, argv0: str | bytes) -> None:
    # Popen returns after the exec, but a shell or perl may still rename itself.
    expected = argv0.encode() if isinstance(argv0, str) else argv0
    eventually(
        lambda: Path(f"/proc/{pid}/cmdline").read_bytes().startswith(expected),
        what=f"the command line of {argv0!r}",
    )


@contextlib.contextmanager
def forked(body: Callable[[], object] = lambda: None, *, stays: bool = True) -> Iterator[int]:
    """The pid of a child of ours that did `body` and now waits, or has ended and is a zombie."""
    ready, done = os.pipe()
    pid = fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            body()
            os.write(done, b".")
            while stays:
                signal.pause()
        os._exit(0)
    os.close(done)
    try:
        os.read(ready, 1)
        if not stays:
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        yield pid
    finally:
        os.close(ready)
        os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)


def set_comm(name: bytes) -> None:
    """Name the calling process."""
    _LIBC.prctl(_PR_SET_NAME, name, 0, 0, 0)


def exec_raw(program: bytes, argv: Sequence[bytes]) -> None:
    """Become another program, with arguments that Python refuses to pass (an empty first)."""
    arguments = (ctypes.c_char_p * (len(argv) + 1))(*argv, None)
    _LIBC.execv(program, arguments)


@contextlib.contextmanager
def long_command_lines() -> Iterator[None]:
    """Let children start with 6 MiB of arguments, the kernel's upper bound."""
    soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
    if hard not in (-1, resource.RLIM_INFINITY) and hard < 64 << 20:
        pytest.skip("the stack can't be made large enough for long command lines")
    resource.setrlimit(resource.RLIMIT_STACK, (64 << 20, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_STACK, (soft, hard))


def fork() -> int:
    """os.fork(), also where a test runner has threads of its own, which the child never needs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def in_child(work: Callable[[], Value]) -> Value:
    """What `work` returns in a forked child, whose loss of rights doesn't become ours."""
    reader, writer = os.pipe()
    pid = fork()
    if pid == 0:
        try:
            os.close(reader)
            with open(writer, "wb") as out:  # noqa: PTH123 - a descriptor
                out.write(pickle.dumps(_outcome(work)))
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as answers:  # noqa: PTH123 - a descriptor
        answer = answers.read()
    os.waitpid(pid, 0)
    how, value = pickle.loads(answer)
    if how == "skipped":
        pytest.skip(value)
    assert how == "returned", value
    return cast(Value, value)


def _outcome(work: Callable[[], object]) -> tuple[str, Any]:
    try:
        return "returned", work()
    except pytest.skip.Exception as skipped:
        return "skipped", str(skipped)
    except BaseException:
        return "raised", traceback.format_exc()


def in_pid_namespace(work: Callable[[], Value]) -> Value:
    """What `work` returns in a pid namespace of its own, which is what /proc shows there.

    Its child 1 runs `work`, so the kernel ends whatever `work` leaves running.
    """

    def mount_and_work() -> Value:
        mount_proc(Path("/proc"), "")
        return work()

    def enter_and_work() -> Value:
        if _LIBC.unshare(_CLONE_NEWPID) != 0:
            pytest.skip("a private pid namespace is not available")
        return in_child(mount_and_work)

    return in_child(enter_and_work)


def as_nobody(work: Callable[[], Value]) -> Value:
    """What `work` returns when a user without rights calls it.

    It may import what has not been imported so far, even where the checkout is closed to others.
    """
    copy = readable_copy()
    import_standard_modules()

    def drop_and_work() -> Value:
        import_from(copy)
        become_nobody()
        return work()

    return in_child(drop_and_work)


def become_nobody() -> None:
    """Give up all rights of the calling process."""
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


@contextlib.contextmanager
def public_directory() -> Iterator[Path]:
    """A directory that every user can reach, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def mount_proc(target: Path, options: str) -> None:
    """Mount a proc file system in a mount namespace of the calling process's own, or skip."""
    _mount(b"proc", target, options)


def mount_tmpfs(target: Path, options: str) -> None:
    """Mount a tmpfs in a mount namespace of the calling process's own, or skip."""
    _mount(b"tmpfs", target, options)


def _mount(kind: bytes, target: Path, options: str) -> None:
    if _LIBC.unshare(_CLONE_NEWNS) != 0:
        pytest.skip("a private mount namespace is not available")
    _LIBC.mount(b"none", b"/", None, _MS_REC_PRIVATE, None)
    if _LIBC.mount(kind, os.fsencode(target), kind, 0, options.encode()) != 0:
        pytest.skip(f"{kind.decode()} can't be mounted with {options}")

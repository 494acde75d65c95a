"""A running tag command: what it prints, within limits, and its end."""

from __future__ import annotations

import os
import selectors
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from subprocess import TimeoutExpired
from types import FrameType
from typing import Any, TypeAlias

from proccli.errors import ProccliError, TagCommandFailed, TagCommandUndecided
from proccli.local.tag_command.account import GROUP_HINT, Rights
from proccli.local.tag_command.spawn import Child
from proccli.sources.recording.masking import mask_arguments
from proccli.text import visible

OUTPUT_LIMIT_BYTES = 4 << 20
STDERR_KEPT_BYTES = 16 << 10
"""Of its end: errors are usually in the last line."""

GRACE_S = 0.5
"""Between SIGTERM and SIGKILL."""

_Handler: TypeAlias = Callable[[int, FrameType | None], Any]

_LONGEST_QUOTE = 200
_CHUNK = 1 << 16
_DEADLY = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_PAUSE_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The result of a command that ended by itself."""

    stdout: bytes
    stderr: bytes
    """The end of it, at most `STDERR_KEPT_BYTES`."""
    status: int
    """Its exit status; the signal's number, negative, where a signal ended it."""


def collect(child: Child, timeout_s: float) -> Output:
    """Both streams to their ends, then the exit status: in this order, as the agent does.

    Raises: TagCommandUndecided at a limit. The child is left running then.
    """
    deadline = time.monotonic() + timeout_s
    stdout = bytearray()
    stderr = bytearray()
    assert child.stdout is not None and child.stderr is not None  # noqa: S101, PT018 - pipes
    with selectors.DefaultSelector() as streams:
        streams.register(child.stdout, selectors.EVENT_READ, stdout)
        streams.register(child.stderr, selectors.EVENT_READ, stderr)
        while streams.get_map():
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise _too_long(child, timeout_s, bytes(stderr))
            for key, _ in streams.select(left_s):
                if chunk := os.read(key.fd, _CHUNK):
                    key.data.extend(chunk)
                else:
                    streams.unregister(key.fileobj)
            if len(stdout) > OUTPUT_LIMIT_BYTES:
                problem = f"it prints more than {OUTPUT_LIMIT_BYTES >> 20} MiB, and was ended"
                raise TagCommandUndecided(problem)
            del stderr[:-STDERR_KEPT_BYTES]
    try:
        status = child.wait(max(deadline - time.monotonic(), 0))
    except TimeoutExpired:
        raise _too_long(child, timeout_s, bytes(stderr)) from None
    return Output(stdout=bytes(stdout), stderr=bytes(stderr), status=status)


def _too_long(child: Child, timeout_s: float, stderr: bytes) -> TagCommandUndecided:
    waited = f"{timeout_s:g} s"
    # WNOWAIT leaves it to be waited for: its id must not be given away before its session ends.
    if os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
        what = f"it has exited, but what it started holds its output open after {waited}"
    else:
        what = f"it was still running after {waited}, and was ended{_stderr_quote(stderr)}"
    hint = "the agent has no limit; --tag-timeout gives it longer"
    return TagCommandUndecided(what, hint=hint)


def exit_problem(output: Output, rights: Rights) -> ProccliError | None:
    """What is wrong with how a command ended, or None."""
    status = output.status
    if status == 0:
        return None
    how = f"it exits with status {status}" if status > 0 else f"it ends by {_signal_name(-status)}"
    problem = f"{how}{_stderr_quote(output.stderr)}"
    # In the C locale, or in English: in other languages only the agent's failure is known.
    if status > 0 and rights.agent_has_more and b"permission denied" in output.stderr.lower():
        return TagCommandUndecided(problem, hint=GROUP_HINT)
    return TagCommandFailed(problem)


def _stderr_quote(stderr: bytes) -> str:
    """The last line of stderr, where errors usually are, as the end of a sentence; or empty."""
    lines = stderr.decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    if not last:
        return ""
    last = mask_arguments([last.replace("\0", " ")])[0]
    return f" and prints: {visible(last[:_LONGEST_QUOTE])}{'…' * (len(last) > _LONGEST_QUOTE)}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


@contextmanager
def ended_with_us(start: Callable[[], Child]) -> Iterator[Child]:
    """A child that is ended, with its session, by any exception or signal that ends us.

    SIGTERM, SIGHUP and SIGQUIT end us by default: then the child is ended first.
    """
    with _deadly_signals_raised():
        # While it is being started, there is nothing yet that we could end.
        held = _HeldSignals()
        try:
            child = start()
        except BaseException:
            held.release()
            raise
        try:
            held.release()
            yield child
        except BaseException:
            _end_session(child)
            raise
        finally:
            for stream in (child.stdout, child.stderr):
                if stream is not None:
                    stream.close()


class _HeldSignals:
    """Signals that would end us, or raise an exception, wait from now until the release."""

    def __init__(self) -> None:
        self._arrived: list[int] = []
        self._before: dict[int, _Handler] = {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, *_DEADLY):
                handler = signal.getsignal(number)
                # What is ignored stays ignored: the child is to inherit that.
                if callable(handler):
                    self._before[number] = handler
                    signal.signal(number, self._keep)

    def _keep(self, number: int, _frame: FrameType | None) -> None:
        self._arrived.append(number)

    def release(self) -> None:
        """Restore the handlers, then raise the signals that arrived.

        Raises: what the handlers raise.
        """
        for number, handler in self._before.items():
            signal.signal(number, handler)
        for number in self._arrived:
            signal.raise_signal(number)


class _Killed(BaseException):
    """A signal that ends us came in."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def _deadly_signals_raised() -> Iterator[None]:
    """Raise the deadly signals as an exception inside the block, unless they have handlers."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    taken = [number for number in _DEADLY if signal.getsignal(number) is signal.SIG_DFL]
    try:
        for number in taken:
            signal.signal(number, _raise_killed)
        yield
    except _Killed as killed:
        signal.signal(killed.number, signal.SIG_DFL)
        os.kill(os.getpid(), killed.number)
        raise
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _raise_killed(number: int, _frame: FrameType | None) -> None:
    raise _Killed(number)


def _end_session(child: Child) -> None:
    """SIGTERM to all that is in the child's session, SIGKILL to what is left; and wait for it.

    The child itself is waited for last: until then its id is not reused.
    """
    if child.returncode is not None:
        return
    try:
        _signal_session(child.pid, signal.SIGTERM)
        _until_empty(child.pid)
    finally:
        _signal_session(child.pid, signal.SIGKILL)
        # Again for what was just being forked; what hangs in the kernel is left running.
        _until_empty(child.pid, signal.SIGKILL)
        with suppress(TimeoutExpired):
            child.wait(GRACE_S)


def _until_empty(session: int, number: signal.Signals | None = None) -> None:
    """Wait, for a while, until a session has no living member; with a signal to those it has."""
    deadline = time.monotonic() + GRACE_S
    while time.monotonic() < deadline and any(_members(session)):
        if number is not None:
            _signal_session(session, number)
        time.sleep(_PAUSE_S)


def _signal_session(session: int, number: signal.Signals) -> None:
    """A signal to the process group of the leader, and to the other groups that job control or
    timeout(1) made within the session."""
    with suppress(OSError):
        os.killpg(session, number)
    for pid in _members(session):
        with suppress(OSError):
            os.kill(pid, number)


def _members(session: int) -> Iterator[int]:
    """The living processes of a session, without zombies.

    Source: the fields `state` and `session` of /proc/PID/stat, proc_pid_stat(5).
    """
    with suppress(OSError):
        for name in os.listdir("/proc"):  # noqa: PTH208 - names are all we want
            if not name.isdigit():
                continue
            with suppress(OSError, ValueError, IndexError):
                with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123 - a hot loop
                    fields = file.read().rpartition(b")")[2].split()
                if fields[0] not in (b"Z", b"X") and int(fields[3]) == session:
                    yield int(name)

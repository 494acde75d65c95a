"""Runs the collector on another host, through the system's own ssh."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, BinaryIO, Final, cast

from proccli.commands.collector.collector import Language, collector_script
from proccli.commands.record.destinations import Destination
from proccli.errors import OutputError, RecordingError, RecordingTruncated
from proccli.model.codes import HostFailure
from proccli.sources.recording.reader import Recording, parse_recording

_MARK: Final = b"proccli-collector"
_INTERPRETERS: Final = ("python3", "python", "python2", "/usr/libexec/platform-python")
_FITS: Final = (
    "import sys, base64, json, socket; v = sys.version_info;"
    " sys.exit(v < (2, 7) or (3,) <= v < (3, 4))"
)
_ALWAYS: Final = (
    # Nothing may ask a question, and what the user's configuration has for sessions at a terminal
    # must not get in the way.
    *("-T", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"),
    *("-o", "ClearAllForwardings=yes", "-o", "RemoteCommand=none"),
)
_MAX_NOISE_BYTES: Final = 1 << 20
"""What a login shell may print before the collector starts."""
_MAX_ERROR_BYTES: Final = 1 << 16
_LONGEST_DETAIL: Final = 300
_ENDS_WITHIN_S: Final = 2.0
_CLOSES_WITHIN_S: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class SshOptions:
    """How to connect, and how to run the collector."""

    ssh_options: tuple[str, ...] = ()
    """As for `ssh -o`."""
    sudo: bool = False
    timeout_s: float = 120.0
    """For one host, from connecting to the end of its output."""
    wait_s: float = 3.0
    """Between the two looks at the sockets; 0: one look."""
    variables: tuple[str, ...] = ()
    """Names of variables of the agent's environment that rules mention."""


class HostFailed(Exception):  # noqa: N818 - the host is at fault, not proccli
    """There is no recording of a host; becomes a row of the result."""

    def __init__(self, reason: HostFailure, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason: HostFailure = reason
        self.detail = detail[:_LONGEST_DETAIL]


class Interrupted(Exception):  # noqa: N818 - not an error
    """`Connections.end_all` was called."""


class Connections:
    """The ssh processes that run, so that all can be ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._ended = False

    def start(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a process in a session of its own, without a terminal that it could ask at.

        Raises: Interrupted; OutputError if the program can't be started.
        """
        with self._lock:
            if self._ended:
                raise Interrupted
            try:
                child = subprocess.Popen(  # noqa: S603 - the arguments are checked
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                )
            except OSError as error:
                problem = f"can't run {command[0]}: {error.strerror}"
                raise OutputError(problem, hint="install the OpenSSH client") from error
            self._running.add(child)
            return child

    def end(self, child: subprocess.Popen[bytes]) -> None:
        """End a process and what it has started, and wait for it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, number)
            with suppress(subprocess.TimeoutExpired):
                child.wait(_ENDS_WITHIN_S)
                break
        with self._lock:
            self._running.discard(child)

    def end_all(self) -> None:
        """End all of them; none is started any more."""
        with self._lock:
            self._ended = True
            running = tuple(self._running)
        for child in running:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGTERM)

    @property
    def ended(self) -> bool:
        """Whether `end_all` was called."""
        return self._ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """A host's processes as the collector saw them, with their secrets."""

    recording: Recording
    interpreter: str
    """What ran the collector there, such as `python3`; hostile text."""


def collect(destination: Destination, options: SshOptions, connections: Connections) -> Collected:
    """The recording that the collector makes on a host. It is nowhere stored.

    Raises: HostFailed; Interrupted; OutputError if there is no ssh.
    """
    child = connections.start(_command(destination, options))
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        connections.end(child)

    timer = threading.Timer(options.timeout_s, expire)
    timer.daemon = True
    errors = _ErrorReader(cast("IO[bytes]", child.stderr))
    try:
        timer.start()
        try:
            return _talk(child, destination, errors, sudo=options.sudo)
        except HostFailed as error:
            if connections.ended:
                raise Interrupted from None
            if expired.is_set():
                started = error.reason in ("truncated", "invalid")
                what = "not finished" if started else "no answer"
                raise HostFailed("timeout", f"{what} within {options.timeout_s:g} s") from None
            raise
    finally:
        timer.cancel()
        connections.end(child)
        for stream in (child.stdin, child.stdout):
            with suppress(OSError):
                cast("IO[bytes]", stream).close()
        errors.close()


def _command(destination: Destination, options: SshOptions) -> list[str]:
    given = [word for option in options.ssh_options for word in ("-o", option)]
    port = [] if destination.port is None else ["-o", f"Port={destination.port}"]
    remote = f"exec {'sudo -n ' if options.sudo else ''}sh -c '{_choice(options)}'"
    return ["ssh", *_ALWAYS, *port, *given, "--", destination.host, remote]


_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
"""Other names would need quoting, and no shell sets them: their values stay unknown."""


def _choice(options: SshOptions) -> str:
    """A shell command that runs the first interpreter that is there, and says which.

    It is one argument in single quotes, for whatever shell the user has there.
    """
    names = filter(_VARIABLE.fullmatch, options.variables)
    arguments = " ".join([f"{options.wait_s:g}", *names])
    return (
        f"for p in {' '.join(_INTERPRETERS)}; do"
        f' if "$p" -c "{_FITS}" </dev/null >/dev/null 2>&1; then'
        f' echo; echo {_MARK.decode()} "$p"; exec "$p" -E -s - {arguments}; fi; done;'
        f" echo; echo {_MARK.decode()} sh; exec sh -s {arguments}"
    )


def _talk(
    child: subprocess.Popen[bytes], destination: Destination, errors: _ErrorReader, *, sudo: bool
) -> Collected:
    """Send the script that the host can run, and read its recording."""
    out = cast("io.BufferedReader", child.stdout)
    interpreter, printed = _interpreter(out)
    if interpreter is None:
        raise _no_collector(_exit_code(child), errors.text() or printed, sudo=sudo)
    language: Language = "sh" if interpreter == "sh" else "python"
    # A host that does not read it may still say why.
    with suppress(OSError):
        stdin = cast("IO[bytes]", child.stdin)
        stdin.write(collector_script(language).encode("ascii"))
        stdin.close()
    if not out.peek(1):
        raise _broken_off(_exit_code(child), errors.text())
    try:
        recording = parse_recording(out, destination.text)
    except RecordingTruncated:
        raise _broken_off(_exit_code(child), errors.text()) from None
    except RecordingError as error:
        line = f" (line {error.at.line})" if error.at else ""
        raise HostFailed("invalid", f"{error.problem}{line}") from error
    return Collected(recording=recording, interpreter=interpreter)


def _interpreter(out: BinaryIO) -> tuple[str | None, str]:
    """What the mark names, past what the login shell prints; None where there is no mark. And the
    last line that was printed before."""
    left = _MAX_NOISE_BYTES
    printed = ""
    while line := out.readline(4096):
        left -= len(line)
        words = line.split()
        if len(words) == 2 and words[0] == _MARK:
            return words[1].decode("utf-8", "backslashreplace"), printed
        if words:
            printed = line.strip().decode("utf-8", "backslashreplace")
        if left <= 0:
            return None, "the login shell there prints more than 1 MiB"
    return None, printed


def _exit_code(child: subprocess.Popen[bytes]) -> int:
    """Its exit code; a host that sends neither an end nor anything else is ended by the timer."""
    with suppress(OSError):
        cast("IO[bytes]", child.stdin).close()
    out = cast("BinaryIO", child.stdout)
    while out.read(1 << 16):
        pass
    return child.wait()


_REASONS: Final[tuple[tuple[HostFailure, str], ...]] = (
    ("host-key", r"host key verification failed|host identification has changed"),
    ("refused", r"permission denied|too many authentication failures|no supported authentication"),
    (
        "unreachable",
        r"could not resolve|refused|timed out|no route|is unreachable|closed|reset|exchange|proxy",
    ),
)
"""By what ssh prints, which is English everywhere."""


def _no_collector(code: int, said: str, *, sudo: bool) -> HostFailed:
    """Why nothing on the host has started the collector."""
    if code == 255:
        for reason, pattern in _REASONS:
            if re.search(pattern, said, re.IGNORECASE):
                return HostFailed(reason, said)
        return HostFailed("unreachable", said or "ssh failed")
    if sudo and re.search(r"\bsudo\b", said):
        return HostFailed("sudo", said)
    ended = f"the login shell there ended with exit code {code} before it started the collector"
    return HostFailed("no-interpreter", said or ended)


def _broken_off(code: int, said: str) -> HostFailed:
    if code == 0:
        return HostFailed("truncated", said or "the recording ends too early")
    return HostFailed("truncated", said or f"the collector ended with exit code {code}")


class _ErrorReader:
    """Reads standard error in the background: its last line, bounded.

    A connection that ssh shares and leaves open (ControlPersist) keeps this pipe open, too.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._kept = bytearray()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with suppress(OSError, ValueError):
            while piece := os.read(self._stream.fileno(), 1 << 12):
                self._kept += piece
                del self._kept[:-_MAX_ERROR_BYTES]

    def text(self) -> str:
        """The last line that says something, once the process has ended."""
        self._thread.join(_ENDS_WITHIN_S)
        text = bytes(self._kept).decode("utf-8", "backslashreplace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return lines[-1] if lines else ""

    def close(self) -> None:
        """Close the pipe unless its other end is still open: then the thread does not end."""
        self._thread.join(_CLOSES_WITHIN_S)
        if not self._thread.is_alive():
            self._stream.close()

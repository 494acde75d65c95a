"""Hosts made of namespaces, with processes, a /proc, a network and a name of their own."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import psutil

NEEDED = (
    *("unshare", "nsenter", "setpriv", "mount", "hostname"),
    *("bash", "ip", "ss", "ps", "kill", "python3"),
)
USERS = {"root": 0, "www-data": 33, "redis": 102, "postgres": 103, "shop": 999, "nobody": 65534}
"""The users of every host, whatever those of this machine are."""

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ENVIRONMENT = {"PATH": _PATH, "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
_PATIENCE_S = 20.0

# As process 1 of its namespace the shell's end is the end of all other processes there, and it
# ends with its standard input: even if whoever holds that is killed, nothing stays behind.
_BOOT = r"""
set -e
hostname "$1"
mount -t tmpfs -o mode=0755 none /opt
mkdir -m 0755 /opt/log /opt/etc
printf '%s' "$2" >/opt/etc/passwd
printf '%s' "$3" >/opt/etc/group
mount --bind /opt/etc/passwd /etc/passwd
mount --bind /opt/etc/group /etc/group
ip link set lo up
echo up
exec -a /sbin/init bash
"""


class NoLabError(Exception):
    """This machine has no means to build hosts; the text says what is missing."""


class LabError(Exception):
    """A host does not do what it is told."""


def require(*programs: str) -> None:
    """Nothing, where these programs and root's rights are there. Raises: NoLabError."""
    if os.geteuid() != 0:
        raise NoLabError("namespaces need root's rights")
    missing = [name for name in (*NEEDED, *programs) if shutil.which(name, path=_PATH) is None]
    if missing:
        raise NoLabError(f"not installed: {', '.join(missing)}")


def program(name: str) -> str:
    """Where a program is that `require` has found."""
    return shutil.which(name, path=_PATH) or name


def wait_for(what: str, happened: Callable[[], bool], patience_s: float = _PATIENCE_S) -> None:
    """Wait until something is so. Raises: LabError when it takes too long."""
    ends = time.monotonic() + patience_s
    while not happened():
        if time.monotonic() > ends:
            raise LabError(f"waited {patience_s:g} s in vain for {what}")
        time.sleep(0.02)


class Host:
    """A running one. Paths and pids are those inside, unless said otherwise."""

    def __init__(
        self, name: str, init: subprocess.Popen[str], outer_pid: int, namespaces: Sequence[str]
    ) -> None:
        self.name = name
        self.outer_pid = outer_pid
        """Of its process 1, as this machine counts."""
        self._init = init
        self._namespaces = namespaces

    def start(
        self,
        *command: str,
        log: str,
        user: str = "root",
        env: Mapping[str, str] | None = None,
        stderr: str = "&1",
    ) -> int:
        """Start a program as a child of process 1, and return its pid.

        What it prints goes to `/opt/log/LOG`, and `log` is how to ask for it; errors as well, if
        `stderr` names no other file.
        """
        words = list(command)
        if user != "root":
            ids = (f"--reuid={USERS[user]}", f"--regid={USERS[user]}", "--clear-groups")
            words = ["setpriv", *ids, "--", *words]
        variables = "".join(
            f"export {name}={shlex.quote(text)}; " for name, text in (env or {}).items()
        )
        # Emptied here and not by the child, so that nobody reads what an earlier one has left.
        line = (
            f": >/opt/log/{log}; {{ {variables}exec {shlex.join(words)}; }}"
            f" >>/opt/log/{log} 2>{stderr} & echo $!\n"
        )
        assert self._init.stdin is not None
        assert self._init.stdout is not None
        try:
            self._init.stdin.write(line)
            self._init.stdin.flush()
        except BrokenPipeError as error:
            raise LabError(f"{self.name} is down") from error
        return int(self._init.stdout.readline())

    def run(self, *command: str, stdin: str | None = None, netns_of: int | None = None) -> str:
        """What a program prints that is run to its end inside.

        `netns_of` is a process in whose network namespace to run it, if not the host's own.

        Raises: LabError if it fails.
        """
        inner = [] if netns_of is None else ["nsenter", f"--net=/proc/{netns_of}/ns/net"]
        words = [*self._entering(*self._namespaces), "--", *inner, *command]
        return _run(self.name, words, stdin)

    def configure_network(self, *lines: str) -> None:
        """Run lines of `ip -batch` in the host's network namespace, with pids from outside.

        Raises: LabError.
        """
        words = [*self._entering("--net"), "--", "ip", "-batch", "-"]
        _run(self.name, words, "".join(f"{line}\n" for line in lines))

    def _entering(self, *namespaces: str) -> list[str]:
        return ["nsenter", "-t", str(self.outer_pid), *namespaces]

    def outer_path(self, path: str) -> Path:
        """Where a file of the host is found from outside."""
        return Path(f"/proc/{self.outer_pid}/root{path}")

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file, and its directory where there is none."""
        outer = self.outer_path(path)
        outer.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        outer.write_text(text, encoding="utf-8")
        outer.chmod(mode)

    def is_running(self, pid: int) -> bool:
        """Whether there is a process of this pid."""
        return self.outer_path(f"/proc/{pid}").exists()

    def log(self, name: str) -> str:
        """What a program that was started has printed so far."""
        return self.outer_path(f"/opt/log/{name}").read_text(encoding="utf-8", errors="replace")

    def wait_for_log(self, pid: int, name: str, text: str = "ready") -> None:
        """Wait until the program of this pid has printed this into the log of that name.

        Raises: LabError, with what it did print.
        """
        try:
            wait_for(
                f"{text!r} from {name} on {self.name}",
                lambda: text in self.log(name) or not self.is_running(pid),
            )
        except LabError as error:
            raise LabError(f"{error}; it printed {self.log(name)!r}") from error
        if text not in self.log(name):
            raise LabError(f"{name} on {self.name} has ended; it printed {self.log(name)!r}")


def _run(name: str, words: list[str], stdin: str | None) -> str:
    done = subprocess.run(
        words,
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_S * 3,
        env=_ENVIRONMENT,
    )
    if done.returncode != 0:
        command = shlex.join(words[words.index("--") + 1 :])
        raise LabError(f"{name}: {command} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


@contextlib.contextmanager
def running_host(name: str, *, booted_earlier_s: int = 0) -> Iterator[Host]:
    """A host without network, until the block ends; then all of it is gone.

    With `booted_earlier_s` it believes to have been up for so much longer (a time namespace).

    Raises: NoLabError where there are no such namespaces to be had.
    """
    namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]
    clock = ["--boottime", str(booted_earlier_s)] if booted_earlier_s else []
    namespaces += ["--time"] if booted_earlier_s else []
    passwd = "".join(f"{user}:x:{uid}:{uid}::/:/bin/false\n" for user, uid in USERS.items())
    group = "".join(f"{user}:x:{gid}:\n" for user, gid in USERS.items())
    unshare = ["unshare", *namespaces, *clock, "--fork", "--kill-child", "--mount-proc"]
    init = subprocess.Popen(
        [*unshare, "--", "bash", "-c", _BOOT, "bash", name, passwd, group],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_ENVIRONMENT,
        # Out of the terminal's process group: Ctrl-C is for whoever tears this down.
        start_new_session=True,
    )
    with init:
        try:
            assert init.stdout is not None
            assert init.stderr is not None
            if init.stdout.readline() != "up\n":
                raise NoLabError(f"no namespaces to be had: {init.stderr.read().strip()}")
            (child,) = psutil.Process(init.pid).children()
            yield Host(name, init, child.pid, namespaces)
        finally:
            _shut_down(init)


def _shut_down(init: subprocess.Popen[str]) -> None:
    assert init.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        init.stdin.close()
    try:
        init.wait(timeout=5)
    except subprocess.TimeoutExpired:
        init.kill()  # unshare takes its child with it
        init.wait(timeout=_PATIENCE_S)

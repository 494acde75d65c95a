"""A real sshd on loopback, with its own configuration, keys and users."""

from __future__ import annotations

import contextlib
import os
import pwd
import shlex
import shutil
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.waiting import eventually

USERS = {
    # name: shell. They exist for this sshd alone, in its own mount namespace.
    "alice": "/bin/sh",
    "bob": shutil.which("bash") or "/bin/sh",
    "dave": "/usr/sbin/nologin",
}
_PASSWD = "root:x:0:0::/root:/bin/sh\nsshd:x:20000:20000::/:/usr/sbin/nologin\n"
_IN_NAMESPACES = """\
set -e
ip link set lo up
mount -t tmpfs none /run
mkdir -m 0755 /run/sshd
mount --bind {passwd} /etc/passwd
{server} &
until grep -q ^server /proc/$!/cmdline; do :; done
exec {sshd} -D -e -f {config}
"""
SERVER = "hunter2-is-secret"
"""The password in the command line of a process that each host has, called `server`."""
_SERVER = f"bash -c 'exec -a server sh -c \"sleep 600; :\" --password={SERVER}'"
_CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PidFile none
MaxStartups 100
PermitRootLogin yes
Match User carol
  AuthorizedKeysFile none
"""
_CLIENT = """\
Host stranger
  UserKnownHostsFile /dev/null
Host nothing-there
  Port {closed}
Host shared
  ControlMaster auto
  ControlPath {folder}/shared
  ControlPersist 5
Host *
  HostName 127.0.0.1
  Port {port}
  IdentityFile {folder}/key
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile /dev/null
  ControlMaster no
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sshd:
    """One that runs."""

    folder: Path
    port: int
    enter: str
    """What to put before a command that runs where it can be reached."""
    user: str
    """Who can log in with the key for sure."""
    environment: Mapping[str, str]
    """PATH with an `ssh` that uses the client's configuration for it."""


@contextlib.contextmanager
def running_sshd() -> Iterator[Sshd]:
    """Skips where there is none. As root, all of USERS can log in; else only the caller."""
    sshd = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if sshd is None or _SSH is None:
        pytest.skip("no OpenSSH server and client here")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        closed = stack.enter_context(socket.socket())
        closed.bind(("127.0.0.1", 0))  # bound, not listening: nothing can connect to it
        port = _free_port()
        command = [sshd, "-D", "-e", "-f", str(folder / "sshd_config")]
        as_root = os.geteuid() == 0
        if as_root:
            # A host of its own, so that the machine's other processes do not matter.
            script = _IN_NAMESPACES.format(
                passwd=folder / "passwd", sshd=sshd, config=folder / "sshd_config", server=_SERVER
            )
            unshare = ["unshare", "-n", "-m", "-p", "--fork", "--kill-child", "--mount-proc"]
            command = [*unshare, "sh", "-c", script]
        else:
            other = subprocess.Popen(["sh", "-c", f"exec {_SERVER}"], stdin=subprocess.DEVNULL)
            stack.callback(other.wait)
            stack.callback(other.kill)
        _write_files(folder, port, closed.getsockname()[1])
        with (folder / "log").open("wb") as log:
            daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            eventually(
                lambda: "Server listening" in _log(folder) or daemon.poll() is not None,
                what="the sshd",
            )
            if daemon.poll() is not None:
                pytest.skip(f"sshd does not start: {_log(folder)[-300:]}")
            enter = f"nsenter --net=/proc/{daemon.pid}/ns/net " if as_root else ""
            put_program(
                folder / "ssh", f'exec {enter}{_SSH} -F {shlex.quote(str(folder))}/ssh_config "$@"'
            )
            user = pwd.getpwuid(os.geteuid()).pw_name
            if not as_root:
                _skip_unless_admitted(folder, user)
            yield Sshd(
                folder=folder,
                port=port,
                enter=enter,
                user=user,
                environment={"PATH": f"{folder}:{os.environ['PATH']}"},
            )
        finally:
            daemon.kill()
            daemon.wait()


_SSH = shutil.which("ssh")


def _skip_unless_admitted(folder: Path, user: str) -> None:
    """An sshd that is not root's admits nobody but its own user, and not every one."""
    command = [str(folder / "ssh"), "-o", "BatchMode=yes", f"{user}@x", "true"]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"{user} can't log in: {tried.stderr.strip()}")


def _log(folder: Path) -> str:
    return (folder / "log").read_text(encoding="utf-8", errors="replace")


def _write_files(folder: Path, port: int, closed: int) -> None:
    for name in ("host_key", "key"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True
        )
    shutil.copy(folder / "key.pub", folder / "authorized_keys")
    (folder / "authorized_keys").chmod(0o644)
    public = (folder / "host_key.pub").read_text()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {public}")
    (folder / "passwd").write_text(
        _PASSWD
        + "".join(
            f"{name}:x:{30000 + number}:{30000 + number}::{folder / name}:{shell}\n"
            for number, (name, shell) in enumerate([*USERS.items(), ("carol", "/bin/sh")])
        )
    )
    for name in USERS:
        (folder / name).mkdir(mode=0o755)
    (folder / "sshd_config").write_text(_CONFIG.format(port=port, folder=folder))
    (folder / "ssh_config").write_text(_CLIENT.format(port=port, folder=folder, closed=closed))


def put_program(path: Path, script: str) -> None:
    """A shell script that can be run."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(stat.S_IRWXU | stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port

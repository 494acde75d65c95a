"""Real sockets, and network namespaces with processes in them."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import itertools
import os
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x4000_0000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1


@contextlib.contextmanager
def connected(ip: str = "127.0.0.1", **server: bool) -> Iterator[tuple[socket.socket, ...]]:
    """A TCP listener, a client, and the listener's side of the client's connection.

    With `dualstack_ipv6`, the listener is on `::` and the client comes over IPv4.
    """
    dual = server.get("dualstack_ipv6", False)
    if dual or ":" in ip:
        _need_ipv6()
    family = socket.AF_INET6 if dual or ":" in ip else socket.AF_INET
    with fresh(
        socket.create_server(("::" if dual else ip, 0), family=family, **server)
    ) as listener:
        port = listener.getsockname()[1]
        with (
            fresh(socket.create_connection((ip, port))) as client,
            fresh(listener.accept()[0]) as accepted,
        ):
            yield listener, client, accepted


_numbers = itertools.count(200)


def fresh(one: socket.socket) -> socket.socket:
    """The same socket under a file descriptor number that was never used.

    A link in /proc/PID/fd is as old as the first look at its number, whatever it was then.
    """
    number = fcntl.fcntl(one.fileno(), fcntl.F_DUPFD_CLOEXEC, next(_numbers))
    one.close()
    return socket.socket(fileno=number)


@contextlib.contextmanager
def udp_pair(ip: str = "127.0.0.1") -> Iterator[tuple[socket.socket, socket.socket]]:
    """A UDP socket without a peer, and one that is connected to it."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    if family == socket.AF_INET6:
        _need_ipv6()
    with (
        socket.socket(family, socket.SOCK_DGRAM) as bound,
        socket.socket(family, socket.SOCK_DGRAM) as client,
    ):
        bound.bind((ip, 0))
        client.connect(bound.getsockname())
        yield bound, client


def _need_ipv6() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")


def inode_of(one: socket.socket) -> int:
    """The inode number of a socket."""
    return os.fstat(one.fileno()).st_ino


def enter_new_namespace() -> None:
    """Move the calling process into a network namespace of its own, with loopback up, or skip."""
    if _LIBC.unshare(_CLONE_NEWNET) != 0:
        pytest.skip(f"no network namespace to be had: {os.strerror(ctypes.get_errno())}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        (flags,) = struct.unpack_from("16xh", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


def netns_of(pid: int) -> int:
    """The inode number of a process's network namespace."""
    return Path(f"/proc/{pid}/ns/net").stat().st_ino


def ip_command(*arguments: str) -> None:
    """Run iproute2's `ip`, or skip where there is none, or it isn't allowed to."""
    if shutil.which("ip") is None:
        pytest.skip("no ip command here")
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


def wait_until_older_than(seconds: float) -> None:
    """Wait until the calling process has been running for so long, in whole seconds."""
    while time.time() - psutil.Process().create_time() < seconds + 1:
        time.sleep(0.1)

"""Twenty hosts, each behind an sshd of its own, recorded with one command and compared with `ss`.

`python -m tests.lab.collecting [HOSTS]`, as root. Each host holds connections to the next one. Some
have Python 2.7 first, some no Python at all.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.cli.runner import PROGRAM, environment
from tests.commands.collector.comparing import pythons
from tests.lab.namespaces import Host, require, running_host, wait_for
from tests.paths import ROOT

PORT = 8000
CONNECTIONS = 5
_SERVER = """\
import socket, sys
server = socket.create_server(("0.0.0.0", {port}))
print("ready", flush=True)
held = []
while True:
    held.append(server.accept())
"""
_CLIENT = """\
import socket, time
held = [socket.create_connection(("{ip}", {port})) for _ in range({connections})]
print("ready", flush=True)
time.sleep(3600)
"""
_SSHD = """\
ListenAddress {ip}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PidFile none
PermitRootLogin yes
SetEnv PATH={path}
"""
_TOOLS = ("awk", "cat", "date", "id", "ls", "od", "readlink", "sed", "sh", "sleep", "sort", "stat")

Connection = tuple[int, str, str]
"""The pid, and both ends."""


def main(count: int = 20) -> int:
    """Build the hosts, record them, compare, and print what was found; 1 if anything differs."""
    sshd = shutil.which("sshd", path="/usr/sbin") or "sshd"
    require("ssh", "ssh-keygen")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        hosts = [stack.enter_context(running_host(f"host-{n:02}")) for n in range(1, count + 1)]
        _connect(hosts)
        _write_keys(folder, hosts)
        for number, host in enumerate(hosts):
            _start_sshd(host, number, folder, sshd)
        _start_programs(hosts)
        before = [connections_by_ss(host) for host in hosts]
        began, used = time.monotonic(), _children_s()
        done = _record(folder)
        seconds, used = time.monotonic() - began, _children_s() - used
        sys.stdout.write(done.stderr)
        wrong = _compare(hosts, folder, done, before)
        interpreters = [host["interpreter"] for host in json.loads(done.stdout)["hosts"]]
    for line in wrong:
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(
        f"{count} hosts ({', '.join(sorted(set(interpreters)))}): {seconds:.1f} s,"
        f" {used:.1f} s of CPU here;"
        f" {sum(map(len, before))} connections, {len(wrong)} differences from ss\n"
    )
    return 1 if wrong or done.returncode else 0


def _address(number: int) -> str:
    return f"10.77.0.{number + 1}"


def _connect(hosts: Sequence[Host]) -> None:
    """All on one bridge, which is in the first host."""
    first = hosts[0]
    first.configure_network("link add bridge type bridge", "link set bridge up")
    first.configure_network(f"address add {_address(0)}/24 dev bridge")
    for number, host in enumerate(hosts[1:], start=1):
        first.configure_network(
            f"link add port{number} type veth peer name eth0 netns {host.outer_pid}",
            f"link set port{number} master bridge",
            f"link set port{number} up",
        )
        host.configure_network(f"address add {_address(number)}/24 dev eth0", "link set eth0 up")


def _write_keys(folder: Path, hosts: Sequence[Host]) -> None:
    for name in ("host_key", "key"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(command, check=True)
    public = (folder / "host_key.pub").read_text()
    names = [f"{host.name} {_address(number)}" for number, host in enumerate(hosts)]
    (folder / "known_hosts").write_text(
        "".join(f"{name.replace(' ', ',')} {public}" for name in names)
    )
    aliases = "".join(
        f"Host {host.name}\n  HostName {_address(number)}\n" for number, host in enumerate(hosts)
    )
    (folder / "ssh_config").write_text(
        f"{aliases}Host *\n  User root\n  IdentityFile {folder}/key\n  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {folder}/known_hosts\n"
    )
    # The client is in the network of the first host.
    enter = f"nsenter --net=/proc/{hosts[0].outer_pid}/ns/net"
    script = folder / "ssh"
    script.write_text(
        f'#!/bin/sh\nexec {enter} {shutil.which("ssh")} -F {folder}/ssh_config "$@"\n'
    )
    script.chmod(0o755)
    (folder / "hosts.txt").write_text("".join(f"{host.name}\n" for host in hosts))
    tools = folder / "tools"
    tools.mkdir()
    for name in _TOOLS:
        (tools / name).symlink_to(shutil.which(name) or "")


def _start_sshd(host: Host, number: int, folder: Path, sshd: str) -> None:
    paths = ["/usr/bin:/bin", str(folder / "tools")]
    paths += [f"{Path(name).parent}:{folder / 'tools'}" for name in pythons() if "2.7" in name]
    config = folder / f"sshd_config.{host.name}"
    path = paths[number % len(paths)]
    config.write_text(_SSHD.format(ip=_address(number), folder=folder, path=path))
    users = "root:x:0:0::/root:/bin/sh\nsshd:x:20000:20000::/:/bin/false\n"
    host.write("/opt/etc/passwd", users)
    host.run("sh", "-c", "mount -t tmpfs none /run && mkdir -m 0755 /run/sshd")
    pid = host.start(sshd, "-D", "-e", "-f", str(config), log="sshd")
    host.wait_for_log(pid, "sshd", "listening")


def _start_programs(hosts: Sequence[Host]) -> None:
    python = "/usr/bin/python3"
    for host in hosts:
        pid = host.start(python, "-c", _SERVER.format(port=PORT), log="server")
        host.wait_for_log(pid, "server")
    for number, host in enumerate(hosts):
        peer = _address((number + 1) % len(hosts))
        code = _CLIENT.format(ip=peer, port=PORT, connections=CONNECTIONS)
        host.wait_for_log(host.start(python, "-c", code, log="client"), "client")
    expected = 2 * CONNECTIONS
    wait_for(
        "all connections",
        lambda: all(len(connections_by_ss(host)) == expected for host in hosts),
    )


def connections_by_ss(host: Host) -> set[Connection]:
    """The established connections of the host's programs, but for those of ssh."""
    found = set()
    for line in host.run("ss", "-Htnp", "state", "established").splitlines():
        _, _, local, remote, *users = line.split()
        for pid in re.findall(r"pid=(\d+)", " ".join(users)):
            if not {local.rpartition(":")[2], remote.rpartition(":")[2]} & {"22"}:
                found.add((int(pid), local, remote))
    return found


def _record(folder: Path) -> subprocess.CompletedProcess[str]:
    config = ROOT / "sample-configs" / "typical.yaml"
    arguments = ["record", "-c", str(config), "--hosts", str(folder / "hosts.txt"), "--json"]
    return subprocess.run(
        [*PROGRAM, *arguments, str(folder / "recordings")],
        env=environment(PATH=f"{folder}:{os.environ['PATH']}"),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def _compare(
    hosts: Sequence[Host],
    folder: Path,
    done: subprocess.CompletedProcess[str],
    before: Sequence[set[Connection]],
) -> list[str]:
    wrong = [
        f"{host['host']}: {host['failure']}"
        for host in json.loads(done.stdout)["hosts"]
        if host["failure"]
    ]
    for host, seen in zip(hosts, before, strict=True):
        path = folder / "recordings" / f"{host.name}.jsonl.gz"
        if not path.exists():
            continue
        got = _connections_recorded(path)
        wrong += [f"{host.name}: {one} is not in the recording" for one in sorted(seen - got)]
        wrong += [f"{host.name}: {one} is not shown by ss" for one in sorted(got - seen)]
    return wrong


def _connections_recorded(path: Path) -> set[Connection]:
    document = json.loads(
        subprocess.run(
            [*PROGRAM, "sockets", "-s", str(path), "--json"],
            env=environment(),
            capture_output=True,
            check=True,
        ).stdout
    )
    return {
        (
            one["pid"],
            f"{one['local']['ip']}:{one['local']['port']}",
            f"{one['remote']['ip']}:{one['remote']['port']}",
        )
        for one in document["sockets"]
        if one["state"] == "ESTABLISHED" and 22 not in (one["local"]["port"], one["remote"]["port"])
    }


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))

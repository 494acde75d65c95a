"""Makes docs/example/shop-*.jsonl anew: the shop's hosts, recorded as their owner would; and
shop-conn.log, the connections that one of them opened, as Zeek logs them.

    sudo .venv/bin/python -m tests.lab.example

It needs nginx, Redis and PostgreSQL, and a /usr/bin/python3 of the same version as this one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from proccli.sources.recording.reader import read_recording
from tests.lab.namespaces import Host
from tests.lab.recorder import Recorder
from tests.lab.shop import PYTHON, grow_older_than, running_shop
from tests.paths import ROOT

FOLDER = ROOT / "docs" / "example"
CONFIG = FOLDER / "shop.yaml"
MOST_BYTES = 60_000
_UPTIME_S = 75
_LOG_HEAD = """#separator \\x09
#set_separator\t,
#empty_field\t(empty)
#unset_field\t-
#path\tconn
#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration
#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tinterval"""
_HOME = "/opt/proccli"
_LAUNCHER = f"#!{_HOME}/bin/python\nfrom proccli.__main__ import main\n\nmain()\n"


def install(host: Host) -> None:
    """A place for proccli that tells nothing of this machine."""
    host.write(f"{_HOME}/pyvenv.cfg", f"home = {Path(PYTHON).parent}\n")
    host.write(f"{_HOME}/bin/proccli", _LAUNCHER, mode=0o755)
    host.run("ln", "-s", PYTHON, f"{_HOME}/bin/python")


def checked(recording: Path) -> Path:
    """The same, unless something of this machine is in it or it is too long for an example."""
    text = recording.read_text(encoding="utf-8")
    ours = {str(ROOT), str(Path.home()), sys.prefix, tempfile.gettempdir(), os.uname().nodename}
    found = sorted(word for word in ours if f'"{word}' in text or f"{word}/" in text)
    if found or len(text) > MOST_BYTES:
        sys.exit(f"{recording}: {len(text)} bytes, and {found} in it")
    return recording


def connection_log(recording: Path) -> str:
    """The TCP connections that the processes of a recording opened, as Zeek's conn.log."""
    source = read_recording(str(recording))
    at_s = source.host.taken_at_ns // 10**9 - 2
    lines = [_LOG_HEAD]
    logged = set()
    for pid in source.pids():
        held = source.socket_fds(pid)
        rows = {
            row.inode: row
            for table in source.net_tables(pid)
            for row in table.rows
            if row.protocol == "tcp"
        }
        listening = {row.local.port for row in rows.values() if row.state == "LISTEN"}
        for socket in held if isinstance(held, tuple) else ():
            row = rows.get(socket.inode)
            if row is None or row.local.port in listening or socket.inode in logged:
                continue
            logged.add(socket.inode)
            ends = (row.local.ip, row.local.port, row.remote.ip, row.remote.port)
            lines.append("\t".join(map(str, (at_s, f"C{row.inode}", *ends, "tcp", "2.500000"))))
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the shop for a while, then record it."""
    version = ("-c", "import sys; print(*sys.version_info[:2])")
    theirs = subprocess.run([PYTHON, *version], capture_output=True, text=True, check=True)
    if PYTHON != "/usr/bin/python3" or theirs.stdout.split() != [
        str(number) for number in sys.version_info[:2]
    ]:
        sys.exit(f"{PYTHON} is not of this Python's version, or not in its usual place")
    recorder = Recorder(
        config=CONFIG.read_text(encoding="utf-8"),
        command=(f"{_HOME}/bin/proccli",),
        path=f"{sysconfig.get_path('purelib')}:{ROOT}",
    )
    with running_shop() as shop, tempfile.TemporaryDirectory() as folder:
        if not (shop.postgres and shop.ipv6):
            sys.exit("the example shows PostgreSQL and IPv6, and one of them is missing here")
        for host in shop.recorded:
            install(host)
        grow_older_than(_UPTIME_S)
        for name, path in recorder.record(shop.recorded, Path(folder)).items():
            shutil.copyfile(checked(path), FOLDER / f"shop-{name}.jsonl")
    log = connection_log(FOLDER / "shop-app-1.jsonl")
    (FOLDER / "shop-conn.log").write_text(log, encoding="utf-8")


if __name__ == "__main__":
    main()

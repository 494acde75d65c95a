"""The facts that proccli reads, read with psutil: a peer for bench.py.

psutil has no network namespace and no cgroup of a process, and lists the sockets of its own
network namespace only.
"""

from __future__ import annotations

import psutil


def main() -> None:
    facts = ["cmdline", "name", "ppid", "create_time", "exe", "uids", "username"]
    known = {process.pid: process.info for process in psutil.process_iter(facts)}
    sockets = [
        (known.get(one.pid), one.fd, one.family, one.laddr, one.raddr, one.status)
        for one in psutil.net_connections("inet")
        if one.pid is not None
    ]
    print(f"{len(known)} processes, {len(sockets)} sockets")


if __name__ == "__main__":
    main()

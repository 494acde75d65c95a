"""The IPv4 addresses of a network namespace."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from typing import Final

_ADDRESS: Final = re.compile(rb"\|-- (\d{1,3}(?:\.\d{1,3}){3})$")
_LOCAL: Final = re.compile(rb"/32 host LOCAL$")


def parse_fib_trie(text: bytes) -> tuple[str, ...]:
    """The addresses that are the namespace's own, ascending, without loopback.

    The routing table of local addresses lists each as a leaf, `|-- 10.0.0.5`, and below it what
    it is: `/32 host LOCAL`. Lines of another form say nothing of addresses.

    Source: /proc/PID/net/fib_trie, Linux net/ipv4/fib_trie.c.
    """
    found: set[IPv4Address] = set()
    leaf: bytes | None = None
    for line in text.splitlines():
        if opened := _ADDRESS.search(line):
            leaf = opened[1]
        elif leaf is not None and _LOCAL.search(line):
            try:
                address = IPv4Address(leaf.decode("ascii"))
            except ValueError:
                continue
            if not address.is_loopback:
                found.add(address)
    return tuple(map(str, sorted(found)))

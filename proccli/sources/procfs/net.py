"""Parsing the files of a network namespace, /proc/PID/net: its socket tables and addresses.

Pure: bytes in, values out.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from typing import Final

from proccli.model.process import MAX_U64
from proccli.model.sockets import (
    KINDS,
    STATE_NAMES,
    TABLES,
    Endpoint,
    SocketRow,
    TableName,
    new_row,
)
from proccli.sources.procfs.files import Unreadable

MAX_TABLE_BYTES = 1 << 30
"""Some seven million rows: more than a machine has sockets, and less than its memory."""

MAX_ROW_BYTES = 4096
"""The kernel's rows have less than 200."""

_V4_MAPPED = bytes(10) + b"\xff\xff"
_FIELDS = 10
"""The tenth is the inode; what follows is ignored."""


def parse_table(
    chunks: Iterable[bytes], name: TableName, byteorder: str = sys.byteorder
) -> list[SocketRow]:
    """The sockets of one table, in its order.

    Sockets without a file (inode 0: those in TIME_WAIT, requests not yet accepted) belong to no
    process and are left out, but for listeners. A row that the kernel shows twice, because the
    table changed while it was read, is there twice: the agent sends it twice, too. An IPv4 address
    mapped into IPv6 is returned as IPv4.

    Source: /proc/PID/net/{tcp,udp,tcp6,udp6}, proc_pid_net(5).
    Raises: Unreadable if a row is not as documented.
    """
    protocol, family = KINDS[name]
    states = STATE_NAMES[protocol]
    endpoints = _Endpoints(byteorder)
    rows: list[SocketRow] = []
    for text in _texts(chunks):
        found = _ROW.findall(text)
        if len(found) <= text.count("\n"):
            found = list(map(_fields, text.split("\n")))
        for local, remote, state, inode in found:
            if inode == "0" and state != _LISTEN:
                continue
            if state not in states:
                raise Unreadable("malformed", _NOT_AS_DOCUMENTED)
            ends = endpoints[local], endpoints[remote]
            rows.append(new_row((protocol, family, states[state], *ends, int(inode))))
    return rows


_LISTEN = "0A"
_NOT_AS_DOCUMENTED = "a row is not as documented"
_ROW: Final = re.compile(
    r"^ *\S+ +(\S+) +(\S+) +(\S+) +\S+ +\S+ +\S+ +\S+ +\S+ +([0-9]{1,19})(?: .*)?$", re.MULTILINE
)
"""The fields of a row as every kernel writes it: all of a text are found in one call."""


def _fields(line: str) -> tuple[str, str, str, str]:
    """The same fields of any other row. Raises: Unreadable."""
    fields = line.split(None, _FIELDS)
    if len(fields) < _FIELDS:
        raise Unreadable("malformed", "a row is cut short")
    inode = fields[9]
    if not inode.isdecimal() or len(inode) > 20 or int(inode) > MAX_U64:
        raise Unreadable("malformed", _NOT_AS_DOCUMENTED)
    return fields[1], fields[2], fields[3], inode


def _texts(chunks: Iterable[bytes]) -> Iterator[str]:
    """The lines after the heading, many at a time, without the last newline.

    Raises: Unreadable for a longer line than the kernel's.
    """
    rest = b""
    heading = True
    for chunk in chunks:
        whole, newline, tail = chunk.rpartition(b"\n")
        if len(rest) > MAX_ROW_BYTES:
            raise Unreadable("malformed", "a row is too long")
        if not newline:
            rest += chunk
            continue
        text = _text(rest + whole)
        rest = tail
        if heading:
            heading = False
            _, newline_after_heading, text = text.partition("\n")
            if not newline_after_heading:
                continue
        yield text
    if rest and heading and b"local_address" not in rest:
        raise Unreadable("malformed", "the heading is missing")
    if rest and not heading:
        yield _text(rest)


def _text(raw: bytes) -> str:
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError:
        raise Unreadable("malformed", _NOT_AS_DOCUMENTED) from None


class _Endpoints(dict[str, Endpoint]):
    """Endpoints by the kernel's notation: thousands of rows share a listener's."""

    def __init__(self, byteorder: str) -> None:
        super().__init__()
        self._addresses = _Addresses(byteorder)
        self._ports = _Ports()

    def __missing__(self, text: str) -> Endpoint:
        address, _, port = text.partition(":")
        endpoint = self[text] = Endpoint(self._addresses[address], self._ports[port])
        return endpoint


class _Addresses(dict[str, str]):
    def __init__(self, byteorder: str) -> None:
        super().__init__()
        self._byteorder = byteorder

    def __missing__(self, text: str) -> str:
        if not _ADDRESS.fullmatch(text):
            raise Unreadable("malformed", "an address is not as documented")
        # One 32-bit word, or four, each written as a number of this machine: on a little-endian
        # one the bytes of each stand in reverse.
        packed = bytes.fromhex(text)
        if self._byteorder == "little":
            packed = b"".join(packed[at : at + 4][::-1] for at in range(0, len(packed), 4))
        packed = packed.removeprefix(_V4_MAPPED)
        address = self[text] = ".".join(map(str, packed)) if len(packed) == 4 else _ipv6(packed)
        return address


def _ipv6(packed: bytes) -> str:
    if packed in _COMMON_IPV6:
        return _COMMON_IPV6[packed]
    # It takes 3 % of a start to load.
    from socket import AF_INET6, inet_ntop

    return inet_ntop(AF_INET6, packed)


_COMMON_IPV6: Final = {bytes(16): "::", bytes(15) + b"\1": "::1"}
"""The addresses of most listeners, and of loopback."""


class _Ports(dict[str, int]):
    def __missing__(self, text: str) -> int:
        if not _PORT.fullmatch(text):
            raise Unreadable("malformed", "a port is not as documented")
        port = self[text] = int(text, 16)
        return port


_ADDRESS = re.compile(r"[0-9A-Fa-f]{8}|[0-9A-Fa-f]{32}")
_PORT = re.compile(r"[0-9A-Fa-f]{4}")


_IN_USE = re.compile(rb"^(TCP|UDP|TCP6|UDP6): inuse ([0-9]+)\b", re.MULTILINE)


def empty_tables(sockstat: bytes) -> frozenset[TableName]:
    """The tables that hold no socket of this namespace: reading one costs as much as a full one.

    The kernel walks the whole machine's sockets for each read of tcp or tcp6. Sockets in
    TIME_WAIT are not counted, and belong to no process.

    Source: /proc/PID/net/sockstat and sockstat6, proc_pid_net(5).
    """
    return frozenset(
        name for name in TABLES if (name.upper().encode(), b"0") in _IN_USE.findall(sockstat)
    )


def parse_fib_trie(text: bytes) -> tuple[str, ...]:
    """The addresses that are the namespace's own, ascending, without loopback.

    The routing table of local addresses lists each as a leaf, `|-- 10.0.0.5`, and below it what
    it is: `/32 host LOCAL`. Lines of another form are ignored.

    Source: /proc/PID/net/fib_trie, Linux net/ipv4/fib_trie.c.
    """
    address_of_leaf = re.compile(rb"\|-- (\d{1,3}(?:\.\d{1,3}){3})$")
    found: set[tuple[int, ...]] = set()
    leaf: bytes | None = None
    for line in text.splitlines():
        if opened := address_of_leaf.search(line):
            leaf = opened[1]
        elif leaf is not None and line.endswith(b"/32 host LOCAL"):
            address = tuple(map(int, leaf.split(b".")))
            if b"%d.%d.%d.%d" % address == leaf and max(address) <= 255 and address[0] != 127:
                found.add(address)
    return tuple(".".join(map(str, address)) for address in sorted(found))

"""The addresses of a network namespace, against the kernel's own and against any text."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import psutil
from hypothesis import given
from hypothesis import strategies as st

from proccli.sources.procfs.directory import DirectorySource
from proccli.sources.procfs.live import LiveSource
from proccli.sources.procfs.net import parse_fib_trie

TRIE = b"""Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 127.0.0.0/8 2 0 2
        |-- 127.0.0.1
           /32 host LOCAL
     +-- 192.0.2.0/24 2 0 2
        |-- 192.0.2.0
           /24 link UNICAST
        |-- 192.0.2.12
           /32 link BROADCAST
           /32 host LOCAL
        |-- 192.0.2.2
           /32 host LOCAL
        |-- 192.0.2.255
           /32 link BROADCAST
"""


def test_only_what_is_local_is_an_address_of_ones_own() -> None:
    assert parse_fib_trie(TRIE) == ("192.0.2.2", "192.0.2.12")


def test_the_addresses_of_this_namespace_are_those_that_psutil_sees() -> None:
    seen = {
        address.address
        for interface in psutil.net_if_addrs().values()
        for address in interface
        if address.family == socket.AF_INET and not address.address.startswith("127.")
    }
    assert set(LiveSource().addresses(os.getpid()) or ()) == seen


def test_a_process_that_is_not_there_shows_none() -> None:
    assert LiveSource().addresses(2**22 - 1) is None


def test_a_directory_tells_what_its_file_tells(tmp_path: Path) -> None:
    (tmp_path / "7" / "net").mkdir(parents=True)
    (tmp_path / "8").mkdir()
    (tmp_path / "7" / "net" / "fib_trie").write_bytes(TRIE)
    source = DirectorySource(str(tmp_path))
    assert source.addresses(7) == ("192.0.2.2", "192.0.2.12")
    assert source.addresses(8) is None


LINES = st.sampled_from(
    [
        *TRIE.splitlines(),
        b"|-- 999.1.1.1",
        b"     |-- 10.0.0.1 ",
        b"   |-- 10.0.0.1\xff",
        b"/32 host LOCAL",
        b"",
        b"\x00",
    ]
)


@given(st.lists(st.one_of(LINES, st.binary(max_size=40))))
def test_any_text_ends_in_addresses_or_in_none(lines: list[bytes]) -> None:
    for address in parse_fib_trie(b"\n".join(lines)):
        assert socket.inet_ntoa(socket.inet_aton(address)) == address
        assert address.encode() in b"\n".join(lines)

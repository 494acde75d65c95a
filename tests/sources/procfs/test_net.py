from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.model.sockets import STATE_NAMES, TABLES, Endpoint, SocketRow, TableName
from proccli.sources.procfs.directory import DirectorySource
from proccli.sources.procfs.files import Unreadable
from proccli.sources.procfs.live import LiveSource
from proccli.sources.procfs.net import empty_tables, parse_fib_trie, parse_table

HEADING = b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt ...\n"
REST = "00000000:00000000 00:00000000 00000000  1000        0"
NUMBERS = {
    "tcp": {"ESTABLISHED": "01", "SYN_SENT": "02", "TIME_WAIT": "06", "LISTEN": "0A"},
    "udp": {"ESTABLISHED": "01", "UNCONNECTED": "07"},
}


def line(local: str, remote: str, state: str = "01", inode: object = 7) -> bytes:
    text = f"   0: {local} {remote} {state} {REST} {inode} 1 00000000d34692f9 20 4 30 10 -1"
    return text.encode().ljust(149) + b"\n"


def parse(*lines: bytes, name: TableName = "tcp", byteorder: str = "little") -> list[SocketRow]:
    return parse_table([HEADING, *lines], name, byteorder)


def kernel_writing(ip: str, port: int, byteorder: str) -> str:
    """An endpoint as the kernel prints it: each 32-bit word as a number of the machine."""
    packed = socket.inet_pton(socket.AF_INET6 if ":" in ip else socket.AF_INET, ip)
    words = [packed[at : at + 4] for at in range(0, len(packed), 4)]
    address = "".join(f"{int.from_bytes(word, byteorder):08X}" for word in words)  # type: ignore[arg-type]
    return f"{address}:{port:04X}"


def test_a_row_has_its_ends_state_and_inode() -> None:
    assert parse(line("0100007F:1F90", "0200000A:C001", "01", 4711)) == [
        SocketRow(
            "tcp",
            "ipv4",
            "ESTABLISHED",
            Endpoint("127.0.0.1", 8080),
            Endpoint("10.0.0.2", 49153),
            4711,
        )
    ]


@pytest.mark.parametrize(
    ("written", "ip"),
    [
        ("00000000000000000000000001000000", "::1"),
        ("B80D0120000000000000000001000000", "2001:db8::1"),
        ("000080FE00000000FF005450B6AE00FE", "fe80::5054:ff:fe00:aeb6"),
        ("00000000000000000000000000000000", "::"),
    ],
)
def test_ipv6_is_four_words_of_the_machine(written: str, ip: str) -> None:
    (row,) = parse(line(f"{written}:0050", f"{'0' * 32}:0000"), name="tcp6")
    assert row.local == Endpoint(ip, 80)
    assert row.family == "ipv6"


def test_an_ipv4_address_mapped_into_ipv6_is_shown_as_ipv4() -> None:
    mapped = "0000000000000000FFFF0000050010AC:0050"
    (row,) = parse(line(mapped, mapped), name="tcp6")
    assert (row.family, row.local) == ("ipv6", Endpoint("172.16.0.5", 80))


@pytest.mark.parametrize("byteorder", ["little", "big"])
@pytest.mark.parametrize("ip", ["10.1.2.3", "2001:db8:1:2:3:4:5:6", "::ffff:10.1.2.3", "::1"])
def test_addresses_are_read_in_the_machines_byte_order(ip: str, byteorder: str) -> None:
    end = kernel_writing(ip, 443, byteorder)
    (row,) = parse(line(end, end), name="tcp6", byteorder=byteorder)
    assert row.local == Endpoint(ip.removeprefix("::ffff:"), 443)


def test_a_big_endian_machine_writes_ipv4_as_it_reads() -> None:
    (row,) = parse(line("7F000001:0050", "0A000002:0051"), byteorder="big")
    assert (row.local.ip, row.remote.ip) == ("127.0.0.1", "10.0.0.2")


def test_sockets_without_a_file_are_left_out_but_for_listeners() -> None:
    rows = parse(
        line("0100007F:0001", "0100007F:0002", "06", 0),
        line("0100007F:0003", "00000000:0000", "0A", 0),
        line("0100007F:0004", "0100007F:0005", "03", 0),
        line("0100007F:0006", "0100007F:0007", "01", 9),
    )
    assert [(row.local.port, row.inode) for row in rows] == [(3, 0), (6, 9)]


def test_a_row_shown_twice_counts_twice_as_for_the_agent() -> None:
    same = line("0100007F:0001", "0100007F:0002", "01", 5)
    other = line("0100007F:0002", "0100007F:0001", "01", 6)
    assert [row.inode for row in parse(same, other, same)] == [5, 6, 5]


def test_a_udp_socket_has_a_peer_or_none() -> None:
    rows = parse(
        line("0100007F:0035", "00000000:0000", "07", 1),
        line("0100007F:0036", "0100007F:0035", "01", 2),
        name="udp",
    )
    assert [(row.protocol, row.state) for row in rows] == [
        ("udp", "UNCONNECTED"),
        ("udp", "ESTABLISHED"),
    ]


@pytest.mark.parametrize("size", [1, 7, 64, 4096])
def test_chunks_may_end_anywhere(size: int) -> None:
    text = HEADING + b"".join(line("0100007F:1F90", "0200000A:C001", "01", n) for n in range(1, 9))
    chunks = [text[at : at + size] for at in range(0, len(text), size)]
    assert [row.inode for row in parse_table(chunks, "tcp")] == list(range(1, 9))


def test_a_row_in_another_notation_among_others_is_read_as_well() -> None:
    usual = [line("0100007F:1F90", "0200000A:C001", "01", inode) for inode in (1, 2, 3)]
    other = b"\t7:\t" + usual[1].split(b": ", 1)[1].replace(b" ", b"\t")
    long = line("0100007F:1F90", "0200000A:C001", "01", 2**64 - 1)

    assert parse(usual[0], other, long, usual[2]) == [
        *parse(usual[0], usual[1]),
        *parse(long, usual[2]),
    ]


def test_the_last_newline_may_be_missing() -> None:
    assert len(parse_table([HEADING + line("0100007F:1F90", "0200000A:C001")[:-1]], "tcp")) == 1


@pytest.mark.parametrize("text", [b"", HEADING, HEADING[:-1]])
def test_a_table_may_be_empty(text: bytes) -> None:
    assert parse_table([text], "tcp") == []


@pytest.mark.parametrize(
    "bad",
    [
        b"   0: 0100007F:1F90\n",
        line("0100007F:1F90", "0200000A:C001", "FF"),
        line("0100007F:1F90", "0200000A:C001", "1"),
        line("0100007F:1F90", "0200000A:C001", "01", "x"),
        line("0100007F:1F90", "0200000A:C001", "01", -7),
        line("0100007F:1F90", "0200000A:C001", "01", "9" * 40),
        line("0100007F:1F90", "0200000A:C001", "01", "\u0663".encode().decode("latin-1")),
        line("0100007F", "0200000A:C001"),
        line("0100007F:", "0200000A:C001"),
        line("0100007F:1F9", "0200000A:C001"),
        line("0100007F:+1F9", "0200000A:C001"),
        line("0100007F:1F90", "0200000:C001"),
        line("0100007F:1F90", "0_00000A:C001"),
        line("0100007F0100007F:1F90", "0200000A:C001"),
        b"\n",
        b"\xff\xfe\n",
    ],
)
def test_a_row_that_is_not_as_documented_costs_the_table(bad: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        parse(line("0100007F:1F90", "0200000A:C001", "01", 3), bad)
    assert caught.value.problem == "malformed"


@given(st.sampled_from(TABLES), st.lists(st.binary(max_size=200), max_size=6))
def test_garbage_is_refused_and_nothing_else(name: TableName, chunks: list[bytes]) -> None:
    try:
        rows = parse_table([HEADING, *chunks], name)
    except Unreadable:
        return
    assert all(row.state in STATE_NAMES[row.protocol].values() for row in rows)


@st.composite
def written_rows(draw: st.DrawFn) -> tuple[TableName, str, list[SocketRow], bytes]:
    """Rows, and the table that a machine of some byte order prints for them."""
    name = draw(st.sampled_from(TABLES))
    byteorder = draw(st.sampled_from(["little", "big"]))
    protocol = "tcp" if name.startswith("tcp") else "udp"
    addresses = st.ip_addresses(v=6) if name.endswith("6") else st.ip_addresses(v=4)
    ends = st.builds(Endpoint, addresses.map(str), st.integers(min_value=0, max_value=65535))
    inodes = draw(st.lists(st.integers(min_value=1, max_value=2**64 - 1), unique=True, max_size=8))
    rows, text = [], HEADING
    for inode in inodes:
        state = draw(st.sampled_from(sorted(NUMBERS[protocol])))
        local, remote = draw(ends), draw(ends)
        text += line(
            kernel_writing(*local, byteorder),
            kernel_writing(*remote, byteorder),
            NUMBERS[protocol][state],
            inode,
        )
        family = "ipv6" if name.endswith("6") else "ipv4"
        rows.append(SocketRow(protocol, family, state, shown(local), shown(remote), inode))  # type: ignore[arg-type]
    return name, byteorder, rows, text


def shown(end: Endpoint) -> Endpoint:
    """As the system writes it: ::ffff:1.2.3.4 as 1.2.3.4."""
    if ":" not in end.ip:
        return end
    text = socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, end.ip))
    return Endpoint(re.sub(r"^::ffff:(?=\d+\.)", "", text), end.port)


@given(written_rows(), st.integers(min_value=1, max_value=300))
def test_what_was_written_is_read(
    written: tuple[TableName, str, list[SocketRow], bytes], size: int
) -> None:
    name, byteorder, rows, text = written
    chunks = [text[at : at + size] for at in range(0, len(text), size)]
    assert parse_table(chunks, name, byteorder) == rows


SOCKSTAT = b"""\
sockets: used 337
TCP: inuse 0 orphan 0 tw 31 alloc 9 mem 2
UDP: inuse 10 mem 2
UDPLITE: inuse 0
RAW: inuse 0
FRAG: inuse 0 memory 0
"""
SOCKSTAT6 = b"TCP6: inuse 20\nUDP6: inuse 0\nUDPLITE6: inuse 0\nRAW6: inuse 0\n"


def test_tables_without_a_socket_in_use_need_no_reading() -> None:
    assert empty_tables(SOCKSTAT + SOCKSTAT6) == {"tcp", "udp6"}


@pytest.mark.parametrize("text", [b"", b"TCP: orphan 0\n", b"TCP6:\n", b"XTCP: inuse 0\n"])
def test_tables_missing_from_sockstat_are_read(text: bytes) -> None:
    assert empty_tables(text) == frozenset()


@pytest.fixture
def real_sockets() -> Iterator[dict[TableName, set[tuple[str, int]]]]:
    """A socket of every kind on loopback, by the table where it stands."""
    tcp = socket.create_server(("127.0.0.1", 0))
    tcp6 = socket.create_server(("::1", 0), family=socket.AF_INET6)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    udp6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    udp6.bind(("::1", 0))
    made: dict[TableName, socket.socket] = {"tcp": tcp, "tcp6": tcp6, "udp": udp, "udp6": udp6}
    try:
        yield {name: {one.getsockname()[:2]} for name, one in made.items()}
    finally:
        for one in made.values():
            one.close()


@pytest.mark.parametrize("name", TABLES)
def test_the_kernels_own_tables_are_read(
    real_sockets: dict[TableName, set[tuple[str, int]]], name: TableName
) -> None:
    text = Path(f"/proc/self/net/{name}").read_bytes()
    rows = parse_table([text], name)
    assert real_sockets[name] <= {row.local for row in rows}
    assert name not in empty_tables(
        Path("/proc/self/net/sockstat").read_bytes() + Path("/proc/self/net/sockstat6").read_bytes()
    )


def test_the_byte_order_is_this_machines() -> None:
    end = kernel_writing("127.0.0.1", 80, sys.byteorder)
    assert parse_table([HEADING, line(end, end)], "tcp")[0].local.ip == "127.0.0.1"


class _Chunks:
    """A table in chunks, as it is read; counts those that were taken."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = chunks
        self.taken = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.taken += 1
            yield chunk


@pytest.mark.parametrize("heading", [b"", HEADING])
def test_a_row_that_never_ends_is_not_read_to_its_end(heading: bytes) -> None:
    chunks = _Chunks(heading, *[b"0" * 4000] * 1000)

    with pytest.raises(Unreadable):
        parse_table(chunks, "tcp")

    assert chunks.taken < 6


def test_a_table_without_a_heading_is_not_an_empty_one() -> None:
    with pytest.raises(Unreadable):
        parse_table([b"garbage"], "tcp")


@pytest.mark.parametrize("inode", [2**64, "9" * 20])
def test_an_inode_beyond_the_kernels_numbers_is_malformed(inode: object) -> None:
    assert parse(line("0100007F:1F90", "0200000A:C001", inode=2**64 - 1))
    with pytest.raises(Unreadable):
        parse(line("0100007F:1F90", "0200000A:C001", inode=inode))


# ---- addresses -----------------------------------------------------------------------------------

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


def test_only_local_addresses_are_returned() -> None:
    assert parse_fib_trie(TRIE) == ("192.0.2.2", "192.0.2.12")


def test_the_addresses_of_this_namespace_are_those_of_psutil() -> None:
    seen = {
        address.address
        for interface in psutil.net_if_addrs().values()
        for address in interface
        if address.family == socket.AF_INET and not address.address.startswith("127.")
    }
    assert set(LiveSource().addresses(os.getpid()) or ()) == seen


def test_a_missing_process_has_no_addresses() -> None:
    assert LiveSource().addresses(2**22 - 1) is None


def test_a_directory_has_the_addresses_of_its_file(tmp_path: Path) -> None:
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
        b"|-- 010.0.0.1",
        b"     |-- 10.0.0.1 ",
        b"   |-- 10.0.0.1\xff",
        b"/32 host LOCAL",
        b"",
        b"\x00",
    ]
)


@given(st.lists(st.one_of(LINES, st.binary(max_size=40))))
def test_any_text_gives_addresses_or_none(lines: list[bytes]) -> None:
    for address in parse_fib_trie(b"\n".join(lines)):
        assert socket.inet_ntoa(socket.inet_aton(address)) == address
        assert address.encode() in b"\n".join(lines)

"""Parsing the stat lines of processes and of the machine, and passwd files as the agent does."""

from __future__ import annotations

from pathlib import Path

import pytest

from proccli.sources.procfs.files import Unreadable
from proccli.sources.procfs.process import parse_btime, parse_passwd, parse_stat, parse_uptime_ns


def stat_line(*, comm: bytes = b"sleep", ppid: bytes = b"7", ticks: bytes = b"12345") -> bytes:
    fields = [b"S", ppid, *[b"0"] * 17, ticks, *[b"0"] * 30]
    return b"42 (" + comm + b") " + b" ".join(fields) + b"\n"


@pytest.mark.parametrize(
    ("comm", "shown"),
    [
        (b"a b", "a b"),
        (b"(sd-pam)", "(sd-pam)"),
        (b"x) R 1", "x) R 1"),
        (b"", ""),
        (b"((((", "(((("),
        (b"))))", "))))"),
        (b"a\nb", "a\nb"),
        (b"\xff", r"\xff"),
    ],
)
def test_comm_may_hold_spaces_and_parentheses(comm: bytes, shown: str) -> None:
    stat = parse_stat(stat_line(comm=comm))
    assert (stat.comm, stat.state, stat.ppid, stat.starttime_ticks) == (shown, "S", 7, 12345)


def test_largest_numbers_are_read() -> None:
    stat = parse_stat(stat_line(ppid=b"2147483647", ticks=b"18446744073709551615"))
    assert (stat.ppid, stat.starttime_ticks) == (2**31 - 1, 2**64 - 1)


def test_old_kernels_have_fewer_fields() -> None:
    line = b"1 (init) S 0 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 24"
    assert parse_stat(line).starttime_ticks == 24


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\0" * 100,
        b"42",
        b"42 sleep S 7",
        b"42 (sleep",
        b"42 (sleep) S 7 0 0",
        stat_line(ppid=b"x"),
        stat_line(ppid=b"-1"),
        stat_line(ppid=b"1_0"),
        stat_line(ppid=b"+1"),
        stat_line(ticks=b"1.5"),
        stat_line(ticks=b"9" * 5000),
        stat_line(ppid="٣".encode()),
    ],
)
def test_cut_or_garbled_line_is_malformed(line: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        parse_stat(line)
    assert caught.value.problem == "malformed"


def test_boot_time_is_a_line_of_its_own() -> None:
    real = Path("/proc/stat").read_bytes()
    assert parse_btime(real) is not None
    assert parse_btime(b"cpu 1 2\nbtime 1767225600\nprocesses 3\n") == 1_767_225_600


@pytest.mark.parametrize(
    "text", [b"", b"cpu 1", b"btime", b"btime x", b"btime -1", b"abtime 1", b"btime " + b"9" * 12]
)
def test_boot_time_may_be_missing(text: bytes) -> None:
    assert parse_btime(text) is None


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        (b"97445.25 180000.10\n", 97_445_250_000_000),
        (b"5 7\n", 5_000_000_000),
        (b"0.000000001", 1),
        (b"", None),
        (b"x", None),
        (b"-1.0 0", None),
        (b"1e9 0", None),
        (b"nan", None),
        (b"9" * 11, None),
    ],
)
def test_uptime_is_kept_to_the_nanosecond(text: bytes, ns: int | None) -> None:
    assert parse_uptime_ns(text) == ns


@pytest.mark.parametrize(
    ("ppid", "ticks"), [(2**31, 1), (4_294_967_295, 1), (1, 2**64), (1, 10**20 - 1)]
)
def test_a_number_that_the_kernel_does_not_have_is_malformed(ppid: int, ticks: int) -> None:
    """The agent's reader takes an i32 and an u64 there."""
    line = "7 (x) S {} " + "0 " * 17 + "{} 0\n"
    assert parse_stat(line.format(2**31 - 1, 2**64 - 1).encode()).starttime_ticks == 2**64 - 1
    with pytest.raises(Unreadable):
        parse_stat(line.format(ppid, ticks).encode())


# ---- passwd --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b"", {}),
        (b"root:x:0:0:root:/root:/bin/bash\n", {0: "root"}),
        (b"root:x:0\nshop:x:1000", {0: "root", 1000: "shop"}),
        (b"shop:x:1000:\r\n", {1000: "shop"}),
        (b"a:x:0\r\n", {0: "a"}),
        (b"first:x:5:\nsecond:x:5:\n", {5: "first"}),
        (b":x:5:\n", {5: ""}),
        (b"+plus:x:+7:\n", {7: "+plus"}),
        (b"zeros:x:0007:\n", {7: "zeros"}),
        (b"most:x:4294967295:\n", {4294967295: "most"}),
        ("商店:x:1000:\n".encode(), {1000: "商店"}),
    ],
)
def test_first_entry_of_a_uid_names_it(content: bytes, names: dict[int, str]) -> None:
    assert parse_passwd(content) == names


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"root",
        b"root:x",
        b"root:x:",
        b"root:x: 0:0",
        b"root:x:0 :0",
        b"root:x:-1:0",
        b"root:x:1_0:0",
        b"root:x:0x0:0",
        b"root:x:4294967296:0",
        b"root:x:" + b"9" * 5000,
        "root:x:٣:0".encode(),
        b"+@netgroup::::::",
        b"# comment",
    ],
)
def test_lines_that_the_agent_skips(line: bytes) -> None:
    assert parse_passwd(line + b"\nshop:x:1000:\n") == {1000: "shop"}


def test_file_that_is_not_utf8_has_no_names() -> None:
    """The agent reads the whole file as a string, and fails."""
    assert parse_passwd(b"root:x:0:0:r\xf6t\n") is None

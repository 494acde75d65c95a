"""The agent's reading of a passwd file, which is not the C library's."""

from __future__ import annotations

import pytest

from proccli.sources.procfs.process import parse_passwd


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
def test_lines_that_the_agent_passes_over(line: bytes) -> None:
    assert parse_passwd(line + b"\nshop:x:1000:\n") == {1000: "shop"}


def test_file_that_is_not_utf8_has_no_names() -> None:
    """The agent reads the whole file as a string, and fails."""
    assert parse_passwd(b"root:x:0:0:r\xf6t\n") is None

"""Names of hosts: what becomes an argument of ssh and the name of a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.commands.record.destinations import parse_destination, read_destinations
from proccli.errors import SourceError
from tests.cli.runner import call


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("web-1", "web-1", None),
        ("web_1.example.org", "web_1.example.org", None),
        ("10.0.0.5:2222", "10.0.0.5", 2222),
        ("alice@web-1:22", "alice@web-1", 22),
        ("alice@EXAMPLE.ORG@web-1", "alice@EXAMPLE.ORG@web-1", None),
        ("fe80::1%eth0", "fe80::1%eth0", None),
        ("root@[2001:db8::1]:2222", "root@2001:db8::1", 2222),
        ("[::1]", "::1", None),
    ],
)
def test_a_host_may_have_a_user_and_a_port(text: str, host: str, port: int | None) -> None:
    found = parse_destination(text)

    assert (found.host, found.port, found.file_name) == (host, port, f"{text}.jsonl.gz")


@pytest.mark.parametrize(
    "text",
    [
        "-oProxyCommand=x",
        "@web-1",
        "-l@web-1",
        "a@-web-1",
        "../etc",
        "a/b",
        "/etc/passwd",
        "..",
        ".hidden",
        "a b",
        "a\tb",
        "a\x1b[2J",
        "a;reboot",
        "$(reboot)",
        "a'b",
        "wéb",
        "\uff57eb-1",
        "web-1:",
        "web-1:0",
        "web-1:65536",
        "web-1:22:22",
        "web-1:٢٢",
        "[web-1]:22",
        "[::1]22",
        "[::1",
        "::1%../x",
        "ssh://web-1",
        "a" * 201,
        "",
    ],
)
def test_other_names_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_destination(text)


@given(st.text(max_size=40) | st.text("ab-@.:[]/1%", max_size=12))
def test_what_is_accepted_is_neither_an_option_nor_a_path(text: str) -> None:
    try:
        found = parse_destination(text)
    except ValueError:
        return
    assert not found.host.startswith("-")
    assert not found.host.rpartition("@")[2].startswith("-")
    assert Path(found.file_name).name == found.file_name
    assert not found.file_name.startswith(".")
    assert found.text.isascii()
    assert not set(found.host) & set(" \t\n'\"`$;|&<>\\()*?/")


def test_a_list_may_have_comments_and_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_bytes(b"\xef\xbb\xbf# all\r\n\r\n web-1 # first\r\nweb-2\t\r\nweb-1\n#web-3")

    found = read_destinations(str(path))

    assert [host.text for host in found.hosts] == ["web-1", "web-2"]
    assert [note.code for note in found.notes] == ["host-listed-again"]


@pytest.mark.parametrize(
    ("line", "shown"),
    [(b"a b", "a b"), (b"-x", "-x"), (b"\x1b[2J", "\\x1b[2J"), (b"\xff", "\\xff")],
)
def test_a_wrong_line_is_named_before_any_host_is_contacted(
    line: bytes, shown: str, tmp_path: Path
) -> None:
    path = tmp_path / "hosts"
    path.write_bytes(b"web-1\n  " + line + b"\n")

    ran = call("record", "--hosts", str(path), str(tmp_path / "out"))

    assert (ran.code, ran.out) == (3, "")
    assert f"{path}:2:3: {shown} " in ran.err
    assert not (tmp_path / "out").exists()


def test_a_list_without_hosts_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text("# none\n")

    with pytest.raises(SourceError, match="lists no hosts"):
        read_destinations(str(path))


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--ssh", "a", "--hosts", "f", "out"), "--ssh and --hosts name different hosts"),
        (("--ssh", "a", "--missing", "out"), "--missing and --jobs need --hosts"),
        (("--jobs", "3", "out"), "--missing and --jobs need --hosts"),
        (("--sudo", "out"), "need --ssh HOST or --hosts FILE"),
        (("--ssh", "-oX=y", "out"), "--ssh: '-oX=y' is not the name of a host"),
        (("--ssh", "a", "-s", "x", "out"), "--ssh and --snapshot name different sources"),
        (("--hosts", "f", "--proc-root", "/p", "out"), "--hosts and --proc-root name"),
        (("--ssh", "a", "--run-tag-exec", "out"), "--run-tag-exec needs this machine"),
        (("--hosts", "-", "-c", "-", "out"), "only one of -c, --tags and --hosts can read"),
        (("--hosts", "f", "-"), "PATH is a directory"),
        (("--hosts", "f", "--tags", "t", "out"), "--tags is the output of one host"),
        (("--json", "-"), "--json and the path - both print to standard output"),
    ],
)
def test_options_that_contradict_each_other_are_wrong_usage(
    arguments: tuple[str, ...], problem: str
) -> None:
    ran = call("record", *arguments)

    assert (ran.code, ran.out) == (2, "")
    assert problem in ran.err


def test_the_environment_does_not_name_another_source_than_the_hosts(tmp_path: Path) -> None:
    ran = call(
        *("record", "--ssh", "web-1", str(tmp_path / "out")),
        env={"PROCCLI_SNAPSHOT": "/nowhere", "PATH": str(tmp_path)},
    )

    assert "can't run ssh" in ran.err

"""The texts of a process, as Rust's path rules and the agent's reader have them."""

from __future__ import annotations

import pytest

from proccli.agent.process import Subject, Texts, file_name, parse_cmdline


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("nginx", "nginx"),
        ("/usr/bin/foo", "foo"),
        ("/usr/bin/foo/", "foo"),
        ("/usr/bin/foo//", "foo"),
        ("/usr/bin/foo/.", "foo"),
        ("/usr/bin/foo/./", "foo"),
        ("-bash", "-bash"),
        ("./x", "x"),
        ("a/ ", " "),
        ("...", "..."),
        ("/", None),
        ("//", None),
        ("/.", None),
        (".", None),
        ("./", None),
        ("..", None),
        ("x/..", None),
        ("x/../", None),
        ("../y", "y"),
        ("", None),
        ("nginx: worker process", "nginx: worker process"),
        ("nginx: master process /usr/sbin/nginx -g daemon off;", "nginx -g daemon off;"),
        ("php-fpm: master process (/etc/php/7.4/fpm/php-fpm.conf)", "php-fpm.conf)"),
        ("sshd: root@pts/0", "0"),
    ],
)
def test_file_name_follows_rusts_path_rules(path: str, name: str | None) -> None:
    assert file_name(path) == name


def seen(cmdline: bytes, *masked_spans: tuple[int, int]) -> tuple[Subject, Subject]:
    found = parse_cmdline(cmdline, masked_spans)
    assert isinstance(found, Texts)
    return found.process_name, found.cmdline


def test_empty_pieces_vanish_wherever_they_stand() -> None:
    name, cmdline = seen(b"\0python3\0\0app.py\0\0\0")

    assert name.text == "python3"
    assert cmdline.text == "python3 app.py"


def test_the_next_argument_takes_the_place_of_an_empty_first_one() -> None:
    name, _ = seen(b"\x0030\0")

    assert name.text == "30"


@pytest.mark.parametrize("cmdline", [b"", b"\0", b"\0\0\0"])
def test_nothing_to_see_is_no_cmdline(cmdline: bytes) -> None:
    assert parse_cmdline(cmdline) == "no-cmdline"


@pytest.mark.parametrize("bad", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"])
def test_one_bad_byte_anywhere_hides_the_process(bad: bytes) -> None:
    assert parse_cmdline(b"good\0arg\0" + bad + b"\0") == "cmdline-not-utf8"


def test_a_character_split_by_a_nul_is_not_utf8() -> None:
    assert parse_cmdline("é".encode()[:1] + b"\0" + "é".encode()[1:]) == "cmdline-not-utf8"


def test_a_first_piece_without_a_file_name_has_no_name() -> None:
    assert parse_cmdline(b"/usr/..\0-x\0") == "no-name"


def test_other_whitespace_and_controls_stay_in_the_text() -> None:
    _, cmdline = seen("a\tb\0c\nd\0\x1b[31mé😀\0".encode())

    assert cmdline.text == "a\tb c\nd \x1b[31mé😀"


def test_holes_are_counted_in_characters_of_the_joined_text() -> None:
    raw = "é\0--password=***\0z\0".encode()
    start = raw.index(b"***")

    name, cmdline = seen(raw, (start, start + 3))

    assert name == Subject("é")
    assert cmdline == Subject("é --password=*** z", ((13, 16),))


def test_a_hole_before_the_name_may_have_held_its_slash() -> None:
    name, _ = seen(b"/opt/***-tool\0", (5, 8))

    assert name == Subject("***-tool", ((0, 3),))


def test_a_hole_in_a_directory_leaves_the_name_alone() -> None:
    name, _ = seen(b"/opt/***/tool\0", (5, 8))

    assert name == Subject("tool")


def test_a_four_megabyte_command_line_is_read_whole() -> None:
    _, cmdline = seen(b"java\0" + b"x" * 4_000_000 + b"\0")

    assert len(cmdline.text) == 4_000_005

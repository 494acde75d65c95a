"""Whose rights the tag command gets."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from proccli.errors import TagCommandFailed, TagCommandUndecided
from proccli.local.tag_command.account import find_account, rights_for
from proccli.sources.procfs.process import PasswdEntry
from tests.otheruser import as_nobody_code


def test_the_first_line_of_a_name_counts() -> None:
    content = b"web:x:10:20::/:/bin/sh\nweb:x:11:21::/:/bin/sh\n"
    assert find_account(content, "web") == PasswdEntry("web", 10, 20)


@pytest.mark.parametrize("uid", ["", "-1", "x", "4294967296", " 7", "1_0", "٣"])
def test_a_line_without_a_valid_user_id_is_passed_over(uid: str) -> None:
    content = f"web:x:{uid}:20::/:\nweb:x:11:21::/:\n".encode()
    assert find_account(content, "web") == PasswdEntry("web", 11, 21)


def test_short_lines_and_comments_are_passed_over() -> None:
    content = b"# users\n\nweb:x\nweb:x:+7\n"
    assert find_account(content, "web") == PasswdEntry("web", 7, None)


def test_carriage_returns_do_not_stick_to_the_last_field() -> None:
    assert find_account(b"web:x:7:8\r\n", "web") == PasswdEntry("web", 7, 8)


@pytest.mark.parametrize("name", ["", "we", "web ", "WEB", "x"])
def test_a_name_is_compared_as_it_stands(name: str) -> None:
    assert find_account(b"web:x:7:8::/:/bin/sh\n", name) is None


def test_a_missing_user_is_the_agents_own_error() -> None:
    with pytest.raises(TagCommandFailed, match="get userid by username no-such-user fail"):
        rights_for("no-such-user")


def test_a_missing_passwd_file_is_the_agents_error_too(tmp_path: Path) -> None:
    with pytest.raises(TagCommandFailed, match="ENOENT"):
        rights_for("root", str(tmp_path / "passwd"))


def test_a_passwd_file_that_is_not_utf8_is_the_agents_error_too(tmp_path: Path) -> None:
    passwd = tmp_path / "passwd"
    passwd.write_bytes(b"root:x:0:0:Ren\xe9:/root:/bin/sh\n")
    with pytest.raises(TagCommandFailed, match="not UTF-8"):
        rights_for("root", str(passwd))


def test_control_characters_in_a_user_name_are_shown_as_escapes() -> None:
    with pytest.raises(TagCommandFailed) as caught:
        rights_for("\x1b[31m")
    assert r"\x1b[31m" in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root takes on rights")
def test_root_does_not_run_what_it_could_not_take_the_group_off(tmp_path: Path) -> None:
    passwd = tmp_path / "passwd"
    passwd.write_text("web:x:7\n")
    with pytest.raises(TagCommandUndecided, match="no valid group id"):
        rights_for("web", str(passwd))


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up its rights")
def test_another_than_root_may_not_run_it_as_somebody_else() -> None:
    code = as_nobody_code(
        "proccli.local.tag_command.account",
        "from proccli.local.tag_command.account import rights_for\n"
        "try: rights_for('root')\n"
        "except Exception as error: print(type(error).__name__, error)\n"
        "print(rights_for('nobody'))\n",
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    refusal, own = done.stdout.splitlines()
    assert refusal.startswith("TagCommandUndecided it runs as root, and only root")
    assert "--tags FILE" in refusal
    assert "uid=65534" in own
    assert "change=False" in own

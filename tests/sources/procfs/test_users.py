"""User names from the root of the process they belong to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from proccli.sources.procfs.live import LiveSource
from tests.sources.procfs.processes import forked, root_only, running


def users_under(root: Path) -> Mapping[int, str] | None:
    """The names that a process in a changed root has."""
    with forked(lambda: os.chroot(root)) as pid:
        source = LiveSource()
        process = source.read(pid)
        assert process.root_inode == root.stat().st_ino
        return source.users(process)


@pytest.fixture
def passwd(tmp_path: Path) -> Path:
    """The path of a passwd file in a root to be."""
    (tmp_path / "etc").mkdir()
    return tmp_path / "etc" / "passwd"


def test_own_root_has_the_names_of_this_machine() -> None:
    source = LiveSource()
    users = source.users(source.read(os.getpid()))
    assert users is not None
    assert users[0] == Path("/etc/passwd").read_text().partition(":")[0]


@root_only
def test_names_come_from_the_process_own_root(passwd: Path, tmp_path: Path) -> None:
    passwd.write_text("shop:x:0:\n")
    assert users_under(tmp_path) == {0: "shop"}


@root_only
def test_root_without_a_passwd_file_has_no_names(tmp_path: Path) -> None:
    assert users_under(tmp_path) is None


@root_only
def test_fifo_in_the_place_of_passwd_holds_nobody_up(passwd: Path, tmp_path: Path) -> None:
    os.mkfifo(passwd)
    assert users_under(tmp_path) is None


@root_only
def test_device_in_the_place_of_passwd_is_not_read(passwd: Path, tmp_path: Path) -> None:
    passwd.symlink_to("/dev/zero")
    assert users_under(tmp_path) is None


@root_only
def test_endless_passwd_is_given_up(passwd: Path, tmp_path: Path) -> None:
    with passwd.open("wb") as file:
        file.truncate(17 << 20)
    assert users_under(tmp_path) is None


@root_only
def test_one_table_serves_all_with_the_same_root_number(passwd: Path, tmp_path: Path) -> None:
    passwd.write_text("shop:x:0:\n")
    source = LiveSource()
    with forked(lambda: os.chroot(tmp_path)) as first, forked(lambda: os.chroot(tmp_path)) as other:
        found = source.users(source.read(first))
        passwd.write_text("changed:x:0:\n")
        assert source.users(source.read(other)) == found == {0: "shop"}


@root_only
def test_unreadable_table_is_tried_again_for_the_next_process(passwd: Path, tmp_path: Path) -> None:
    """As the agent does, which keeps only tables that it could read."""
    source = LiveSource()
    with forked(lambda: os.chroot(tmp_path)) as first, forked(lambda: os.chroot(tmp_path)) as other:
        assert source.users(source.read(first)) is None
        passwd.write_text("shop:x:0:\n")
        assert source.users(source.read(other)) == {0: "shop"}


@root_only
def test_process_that_is_gone_has_no_table(passwd: Path, tmp_path: Path) -> None:
    passwd.write_text("shop:x:0:\n")
    source = LiveSource()
    with forked(lambda: os.chroot(tmp_path)) as pid:
        process = source.read(pid)
    assert source.users(process) is None


def test_process_without_a_known_root_has_no_table() -> None:
    source = LiveSource()
    with running(["sleep", "60"]) as pid:
        source.pids()
    assert source.users(source.read(pid)) is None

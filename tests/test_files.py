"""Files that are there whole, or not at all."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path

import pytest

from proccli.errors import OutputError
from proccli.files import atomic_output
from tests.sources.procfs.processes import (
    NOBODY,
    as_nobody,
    fork,
    public_directory,
    root_only,
)
from tests.waiting import eventually


def write(path: Path, content: bytes = b"new", *, force: bool = False) -> None:
    with atomic_output(str(path), force=force) as out:
        out.write(content)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_file_appears_whole_and_for_its_owner_alone(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        with atomic_output(str(tmp_path / "rec")) as out:
            out.write(b"new")
            assert not (tmp_path / "rec").exists()
    finally:
        os.umask(umask)
    assert (tmp_path / "rec").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "rec").stat().st_mode) == 0o600
    assert names(tmp_path) == ["rec"]


def test_mode_is_exact_whatever_the_umask(tmp_path: Path) -> None:
    umask = os.umask(0o077)
    try:
        with atomic_output(str(tmp_path / "rec"), mode=0o644):
            pass
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "rec").stat().st_mode) == 0o644


def test_file_that_is_there_is_kept_without_force(tmp_path: Path) -> None:
    (tmp_path / "rec").write_bytes(b"old")
    with pytest.raises(OutputError, match=r"rec already exists \(--force replaces it\)"):
        write(tmp_path / "rec")
    assert (tmp_path / "rec").read_bytes() == b"old"
    assert names(tmp_path) == ["rec"]


def test_file_that_comes_into_being_meanwhile_is_kept(tmp_path: Path) -> None:
    def write_and_collide() -> None:
        with atomic_output(str(tmp_path / "rec")) as out:
            out.write(b"new")
            (tmp_path / "rec").write_bytes(b"somebody else's")

    with pytest.raises(OutputError, match="already exists"):
        write_and_collide()
    assert (tmp_path / "rec").read_bytes() == b"somebody else's"
    assert names(tmp_path) == ["rec"]


def test_force_replaces_content_and_mode(tmp_path: Path) -> None:
    (tmp_path / "rec").write_bytes(b"old")
    (tmp_path / "rec").chmod(0o666)
    write(tmp_path / "rec", force=True)
    assert (tmp_path / "rec").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "rec").stat().st_mode) == 0o600


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("old", [None, b"old"])
def test_failure_leaves_what_was_there(
    tmp_path: Path, error: type[BaseException], old: bytes | None
) -> None:
    if old is not None:
        (tmp_path / "rec").write_bytes(old)

    def write_and_fail() -> None:
        with atomic_output(str(tmp_path / "rec"), force=True) as out:
            out.write(b"half")
            raise error

    with pytest.raises(error):
        write_and_fail()
    assert names(tmp_path) == ([] if old is None else ["rec"])
    assert old is None or (tmp_path / "rec").read_bytes() == old


def test_interrupted_process_leaves_nothing(tmp_path: Path) -> None:
    pid = fork()
    if pid == 0:
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            with atomic_output(str(tmp_path / "rec")) as out:
                out.write(b"half")
                out.flush()
                signal.pause()
        finally:
            os._exit(0)
    eventually(
        lambda: [path for path in tmp_path.iterdir() if path.read_bytes() == b"half"],
        what="the half-written file",
    )
    os.kill(pid, signal.SIGINT)
    os.waitpid(pid, 0)
    assert names(tmp_path) == []


def test_full_disk_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    def write_too_much() -> None:
        with (
            atomic_output(str(tmp_path / "rec")) as out,
            Path("/dev/full").open("wb", buffering=0) as full,
        ):
            out.write(b"x")
            full.write(b"x")

    with pytest.raises(OutputError, match=r"can't write .*: No space left on device"):
        write_too_much()
    assert names(tmp_path) == []


def test_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "rec").write_bytes(b"old")
    (tmp_path / "link").symlink_to("there/rec")
    write(tmp_path / "link", force=True)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there" / "rec").read_bytes() == b"new"


@pytest.mark.parametrize("force", [False, True])
def test_only_regular_files_are_replaced(tmp_path: Path, force: bool) -> None:
    """As root, a rename would put a file in the place of /dev/null."""
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OutputError, match="not a regular file"):
        write(tmp_path / "fifo", force=force)
    with pytest.raises(OutputError, match="it is a directory"):
        write(tmp_path, force=force)
    with pytest.raises(OutputError, match="not a regular file"):
        write(Path("/dev/null"), force=force)
    assert names(tmp_path) == ["fifo"]


def test_missing_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"can't write .*/none/rec: No such file or directory"):
        write(tmp_path / "none" / "rec")


@root_only
def test_directory_without_permission_is_an_error() -> None:
    def attempt() -> str:
        with pytest.raises(OutputError) as caught:
            write(path / "rec")
        return str(caught.value)

    with public_directory() as path:
        assert as_nobody(attempt) == f"can't write {path / 'rec'}: Permission denied"


def test_file_system_without_hard_links_gets_a_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    def write_and_collide() -> None:
        with atomic_output(str(tmp_path / "other")):
            (tmp_path / "other").write_bytes(b"somebody else's")

    monkeypatch.setattr(os, "link", refuse)
    write(tmp_path / "rec")
    assert names(tmp_path) == ["rec"]
    with pytest.raises(OutputError, match="already exists"):
        write_and_collide()
    assert (tmp_path / "other").read_bytes() == b"somebody else's"


def test_name_of_the_longest_length_is_written(tmp_path: Path) -> None:
    write(tmp_path / ("n" * 255))
    assert names(tmp_path) == ["n" * 255]


def test_a_link_is_refused_where_it_is_not_to_be_followed(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"old")
    (tmp_path / "link").symlink_to("there")
    with (
        pytest.raises(OutputError, match="not a regular file"),
        atomic_output(str(tmp_path / "link"), force=True, follow_links=False),
    ):
        pass
    assert (tmp_path / "there").read_bytes() == b"old"
    assert names(tmp_path) == ["link", "there"]


def test_a_link_made_meanwhile_is_replaced_where_it_is_not_to_be_followed(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"old")
    with atomic_output(str(tmp_path / "new"), force=True, follow_links=False) as out:
        out.write(b"new")
        (tmp_path / "new").symlink_to("there")
    assert (tmp_path / "there").read_bytes() == b"old"
    assert (tmp_path / "new").read_bytes() == b"new"
    assert not (tmp_path / "new").is_symlink()


# ---- a directory that others can write to -------------------------------------------------------


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A directory like /tmp, and beside it a file of ours."""
    (tmp_path / "ours").write_bytes(b"ours")
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o1777)
    return tmp_path / "shared"


@root_only
@pytest.mark.parametrize("target", ["../ours", "../none", "/etc/none"])
def test_a_link_that_another_user_planted_is_not_followed(shared: Path, target: str) -> None:
    (shared / "out").symlink_to(target)
    os.lchown(shared / "out", NOBODY, NOBODY)

    with pytest.raises(OutputError, match="the link out belongs to another user"):
        write(shared / "out", force=True)

    assert names(shared.parent) == ["ours", "shared"]
    assert (shared.parent / "ours").read_bytes() == b"ours"
    assert names(shared) == ["out"]


@root_only
def test_a_link_of_another_user_in_the_middle_of_a_path_is_not_followed(shared: Path) -> None:
    (shared.parent / "target").mkdir()
    (shared / "way").symlink_to("../target")
    os.lchown(shared / "way", NOBODY, NOBODY)

    with pytest.raises(OutputError, match="the link way belongs to another user"):
        write(shared / "way" / "out")

    assert names(shared.parent / "target") == []


def test_a_hard_link_is_replaced_and_its_file_is_not(shared: Path) -> None:
    (shared / "out").hardlink_to(shared.parent / "ours")

    write(shared / "out", force=True)

    assert (shared.parent / "ours").read_bytes() == b"ours"
    assert (shared / "out").read_bytes() == b"new"


def test_a_directory_that_is_swapped_meanwhile_changes_nothing(shared: Path) -> None:
    (shared / "folder").mkdir()
    (shared.parent / "victim").mkdir()
    (shared.parent / "victim" / "out").write_bytes(b"ours")

    with atomic_output(str(shared / "folder" / "out"), force=True) as out:
        (shared / "folder").rename(shared / "moved")
        (shared / "folder").symlink_to("../victim")
        out.write(b"new")

    assert (shared.parent / "victim" / "out").read_bytes() == b"ours"
    assert names(shared.parent / "victim") == ["out"]
    assert (shared / "moved" / "out").read_bytes() == b"new"


@pytest.mark.parametrize("force", [False, True])
def test_a_temporary_file_that_is_swapped_meanwhile_is_noticed(shared: Path, force: bool) -> None:
    def write_and_swap() -> None:
        with atomic_output(str(shared / "out"), force=force) as out:
            out.write(b"new")
            (temporary,) = shared.iterdir()
            temporary.unlink()
            temporary.symlink_to("../ours")

    with pytest.raises(OutputError, match="was replaced while it was written"):
        write_and_swap()
    assert (shared.parent / "ours").read_bytes() == b"ours"


def test_a_circle_of_links_ends(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OutputError, match="Too many levels of symbolic links"):
        write(tmp_path / "a")


@pytest.mark.parametrize("way", ["{0}/./way/../way/out", "{0}//way/out", "{0}/absolute/out"])
def test_our_own_links_are_followed_anywhere_in_a_path(tmp_path: Path, way: str) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "way").symlink_to("real")
    (tmp_path / "absolute").symlink_to(tmp_path / "way")
    write(Path(way.format(tmp_path)))
    assert names(tmp_path / "real") == ["out"]


# ---- what killed runs leave ---------------------------------------------------------------------


def test_old_files_of_killed_runs_are_removed_and_no_others(tmp_path: Path) -> None:
    pid = fork()
    if pid == 0:
        try:
            with atomic_output(str(tmp_path / "killed")) as out:
                out.write(b"half")
                out.flush()
                signal.pause()
        finally:
            os._exit(0)
    try:
        eventually(
            lambda: [path for path in tmp_path.iterdir() if path.read_bytes() == b"half"],
            what="the half-written file",
        )
        (left,) = tmp_path.iterdir()
        os.utime(left, (1, 1))
        (tmp_path / ".proccli-young.tmp").touch()
        for name in (".proccli-old.txt", "old.tmp"):
            (tmp_path / name).touch()
            os.utime(tmp_path / name, (1, 1))
        (tmp_path / ".proccli-link.tmp").symlink_to("old.tmp")
        others = names(tmp_path)
        write(tmp_path / "rec")
        assert names(tmp_path) == sorted([*others, "rec"]), "it is still being written"
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

    write(tmp_path / "rec", force=True)
    assert names(tmp_path) == sorted([*{*others} - {left.name}, "rec"])


@root_only
def test_the_old_files_of_other_users_stay(shared: Path) -> None:
    (shared / ".proccli-old.tmp").touch()
    os.utime(shared / ".proccli-old.tmp", (1, 1))
    os.chown(shared / ".proccli-old.tmp", NOBODY, NOBODY)

    write(shared / "rec")

    assert names(shared) == [".proccli-old.tmp", "rec"]


def test_a_name_of_standard_output_is_refused_with_a_hint() -> None:
    """The link leads to a name such as pipe:[123], which is in no directory."""
    reader, writer = os.pipe()
    try:
        with (
            pytest.raises(OutputError, match="use - for standard output"),
            atomic_output(f"/proc/self/fd/{writer}"),
        ):
            pass
    finally:
        os.close(reader)
        os.close(writer)

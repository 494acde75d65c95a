"""Directories that are laid out like /proc, honest and hostile ones."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from pathlib import Path

import pytest

from proccli.errors import NoSuchProcess, SourceError
from proccli.model.process import Process
from proccli.sources.procfs.directory import DirectorySource
from proccli.terminal.warning_text import message as words_of
from tests.sources.procfs.processes import (
    as_nobody,
    in_child,
    mount_tmpfs,
    public_directory,
    root_only,
    running,
)
from tests.sources.procfs.status_file import status_of

STAT = "{pid} ({comm}) S {ppid} 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 {ticks} 0 0 0\n"


class Tree:
    """A directory to be read as /proc."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, pid: int, *argv: str, ppid: int = 0, ticks: int = 100) -> Path:
        """The directory of a new process."""
        directory = self.path / str(pid)
        directory.mkdir()
        (directory / "cmdline").write_bytes(b"".join(a.encode() + b"\0" for a in argv))
        stat = STAT.format(pid=pid, comm=argv[0] if argv else "x", ppid=ppid, ticks=ticks)
        (directory / "stat").write_text(stat)
        return directory

    def read(self, pid: int) -> Process:
        return DirectorySource(str(self.path)).read(pid)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    (tmp_path / "proc").mkdir()
    return Tree(tmp_path / "proc")


def problem(process: Process, field: str) -> tuple[str, str] | None:
    error = process.error(field)
    return (error.problem, error.detail) if error else None


def test_process_is_read_from_its_files(tree: Tree) -> None:
    directory = tree.add(4242, "python3", "app.py", ppid=12, ticks=777)
    (directory / "exe").symlink_to("/usr/bin/python3.11")
    (directory / "ns").mkdir()
    (directory / "ns" / "net").symlink_to("net:[4026531840]")
    (directory / "cgroup").write_text("0::/docker/abc\n")
    (directory / "status").write_bytes(status_of("python3:x"))
    (directory / "root" / "etc").mkdir(parents=True)
    (directory / "root" / "etc" / "passwd").write_text("shop:x:1000:\n")
    source = DirectorySource(str(tree.path))

    process = source.read(4242)

    assert process == Process(
        pid=4242,
        cmdline=b"python3\0app.py\0",
        comm="python3",
        status_name="python3",
        ppid=12,
        starttime_ticks=777,
        exe="/usr/bin/python3.11",
        uid=os.getuid(),
        netns=4026531840,
        cgroup="0::/docker/abc\n",
        root_inode=(directory / "root").stat().st_ino,
    )
    assert source.users(process) == {1000: "shop"}


def test_moment_is_boot_time_plus_uptime(tree: Tree) -> None:
    tree.add(1, "init")
    (tree.path / "stat").write_text("cpu 1 2 3\nbtime 1767225600\n")
    (tree.path / "uptime").write_text("97445.25 1.00\n")
    (tree.path / "sys" / "kernel").mkdir(parents=True)
    (tree.path / "sys" / "kernel" / "hostname").write_text("web-1\n")
    source = DirectorySource(str(tree.path))

    assert source.host.kind == "directory"
    assert source.host.taken_at_ns == (1_767_225_600 + 97_445) * 10**9 + 250_000_000
    assert source.host.boot_time_s == 1_767_225_600
    assert source.host.ticks_per_s == 100
    assert source.host.name == "web-1"
    assert source.notes == ()


@pytest.mark.parametrize("left_out", ["stat", "uptime"])
def test_ages_are_unknown_in_a_directory_without_a_time(tree: Tree, left_out: str) -> None:
    """Half the answer would make every age wrong."""
    tree.add(1, "init")
    (tree.path / "stat").write_text("btime 1767225600\n")
    (tree.path / "uptime").write_text("97445.25 1.00\n")
    (tree.path / left_out).unlink()
    before = time.time_ns()
    source = DirectorySource(str(tree.path))

    assert source.host.boot_time_s is None
    assert before <= source.host.taken_at_ns <= time.time_ns()
    assert source.host.name is None
    assert [note.code for note in source.notes] == ["no-boot-time"]
    assert "start times and ages are unknown" in words_of(source.notes[0])


def test_pids_ascend_and_nothing_else_is_a_process(tree: Tree) -> None:
    for pid in (30, 4, 100, 2):
        tree.add(pid, "x")
    for name in ("0", "007", "-5", "+6", "1e3", "self", "٣", "9999999999", "4.5"):
        (tree.path / name).mkdir()
    (tree.path / "55").write_text("a file")
    os.mkfifo(tree.path / "56")
    (tree.path / "57").symlink_to("nowhere")
    (tree.path / "58").symlink_to("/proc/1")
    assert DirectorySource(str(tree.path)).pids() == (2, 4, 30, 100)


def test_missing_files_are_named(tree: Tree) -> None:
    (tree.path / "5").mkdir()
    process = tree.read(5)
    for field in ("stat", "cmdline", "netns", "cgroup", "root_inode"):
        assert problem(process, field) == ("missing", "ENOENT")
    assert process.error("exe") is None
    assert process.uid == os.getuid()


@pytest.mark.parametrize("target", ["/", "/etc", "../..", "../../..", "../../proc/../.."])
def test_root_link_that_leads_out_is_not_followed(tree: Tree, target: str) -> None:
    (tree.path.parent / "etc").mkdir()
    (tree.path.parent / "etc" / "passwd").write_text("stolen:x:0:\n")
    (tree.add(5, "x") / "root").symlink_to(target)
    source = DirectorySource(str(tree.path))

    process = source.read(5)

    assert problem(process, "root_inode") == ("failed", "leads out of the directory")
    assert source.users(process) is None


def test_link_inside_an_honest_root_does_not_lead_out(tree: Tree) -> None:
    etc = tree.add(5, "x") / "root" / "etc"
    etc.mkdir(parents=True)
    (etc / "passwd").symlink_to("/etc/passwd")
    source = DirectorySource(str(tree.path))
    assert source.users(source.read(5)) is None


@pytest.mark.parametrize("name", ["cmdline", "stat", "cgroup"])
@pytest.mark.parametrize("target", ["/etc/passwd", "../../secret", "../5/../../secret"])
def test_file_that_is_a_link_out_is_not_read(tree: Tree, name: str, target: str) -> None:
    (tree.path.parent / "secret").write_text("secret")
    link = tree.add(5, "x") / name
    link.unlink(missing_ok=True)
    link.symlink_to(target)
    assert problem(tree.read(5), name) == ("failed", "leads out of the directory")


def test_process_directory_that_is_a_link_out_is_no_process(tree: Tree) -> None:
    tree.add(1, "x")
    outside = tree.path.parent / "77"
    tree.add(2, "y").rename(outside)
    (tree.path / "77").symlink_to("../77")
    source = DirectorySource(str(tree.path))
    assert source.pids() == (1,)
    with pytest.raises(NoSuchProcess):
        source.read(77)


def test_links_that_stay_inside_are_followed(tree: Tree) -> None:
    rootfs = tree.path / "images" / "rootfs"
    (rootfs / "etc").mkdir(parents=True)
    (rootfs / "etc" / "passwd").write_text("shop:x:0:\n")
    (tree.path / "current").symlink_to("images/../images/./rootfs")
    directory = tree.add(5, "x")
    (directory / "root").symlink_to("../current")
    (tree.path / "shared").write_bytes(b"nginx: worker process\0")
    (directory / "cmdline").unlink()
    (directory / "cmdline").symlink_to("../shared")
    source = DirectorySource(str(tree.path))

    process = source.read(5)

    assert process.cmdline == b"nginx: worker process\0"
    assert process.root_inode == rootfs.stat().st_ino
    assert source.users(process) == {0: "shop"}


def test_links_in_a_circle_end(tree: Tree) -> None:
    directory = tree.add(5, "x")
    (directory / "root").symlink_to("other")
    (directory / "other").symlink_to("root")
    assert problem(tree.read(5), "root_inode") == ("failed", "ELOOP")


def test_link_text_counts_wherever_it_points(tree: Tree) -> None:
    directory = tree.add(5, "x")
    (directory / "exe").symlink_to("/nowhere/at all (deleted)")
    (directory / "ns").mkdir()
    (directory / "ns" / "net").symlink_to("net:[12]")
    process = tree.read(5)
    assert (process.exe, process.netns) == ("/nowhere/at all (deleted)", 12)


@pytest.mark.parametrize("text", ["net:[x]", "mnt:[12]", "net:[12] ", "net:[]", "net:[-1]"])
def test_link_that_names_no_namespace_is_malformed(tree: Tree, text: str) -> None:
    directory = tree.add(5, "x")
    (directory / "ns").mkdir()
    (directory / "ns" / "net").symlink_to(text)
    assert problem(tree.read(5), "netns") == ("malformed", "not a link to a namespace")


def test_program_that_is_a_file_is_no_link(tree: Tree) -> None:
    (tree.add(5, "x") / "exe").write_text("ELF")
    assert problem(tree.read(5), "exe") == ("malformed", "not a link")


@pytest.mark.parametrize("name", ["cmdline", "stat", "cgroup"])
def test_a_fifo_does_not_block(tree: Tree, name: str) -> None:
    path = tree.add(5, "x") / name
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    assert problem(tree.read(5), name) == ("malformed", "not a regular file")


@pytest.mark.parametrize("name", ["stat", "uptime"])
def test_a_fifo_in_place_of_the_clock_does_not_block(tree: Tree, name: str) -> None:
    tree.add(1, "x")
    os.mkfifo(tree.path / name)
    assert DirectorySource(str(tree.path)).host.boot_time_s is None


@root_only
def test_device_is_not_opened(tree: Tree) -> None:
    path = tree.add(5, "x") / "cmdline"
    path.unlink()
    os.mknod(path, 0o20666, os.makedev(1, 5))  # /dev/zero
    assert problem(tree.read(5), "cmdline") == ("malformed", "not a regular file")


def test_endless_file_is_given_up(tree: Tree) -> None:
    with (tree.add(5, "x") / "cmdline").open("wb") as file:
        file.truncate(1 << 40)
    assert problem(tree.read(5), "cmdline") == ("failed", "longer than 8 MiB")


def test_directory_in_the_place_of_a_file_is_malformed(tree: Tree) -> None:
    directory = tree.add(5, "x")
    (directory / "cmdline").unlink()
    (directory / "cmdline").mkdir()
    assert problem(tree.read(5), "cmdline") == ("malformed", "not a regular file")


def test_cgroup_that_is_not_utf8_is_malformed(tree: Tree) -> None:
    (tree.add(5, "x") / "cgroup").write_bytes(b"0::/\xff\n")
    assert problem(tree.read(5), "cgroup") == ("malformed", "not UTF-8")


def test_garbled_stat_is_malformed_and_the_rest_is_read(tree: Tree) -> None:
    (tree.add(5, "x", "y") / "stat").write_bytes(b"\0\0\0")
    process = tree.read(5)
    assert problem(process, "stat") == ("malformed", "cut short")
    assert (process.comm, process.ppid, process.starttime_ticks) == (None, None, None)
    assert process.cmdline == b"x\0y\0"


def test_unknown_pid_is_named(tree: Tree) -> None:
    tree.add(1, "x")
    for pid in (0, -1, 2, 10**12):
        with pytest.raises(NoSuchProcess, match=rf"no process {pid} in "):
            tree.read(pid)


def test_directory_without_processes_is_an_error(tree: Tree) -> None:
    source = DirectorySource(str(tree.path))
    with pytest.raises(SourceError, match="contains no processes"):
        source.pids()
    with pytest.raises(SourceError, match="contains no processes"):
        source.read(1)


def test_a_copy_without_content_is_an_error(tmp_path: Path) -> None:
    """tar stores no content of files that have size 0, as all in /proc do; cp reads them."""
    hollow, copy = tmp_path / "hollow", tmp_path / "copy"
    for target in (hollow, copy):
        target.mkdir()
    with running(["server", "60"]) as pid:
        packed = subprocess.run(
            ["tar", "-C", "/proc", "-cf", "-", f"{pid}/stat", f"{pid}/cmdline"],
            capture_output=True,
            check=True,
        )
        subprocess.run(["tar", "-C", str(hollow), "-xf", "-"], input=packed.stdout, check=True)
        (copy / str(pid)).mkdir()
        for name in ("stat", "cmdline"):
            subprocess.run(["cp", f"/proc/{pid}/{name}", str(copy / str(pid))], check=True)

    with pytest.raises(SourceError, match="the files of all processes are empty") as raised:
        DirectorySource(str(hollow)).pids()
    assert raised.value.hint is not None
    assert "proccli record FILE" in raised.value.hint
    source = DirectorySource(str(copy))
    assert source.pids() == (pid,)
    assert source.read(pid).cmdline == b"server\x0060\0"


def test_a_process_that_was_copied_without_content_is_unreadable(tree: Tree) -> None:
    """cp leaves empty files of a process that has exited before they were read."""
    tree.add(1, "init")
    empty = tree.path / "2"
    empty.mkdir()
    for name in ("stat", "cmdline"):
        (empty / name).touch()
    thread = tree.add(3)
    assert (thread / "cmdline").read_bytes() == b""

    source = DirectorySource(str(tree.path))

    assert source.pids() == (1, 2, 3)
    assert problem(source.read(2), "cmdline") == ("malformed", "an empty copy")
    assert source.read(3).cmdline == b""  # a kernel thread has none


def test_path_that_is_no_directory_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="Not a directory"):
        DirectorySource(str(tmp_path / "file"))


def test_directory_itself_may_be_reached_by_a_link(tree: Tree, tmp_path: Path) -> None:
    tree.add(1, "x")
    (tmp_path / "link").symlink_to(tree.path)
    assert DirectorySource(str(tmp_path / "link")).pids() == (1,)


def test_live_proc_read_as_a_directory_keeps_its_links_closed() -> None:
    process = DirectorySource("/proc").read(os.getpid())
    assert process.cmdline == Path("/proc/self/cmdline").read_bytes()
    assert problem(process, "root_inode") == ("failed", "leads out of the directory")


@root_only
def test_file_of_another_user_is_refused() -> None:
    with public_directory() as path:
        tree = Tree(path)
        (tree.add(5, "x") / "cmdline").chmod(0o600)
        privileged, process = as_nobody(lambda: _look(tree))
    assert not privileged
    assert problem(process, "cmdline") == ("denied", "EACCES")


def _look(tree: Tree) -> tuple[bool, Process]:
    return DirectorySource(str(tree.path)).host.privileged, tree.read(5)


@pytest.mark.parametrize("free", [0, 2])
def test_lack_of_descriptors_is_an_error(tree: Tree, free: int) -> None:
    tree.add(5, "x")

    def starve() -> str:
        source = DirectorySource(str(tree.path))
        source.pids()
        at_limit = os.dup(0)
        os.close(at_limit)
        resource.setrlimit(resource.RLIMIT_NOFILE, (at_limit + free,) * 2)
        with pytest.raises(SourceError) as error:
            source.read(5)
        return str(error.value)

    assert "Too many open files (raise the limit: " in in_child(starve)


@root_only
def test_no_proc_is_an_error(tree: Tree) -> None:
    """Files are opened through /proc/self/fd, and none of them is missing."""
    tree.add(5, "x")

    def without_proc() -> str:
        mount_tmpfs(Path("/proc"), "")
        with pytest.raises(SourceError) as error:
            DirectorySource(str(tree.path)).read(5)
        return str(error.value)

    assert in_child(without_proc) == (
        "can't read the files of a directory: /proc/self/fd does not exist"
        " (mount /proc, or give a recording)"
    )


@pytest.mark.parametrize("kib", [1, 300])
def test_the_clock_is_found_after_long_lines(tree: Tree, kib: int) -> None:
    """The line of interrupts comes before it, and is long on large machines."""
    tree.add(1, "x")
    (tree.path / "stat").write_text("intr" + " 0" * (kib << 9) + "\nbtime 1767225600\n")
    (tree.path / "uptime").write_text("1.00 1.00\n")
    assert DirectorySource(str(tree.path)).host.boot_time_s == 1_767_225_600

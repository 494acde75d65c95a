"""Reading real processes, from a real /proc."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from proccli.errors import NoSuchProcess, SourceError
from proccli.model.process import ALL_FIELDS, PROCESS_FIELDS, Process
from proccli.sources.procfs.files import read_raw
from proccli.sources.procfs.live import LiveSource, _LiveFiles
from proccli.sources.procfs.process import parse_process
from proccli.terminal.warning_text import message as words_of
from tests.sources.procfs.processes import (
    as_nobody,
    become_nobody,
    exec_raw,
    forked,
    in_child,
    in_pid_namespace,
    long_command_lines,
    mount_proc,
    public_directory,
    root_only,
    running,
    set_comm,
)


def read(pid: int) -> Process:
    return LiveSource().read(pid)


def problems(process: Process) -> dict[str, str]:
    return {error.field: error.problem for error in process.errors}


def test_psutil_sees_the_same_process() -> None:
    witness = psutil.Process()
    ours = read(os.getpid())

    assert ours.ppid == witness.ppid()
    assert ours.comm == Path("/proc/self/comm").read_text().removesuffix("\n")
    assert (ours.cmdline or b"").split(b"\0")[:-1] == [os.fsencode(a) for a in witness.cmdline()]
    assert ours.exe == witness.exe()
    assert ours.uid == witness.uids().effective
    assert ours.starttime_ticks is not None
    started = psutil.boot_time() + ours.starttime_ticks / os.sysconf("SC_CLK_TCK")
    assert started == pytest.approx(witness.create_time(), abs=1.5)
    assert ours.netns == Path("/proc/self/ns/net").stat().st_ino
    assert ours.root_inode == Path("/").stat().st_ino
    assert ours.cgroup == Path("/proc/self/cgroup").read_text()
    assert ours.errors == ()


def test_psutil_lists_the_same_processes() -> None:
    before = set(psutil.pids())
    ours = list(LiveSource().pids())
    after = set(psutil.pids())

    assert ours == sorted(ours)
    assert before & after <= set(ours) <= before | after


def test_the_host_has_time_and_place() -> None:
    before = time.time_ns()
    host = LiveSource().host

    assert before <= host.taken_at_ns <= time.time_ns()
    assert host.boot_time_s == int(psutil.boot_time())
    assert (host.kind, host.name, host.proc_root) == ("live", os.uname().nodename, "/proc")
    assert host.ticks_per_s == os.sysconf("SC_CLK_TCK")


def test_boot_time_is_the_real_one_under_another_root(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "stat").write_text("btime 1\n")
    assert LiveSource(str(tmp_path)).host.boot_time_s == int(psutil.boot_time())


def test_second_read_gives_the_same_answer() -> None:
    source = LiveSource()
    with running(["sleep", "60"]) as pid:
        first = source.read(pid)
    assert source.read(pid) is first


def test_reading_one_process_lists_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the machine was listed")

    monkeypatch.setattr(os, "listdir", refuse)
    assert LiveSource().read(os.getpid()).pid == os.getpid()


@pytest.mark.parametrize(
    ("argv", "cmdline"),
    [
        (["sleep", "60"], b"sleep\x0060\0"),
        ([b"sl\xff\xfeep", "60"], b"sl\xff\xfeep\x0060\0"),
        (["a b\n\t", "60"], b"a b\n\t\x0060\0"),
        (["\x1b[31m[red]", "60"], b"\x1b[31m[red]\x0060\0"),
        (["数据库 🚀", "60"], "数据库 🚀\x0060\0".encode()),
    ],
)
def test_arguments_come_as_the_bytes_they_are(argv: list[str | bytes], cmdline: bytes) -> None:
    with running(argv) as pid:
        assert read(pid).cmdline == cmdline


def test_empty_arguments_are_kept() -> None:
    with forked(lambda: exec_raw(b"/bin/sleep", [b"", b"60"])) as pid:
        assert read(pid).cmdline == b"\x0060\0"
    with running(["sh", "-c", "read x", "", "a", "", ""], "/bin/sh") as pid:
        assert read(pid).cmdline == b"sh\0-c\0read x\0\0a\0\0\0"


def test_command_line_of_megabytes_is_whole() -> None:
    arguments = ["x" * 120_000 for _ in range(40)]
    argv = ["sh", "-c", "read x", *arguments]
    with long_command_lines(), running(argv, "/bin/sh") as pid:
        cmdline = read(pid).cmdline
    assert cmdline == b"sh\0-c\0read x\0" + b"".join(a.encode() + b"\0" for a in arguments)


def test_a_rewritten_title_is_not_changed() -> None:
    """perl writes over its own arguments, as nginx and postgres do."""
    perl = "/usr/bin/perl"
    if not Path(perl).exists():
        pytest.skip("no perl here")
    script = '$0 = "nginx: worker process"; $| = 1; print "."; <STDIN>'
    with subprocess.Popen(
        [perl, "-e", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        ours = read(process.pid)
        process.communicate()
    assert (ours.cmdline or b"").rstrip(b"\0") == b"nginx: worker process"
    assert ours.comm == "nginx: worker p"


@pytest.mark.parametrize(
    ("name", "comm"),
    [
        (b"a b", "a b"),
        (b"(sd-pam)", "(sd-pam)"),
        (b"x) R 1 (y", "x) R 1 (y"),
        (b"", ""),
        (b"\xff\xfe", r"\xff\xfe"),
        (b"new\nline", "new\nline"),
        ("数据库".encode(), "数据库"),
    ],
)
def test_comm_may_hold_anything(name: bytes, comm: str) -> None:
    with forked(lambda: set_comm(name)) as pid:
        process = read(pid)
    assert (process.comm, process.ppid) == (comm, os.getpid())


def test_zombie_has_no_arguments_and_no_errors() -> None:
    with forked(stays=False) as pid:
        zombie = read(pid)
    assert zombie.cmdline == b""
    assert (zombie.exe, zombie.netns, zombie.root_inode) == (None, None, None)
    assert zombie.errors == ()
    assert zombie.starttime_ticks is not None


def test_kernel_thread_has_no_program_and_no_errors() -> None:
    if Path("/proc/2/comm").read_text() != "kthreadd\n":
        pytest.skip("kernel threads are not to be seen here")
    thread = read(2)
    assert (thread.comm, thread.cmdline, thread.exe, thread.ppid) == ("kthreadd", b"", None, 0)
    if os.geteuid() == 0:
        assert thread.errors == ()


def test_a_process_that_exited_after_listing_has_errors() -> None:
    source = LiveSource()
    with running(["sleep", "60"]) as pid:
        assert pid in source.pids()
    gone = source.read(pid)

    assert problems(gone) == dict.fromkeys(PROCESS_FIELDS, "gone")
    assert all(error.detail in ("ENOENT", "ESRCH") for error in gone.errors)
    assert gone._replace(errors=()) == Process(pid=pid)


def test_exit_between_two_reads_is_no_permission_problem() -> None:
    """The links of an exited process are refused, and its directory belongs to root."""
    with running(["sleep", "60"]) as pid:
        directory = os.open(f"/proc/{pid}", os.O_PATH | os.O_DIRECTORY)
        root = os.open("/proc", os.O_RDONLY)
    try:
        process = parse_process(read_raw(pid, _LiveFiles(pid, directory, root), ALL_FIELDS))
    finally:
        os.close(directory)
        os.close(root)
    assert problems(process) == dict.fromkeys(PROCESS_FIELDS, "gone")
    assert process.uid is None


def test_scan_survives_processes_that_come_and_go() -> None:
    """Under a stream of short processes, whatever could not be read is gone, and not refused."""
    ending = threading.Event()

    def churn() -> None:
        while not ending.is_set():
            subprocess.run(["/bin/true"], check=True)

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        stranger_errors = set()
        for _ in range(15):
            source = LiveSource()
            for pid in source.pids():
                process = source.read(pid)
                if process.comm in ("true", None):
                    stranger_errors |= {error.problem for error in process.errors}
    finally:
        ending.set()
        thread.join()
    assert stranger_errors <= {"gone"}


@root_only
def test_pid_that_was_given_to_another_process_is_gone() -> None:
    """In a pid namespace of its own: the next pid is set for the whole namespace."""

    def reuse_pid() -> dict[str, str]:
        with running(["sleep", "60"]) as pid:
            directory = os.open(f"/proc/{pid}", os.O_PATH | os.O_DIRECTORY)
        root = os.open("/proc", os.O_RDONLY)
        try:
            Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
        except OSError:
            pytest.skip("pids can't be chosen here")
        with running(["sleep", "61"]) as reused:
            assert reused == pid
            files = _LiveFiles(pid, directory, root)
            return problems(parse_process(read_raw(pid, files, ALL_FIELDS)))

    assert in_pid_namespace(reuse_pid) == dict.fromkeys(PROCESS_FIELDS, "gone")


def test_unknown_pid_is_named() -> None:
    with pytest.raises(NoSuchProcess, match=r"no process 4194305 in /proc"):
        LiveSource().read(4_194_305)


@pytest.mark.parametrize("pid", [0, -1, 2**40, 10**300])
def test_impossible_pid_is_unknown(pid: int) -> None:
    with pytest.raises(NoSuchProcess):
        LiveSource().read(pid)


def test_thread_is_sent_to_its_process() -> None:
    found: list[int] = []
    ending = threading.Event()

    def stay() -> None:
        found.append(threading.get_native_id())
        ending.wait()

    thread = threading.Thread(target=stay)
    thread.start()
    try:
        while not found:
            time.sleep(0.001)
        with pytest.raises(NoSuchProcess) as caught:
            LiveSource().read(found[0])
    finally:
        ending.set()
        thread.join()
    assert str(caught.value) == (
        f"{found[0]} is a thread of process {os.getpid()} (ask for {os.getpid()})"
    )


def test_root_that_is_no_directory_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="Not a directory"):
        LiveSource(str(tmp_path / "file"))
    with pytest.raises(SourceError, match="No such file"):
        LiveSource(str(tmp_path / "missing"))


def test_root_without_processes_is_an_error(tmp_path: Path) -> None:
    source = LiveSource(str(tmp_path))
    with pytest.raises(SourceError, match="shows no processes") as listing:
        source.pids()
    with pytest.raises(SourceError, match="shows no processes"):
        source.read(1)
    assert "\n" not in str(listing.value)


@pytest.mark.parametrize("free", [0, 1])
def test_lack_of_descriptors_is_no_missing_process(free: int) -> None:
    """The agent has them, so it is no answer that a process or its sockets could not be read."""

    def starve() -> list[str]:
        unlisted, listed = LiveSource(), LiveSource()
        listed.pids()
        at_limit = os.dup(0)
        os.close(at_limit)
        resource.setrlimit(resource.RLIMIT_NOFILE, (at_limit + free,) * 2)
        refused = []
        for read in (unlisted.read, listed.read, listed.socket_fds):
            with pytest.raises(SourceError) as error:
                read(os.getpid())
            refused.append(str(error.value))
        if not free:
            with pytest.raises(SourceError, match="can't list /proc: Too many open files"):
                unlisted.pids()
        return refused

    refused = in_child(starve)
    assert refused == ["can't read processes: Too many open files (raise the limit: ulimit -n)"] * 3


def test_root_is_found_whatever_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    source = LiveSource("proc")
    monkeypatch.chdir(tmp_path)
    assert source.read(os.getpid()).pid == os.getpid()


# ---- what others may see ---------------------------------------------------------------------


@root_only
def test_other_users_are_refused_what_only_root_may_see() -> None:
    with running(["sleep", "60"]) as pid:
        source_privileged, process = as_nobody(lambda: _look(pid))
    assert not source_privileged
    assert problems(process) == {"exe": "denied", "netns": "denied", "root_inode": "denied"}
    assert {error.detail for error in process.errors} == {"EACCES"}
    assert process.cmdline == b"sleep\x0060\0"
    assert process.uid == 0


def _look(pid: int) -> tuple[bool, Process]:
    source = LiveSource()
    source.pids()
    return source.host.privileged, source.read(pid)


@root_only
def test_root_has_roots_rights() -> None:
    assert LiveSource().host.privileged
    assert LiveSource().host.sees_all


@root_only
def test_root_without_the_capability_to_trace_is_not_privileged() -> None:
    def drop_and_look() -> bool:
        import ctypes

        libc = ctypes.CDLL(None)
        header = (ctypes.c_uint32 * 2)(0x2008_0522, 0)
        data = (ctypes.c_uint32 * 6)()
        libc.capget(header, data)
        data[0] &= ~(1 << 19)  # CAP_SYS_PTRACE, effective
        assert libc.capset(header, data) == 0
        return LiveSource().host.privileged

    assert not in_child(drop_and_look)


@root_only
@pytest.mark.parametrize(
    ("option", "lists_all", "effect"),
    [("1", True, "refuses access to"), ("2", False, "hides"), ("4", False, "hides")],
)
def test_hidepid_mount_is_announced(option: str, lists_all: bool, effect: str) -> None:
    def look() -> tuple[bool, list[str], bool, str]:
        mount_proc(mount, f"hidepid={option}")
        become_nobody()
        source = LiveSource(str(mount))
        try:
            asked = str(problems(source.read(1)))
        except NoSuchProcess as error:
            asked = str(error)
        return (
            1 in source.pids(),
            [words_of(n) for n in source.notes],
            source.host.sees_all,
            asked,
        )

    with public_directory() as mount:
        listed, notes, sees_all, asked = in_child(look)
    assert listed == sees_all == lists_all
    assert len(notes) == 1
    assert f"and {effect} other users' processes" in notes[0]
    assert "run proccli as root" in notes[0]
    if lists_all:
        assert "'cmdline': 'denied'" in asked
    else:
        hint = "this mount hides other users' processes: try as root"
        assert asked == f"no process 1 in {mount} ({hint})"


@root_only
def test_hidepid_mount_hides_nothing_from_root(tmp_path: Path) -> None:
    def look() -> tuple[bool, int]:
        mount_proc(tmp_path, "hidepid=2")
        source = LiveSource(str(tmp_path))
        return source.host.sees_all and 1 in source.pids(), len(source.notes)

    assert in_child(look) == (True, 0)


# ---- user names ----------------------------------------------------------------------------------


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
def test_a_fifo_in_place_of_passwd_does_not_block(passwd: Path, tmp_path: Path) -> None:
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

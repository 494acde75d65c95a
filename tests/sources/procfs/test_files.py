"""A source reads what it is asked for, and no more."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from proccli.errors import NoSuchProcess
from proccli.model.process import ALL_FIELDS, PROCESS_FIELDS, Field, FieldError
from proccli.sources.procfs import files
from proccli.sources.procfs.directory import DirectorySource
from proccli.sources.procfs.files import RawProcess, read_raw
from proccli.sources.procfs.live import LiveSource
from proccli.sources.procfs.process import parse_process
from tests.sources.procfs.processes import running
from tests.sources.procfs.status_file import status_of

STAT = b"7 (shop) S 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4200 0 0"


class Files:
    """Files of one process that note what was read of them."""

    def __init__(self) -> None:
        self.was_read: list[str] = []

    def owner(self) -> int:
        self.was_read.append("owner")
        return 1000

    def read(self, name: str) -> bytes:
        self.was_read.append(name)
        return {
            "stat": STAT,
            "status": status_of("shop"),
            "cmdline": b"shop\0",
            "cgroup": b"0::/\n",
        }[name]

    def link(self, name: str) -> bytes:
        self.was_read.append(name)
        return {"exe": b"/bin/sh\xff", "ns/net": b"net:[4026531840]"}[name]

    def inode(self, name: str) -> int:
        self.was_read.append(name)
        return 2

    def opened(self, name: str) -> AbstractContextManager[int]:
        raise AssertionError(f"{name} was opened")

    def alive(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("fields", "read"),
    [
        (frozenset(), []),
        ({"cmdline"}, ["cmdline"]),
        ({"stat", "netns"}, ["stat", "ns/net"]),
        (ALL_FIELDS, ["owner", "stat", "status", "cmdline", "exe", "ns/net", "cgroup", "root"]),
    ],
)
def test_only_the_fields_asked_for_are_read_each_once(fields: set[Field], read: list[str]) -> None:
    given = Files()

    process = parse_process(read_raw(7, given, frozenset(fields)))

    assert given.was_read == read
    known = {"comm": process.comm, "cmdline": process.cmdline, "netns": process.netns}
    assert {name for name, value in known.items() if value is not None} == {
        name
        for name, field in (("comm", "stat"), ("cmdline", "cmdline"), ("netns", "netns"))
        if field in fields
    }
    assert process.errors == ()


def test_parsing_needs_nothing_but_the_bytes() -> None:
    gone = FieldError(field="stat", problem="gone", detail="ESRCH")
    raw = RawProcess(pid=7, uid=0, stat=gone, cmdline=b"a\0", netns=b"mnt:[1]", exe=b"/x\xff")

    process = parse_process(raw)

    assert (process.cmdline, process.exe, process.cgroup) == (b"a\0", r"/x\xff", None)
    assert process.uid is None  # the directory of a process that has exited belongs to root
    assert [(error.field, error.problem) for error in process.errors] == [
        ("stat", "gone"),
        ("uid", "gone"),
        ("netns", "malformed"),
    ]


@pytest.mark.parametrize(("state", "listed"), [(b"Z", []), (b"S", ["netns", "root_inode"])])
def test_a_zombie_lacks_namespaces_and_root_without_an_error(
    state: bytes, listed: list[str]
) -> None:
    missing = {
        name: FieldError(field=name, problem="missing", detail="ENOENT")
        for name in ("exe", "netns", "root_inode")
    }
    raw = RawProcess(pid=7, stat=STAT.replace(b" S ", b" " + state + b" "), **missing)

    assert [error.field for error in parse_process(raw).errors] == listed


def test_a_vanished_process_has_errors_for_the_fields_asked_for() -> None:
    source = LiveSource()
    with running(["sleep", "60"]) as pid:
        assert pid in source.pids()

    fields: frozenset[Field] = frozenset({"uid", "cmdline"})
    assert [error.field for error in source.read(pid, fields).errors] == ["uid", "cmdline"]


def test_asking_for_more_reads_more_and_asking_for_less_reads_nothing() -> None:
    source = LiveSource()
    first = source.read(os.getpid(), frozenset({"cmdline"}))
    whole = source.read(os.getpid())

    assert (first.exe, first.comm) == (None, None)
    assert first.cmdline == whole.cmdline
    assert None not in (whole.exe, whole.comm)
    assert source.read(os.getpid(), frozenset({"cmdline"})) is whole


def test_a_batch_skips_what_does_not_exist(tmp_path: Path) -> None:
    for pid in (3, 5):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "cmdline").write_bytes(b"x%d\0" % pid)
    source = DirectorySource(str(tmp_path))

    found = list(source.read_many([5, 4, 3], frozenset({"cmdline"})))

    assert [(one.pid, one.cmdline) for one in found] == [(5, b"x5\0"), (3, b"x3\0")]
    with pytest.raises(NoSuchProcess):
        source.read(4)
    assert [one.pid for one in LiveSource().read_many([os.getpid(), 4_194_305])] == [os.getpid()]


def test_with_its_sockets_a_process_is_opened_and_its_stat_is_read_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[str] = []

    def noting(name: str, dir_fd: int | None) -> bytes:
        read.append(name)
        return files.read_at(name, dir_fd)

    source = LiveSource()
    source.pids()
    monkeypatch.setattr("proccli.sources.procfs.live.read_at", noting)
    source.read(os.getpid(), frozenset({"stat", "fds"}))
    together = source.socket_fds(os.getpid())

    assert read == ["stat"]
    assert together == LiveSource().socket_fds(os.getpid())


def test_process_fields_are_those_of_a_recording() -> None:
    assert "fds" not in PROCESS_FIELDS  # a recording has a place of its own for these errors

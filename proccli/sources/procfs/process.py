"""One process from the files of its directory, with an error for each field not to be had."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, TypeVar

from proccli.model.process import FieldError, Process
from proccli.sources.procfs.files import Unreadable, errno_name
from proccli.sources.procfs.problems import Living, problem_of
from proccli.sources.procfs.stat import parse_stat

Value = TypeVar("Value")

READ_FIELDS = ("uid", "stat", "cmdline", "exe", "netns", "cgroup", "root_inode")
"""What a `FieldError` names; `stat` stands for comm, ppid and starttime_ticks together."""

_NETNS = re.compile(r"net:\[([0-9]{1,20})\]")


class ProcessFiles(Living, Protocol):
    """The files of one process, by their names in its directory. All raise OSError, Unreadable."""

    def owner(self) -> int:
        """The uid that owns the directory."""

    def read(self, name: str) -> bytes:
        """A file's whole content."""

    def link(self, name: str) -> str:
        """The text of a link."""

    def inode(self, name: str) -> int:
        """The inode number of what a link leads to."""


def read_process(pid: int, files: ProcessFiles) -> Process:
    """The process as it is now; what can't be read is None, with the reason in `errors`."""
    errors: list[FieldError] = []

    def attempt(name: str, read: Callable[[], Value], *, may_lack: bool = False) -> Value | None:
        try:
            return read()
        except Unreadable as error:
            problem, detail = error.problem, error.detail
        except OSError as error:
            problem, detail = problem_of(error, files), errno_name(error)
        if not (may_lack and problem == "missing"):
            errors.append(FieldError(field=name, problem=problem, detail=detail))
        return None

    # The owner comes before `stat`: the directory of a process that has exited belongs to root,
    # and only a later read that succeeds shows that it had not.
    uid = attempt("uid", files.owner)
    stat = attempt("stat", lambda: parse_stat(files.read("stat")))
    if stat is None and uid is not None and errors[-1].problem == "gone":
        uid = None
        errors.append(replace(errors[-1], field="uid"))
    # A zombie has no namespaces and no root any more, a kernel thread no program.
    ended = stat is not None and stat.state in ("Z", "X", "x")
    cmdline = attempt("cmdline", lambda: files.read("cmdline"))
    exe = attempt("exe", lambda: files.link("exe"), may_lack=True)
    netns = attempt("netns", lambda: _netns(files.link("ns/net")), may_lack=ended)
    cgroup = attempt("cgroup", lambda: _utf8(files.read("cgroup")))
    root_inode = attempt("root_inode", lambda: files.inode("root"), may_lack=ended)
    return Process(
        pid=pid,
        cmdline=cmdline,
        comm=stat.comm if stat else None,
        ppid=stat.ppid if stat else None,
        starttime_ticks=stat.starttime_ticks if stat else None,
        exe=exe,
        uid=uid,
        netns=netns,
        cgroup=cgroup,
        root_inode=root_inode,
        errors=tuple(errors),
    )


def _netns(link: str) -> int:
    found = _NETNS.fullmatch(link)
    if found is None:
        raise Unreadable("malformed", "not a link to a namespace")
    return int(found[1])


def _utf8(content: bytes) -> str:
    # The agent reads lines of text, and has no container id where they aren't.
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Unreadable("malformed", "not UTF-8") from None

"""What the reader may read: its privileges, and mounts that hide processes."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from proccli.model.note import Note
from proccli.sources.procfs.files import Unreadable, decode, read_at

# linux/capability.h: to read any file, and to inspect any process.
_CAP_DAC_READ_SEARCH = 1 << 2
_CAP_SYS_PTRACE = 1 << 19

# Kernels before 5.8 show the number, later ones the word.
_HIDEPID = {"1": "noaccess", "2": "invisible", "4": "ptraceable"}


def privileged() -> bool:
    """Whether we have root's privileges over processes, as a deployed agent does.

    User id 0 is not enough: a container's root often lacks the capability to read other
    processes.

    Source: the line `CapEff` of /proc/self/status, proc_pid_status(5), capabilities(7).
    """
    if os.geteuid() != 0:
        return False
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", _own("status"), re.MULTILINE)
    needed = _CAP_DAC_READ_SEARCH | _CAP_SYS_PTRACE
    return found is None or int(found[1], 16) & needed == needed


def hidepid(root_fd: int) -> str | None:
    """How the proc mount hides other users' processes from us; None where it doesn't.

    `noaccess` lists them and refuses to open them; `invisible` and `ptraceable` don't list them.

    Source: the options `hidepid` and `gid` of the mount, proc(5), as /proc/self/mountinfo shows
    them.
    """
    options = _mount_options(root_fd)
    option = options.get("hidepid", "off")
    hiding = _HIDEPID.get(option, option)
    if hiding not in _HIDEPID.values() or privileged():
        return None
    group = options.get("gid", "0")
    trusted = group.isdigit() and int(group) in {os.getegid(), *os.getgroups()}
    return None if trusted and hiding != "ptraceable" else hiding


def hidepid_note(hiding: str, root: str) -> Note:
    """The warning to go with it."""
    return Note.of("hidepid", root=root, hidepid=hiding)


def _mount_options(fd: int) -> Mapping[str, str]:
    """The file system's own options of the mount that a directory is the root of."""
    found = re.search(r"^mnt_id:\s*(\d+)$", _own(f"fdinfo/{fd}"), re.MULTILINE)
    if found is None:
        return {}
    for line in _own("mountinfo").splitlines():
        mount, _, filesystem = line.partition(" - ")
        if mount.split(" ", 1)[0] == found[1]:
            pairs = (option.partition("=") for option in filesystem.split(" ")[-1].split(","))
            return {name: value for name, _, value in pairs}
    return {}


def _own(name: str) -> str:
    """A file of our own process; empty where it can't be read."""
    try:
        return decode(read_at(f"/proc/self/{name}", None))
    except (OSError, Unreadable):
        return ""

"""The user and group that the tag command runs as."""

from __future__ import annotations

import os
from dataclasses import dataclass

from proccli.errors import TagCommandFailed, TagCommandUndecided
from proccli.sources.procfs.files import Unreadable, errno_name, read_at
from proccli.sources.procfs.process import MAX_PASSWD_BYTES, PasswdEntry, passwd_entries
from proccli.text import visible

GROUP_HINT = "the agent runs the command with root's group and may have permission"
PASSWD = "/etc/passwd"  # noqa: S105 - a file's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """The rights to run with."""

    uid: int
    gid: int
    change: bool
    """Whether they have to be taken on; otherwise they are our own."""
    agent_has_more: bool
    """Whether the agent, which leaves root's group on, would run it with more rights."""


def find_account(content: bytes, name: str) -> PasswdEntry | None:
    """The first account of this name. Raises: UnicodeDecodeError."""
    return next((entry for entry in passwd_entries(content) if entry.name == name), None)


def rights_for(user: str, passwd: str = PASSWD) -> Rights:
    """The rights for a user by name.

    Raises: TagCommandFailed where the agent doesn't find the user either, TagCommandUndecided
    where we may not run anything as this user.
    """
    name = visible(user)
    try:
        account = find_account(read_at(passwd, None, MAX_PASSWD_BYTES), user)
    except OSError as error:
        raise TagCommandFailed(f"{passwd} can't be read ({errno_name(error)})") from error
    except Unreadable as error:
        raise TagCommandUndecided(f"{passwd} is {error.detail}") from error
    except UnicodeDecodeError as error:
        raise TagCommandFailed(f"{passwd} is not UTF-8") from error
    if account is None:
        problem = f"get userid by username {name} fail: {passwd} has no such user"
        raise TagCommandFailed(problem, hint="give the name of an existing user")
    ours = os.geteuid()
    if ours != 0:
        if account.uid != ours:
            raise TagCommandUndecided(
                f"it runs as {name}, and only root may run it as another user",
                hint="run proccli with sudo, or give the command's output with --tags FILE",
            )
        return Rights(uid=ours, gid=os.getegid(), change=False, agent_has_more=True)
    if account.gid is None:
        raise TagCommandUndecided(f"{passwd} gives {name} no valid group id")
    return Rights(
        uid=account.uid,
        gid=account.gid,
        change=True,
        agent_has_more=account.uid != 0 and account.gid != 0,
    )

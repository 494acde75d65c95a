"""Runs os-app-tag-exec as the agent runs it, within limits that the agent doesn't have.

The program gets its arguments without a shell, an empty stdin, our environment and our directory,
and the rights of os-app-tag-exec-user. Unlike the agent, we drop root's
group; where that may change the result, the tags are not known.

Source: agent v6.5 linux_process.rs:505-540; std::process::Command of Rust; execvp(3) of glibc,
which the agent's usual builds are linked with.

| what happens                              | the agent              | here                       |
|-------------------------------------------|------------------------|----------------------------|
| exits with 0, whatever is on stderr       | reads its stdout       | reads its stdout           |
| exits with another status                 | goes on without tags   | `TagCommandFailed`         |
| … and says "Permission denied", as others | root's group may help  | `TagCommandUndecided`      |
| ends by a signal                          | goes on without tags   | `TagCommandFailed`         |
| the user is not in /etc/passwd            | goes on without tags   | `TagCommandFailed`         |
| the program (a path from /) is missing    | goes on without tags   | `TagCommandFailed`         |
| the program (any other name) is missing   | has a PATH of its own  | `TagCommandUndecided`      |
| no user may execute it, or it is no file  | goes on without tags   | `TagCommandFailed`         |
| its user may not execute it               | root's group may help  | `TagCommandUndecided`      |
| it is a script without `#!`               | runs it with /bin/sh   | runs it with /bin/sh       |
| it runs, or is read from, past the limit  | waits, for ever        | ends, `TagCommandUndecided`|
| it prints more than 4 MiB                 | reads it all           | ends, `TagCommandUndecided`|
| we are neither root nor its user          | is root                | `TagCommandUndecided`      |
| its arguments are too long, or hold NUL   | goes on without tags   | `TagCommandFailed`         |
| we can't fork, or can't change the user   | has its own resources  | `TagCommandUndecided`      |

`TagCommandFailed` costs all tags, as with the agent. `TagCommandUndecided` leaves them unknown.
"""

from __future__ import annotations

from proccli.local.tag_command.account import rights_for
from proccli.local.tag_command.child import collect, ended_with_us, exit_problem
from proccli.local.tag_command.spawn import spawn


def run_tag_command(argv: tuple[str, ...], user: str, timeout_s: float) -> bytes:
    """What the command printed on stdout.

    It leads a session of its own, and whatever is left in that is ended at the limit, and when we
    are interrupted. A process that has left the session is not ours any more, nor is it the
    agent's.

    Raises: TagCommandFailed, TagCommandUndecided.
    """
    rights = rights_for(user)
    with ended_with_us(lambda: spawn(argv, rights)) as child:
        output = collect(child, timeout_s)
    problem = exit_problem(output, rights)
    if problem is not None:
        raise problem
    return output.stdout

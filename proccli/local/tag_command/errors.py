"""Why there is nothing from the tag command: whether the agent would get something, and how to
say it."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from proccli.errors import ProccliError
from proccli.text import visible

if TYPE_CHECKING:
    from proccli.local.tag_command.account import Rights
    from proccli.local.tag_command.child import Output

LONGEST_QUOTE = 200
GROUP_HINT = "the agent runs it with root's group on, and may be allowed to"


class TagCommandFailed(ProccliError):  # noqa: N818 - named for what is wrong
    """The agent gets nothing from this command either: it costs all tags."""


class TagCommandUndecided(ProccliError):  # noqa: N818 - named for what is wrong
    """A limit of ours ended the command or kept it from running: the tags are not known."""


def exit_problem(output: Output, rights: Rights) -> ProccliError | None:
    """What is wrong with how a command ended, or None."""
    status = output.status
    if status == 0:
        return None
    how = f"it exits with status {status}" if status > 0 else f"it ends by {_signal_name(-status)}"
    problem = f"{how}{said(output.stderr)}"
    # In the C locale, or in English: elsewhere the agent's failure is what we can tell.
    if status > 0 and rights.agent_has_more and b"permission denied" in output.stderr.lower():
        return TagCommandUndecided(problem, hint=GROUP_HINT)
    return TagCommandFailed(problem)


def said(stderr: bytes) -> str:
    """The end of a sentence: the last line of stderr, where an error stands; empty for none."""
    lines = stderr.decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    if not last:
        return ""
    return f" and says: {visible(last[:LONGEST_QUOTE])}{'…' * (len(last) > LONGEST_QUOTE)}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"

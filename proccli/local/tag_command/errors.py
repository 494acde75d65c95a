"""Why the tag command gives no tags: whether the agent would get some is known, or it isn't."""

from __future__ import annotations

from proccli.errors import ProccliError

GROUP_HINT = "the agent runs the command with root's group and may have permission"


class TagCommandFailed(ProccliError):  # noqa: N818 - named for what is wrong
    """The agent gets no tags from this command either: no process has tags."""


class TagCommandUndecided(ProccliError):  # noqa: N818 - named for what is wrong
    """A limit of ours ended the command or kept it from running: the tags are not known."""

"""The JSON object that `scan` and `explain` print for a process."""

from __future__ import annotations

from base64 import b64encode

from proccli.model.config import Rule
from proccli.model.outcome import Outcome, Tag
from proccli.model.process import Process
from proccli.terminal.document import Json
from proccli.terminal.words import rfc3339


def process_json(outcome: Outcome) -> Json:
    """One process with its outcome; None: not known."""
    process = outcome.process
    argv, argv_base64 = arguments(process)
    sockets = outcome.sockets
    return {
        "pid": process.pid,
        "ppid": process.ppid,
        "comm": process.comm,
        "exe": process.exe,
        "process_name": outcome.process_name,
        "cmdline": outcome.cmdline,
        "argv": argv,
        "argv_base64": argv_base64,
        "user": outcome.user,
        "uid": process.uid,
        "start_time": rfc3339(outcome.start_s),
        "uptime_s": outcome.uptime_s,
        "agent_uptime_s": outcome.agent_uptime_s,
        "netns": process.netns,
        "container_id": outcome.container_id,
        "status": outcome.status,
        "reason": outcome.reason,
        "rule": None if outcome.rule is None else rule_json(outcome.rule),
        "hits": list(outcome.hits),
        "gprocess": outcome.gprocess,
        "tags": None if outcome.tags is None else [tag_json(tag) for tag in outcome.tags],
        "sockets": None
        if sockets is None
        else {
            "synced": sockets.synced,
            "skipped": sockets.skipped,
            "undecided": sockets.undecided,
        },
    }


def arguments(process: Process) -> tuple[list[str] | None, list[str] | None]:
    """The arguments as text, and their exact bytes in base64 where they are not UTF-8.

    Empty ones at the end are left out: programs that rewrite their title pad it with NULs.
    """
    if process.cmdline is None:
        return None, None
    content = process.cmdline.rstrip(b"\0")
    if not content:
        return [], None
    try:
        return content.decode().split("\0"), None
    except UnicodeDecodeError:
        pieces = content.split(b"\0")
    return (
        [piece.decode(errors="backslashreplace") for piece in pieces],
        [b64encode(piece).decode() for piece in pieces],
    )


def rule_json(rule: Rule) -> Json:
    """A rule with the values in effect."""
    return {
        "index": rule.index,
        "line": rule.at.line,
        "match_type": rule.match_type,
        "match_regex": rule.match_regex,
        "action": rule.action,
        "rewrite_name": rule.rewrite_name,
    }


def tag_json(tag: Tag) -> Json:
    """A tag with the process that it is inherited from."""
    return {"name": tag.name, "key": tag.key, "value": tag.value, "from_pid": tag.from_pid}

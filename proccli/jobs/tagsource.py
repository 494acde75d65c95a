"""Where the tags come from: a file, a recording, or the tag command.

Tags that are lost for the agent too are known: there are none. What only we don't know stays
unknown: a command that was not run, or was ended by a limit of ours.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from proccli import config as configs
from proccli.errors import TagsError
from proccli.model.config import Config, Notice
from proccli.model.process import NO_TAGS, SourceKind, TagTable
from proccli.model.source import Source
from proccli.recording import Recording
from proccli.textsafe import visible

if TYPE_CHECKING:
    from proccli.jobs.inputs import InputOptions

COMMAND = "os-app-tag-exec"
LONGEST_SHOWN = 300
"""Characters of somebody's text in a message of ours."""

SHOWN = 5
"""Lost tags that a message names."""
PID_AGAIN = "tags-pid-again"
MOST_NOTICES = 100
"""Of this kind."""

Told: TypeAlias = tuple[TagTable, tuple[Notice, ...]]


def tag_table(options: InputOptions, config: Config, written: bytes | None, source: Source) -> Told:
    """The tags by pid, and what to say about them. Runs the tag command where that is allowed.

    `written` is what was read as the configuration, None for the agent's defaults.
    """
    configured = bool(config.tag_exec and config.tag_exec_user)
    if options.tags is not None:
        return _from_file(options.tags, config)
    if isinstance(source, Recording) and source.tags is not None:
        if source.tags.known:
            return source.tags, ()
        if configured:
            return _unknown(source.tags.origin, "the recording doesn't carry them", _TAGS)
    if configured:
        return _from_command(options, config, written, source.host.kind)
    if config.tagged_only:
        problem = (
            "os-proc-sync-tagged-only is on, but nothing gives tags:"
            " the agent syncs no process at all (configure os-app-tag-exec, or give --tags)"
        )
        return NO_TAGS, (Notice(code="tagged-only-without-tags", message=problem),)
    return NO_TAGS, ()


_TAGS = "give its output with --tags FILE"
_RUN = "--run-tag-exec runs it all the same, --tags FILE takes its output"


def _from_file(path: str, config: Config) -> Told:
    name = "<stdin>" if path == "-" else path
    return _parsed(configs.read_file(path), name, config)


def _from_command(
    options: InputOptions, config: Config, written: bytes | None, kind: SourceKind
) -> Told:
    from proccli import tagcmd

    if kind != "live":
        return _unknown(COMMAND, f"{COMMAND} runs only on the live machine", _TAGS)
    if not options.tag_exec:
        return _unknown(COMMAND, f"{COMMAND} was not run (--no-tag-exec)", _TAGS)
    if not options.run_tag_exec:
        problem = _why_untrusted(options.config, written)
        if problem is not None:
            return _unknown(COMMAND, f"{COMMAND} was not run: {problem}", _RUN)
    if options.announce is not None:
        options.announce(_announcement(config))
    try:
        printed = tagcmd.run_tag_command(
            config.tag_exec, config.tag_exec_user, options.tag_timeout_s
        )
    except tagcmd.TagCommandUndecided as error:
        return _unknown(COMMAND, f"{COMMAND}: {error}", None)
    except tagcmd.TagCommandFailed as error:
        return _lost(COMMAND, "tag-exec-failed", f"{COMMAND}: {error}", config)
    return _parsed(printed, COMMAND, config)


def _why_untrusted(path: str | None, written: bytes | None) -> str | None:
    """Why the configuration may not start a command unasked, or None."""
    from proccli.tagcmd import why_untrusted

    if path is None or written is None:
        return None
    if path == "-":
        return "the configuration comes from standard input"
    return why_untrusted(path, written)


def _announcement(config: Config) -> str:
    command = visible(shlex.join(config.tag_exec))
    if len(command) > LONGEST_SHOWN:
        command = f"{command[:LONGEST_SHOWN]}…"
    return f"running {COMMAND} as {visible(config.tag_exec_user)}: {command}"


def _parsed(printed: bytes, name: str, config: Config) -> Told:
    """The table in an output; a broken one costs all tags, as with the agent."""
    try:
        entries = configs.parse_tag_entries(printed, name)
    except TagsError as error:
        return _lost(name, "tags-rejected", str(error), config)
    table = TagTable(entries={entry.pid: entry.tags for entry in entries}, known=True, origin=name)
    notices = tuple(_superseded(entries, name))
    if len(notices) > MOST_NOTICES:
        more = f"{len(notices) - MOST_NOTICES} more pids are there again"
        notices = (*notices[:MOST_NOTICES], Notice(code=PID_AGAIN, message=more))
    return table, notices


def _superseded(entries: Sequence[configs.TagEntry], name: str) -> Iterator[Notice]:
    """A notice for each pid with several entries."""
    by_pid: dict[int, list[configs.TagEntry]] = {}
    for entry in entries:
        by_pid.setdefault(entry.pid, []).append(entry)
    for pid, of_one in by_pid.items():
        *earlier, last = of_one
        if not earlier:
            continue
        kept = set(last.tags)
        lost = dict.fromkeys(
            f"{key}={value}"
            for entry in earlier
            for key, value in entry.tags
            if (key, value) not in kept
        )
        message = (
            f"{visible(name)}:{last.line}: pid {pid} is there again, and only this entry counts"
        )
        if lost:
            shown = visible(", ".join(islice(lost, SHOWN)))[:LONGEST_SHOWN]
            more = f" and {len(lost) - SHOWN} more" if len(lost) > SHOWN else ""
            message += f"; lost: {shown}{more}"
        yield Notice(code=PID_AGAIN, message=message)


def _lost(name: str, code: str, problem: str, config: Config) -> Told:
    effect = "the agent goes on with no tags at all"
    if config.tagged_only:
        effect += ", and with os-proc-sync-tagged-only it syncs no process"
    table = TagTable(entries={}, known=True, origin=name)
    return table, (Notice(code=code, message=f"{problem}; {effect}"),)


def _unknown(name: str, why: str, hint: str | None) -> Told:
    message = f"tags are unknown: {why}" + (f"; {hint}" if hint else "")
    table = TagTable(entries={}, known=False, origin=name)
    return table, (Notice(code="tags-unknown", message=message),)

"""Where the tags come from: a file, a recording, or the tag command.

Tags that are lost for the agent too are known: there are none. What only we don't know stays
unknown: a command that was not run, or was ended by a limit of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from proccli.config.tag_output import TagEntry, parse_tag_entries
from proccli.errors import TagsError
from proccli.files import read_file
from proccli.model.config import Config
from proccli.model.note import Note
from proccli.model.process import NO_TAGS, SourceKind, TagTable
from proccli.model.source import Source
from proccli.sources.recording.reader import Recording
from proccli.text import visible

if TYPE_CHECKING:
    from proccli.commands.inputs import InputOptions

COMMAND = "os-app-tag-exec"
LONGEST_SHOWN = 300
"""Characters of foreign text in a message."""

SHOWN = 5
"""Lost tags that a message names."""
PID_AGAIN = "tags-pid-again"
MAX_NOTES = 100
"""Of this kind."""

TagsRead: TypeAlias = tuple[TagTable, tuple[Note, ...]]


def tag_table(
    options: InputOptions, config: Config, written: bytes | None, source: Source
) -> TagsRead:
    """The tags by pid, and warnings about them. Runs the tag command where that is allowed.

    `written` is what was read as the configuration, None for the agent's defaults.
    """
    configured = bool(config.tag_exec and config.tag_exec_user)
    if options.tags is not None:
        return _from_file(options.tags, config)
    if isinstance(source, Recording) and source.tags is not None:
        if source.tags.known:
            return source.tags, ()
        if configured:
            return _unknown(source.tags.origin, "not-recorded")
    if configured:
        return _from_command(options, config, written, source.host.kind)
    if config.tagged_only:
        return NO_TAGS, (Note.of("tagged-only-without-tags"),)
    return NO_TAGS, ()


def _from_file(path: str, config: Config) -> TagsRead:
    name = "<stdin>" if path == "-" else path
    return _parsed(read_file(path), name, config)


def _from_command(
    options: InputOptions, config: Config, written: bytes | None, kind: SourceKind
) -> TagsRead:
    from proccli.local.tag_command.errors import TagCommandFailed, TagCommandUndecided
    from proccli.local.tag_command.run import run_tag_command

    if kind != "live":
        return _unknown(COMMAND, "not-live")
    if not options.tag_exec:
        return _unknown(COMMAND, "not-wanted")
    if not options.run_tag_exec:
        problem = _why_untrusted(options.config, written)
        if problem is not None:
            return _unknown(COMMAND, "not-trusted", problem)
    if options.announce is not None:
        options.announce(_announcement(config))
    try:
        printed = run_tag_command(config.tag_exec, config.tag_exec_user, options.tag_timeout_s)
    except TagCommandUndecided as error:
        return _unknown(COMMAND, "undecided", str(error))
    except TagCommandFailed as error:
        tagged_only = config.tagged_only
        note = Note.of("tag-exec-failed", problem=str(error), tagged_only=tagged_only)
        return _lost(COMMAND, note)
    return _parsed(printed, COMMAND, config)


def _why_untrusted(path: str | None, written: bytes | None) -> str | None:
    """Why the configuration may not start a command unasked, or None."""
    from proccli.local.tag_command.trust import why_untrusted

    if path is None or written is None:
        return None
    if path == "-":
        return "the configuration comes from standard input"
    return why_untrusted(path, written)


def _announcement(config: Config) -> str:
    import shlex

    command = visible(shlex.join(config.tag_exec))
    if len(command) > LONGEST_SHOWN:
        command = f"{command[:LONGEST_SHOWN]}…"
    return f"running {COMMAND} as {visible(config.tag_exec_user)}: {command}"


def _parsed(printed: bytes, name: str, config: Config) -> TagsRead:
    """The table in an output; a broken one costs all tags, as with the agent."""
    try:
        entries = parse_tag_entries(printed, name)
    except TagsError as error:
        tagged_only = config.tagged_only
        return _lost(name, Note.of("tags-rejected", problem=str(error), tagged_only=tagged_only))
    table = TagTable(entries={entry.pid: entry.tags for entry in entries}, known=True, origin=name)
    notes = tuple(_superseded(entries, name))
    if len(notes) > MAX_NOTES:
        more = Note.of(PID_AGAIN, more_pids=len(notes) - MAX_NOTES)
        notes = (*notes[:MAX_NOTES], more)
    return table, notes


def _superseded(entries: Sequence[TagEntry], name: str) -> Iterator[Note]:
    """A warning for each pid with several entries."""
    by_pid: dict[int, list[TagEntry]] = {}
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
        yield Note.of(
            PID_AGAIN,
            file=visible(name),
            line=last.line,
            pid=pid,
            lost=tuple(islice(lost, SHOWN)),
            lost_more=max(len(lost) - SHOWN, 0),
        )


def _lost(name: str, note: Note) -> TagsRead:
    return TagTable(entries={}, known=True, origin=name), (note,)


def _unknown(name: str, why: str, detail: str | None = None) -> TagsRead:
    note = Note.of("tags-unknown", why=why, detail=detail)
    return TagTable(entries={}, known=False, origin=name), (note,)

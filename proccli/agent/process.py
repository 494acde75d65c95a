"""A process as the agent keeps it: its texts, or why it is skipped, and its ancestors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from proccli.agent.facts import container_id
from proccli.model.outcome import Reason
from proccli.model.process import Host, Process, TextSpan
from proccli.versions import Behaviour, InputsProc


class Subject(NamedTuple):
    """A text to match. `masked_spans` (in characters) were masked and may have been anything."""

    text: str
    masked_spans: tuple[TextSpan, ...] = ()


class Texts(NamedTuple):
    """The texts by which the agent knows a process."""

    process_name: Subject
    cmdline: Subject
    exe: Subject | None = None
    """inputs.proc: the last component of the program's path; None: the agent knows it, we don't."""


NoTexts: TypeAlias = Literal["no-cmdline", "cmdline-not-utf8", "no-name"]


def parse_cmdline(cmdline: bytes, masked_spans: Sequence[TextSpan] = ()) -> Texts | NoTexts:
    """The texts of a process, or why the agent has none for it.

    `cmdline` is the whole of /proc/PID/cmdline; `masked_spans` are byte ranges in it. Empty pieces
    are discarded wherever they stand, so the next argument takes the place of an empty argv[0].

    Source: agent v6.5 linux_process.rs:120-171; its fork of procfs, process/mod.rs cmdline().
    """
    try:
        cmdline.decode()
    except UnicodeDecodeError:
        return "cmdline-not-utf8"
    pieces = list(_pieces(cmdline, masked_spans))
    if not pieces:
        return "no-cmdline"
    name = _name(pieces[0])
    if name is None:
        return "no-name"
    return Texts(process_name=name, cmdline=_joined(pieces))


def _pieces(cmdline: bytes, masked_spans: Sequence[TextSpan]) -> Iterator[Subject]:
    start = 0
    for raw in cmdline.split(b"\0"):
        end = start + len(raw)
        if raw:
            yield Subject(raw.decode(), tuple(_char_spans(raw, start, masked_spans)))
        start = end + 1


def _char_spans(raw: bytes, start: int, masked_spans: Sequence[TextSpan]) -> Iterator[TextSpan]:
    for left, right in masked_spans:
        left_byte, right_byte = max(left - start, 0), min(right - start, len(raw))
        if left_byte < right_byte:
            first = len(raw[:left_byte].decode(errors="replace"))
            yield first, first + len(raw[left_byte:right_byte].decode(errors="replace"))


def _joined(pieces: Sequence[Subject]) -> Subject:
    spans: list[TextSpan] = []
    offset = 0
    for piece in pieces:
        spans.extend((left + offset, right + offset) for left, right in piece.masked_spans)
        offset += len(piece.text) + 1
    return Subject(" ".join(piece.text for piece in pieces), tuple(spans))


def _name(piece: Subject) -> Subject | None:
    name = file_name(piece.text)
    if name is None:
        return None
    start = piece.text.rindex(name)
    # What is masked may have held a "/": then the name begins somewhere inside the masked span.
    touching = [right - start for _, right in piece.masked_spans if right > start]
    if not touching:
        return Subject(name)
    return Subject(name, ((0, min(max(touching), len(name))),))


def file_name(path: str) -> str | None:
    """The last component of a path, as Rust's `Path::file_name` has it; None without one.

    Trailing `/` and `/.` don't count; `/`, `.`, `..` and `x/..` have no name.

    Source: std::path::Path::file_name, doc.rust-lang.org/std/path/struct.Path.html.
    """
    for component in reversed(path.split("/")):
        if component == "..":
            return None
        if component not in ("", "."):
            return component
    return None


# ---- which processes the agent keeps --------------------------------------------------------


class AgentProcess(NamedTuple):
    """A process as the agent keeps it."""

    process: Process
    texts: Texts | None
    skip_reason: Reason | None
    """Why the agent keeps no such process; None where it does."""
    known: bool = True
    """False: the agent can read the process and we can't, so nothing can be decided."""
    container_id: str | None = None
    """inputs.proc: the id that matchers ask for, "" outside of containers; None: not known."""


Lookup: TypeAlias = Callable[[int], AgentProcess | None]
"""The agent process of a pid; None where the source has no such process."""


def agent_process(process: Process, host: Host, behaviour: Behaviour) -> AgentProcess:
    """The process with its texts, or with the reason why the agent doesn't keep it."""
    if isinstance(behaviour, InputsProc):
        return _listed(process, host, behaviour)
    return _kept(process, host)


def _kept(process: Process, host: Host) -> AgentProcess:
    """As the agents of `static_config` keep it.

    A missing stat is tolerated; the command line and the owner must be readable.

    Source: agent v6.5 linux_process.rs:120-160.
    """
    for needed in ("cmdline", "uid"):
        error = process.error(needed)
        if error is not None:
            refused = error.problem == "denied" and not host.privileged
            return AgentProcess(
                process=process, texts=None, skip_reason="unreadable", known=not refused
            )
    if process.cmdline is None:
        return AgentProcess(process=process, texts=None, skip_reason="no-cmdline")
    texts = parse_cmdline(process.cmdline, process.masked_spans)
    if isinstance(texts, str):
        return AgentProcess(process=process, texts=None, skip_reason=texts)
    return AgentProcess(process=process, texts=texts, skip_reason=None)


def _listed(process: Process, host: Host, behaviour: InputsProc) -> AgentProcess:
    """As the agents of `inputs.proc` list it: named by the comm in `status`.

    `status` must be as the agent's reader expects it. What else can't be read is empty, but in the
    first generations, for which the process does not exist then.

    Source: FACTS B4 and measured cases; agent main linux_process.rs:160-203.
    """
    strict = behaviour.invisible_without == "everything"
    program_known = True
    for name in ("status", "cmdline", "exe", "uid"):
        error = process.error(name)
        if error is None:
            continue
        if error.problem == "not-recorded":
            return _unknown(process, "not-recorded")
        refused = error.problem == "denied" and not host.privileged
        if refused and (strict or name != "exe"):
            return _unknown(process, "unreadable")
        if strict or name == "status":
            return AgentProcess(process=process, texts=None, skip_reason="invisible")
        program_known = program_known and not refused
    cmdline, exe = _arguments(process), _program(process)
    if process.status_name is None or (strict and (cmdline is None or exe is None)):
        return AgentProcess(process=process, texts=None, skip_reason="invisible")
    return AgentProcess(
        process=process,
        texts=Texts(
            process_name=Subject(process.status_name),
            cmdline=cmdline or Subject(""),
            exe=exe or Subject("") if program_known else None,
        ),
        skip_reason=None,
        container_id=_container(process, host, behaviour),
    )


def _unknown(process: Process, reason: Reason) -> AgentProcess:
    return AgentProcess(process=process, texts=None, skip_reason=reason, known=False)


def _arguments(process: Process) -> Subject | None:
    """The arguments joined by blanks; None where they are not UTF-8 or can't be read."""
    if process.cmdline is None:
        return None
    try:
        process.cmdline.decode()
    except UnicodeDecodeError:
        return None
    return _joined(list(_pieces(process.cmdline, process.masked_spans)))


def _program(process: Process) -> Subject | None:
    """The last component of the program's path, with ` (deleted)` where the kernel adds it; None
    where there is none. What is not UTF-8 becomes U+FFFD."""
    path = process.exe if process.exe_bytes is None else process.exe_bytes.decode(errors="replace")
    name = None if path is None else file_name(path)
    return None if name is None else Subject(name)


def _container(process: Process, host: Host, behaviour: InputsProc) -> str | None:
    """The container id, "" without one; None where the agent may know it and we don't."""
    if process.cgroup is not None:
        return container_id(process.cgroup, behaviour.container) or ""
    error = process.error("cgroup")
    refused = error is not None and error.problem == "denied" and not host.privileged
    return None if refused else ""


# ---- ancestors ------------------------------------------------------------------------------


class Ancestors(NamedTuple):
    """The ancestors that the agent's walk reaches, nearest first."""

    processes: tuple[AgentProcess, ...]
    complete: bool
    """False: the walk ends at a process that the agent can read and we can't."""


def ancestors_of(process: Process, lookup: Lookup, host: Host) -> Ancestors:
    """The ancestors that parent_process_name rules are tried on.

    The agent's walk ends at parent id 0 and at the first parent that it doesn't keep (a kernel
    thread, a command line that is not UTF-8). It has no guard against a circle of parents, which
    only a made-up tree can have: it would reach the process itself again and go on for ever.
    Here the walk ends where the circle closes.

    Source: agent v6.5 linux_process.rs:310-336.
    """
    found: list[AgentProcess] = []
    for ancestor in _upwards(process, lookup):
        if ancestor is None:
            return Ancestors(processes=tuple(found), complete=host.sees_all)
        if not ancestor.known:
            return Ancestors(processes=tuple(found), complete=False)
        if ancestor.texts is None:
            break
        found.append(ancestor)
    return Ancestors(processes=tuple(found), complete=True)


_LISTENERS_DEPTH: Final = 10


def ancestors_for_matcher(process: Process, lookup: Lookup, host: Host) -> Ancestors:
    """The ancestors that parent_process_name matchers of `inputs.proc` are tried on: ten at most.

    The walk ends at parent id 0 and at the first parent that the agent can't read. A circle of
    parents is walked round and round.

    Source: FACTS B5; agent main config.rs:520-560.
    """
    found: list[AgentProcess] = []
    while process.ppid and len(found) < _LISTENERS_DEPTH:
        ancestor = lookup(process.ppid)
        if ancestor is None:
            return Ancestors(processes=tuple(found), complete=host.sees_all)
        if not ancestor.known:
            return Ancestors(processes=tuple(found), complete=False)
        if ancestor.texts is None:
            break
        found.append(ancestor)
        process = ancestor.process
    return Ancestors(processes=tuple(found), complete=True)


def all_ancestors(process: Process, lookup: Lookup) -> tuple[AgentProcess, ...]:
    """All processes above one, nearest first, as far as the source has them; also those at which
    the agent's walk ends."""
    return tuple(
        ancestor
        for ancestor in _upwards(process, lookup)
        if ancestor is not None and ancestor.process.pid != process.pid
    )


def _upwards(process: Process, lookup: Lookup) -> Iterator[AgentProcess | None]:
    """Parent, its parent, … until parent id 0; None, as the last, where the source has no such
    process."""
    visited: set[int] = set()
    while process.ppid:
        if process.ppid in visited:
            return
        visited.add(process.ppid)
        parent = lookup(process.ppid)
        yield parent
        if parent is None:
            return
        process = parent.process

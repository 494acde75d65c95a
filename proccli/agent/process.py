"""A process as the agent keeps it: its texts, or why it is skipped, and its ancestors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, Generic, Literal, NamedTuple, TypeAlias, TypeVar

from proccli.agent.facts import container_id
from proccli.model.outcome import Reason
from proccli.model.process import Host, Process, TextSpan
from proccli.versions import Behaviour, InputsProc, StaticConfig

Node = TypeVar("Node")
Value = TypeVar("Value")


class Subject(NamedTuple):
    """A text to match. `masked_spans` (in characters) were masked and may have been anything."""

    text: str
    masked_spans: tuple[TextSpan, ...] = ()
    candidates: tuple[str, ...] = ()
    """All texts that it may be, where it is not known which; then all of `text` is masked."""
    known: bool = True
    """False: `text` is only one of those that it may be, and not to be shown."""


class Texts(NamedTuple):
    """The texts by which the agent knows a process."""

    process_name: Subject
    cmdline: Subject
    exe: Subject | None = None
    """inputs.proc: the last component of the program's path; None: the agent knows it, we don't."""


SubjectKind: TypeAlias = Literal["cmdline", "process_name", "exe"]
NoTexts: TypeAlias = Literal["no-cmdline", "cmdline-not-utf8", "no-name"]


def parse_cmdline(cmdline: bytes, masked_spans: Sequence[TextSpan] = ()) -> Texts | NoTexts:
    """The texts of a process, or why the agent has none for it.

    `cmdline` is the whole of /proc/PID/cmdline; `masked_spans` are byte ranges in it, ascending
    and apart. Empty pieces are discarded wherever they stand, so the next argument takes the place
    of an empty argv[0].

    Source: agent v6.5 linux_process.rs:120-171; its fork of procfs, process/mod.rs cmdline().
    """
    try:
        decoded = cmdline.decode()
    except UnicodeDecodeError:
        return "cmdline-not-utf8"
    if not masked_spans:
        texts = _nonempty(decoded)
        if not texts:
            return "no-cmdline"
        own_name = file_name(texts[0])
        return "no-name" if own_name is None else Texts(Subject(own_name), Subject(" ".join(texts)))
    pieces = list(_pieces(cmdline, masked_spans))
    if not pieces:
        return "no-cmdline"
    name = _name(pieces[0])
    if name is None:
        return "no-name"
    return Texts(process_name=name, cmdline=_joined(pieces))


MAX_CANDIDATES: Final = 64
"""With more, nothing is said of the name: each is tried with each rule."""


def _joined_by_ps(texts: Texts) -> Texts:
    """The texts of a process whose arguments are joined by blanks: each blank may end argv[0].

    Programs that set a title join its words by blanks, too, and all of it is argv[0]: also
    `/usr/bin/redis-server 127.0.0.1:6379`, whose name is `redis-server 127.0.0.1:6379`.
    """
    cmdline = texts.cmdline
    words = cmdline.text.split(" ", MAX_CANDIDATES)
    few = len(words) <= MAX_CANDIDATES and not cmdline.masked_spans
    if len(words) == 1 and not cmdline.masked_spans:
        return texts
    ends = range(1, len(words) + 1) if few else ()
    names = [file_name(" ".join(words[:count])) for count in ends]
    known = tuple(dict.fromkeys(name for name in names if name is not None))
    candidates = known if None not in names else ()
    shown = file_name(words[0]) or cmdline.text
    return texts._replace(process_name=Subject(shown, ((0, len(shown)),), candidates, known=False))


def _nonempty(cmdline: str) -> list[str]:
    """The pieces of a command line without masked spans, which most are."""
    return [piece for piece in cmdline.split("\0") if piece]


def _pieces(cmdline: bytes, masked_spans: Sequence[TextSpan]) -> Iterator[Subject]:
    """The pieces that are not empty. Pieces and spans, both ascending, are walked side by side:
    any user may start a process with as many secrets as arguments."""
    start = at = 0
    for raw in cmdline.split(b"\0"):
        end = start + len(raw)
        touching: list[TextSpan] = []
        while at < len(masked_spans) and masked_spans[at][0] < end:
            left, right = masked_spans[at]
            if right > start:
                touching.append((max(left - start, 0), min(right - start, len(raw))))
            if right > end:
                break  # it goes on in the next piece
            at += 1
        if raw:
            yield Subject(raw.decode(), tuple(_char_spans(raw, touching)))
        start = end + 1


_CONTINUATION: Final = bytes(range(0x80, 0xC0))
"""The bytes of UTF-8 that don't begin a character."""


def _char_spans(raw: bytes, spans: Iterable[TextSpan]) -> Iterator[TextSpan]:
    """Ascending ranges of bytes as ranges of characters; a character that is partly in the range
    belongs to it."""
    at = characters = 0
    for left, right in spans:
        characters += _characters(raw[at:left])
        first = characters - (raw[left : left + 1] in _CONTINUATION)
        characters += _characters(raw[left:right])
        at = right
        yield first, characters


def _characters(part: bytes) -> int:
    """How many characters begin in a part of a text."""
    return len(part.translate(None, _CONTINUATION))


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


def subject_of(process: AgentProcess, kind: SubjectKind) -> Subject:
    """One of the texts of a process."""
    assert process.texts is not None  # noqa: S101 - only such processes get to the rules
    if kind == "exe":
        assert process.texts.exe is not None  # noqa: S101 - asked for only where it is known
        return process.texts.exe
    return process.texts.cmdline if kind == "cmdline" else process.texts.process_name


def known_name(process: AgentProcess) -> str | None:
    """The agent's name for a process, with its mask; None: it has none, or ps does not tell it."""
    if process.texts is None:
        return None
    name = process.texts.process_name
    return name.text if name.known else None


Lookup: TypeAlias = Callable[[int], AgentProcess | None]
"""The agent process of a pid; None where the source has no such process."""


def agent_process(process: Process, host: Host, behaviour: Behaviour) -> AgentProcess:
    """The process with its texts, or with the reason why the agent doesn't keep it."""
    if isinstance(behaviour, InputsProc):
        return _listed(process, host, behaviour)
    return _kept(process, host, behaviour)


def _kept(process: Process, host: Host, behaviour: StaticConfig) -> AgentProcess:
    """As the agents of `static_config` keep it.

    A missing stat is tolerated; the command line and the owner must be readable, and where the
    name comes from the link `exe`, that link, too.

    Source: agent v6.5 linux_process.rs:120-160; FACTS A3.
    """
    from_exe = behaviour.name_from == "exe"
    needed_fields = ("cmdline", "uid", "exe") if from_exe else ("cmdline", "uid")
    for needed in needed_fields if process.errors else ():
        error = process.error(needed)
        if error is not None and error.problem == "not-recorded":
            if needed == "uid":
                continue  # the agent can read the owner of every process
            return _unknown(process, "not-recorded")
        if error is not None:
            refused = error.problem == "denied" and not host.privileged
            return AgentProcess(
                process=process, texts=None, skip_reason="unreadable", known=not refused
            )
    if process.cmdline is None:
        return AgentProcess(process=process, texts=None, skip_reason="no-cmdline")
    texts = parse_cmdline(process.cmdline, process.masked_spans)
    if from_exe:
        texts = _named_by_exe(process, texts)
    elif process.arguments_joined and isinstance(texts, Texts):
        texts = _joined_by_ps(texts)
    if isinstance(texts, str):
        return AgentProcess(process=process, texts=None, skip_reason=texts)
    return AgentProcess(process=process, texts=texts, skip_reason=None)


def _named_by_exe(process: Process, texts: Texts | NoTexts) -> Texts | NoTexts:
    """The texts where the name is the last component of the link `exe`, ` (deleted)` included.

    An empty command line hides nothing then; a process without a program, or whose program has no
    name, is hidden.
    """
    if texts == "cmdline-not-utf8":
        return texts
    name = file_name(process.exe) if process.exe is not None else None
    if name is None:
        return "no-name"
    pieces = _arguments(process)
    assert pieces is not None  # noqa: S101 - it was read, and is UTF-8
    return Texts(process_name=Subject(name), cmdline=pieces)


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
            if name == "uid":
                continue  # the agent can read the owner of every process
            if name == "exe" and process.arguments_joined and (process.cmdline or not strict):
                program_known = False  # a process with arguments has a program
                continue
            return _unknown(process, "not-recorded")
        refused = error.problem == "denied" and not host.privileged
        if refused and (strict or name != "exe"):
            return _unknown(process, "unreadable")
        if strict or name == "status":
            reason: Reason = "unreadable" if error.problem == "gone" else "invisible"
            return AgentProcess(process=process, texts=None, skip_reason=reason)
        program_known = program_known and not refused
    cmdline, exe = _arguments(process), _program(process)
    if process.status_name is None or (
        strict and (cmdline is None or (exe is None and program_known))
    ):
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


def unknown_because(process: Process, reason: Literal["masked", "unreadable"]) -> Reason:
    """Why nothing can be decided; the output of ps masks nothing, and was not refused anything."""
    return "not-recorded" if process.arguments_joined else reason


def _unknown(process: Process, reason: Reason) -> AgentProcess:
    return AgentProcess(process=process, texts=None, skip_reason=reason, known=False)


def _arguments(process: Process) -> Subject | None:
    """The arguments joined by blanks; None where they are not UTF-8 or can't be read."""
    if process.cmdline is None:
        return None
    try:
        decoded = process.cmdline.decode()
    except UnicodeDecodeError:
        return None
    if not process.masked_spans:
        return Subject(" ".join(_nonempty(decoded)))
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
    if error is not None and error.problem == "not-recorded":
        return None
    refused = error is not None and error.problem == "denied" and not host.privileged
    return None if refused else ""


# ---- ancestors ------------------------------------------------------------------------------


class Ancestors(NamedTuple):
    """The ancestors that the agent's walk reaches, nearest first."""

    processes: tuple[AgentProcess, ...]
    complete: bool
    """False: the walk ends at a process that the agent can read and we can't."""


class Walks(Generic[Value]):
    """What a walk upwards from each process finds, computed once per process: a chain of n
    processes costs n steps for all of them together, not for each.

    `combine` gets a process and what the walk from its parent finds, and returns what the walk from
    the process finds; a process counts once where it comes again. It returns the same whether the
    rest of a circle is walked once or twice.
    """

    def __init__(self) -> None:
        self._found: dict[int, Value] = {}

    def find(
        self,
        pid: int,
        look_up: Callable[[int], tuple[Node, int] | None],
        combine: Callable[[Node, Value], Value],
        end: Callable[[int], Value],
    ) -> Value:
        """What the walk from a process upwards finds.

        `look_up` returns a process and its parent's id (0: none), or None where the walk ends; then
        `end` is what is found there. A circle of parents ends where it closes.
        """
        path: list[tuple[int, Node]] = []
        places: dict[int, int] = {}
        while pid not in self._found and pid not in places:
            if pid == 0 or (entry := look_up(pid)) is None:
                self._found[pid] = end(pid)
                break
            places[pid] = len(path)
            path.append((pid, entry[0]))
            pid = entry[1]
        if pid in places:
            found = end(0)
            for _, node in reversed(path[places[pid] :]):
                found = combine(node, found)
        else:
            found = self._found[pid]
        for below, node in reversed(path):
            found = self._found[below] = combine(node, found)
        return found


class NearestMatch(NamedTuple):
    """What a walk upwards finds that looks for the nearest process that passes a test."""

    match: AgentProcess | None = None
    undecided: bool = False
    """Whether the test could not decide about a process on the way; it is only asked without a
    match."""
    complete: bool = True
    """False: the walk ends at a process that the agent can read and we can't."""


Test: TypeAlias = Callable[[AgentProcess], bool | None]


class AncestorSearch:
    """Looks for the nearest ancestor that passes a test, on the walk of `ancestors_of`."""

    def __init__(self, lookup: Lookup, host: Host) -> None:
        self._lookup = lookup
        self._host = host
        self._walks: dict[str, Walks[NearestMatch]] = {}

    def nearest(self, process: Process, name: str, test: Test) -> NearestMatch:
        """The nearest ancestor of a process. `name` identifies the test: results are kept."""

        def combine(node: AgentProcess, above: NearestMatch) -> NearestMatch:
            passed = test(node)
            if passed:
                return NearestMatch(match=node)
            return above._replace(undecided=True) if passed is None else above

        walks = self._walks.setdefault(name, Walks())
        return walks.find(process.parent_pid, self._look_up, combine, self._end)

    def _look_up(self, pid: int) -> tuple[AgentProcess, int] | None:
        found = self._lookup(pid)
        if found is None or found.texts is None:
            return None
        return found, found.process.parent_pid

    def _end(self, pid: int) -> NearestMatch:
        if pid == 0:
            return NearestMatch()
        found = self._lookup(pid)
        return NearestMatch(complete=self._host.sees_all if found is None else found.known)


def ancestors_of(process: Process, lookup: Lookup, host: Host) -> Ancestors:
    """The ancestors that parent_process_name rules are tried on.

    The agent's walk ends at parent id 0 and at the first parent that it doesn't keep (a kernel
    thread, a command line that is not UTF-8). It has no guard against a circle of parents, which
    only a made-up tree can have: it would reach the process itself again and go on for ever.
    Here the walk ends where the circle closes.

    Source: agent v6.5 linux_process.rs:310-336.
    """
    return _reached(_upwards(process, lookup), host)


def _reached(upwards: Iterable[AgentProcess | None], host: Host) -> Ancestors:
    """The processes of a walk upwards, to the first that the agent does not keep."""
    found: list[AgentProcess] = []
    for ancestor in upwards:
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
    return _reached(islice(_upwards(process, lookup, again=True), _LISTENERS_DEPTH), host)


def all_ancestors(process: Process, lookup: Lookup) -> tuple[AgentProcess, ...]:
    """All processes above one, nearest first, as far as the source has them; also those at which
    the agent's walk ends."""
    return tuple(
        ancestor
        for ancestor in _upwards(process, lookup)
        if ancestor is not None and ancestor.process.pid != process.pid
    )


def _upwards(
    process: Process, lookup: Lookup, *, again: bool = False
) -> Iterator[AgentProcess | None]:
    """Parent, its parent, … until parent id 0; None, as the last, where the source has no such
    process. A circle of parents ends where it closes, or, with `again`, never."""
    visited: set[int] = set()
    while ppid := process.parent_pid:
        if ppid in visited and not again:
            return
        visited.add(ppid)
        parent = lookup(ppid)
        yield parent
        if parent is None:
            return
        process = parent.process

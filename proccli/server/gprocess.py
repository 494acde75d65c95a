"""Gprocess ids: the keys by which a server assigns them, and the number of gprocesses per name.

6.5: the pid and the agent's id only. 7.1: in a pod, the name and the pod's workload; otherwise the
name, the agent's id and the command line. Only the server knows whether a container belongs to a
pod, and to which workload.

Source: server/controller/genesis/updater.go (branch v6.5), recorder/cache/tool/process_ext.go
(main, in 2025 data_set.go), recorder/updater/process.go, cloud/cloud.go; the tables `process` in
db/metadb/migrator/schema/rawsql.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from proccli.model.process import TextSpan
from proccli.server.main_argument import REDUCED_PROGRAMS, main_argument
from proccli.versions import ServerVersion

KeyBasis: TypeAlias = Literal["pid", "cmdline", "pod-or-cmdline"]
"""The key of a process's gprocess:

`pid`: the pid and the agent's id;
`cmdline`: the name, the command line and the agent's id;
`pod-or-cmdline`: the name and the workload if its container belongs to a pod; else as `cmdline`."""

Doubt: TypeAlias = Literal["pod", "container-unknown", "masked"]
"""Why a key is not completely known:

`pod`: the process runs in a container, which may or may not belong to a pod;
`container-unknown`: it could not be read whether the process runs in a container;
`masked`: the recording masks the part of the command line that the server compares."""

Continuity: TypeAlias = Literal["same", "new", "unknown"]

RowRejection: TypeAlias = Literal["four-byte", "cut-inside", "too-long"]
"""Why MySQL in its default, strict mode rejects the row of a process:

`four-byte`: a character beyond U+FFFF; the table's `utf8` has at most three bytes;
`cut-inside`: the name is cut within a character, so it is not valid UTF-8;
`too-long`: the command line or the tags have over 65,535 bytes, or the user over 256 characters.

The server writes new rows in statements of up to 1,000. One bad row fails the whole statement, and
fails it again at each retry."""

_TEXT_BYTES: Final = 65_535
_USER_CHARACTERS: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedProcess:
    """The fields of a reported process that decide which gprocess it is."""

    pid: int
    name: str
    """The gprocess."""
    process_name: str
    cmdline: str
    masked_spans: tuple[TextSpan, ...] = ()
    """Masked spans of `cmdline`, in characters, ascending."""
    container_id: str | None = ""
    """Empty: not in a container. None: not known."""
    user: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    agent: str = ""
    """Any text that identifies the agent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which gprocess a process is."""

    group: int
    """Numbered from 1, in the order of the processes. Processes of one group are certainly one
    gprocess. Two groups are certainly two gprocesses, unless they have the same name and one of
    them has a doubt."""
    agent: str
    name: str
    """As the server stores it; the bytes of a cut character are surrogates."""
    name_cut: bool
    basis: KeyBasis
    pid: int
    cmdline: str | None
    """The part that the server compares. None: nothing is compared, or the part is not known."""
    doubts: tuple[Doubt, ...]
    after_restart: Continuity
    """Whether the process is still the same gprocess with another pid and the same name and command
    line."""
    after_exec: Continuity
    """The same with the same pid and a command line of which the compared part differs."""
    refused: tuple[RowRejection, ...]


def identify_gprocesses(
    processes: Sequence[ReportedProcess], server: ServerVersion
) -> tuple[Identity, ...]:
    """The gprocess of each process, in the same order, for a server that sees all of them for the
    first time."""
    groups: dict[Hashable, int] = {}
    return tuple(
        _identity(process, index, server, groups) for index, process in enumerate(processes)
    )


def _identity(
    process: ReportedProcess, index: int, server: ServerVersion, groups: dict[Hashable, int]
) -> Identity:
    name, name_cut = _truncate(process.name, server.name_bytes)
    basis: KeyBasis = "pid"
    doubts: tuple[Doubt, ...] = ()
    cmdline = None
    key: Hashable = (process.agent, process.pid)
    after_restart: Continuity = "new"
    after_exec: Continuity = "same"
    if server.aggregates:
        cmdline = _compared_cmdline(process, server)
        doubts = tuple(_doubts(process, cmdline))
        basis = "cmdline" if process.container_id == "" else "pod-or-cmdline"
        # Within one container, equal command lines are one gprocess, whether it is a pod's or not.
        key = (process.agent, name, cmdline, process.container_id)
        if cmdline is None or process.container_id is None:
            key = index
        after_restart = "same" if basis == "cmdline" else "unknown"
        after_exec = "new" if basis == "cmdline" else "unknown"
    return Identity(
        group=groups.setdefault(key, len(groups) + 1),
        agent=process.agent,
        name=name,
        name_cut=name_cut,
        basis=basis,
        pid=process.pid,
        cmdline=cmdline,
        doubts=doubts,
        after_restart=after_restart,
        after_exec=after_exec,
        refused=tuple(dict.fromkeys(_rejections(process, server))),
    )


def _compared_cmdline(process: ReportedProcess, server: ServerVersion) -> str | None:
    if server.reduces_cmdline and process.process_name in REDUCED_PROGRAMS:
        return main_argument(process.cmdline, process.masked_spans)
    return None if process.masked_spans else process.cmdline


def _doubts(process: ReportedProcess, cmdline: str | None) -> Iterator[Doubt]:
    if process.container_id is None:
        yield "container-unknown"
    elif process.container_id:
        yield "pod"
    if cmdline is None:
        yield "masked"


def _truncate(name: str, limit: int) -> tuple[str, bool]:
    whole = name.encode(errors="surrogatepass")
    if len(whole) <= limit:
        return name, False
    return whole[:limit].decode(errors="surrogateescape"), True


def _rejections(process: ReportedProcess, server: ServerVersion) -> Iterator[RowRejection]:
    names = [_truncate(name, server.name_bytes) for name in (process.name, process.process_name)]
    tags = ", ".join(f"{key}:{value}" for key, value in process.tags)
    texts = (*(name for name, _ in names), process.cmdline, process.user, tags)
    if max("".join(texts), default="") > "\uffff":
        yield "four-byte"
    if any(cut and "\udc80" <= name[-1] <= "\udcff" for name, cut in names):
        yield "cut-inside"
    if len(process.user) > _USER_CHARACTERS or any(
        len(text.encode(errors="surrogatepass")) > _TEXT_BYTES for text in (process.cmdline, tags)
    ):
        yield "too-long"


@dataclass(frozen=True, slots=True, kw_only=True)
class NameUsage:
    """All processes with the same name."""

    name: str
    indices: tuple[int, ...]
    """The indices of the processes in the input, ascending."""
    groups: tuple[int, ...]
    """The groups of the processes, ascending."""
    at_least: int
    """The minimum number of gprocesses that the server distinguishes under this name."""

    @property
    def at_most(self) -> int:
        """The number of gprocesses if all doubtful keys are different."""
        return len(self.groups)


def group_by_name(each: Sequence[Identity]) -> tuple[NameUsage, ...]:
    """The names with their processes, in order of first occurrence."""
    indices_by_name: defaultdict[str, list[int]] = defaultdict(list)
    for index, identity in enumerate(each):
        indices_by_name[identity.name].append(index)
    return tuple(
        NameUsage(
            name=name,
            indices=tuple(indices),
            groups=tuple(sorted({each[index].group for index in indices})),
            at_least=_at_least([each[index] for index in indices]),
        )
        for name, indices in indices_by_name.items()
    )


def _at_least(alike: Iterable[Identity]) -> int:
    """How many gprocesses of one name are different, whatever the doubtful keys are."""
    pids: set[int] = set()
    lines: defaultdict[str, set[str | None]] = defaultdict(set)
    contained: list[Identity] = []
    for identity in alike:
        if identity.basis == "pid":
            pids.add(identity.group)
        elif identity.basis == "cmdline":
            lines[identity.agent].add(identity.cmdline)
        else:
            contained.append(identity)
    # A masked command line may equal any of the others.
    certain = len(pids) + sum(len(known - {None}) or 1 for known in lines.values())
    # All processes in containers may be one workload: one more gprocess, unless their command
    # lines may equal those of processes outside of containers.
    more = any(_differs(identity, lines.get(identity.agent, set())) for identity in contained)
    return certain + more


def _differs(identity: Identity, lines: set[str | None]) -> bool:
    if identity.cmdline is None:
        return not lines
    return identity.cmdline not in lines and None not in lines

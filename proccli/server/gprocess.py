"""The keys by which a server gives processes their ids, as far as an agent's host shows them.

6.5: the pid and the agent's id, and nothing else. 7.1: in a pod, the name and the pod's workload;
elsewhere the name, the agent's id and the command line. Whether a container is a pod's, and of
which workload, only the server knows.

Source: server/controller/genesis/updater.go (branch v6.5), recorder/cache/tool/process_ext.go
(main, in 2025 data_set.go), recorder/updater/process.go, cloud/cloud.go; the tables `process` in
db/metadb/migrator/schema/rawsql.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from proccli.identity.server import Server
from proccli.model.process import TextSpan
from proccli.server.main_argument import REDUCED_PROGRAMS, main_argument

KeyBasis: TypeAlias = Literal["pid", "cmdline", "pod-or-cmdline"]
"""What tells a process from others:

`pid`: its pid, and the agent's id;
`cmdline`: its name, its command line, and the agent's id;
`pod-or-cmdline`: if its container is a pod's, its name and the workload, else as above."""

Doubt: TypeAlias = Literal["pod", "container-unknown", "masked"]
"""Why a key can't be told whole:

`pod`: it runs in a container, and whether that is a pod's is not known here;
`container-unknown`: whether it runs in one could not be read;
`masked`: what would be compared of its command line was masked when it was recorded."""

Continuity: TypeAlias = Literal["same", "new", "unknown"]

RowRejection: TypeAlias = Literal["four-byte", "cut-inside", "too-long"]
"""Why MySQL in its default, strict mode takes no such row:

`four-byte`: a character beyond U+FFFF, for the table's `utf8` has three bytes;
`cut-inside`: the name was cut within a character, and what is left is not UTF-8;
`too-long`: the command line or the tags have over 65,535 bytes, or the user over 256 characters.

All rows that are new to the server are written in statements of up to 1,000, and what is wrong
with one row costs the others as well, in every round anew."""

_TEXT_BYTES: Final = 65_535
_USER_CHARACTERS: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedProcess:
    """What an agent reports of one process, as far as its identity goes."""

    pid: int
    name: str
    """The gprocess."""
    process_name: str
    cmdline: str
    masked_spans: tuple[TextSpan, ...] = ()
    """What of `cmdline` (in characters, ascending) is masked."""
    container_id: str | None = ""
    """Empty: it is in no container. None: not known."""
    user: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    agent: str = ""
    """Whatever tells its agent from the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which gprocess a process is."""

    group: int
    """Counts from 1, in the order of the processes. One group is surely one gprocess; two groups
    surely are two, unless they have the same name and one of them has a doubt."""
    agent: str
    name: str
    """As the server stores it; bytes of a character that was cut are surrogates."""
    name_cut: bool
    basis: KeyBasis
    pid: int
    cmdline: str | None
    """What is compared of it. None: nothing, or it is not known what."""
    doubts: tuple[Doubt, ...]
    after_restart: Continuity
    """Whether it still is that gprocess with another pid, and the same name and command line."""
    after_exec: Continuity
    """Whether it is with the same pid, and a command line that differs in what is compared."""
    refused: tuple[RowRejection, ...]


def identify_gprocesses(
    processes: Sequence[ReportedProcess], server: Server
) -> tuple[Identity, ...]:
    """Which gprocess each is, in the same order, for a server that sees all for the first time."""
    groups: dict[Hashable, int] = {}
    return tuple(
        _identity(process, index, server, groups) for index, process in enumerate(processes)
    )


def _identity(
    process: ReportedProcess, index: int, server: Server, groups: dict[Hashable, int]
) -> Identity:
    name, name_cut = _truncate(process.name, server.name_bytes)
    basis: KeyBasis = "pid"
    doubts: tuple[Doubt, ...] = ()
    cmdline = None
    key: Hashable = (process.agent, process.pid)
    after_restart: Continuity = "new"
    after_exec: Continuity = "same"
    if server.aggregates:
        cmdline = _compared_cmdline(process)
        doubts = tuple(_doubts(process, cmdline))
        basis = "cmdline" if process.container_id == "" else "pod-or-cmdline"
        # In one container the same command line is the same gprocess, be it a pod's or not.
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


def _compared_cmdline(process: ReportedProcess) -> str | None:
    if process.process_name in REDUCED_PROGRAMS:
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


def _rejections(process: ReportedProcess, server: Server) -> Iterator[RowRejection]:
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
    """All processes of one name."""

    name: str
    indices: tuple[int, ...]
    """Their places in what was asked about."""
    groups: tuple[int, ...]
    """Ascending."""
    at_least: int
    """So many gprocesses the server surely tells apart under this name."""

    @property
    def at_most(self) -> int:
        """So many there are if every doubt is a difference."""
        return len(self.groups)


def group_by_name(each: Sequence[Identity]) -> tuple[NameUsage, ...]:
    """Each name with its gprocesses, in the order in which the names first come."""
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
    """How many gprocesses of one name differ whatever the doubts turn out to be."""
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
    # A masked command line may be any of the others.
    surely = len(pids) + sum(len(known - {None}) or 1 for known in lines.values())
    # What is in containers may be one workload; it is one more if it can't be any of those.
    more = any(_differs(identity, lines.get(identity.agent, set())) for identity in contained)
    return surely + more


def _differs(identity: Identity, lines: set[str | None]) -> bool:
    if identity.cmdline is None:
        return not lines
    return identity.cmdline not in lines and None not in lines

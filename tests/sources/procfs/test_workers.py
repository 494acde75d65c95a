"""Several workers read what one reads, and one that ends too early is an error, never a hole."""

from __future__ import annotations

import errno
import gc
import json
import os
import select
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import psutil
import pytest

from proccli.agent import first_match
from proccli.agent.decision import Context, Decision
from proccli.agent.process import AgentProcess
from proccli.errors import SourceError
from proccli.model.process import ALL_FIELDS, Field, Process
from proccli.model.sockets import TABLES, Endpoint, NetTable, NetTables, SocketFd, SocketRow
from proccli.sources.procfs import workers
from proccli.sources.procfs.files import Unreadable
from proccli.sources.procfs.live import LiveSource
from proccli.sources.procfs.workers import FEWEST, LEAST_SHARE, Claims, Read, Team, Work, jobs_for
from tests.cli.runner import call, spawn
from tests.network import connected, inode_of
from tests.sources.procfs.processes import running
from tests.waiting import LONG_S

FIELDS: frozenset[Field] = ALL_FIELDS | {"fds"}
RULES = """\
static_config:
  os-proc-sync-enabled: true
  os-proc-regex:
    - match-regex: 'app-(\\d)$'
      match-type: cmdline
      rewrite-name: shop-$1
    - match-regex: app-1
      match-type: cmdline
      action: drop
"""


@pytest.fixture
def mount(tmp_path: Path) -> Path:
    """A tree that is read as a live mount: 40 processes, some of them odd or incomplete."""
    rows = []
    for pid in range(100, 140):
        process = tmp_path / "proc" / str(pid)
        (process / "fd").mkdir(parents=True)
        (process / "ns").mkdir()
        (process / "ns" / "net").symlink_to("net:[4026531840]")
        (process / "exe").symlink_to("/usr/bin/caf\udce9" if pid % 7 == 0 else "/usr/bin/app")
        (process / "cmdline").write_bytes(b"app\0app-%d\0" % (pid % 12))
        (process / "cgroup").write_bytes(b"\xff" if pid % 9 == 0 else b"0::/\n")
        if pid % 5:
            stat = f"{pid} (a\x1b[31m) S 100 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {pid} 0 0"
            (process / "stat").write_text(stat)
        for fd in range(3, 3 + pid % 4):
            (process / "fd" / str(fd)).symlink_to(f"socket:[{pid * 10 + fd}]")
            end = f"{pid:02X}00007F:{7000 + fd:04X}"
            rows.append(f" 0: {end} {end} 01 0:0 00:0 0 0 0 {pid * 10 + fd} 1\n")
        (process / "net").mkdir()
    for pid in range(100, 140):
        table = "  sl  local_address rem_address\n"
        for name in ("tcp", "udp"):
            content = table + "".join(rows) if name == "tcp" else table
            (tmp_path / "proc" / str(pid) / "net" / name).write_text(content)
    (tmp_path / "proc" / "137" / "fd" / "9").mkdir()
    (tmp_path / "agent.yaml").write_text(RULES)
    return tmp_path / "proc"


def everything(mount: Path | str, jobs: int, pids: Sequence[int] = ()) -> list[object]:
    source = LiveSource(str(mount), jobs)
    found = source.read_many(pids or source.pids(), FIELDS)
    return [
        (process, source.socket_fds(process.pid))
        for process in sorted(found, key=lambda process: process.pid)
    ]


@pytest.mark.parametrize("jobs", [2, 3, 40, 64])
def test_workers_read_what_one_process_reads(mount: Path, jobs: int) -> None:
    assert everything(mount, jobs) == everything(mount, 1)
    assert len(everything(mount, jobs)) == 40


def test_running_processes_are_the_same_from_workers() -> None:
    with running(["/bin/sleep", "600"]) as one, running(["/bin/sleep", "601"]) as other:
        pids = sorted([one, other, os.getpid()])
        alone, shared = everything("/proc", 1, pids), everything("/proc", 3, pids)

    assert shared == alone


@pytest.mark.parametrize(
    "command",
    [
        ("scan",),
        ("scan", "-o", "jsonl"),
        ("sockets", "--no-wait"),
        ("sync", "--once", "--no-wait", "--no-state"),
    ],
    ids=" ".join,
)
def test_the_output_is_the_same_to_the_byte(
    mount: Path, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_900_000_000_000_000_000)
    config = str(mount.parent / "agent.yaml")
    outputs = [
        call(*command, "--json", "-c", config, "--proc-root", str(mount), "--jobs", jobs)
        for jobs in ("1", "2", "5")
    ]

    assert outputs[0].code == 0
    assert '"pid": 139' in outputs[0].out
    assert outputs[1] == outputs[0] == outputs[2]


def test_workers_read_while_the_configuration_is_loaded(
    mount: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, read = os.getpid(), LiveSource._read
    config = mount.parent / "late.yaml"
    os.mkfifo(config)
    began = os.pipe()

    def noted(source: LiveSource, pid: int, fields: frozenset[Field]) -> Process:
        if os.getpid() != ours:
            os.write(began[1], b".")
        return read(source, pid, fields)

    def write_config() -> None:
        ready, _, _ = select.select([began[0]], [], [], LONG_S)
        config.write_text(RULES if ready else "no worker has begun")

    monkeypatch.setattr(LiveSource, "_read", noted)
    writer = threading.Thread(target=write_config)
    writer.start()
    ran = call("scan", "-c", str(config), "--proc-root", str(mount), "--jobs", "2", "--json")
    writer.join()
    for fd in began:
        os.close(fd)

    assert ran.code == 0
    assert '"total": 40' in ran.out


def test_the_configuration_names_another_root_than_the_one_that_is_read_ahead(
    mount: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_900_000_000_000_000_000)
    config = mount.parent / "agent.yaml"
    config.write_text(f"{RULES}  os-proc-root: {mount}\n")
    alone, shared = (
        json.loads(call("scan", "-c", str(config), "--jobs", jobs, "--json").out)
        for jobs in ("1", "2")
    )

    assert shared["summary"]["total"] == 40
    assert shared["processes"] == alone["processes"]


@pytest.mark.parametrize("agent", ["6.5", "7.1.8"])
def test_an_agent_that_needs_more_than_what_is_read_ahead(
    mount: Path, agent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_900_000_000_000_000_000)
    for process in mount.iterdir():
        (process / "status").write_text(f"Name:\tapp-{process.name[-1]}\n")
    options = ("--proc-root", str(mount), "--agent", agent, "--json")
    alone, shared = (
        json.loads(call("scan", *options, "--jobs", jobs).out)["processes"] for jobs in ("1", "3")
    )

    assert len(alone) == 40
    assert shared == alone


def test_a_configuration_that_is_refused_ends_the_workers(
    mount: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, before = os.getpid(), children()

    def waiting(_source: LiveSource, pid: int, _fields: frozenset[Field]) -> Process:
        assert os.getpid() != ours
        time.sleep(600)
        return Process(pid=pid)

    monkeypatch.setattr(LiveSource, "_read", waiting)
    config = mount.parent / "agent.yaml"
    config.write_text("static_config: [")
    ran = call("scan", "-c", str(config), "--proc-root", str(mount), "--jobs", "2")
    gc.collect()

    assert "not valid YAML" in ran.err
    assert children() == before


def test_what_is_read_ahead_and_not_wanted_ends_with_the_program(
    mount: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = children()
    monkeypatch.setattr(LiveSource, "_read", lambda *_: time.sleep(600))
    sources = [LiveSource(str(mount), 3) for _ in range(2)]

    assert all(source.read_ahead(FIELDS) for source in sources)
    assert len(children() - before) == 4
    workers.end_all()
    assert children() == before


def test_by_default_no_worker_is_started_for_a_few_processes(
    mount: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("forked"))

    assert call("scan", "--proc-root", str(mount), "--json").code == 0


@pytest.mark.parametrize("ignored", [signal.SIGCHLD, signal.SIGINT, signal.SIGTERM])
def test_signals_that_whoever_started_us_ignores(mount: Path, ignored: signal.Signals) -> None:
    def ignore() -> None:
        signal.signal(ignored, signal.SIG_IGN)

    ran = spawn("scan", "--json", "--proc-root", str(mount), "--jobs", "3", preexec_fn=ignore)

    assert ran.returncode == 0
    assert '"total": 40' in ran.stdout


def test_a_worker_ignores_an_interrupt_that_the_program_ignores(
    mount: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, read, before = os.getpid(), LiveSource._read, children()

    def interrupted(source: LiveSource, pid: int, fields: frozenset[Field]) -> Process:
        if os.getpid() != ours:
            os.kill(os.getpid(), signal.SIGINT)
        else:
            wait_for_workers(before)
        return read(source, pid, fields)

    monkeypatch.setattr(LiveSource, "_read", interrupted)
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        ran = call("scan", "--proc-root", str(mount), "--json", "--jobs", "2")
    finally:
        signal.signal(signal.SIGINT, handler)

    assert ran.code == 0
    assert '"total": 40' in ran.out


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children()}


def wait_for_workers(before: set[int]) -> None:
    """Or else this process may have read everything before any worker has begun."""
    for pid in children() - before:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def test_a_worker_that_is_killed_is_an_error(mount: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, read, before = os.getpid(), LiveSource._read, children()

    def killed(source: LiveSource, pid: int, fields: frozenset[Field]) -> Process:
        if os.getpid() != ours:
            os.kill(os.getpid(), signal.SIGKILL)
        wait_for_workers(before)
        return read(source, pid, fields)

    monkeypatch.setattr(LiveSource, "_read", killed)
    ran = call("scan", "--proc-root", str(mount), "--json", "--jobs", "3")

    assert (ran.code, ran.out) == (3, "")
    assert "error: a worker ended before it had read its share: signal 9" in ran.err
    assert "--jobs 1" in ran.err
    assert children() == before


@pytest.mark.parametrize(("call_", "number"), [("pipe", 1), ("pipe", 3), ("fork", 1), ("fork", 2)])
def test_a_worker_that_cannot_be_started_is_an_error(
    mount: Path, call_: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, called = getattr(os, call_), []

    def refused() -> object:
        called.append(1)
        if len(called) >= number:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return real()

    monkeypatch.setattr(os, call_, refused)
    before, fds = children(), psutil.Process().num_fds()
    ran = call("scan", "--proc-root", str(mount), "--json", "--jobs", "3")

    assert (ran.code, ran.out) == (3, "")
    assert "can't start a worker: Too many open files (--jobs 1 reads without workers)" in ran.err
    assert (children(), psutil.Process().num_fds()) == (before, fds)


@pytest.mark.parametrize("call_", ["pipe", "fork"])
def test_without_workers_that_were_not_asked_for_one_process_reads(
    mount: Path, call_: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused() -> object:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(workers, "jobs_for", lambda _: 3)
    monkeypatch.setattr(os, call_, refused)
    ran = call("scan", "--proc-root", str(mount), "--json")

    assert ran.code == 0
    assert '"total": 40' in ran.out


def test_a_bug_in_a_worker_is_a_bug(monkeypatch: pytest.MonkeyPatch, mount: Path) -> None:
    ours, read, before = os.getpid(), LiveSource._read, children()

    def broken(source: LiveSource, pid: int, fields: frozenset[Field]) -> Process:
        if os.getpid() != ours:
            raise ZeroDivisionError("a bug")
        wait_for_workers(before)
        return read(source, pid, fields)

    monkeypatch.setattr(LiveSource, "_read", broken)
    ran = call("scan", "--proc-root", str(mount), "--json", "--jobs", "2")

    assert (ran.code, ran.out) == (70, "")
    assert "ZeroDivisionError" in ran.err


def unclaimed(_: Claims) -> Mapping[int, NetTables]:
    return {}


def test_what_a_source_refuses_is_refused_by_a_worker_too() -> None:
    ours = os.getpid()

    def refused(_: Iterable[int]) -> Iterable[Read]:
        if os.getpid() != ours:
            raise SourceError("can't read process 7: EIO", hint="look")
        return ()

    team = Team([1, 2], 2, refused, unclaimed)
    with pytest.raises(SourceError, match=r"^can't read process 7: EIO \(look\)$"):
        list(team.processes(refused))


@pytest.mark.parametrize("during", ["processes", "tables", "between"])
def test_an_interrupt_ends_the_workers(during: str) -> None:
    ours = os.getpid()

    def interrupted() -> None:
        if os.getpid() == ours:
            raise KeyboardInterrupt
        time.sleep(600)

    def read(pids: Iterable[int]) -> Iterator[Read]:
        if during == "processes":
            interrupted()
        return ((Process(pid=pid), None) for pid in pids)

    def read_tables(_: Claims) -> Mapping[int, NetTables]:
        interrupted()
        return {}

    def work() -> None:
        team = Team(range(9), 3, read, read_tables)
        assert len(list(team.processes(read))) == 9
        if during == "between":
            raise KeyboardInterrupt
        team.tables(read_tables)

    before = children()
    with pytest.raises(KeyboardInterrupt):
        work()

    assert children() == before


def test_more_than_a_pipe_holds_is_handed_over() -> None:
    sockets = (SocketFd(3, 2**64 - 1, None, "unknown"),)
    rows = tuple(
        SocketRow("tcp", "ipv4", "LISTEN", Endpoint("10.0.0.1", 80), Endpoint("::", 0), inode)
        for inode in range(2**64 - 20_000, 2**64)
    )
    tables = (NetTable("tcp", rows), NetTable("udp"), NetTable("tcp6"), NetTable("udp6"))
    ours = os.getpid()

    def read(pids: Iterable[int]) -> Iterator[Read]:
        return ((Process(pid=pid, cmdline=b"x" * 3000), sockets) for pid in pids)

    def read_tables(_: Claims) -> Mapping[int, NetTables]:
        return {} if os.getpid() == ours else {os.getpid(): tables}

    team = Team(range(200), 3, read, read_tables)
    found = list(team.processes(read))
    handed_over = list(team.tables(read_tables).values())

    assert sorted(process.pid for process, _ in found) == list(range(200))
    assert all(type(process) is Process and held == sockets for process, held in found)
    assert handed_over == [tables] * 2
    received = handed_over[0][0].rows
    assert {type(part) for row in received for part in (row, row.local)} == {SocketRow, Endpoint}
    assert len({id(end) for row in received for end in (row.local, row.remote)}) == 2


def test_a_worker_that_is_slow_leaves_the_rest_to_the_others() -> None:
    ours, read_by = os.getpid(), dict[int, int]()
    began, wait_for = os.pipe(), os.pipe()

    def read(pids: Iterable[int]) -> Iterator[Read]:
        pids = iter(pids)
        if os.getpid() == ours:
            os.read(began[0], 1)
        else:
            first = next(pids)
            os.write(began[1], b".")
            os.close(wait_for[1])
            os.read(wait_for[0], 1)  # until the other one has read all that is left
            yield Process(pid=first), None
        for pid in pids:
            yield Process(pid=pid, ppid=os.getpid()), None
        if os.getpid() == ours:
            os.close(wait_for[1])

    team = Team(range(2560), 2, read, unclaimed)
    for process, _ in team.processes(read):
        read_by[process.pid] = process.ppid or 0
    team.tables(unclaimed)

    assert len(read_by) == 2560
    assert sum(ppid == ours for ppid in read_by.values()) == 2550  # but for the one piece it had
    for fd in (*began, wait_for[0]):
        os.close(fd)


def test_processes_are_decided_while_workers_read_tables(
    mount: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, read_tables = os.getpid(), LiveSource._claimed_tables
    decide, decided = first_match.FirstMatch.decide, list[int]()
    wait_for = os.pipe()

    def waiting(source: LiveSource, claims: Claims) -> Mapping[int, NetTables]:
        if os.getpid() != ours:
            os.close(wait_for[1])
            os.read(wait_for[0], 1)  # until all processes are decided
        return read_tables(source, claims)

    def noted(
        strategy: first_match.FirstMatch, process: AgentProcess, context: Context
    ) -> Decision:
        decided.append(process.process.pid)
        if len(decided) == len(list(mount.iterdir())):
            os.close(wait_for[1])
        return decide(strategy, process, context)

    for process in mount.iterdir():
        started = f"{process.name} (app) S 100 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 7 0 0"
        (process / "stat").write_text(started)
    monkeypatch.setattr(LiveSource, "_claimed_tables", waiting)
    monkeypatch.setattr(first_match.FirstMatch, "decide", noted)
    config = str(mount.parent / "agent.yaml")
    ran = call("scan", "-c", config, "--proc-root", str(mount), "--jobs", "2", "--json")
    os.close(wait_for[0])

    assert ran.code == 0
    assert len(decided) == 40


def test_a_worker_that_is_killed_while_it_reads_tables_is_an_error(
    mount: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, read_tables = os.getpid(), LiveSource._claimed_tables

    def killed(source: LiveSource, claims: Claims) -> Mapping[int, NetTables]:
        if os.getpid() != ours:
            os._exit(7)
        return read_tables(source, claims)

    monkeypatch.setattr(LiveSource, "_claimed_tables", killed)
    before = children()
    ran = call("sockets", "--no-wait", "--proc-root", str(mount), "--jobs", "3", "--json")

    assert (ran.code, ran.out) == (3, "")
    assert "error: a worker ended before it had read its share: exit code 7" in ran.err
    assert children() == before


def test_one_worker_claims_a_namespace() -> None:
    namespaces = [4_026_531_840 + 116 * number for number in range(50)]
    tables = tuple(NetTable(name) for name in TABLES)
    work = Work(())

    assert [netns for netns in namespaces if work.claims(netns)] == namespaces
    assert not any(work.claims(netns) for netns in namespaces)
    work.close()

    def read_tables(claims: Claims) -> Mapping[int, NetTables]:
        return {netns: tables for netns in namespaces if claims(netns)}

    team = Team(range(9), 3, lambda pids: ((Process(pid=pid), None) for pid in pids), read_tables)
    list(team.processes(lambda _: ()))
    assert set(team.tables(read_tables)) == set(namespaces)


def test_the_namespace_with_the_most_sockets_is_claimed_first(mount: Path) -> None:
    for pid in range(100, 140):  # with pid % 4 sockets each
        link = mount / str(pid) / "ns" / "net"
        link.unlink()
        link.symlink_to(f"net:[{4026531840 + (pid % 4 if pid < 139 else 9)}]")
    source = LiveSource(str(mount))
    list(source.read_many(source.pids(), FIELDS))
    asked = list[int]()

    def note(netns: int) -> bool:
        asked.append(netns - 4026531840)
        return False

    source._claimed_tables(note)

    assert asked == [3, 2, 1, 9]


def test_processes_that_are_read_in_several_batches(mount: Path) -> None:
    source = LiveSource(str(mount), 3)
    first = list(source.read_many(range(100, 120), FIELDS))
    again = list(source.read_many(range(110, 140), FIELDS))
    rows = {row for table in source.net_tables(100) for row in table.rows}

    assert sorted(process.pid for process in (*first, *again)) == sorted(
        [*range(100, 120), *range(110, 140)]
    )
    assert len(rows) == 60


def test_tables_from_workers_are_those_that_one_process_reads(
    mount: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pid in range(100, 140):
        link = mount / str(pid) / "ns" / "net"
        link.unlink()
        link.symlink_to(f"net:[{4026531840 + 116 * (pid % 3)}]")
        for name in ("tcp6", "udp6"):
            (mount / str(pid) / "net" / name).write_text("  sl  local_address rem_address\n")
        if pid % 3 == 1:  # this namespace's table is damaged: its error has to be the same, too
            with (mount / str(pid) / "net" / "udp").open("a") as table:
                table.write("damaged\n")

    def read(source: LiveSource) -> list[NetTables]:
        return [source.net_tables(pid) for pid in (101, 102, 100)]

    alone = read(LiveSource(str(mount), 1))

    ours, read_one, before = os.getpid(), LiveSource._read, children()

    def waiting(source: LiveSource, pid: int, fields: frozenset[Field]) -> Process:
        if os.getpid() == ours:
            wait_for_workers(before)
        return read_one(source, pid, fields)

    monkeypatch.setattr(LiveSource, "_read", waiting)
    source = LiveSource(str(mount), 2)
    list(source.read_many(source.pids(), FIELDS))
    for pid in range(101, 140):
        (mount / str(pid) / "net" / "tcp").write_text("read too late\n")
    shared = read(source)

    assert shared[:2] == alone[:2]
    assert len(shared[0][0].rows) == 60
    assert [table.error and table.error.problem for table in alone[2]] == [
        None, "malformed", None, None,
    ]  # fmt: skip
    assert shared[2][1].error == alone[2][1].error


def test_tables_of_a_running_machine_are_the_same_from_workers() -> None:
    with connected() as (one, other, *_), running(["/bin/sleep", "600"]) as child:
        pids = sorted([os.getpid(), child])
        sources = [LiveSource(jobs=jobs) for jobs in (1, 2)]
        for source in sources:
            list(source.read_many(pids, FIELDS))
        ours = {inode_of(one), inode_of(other)}
        alone, shared = (
            {row for table in source.net_tables(os.getpid()) for row in table.rows}
            for source in sources
        )

    assert {row for row in alone if row.inode in ours} == {
        row for row in shared if row.inode in ours
    }
    assert len({row.inode for row in shared} & ours) == 2


@pytest.mark.parametrize(
    ("cores", "running", "processes", "jobs"),
    [
        (8, 1, FEWEST - 1, 1),
        (8, 1, FEWEST, 2),
        (8, 1, 3 * LEAST_SHARE - 1, 2),
        (8, 1, 3 * LEAST_SHARE, 3),
        (8, 1, 100_000, 4),
        (8, 6, 100_000, 3),
        (2, 1, 5000, 2),
        (2, 2, 5000, 1),
        (2, 40, 5000, 1),
        (1, 1, 5000, 1),
    ],
)
def test_workers_are_as_many_as_pay(
    cores: int, running: int, processes: int, jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    monkeypatch.setattr(workers, "read_at", lambda *_: b"0.5 0.4 0.3 %d/900 77\n" % running)

    assert jobs_for(processes) == jobs


def test_what_runs_for_a_moment_takes_no_core(monkeypatch: pytest.MonkeyPatch) -> None:
    running = iter([2, 3, 1])
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(workers, "read_at", lambda *_: b"0.5 0.4 0.3 %d/900 77\n" % next(running))

    assert jobs_for(5000) == 2


@pytest.mark.parametrize("content", [b"", b"0.5 0.4 0.3 x/900 77\n", None])
def test_without_the_load_no_worker_is_started(
    content: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_at(*_: object) -> bytes:
        if content is None:
            raise Unreadable("failed", "gone")
        return content

    monkeypatch.setattr(workers, "read_at", read_at)

    assert jobs_for(100_000) == 1

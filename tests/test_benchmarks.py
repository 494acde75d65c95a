"""The load that `make bench` measures on, and how it measures and reports."""

from __future__ import annotations

import contextlib
import gzip
import importlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from tests.cli.runner import call
from tests.network import netns_of
from tests.paths import ROOT
from tests.waiting import eventually

BENCHMARKS = ROOT / "benchmarks"
ESTABLISHED, LISTEN = "01", "0A"
LOAD = [sys.executable, str(BENCHMARKS / "load.py")]

pytestmark = pytest.mark.skipif(
    not any(shutil.which(shell) for shell in ("dash", "bash")), reason="the load needs dash or bash"
)


@contextlib.contextmanager
def load(
    size: str, folder: Path, namespaces: int = 2
) -> Iterator[tuple[subprocess.Popen[str], Any]]:
    """The program that starts a load, and what it prints. Its temporary files are in a folder."""
    with subprocess.Popen(
        [*LOAD, size, "--namespaces", str(namespaces)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder)},
        start_new_session=True,
    ) as launcher:
        assert launcher.stdin is not None
        assert launcher.stdout is not None
        try:
            yield launcher, json.loads(launcher.stdout.readline() or "null")
        finally:
            launcher.terminate()


def members(group: int) -> list[psutil.Process]:
    """The processes of a process group that have not ended."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


class End(NamedTuple):
    """A socket of a process. Addresses are as in the kernel's tables."""

    table: str
    local: str
    remote: str
    state: str
    inode: str


def sockets_of(processes: list[psutil.Process]) -> list[End]:
    """Those that they hold, each in its network namespace (psutil knows only its own)."""
    tables: dict[int, list[End]] = {}
    found = []
    for process in processes:
        links = [str(fd.readlink()) for fd in Path(f"/proc/{process.pid}/fd").iterdir()]
        netns = netns_of(process.pid)
        if netns not in tables:
            tables[netns] = list(rows(process.pid))
        found += [end for end in tables[netns] if f"socket:[{end.inode}]" in links]
    return found


def rows(pid: int | str) -> Iterator[End]:
    """The socket tables of a process's network namespace."""
    for table in ("tcp", "tcp6", "udp", "udp6"):
        with contextlib.suppress(FileNotFoundError):
            for row in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
                _, local, remote, state, *_, inode = row.split()[:10]
                yield End(table, local, remote, state, inode)


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def test_the_load_has_what_it_promises(tmp_path: Path) -> None:
    with load("50/40", tmp_path) as (_, there):
        processes = members(there["root"])
        sockets = sockets_of(processes)
        commands = {tuple(process.cmdline()) for process in processes}
        names = Counter(process.name() for process in processes)
        networks = {netns_of(process.pid) for process in processes} - {netns_of(os.getpid())}
        depth = max(len(process.parents()) for process in processes)

        assert len(processes) == there["processes"] == 50
        assert len(commands) == 50 - max(there["namespaces"] - 1, 0)  # each has one `/pause`
        assert {"java", "python3", "nginx", "postgres"} <= names.keys()
        assert depth - len(psutil.Process(there["root"]).parents()) >= 4

        ends = [one for one in sockets if one.state == ESTABLISHED and one.table[:3] == "tcp"]
        assert len(ends) == len({one.inode for one in ends}) == 2 * there["connections"] == 80
        assert Counter(one.local for one in ends) == Counter(one.remote for one in ends)
        assert any(one.table == "tcp6" for one in ends) == has_ipv6()
        assert any(one.state == LISTEN for one in sockets)
        udp = [one for one in sockets if one.table == "udp"]
        assert [one.state for one in udp].count(ESTABLISHED) == there["udp"] > 0
        assert len(udp) == 2 * there["udp"]
        assert len(networks) == there["namespaces"]
        assert not list(tmp_path.iterdir())


def end_input(launcher: subprocess.Popen[str]) -> None:
    assert launcher.stdin is not None
    launcher.stdin.close()


ENDINGS = {
    "the end of its input": (end_input, 0),
    "Ctrl-C": (lambda launcher: launcher.send_signal(signal.SIGINT), 130),
    "SIGTERM": (lambda launcher: launcher.send_signal(signal.SIGTERM), 128 + signal.SIGTERM),
    "SIGKILL": (lambda launcher: launcher.send_signal(signal.SIGKILL), -signal.SIGKILL),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_load_leaves_nothing_behind_after(ending: str, tmp_path: Path) -> None:
    end, code = ENDINGS[ending]
    with load("24/20", tmp_path, namespaces=1) as (launcher, there):
        processes = members(there["root"])
        ends = [one for one in sockets_of(processes) if one.state == ESTABLISHED]
        pairs = {(one.local, one.remote) for one in ends}

        end(launcher)

        assert launcher.wait() == code
        eventually(lambda: not members(there["root"]), what="the end of all processes")
        assert len(processes) == 24
        assert pairs
        assert not pairs & {(one.local, one.remote) for one in rows("self")}
        eventually(lambda: not list(tmp_path.iterdir()), what="the removal of the folder")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda one: one.name)
def test_a_load_that_is_ended_while_it_starts_leaves_nothing_behind(
    number: signal.Signals, tmp_path: Path
) -> None:
    launcher = subprocess.Popen(
        [*LOAD, "60/60"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    with launcher:
        root = eventually(lambda: psutil.Process(launcher.pid).children(), what="the first process")
        group = root[0].pid
        eventually(lambda: len(members(group)) > 3, what="processes of the load")

        launcher.send_signal(number)

        eventually(lambda: not members(group), what="the end of all processes")
        eventually(lambda: not list(tmp_path.iterdir()), what="the removal of the folder")


def test_a_command_runs_under_the_load_and_its_exit_code_is_passed_on() -> None:
    script = "ps -e -o comm= | grep -c '^node$'; exit 7"
    done = subprocess.run(
        [*LOAD, "30/0", "--", "sh", "-c", script], stdout=subprocess.PIPE, text=True, check=False
    )

    assert done.returncode == 7
    assert int(done.stdout) >= 3


def test_a_load_that_cannot_be_started_says_why_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", 'ulimit -n 20; exec "$@"', "sh", *LOAD, "20/200"],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr == "load.py: [Errno 24] Too many open files\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(shutil.which("rustc") is None, reason="rustc is not installed")
def test_the_native_stand_in_finds_the_load(tmp_path: Path) -> None:
    source, program = BENCHMARKS / "native" / "agent_reads.rs", tmp_path / "agent_reads"
    subprocess.run(["rustc", "--edition", "2021", "-o", program, source], check=True)
    with load("50/40", tmp_path) as (_, there):
        sockets = sockets_of(members(there["root"]))
        ends = [one for one in sockets if one.state == ESTABLISHED and one.table in ("tcp", "udp")]
        for mode in ("once", "agent"):
            output = subprocess.run([program, mode], stdout=subprocess.PIPE, check=True).stdout

            processes, namespaces, connections, servers = map(int, re.findall(rb"\d+", output))
            assert processes >= there["processes"]
            assert namespaces >= there["namespaces"]
            assert connections >= len(ends) > 0
            assert servers >= (len(ends) - there["udp"]) / 2


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Imports modules of benchmarks/, which is no package."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module


def test_bench_gives_proccli_options_that_exist(
    modules: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # compiles nothing
    programs, size = modules("bench").Programs(tmp_path, 3), modules("load").Size(50, 40)
    contestants = [*programs.main(size), *programs.more(size)]

    results = [call(*contestant.command[1:], "--help") for contestant in contestants]

    assert {one.command[0] for one in contestants} == {str(Path(sys.executable).parent / "proccli")}
    assert [result.err for result in results if result.code != 0] == []
    assert len(results) > 6


def test_bench_leaves_out_programs_that_are_not_installed(
    modules: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    programs = modules("bench").Programs(tmp_path, 3)

    peers = [contestant.name for contestant in programs.peers(modules("load").Size(50, 40))]
    assert peers == ["plain Python", "psutil loop"]


def test_the_runner_tells_what_a_program_used(modules: Any, tmp_path: Path) -> None:
    measuring = modules("measuring")
    large = measuring.Contestant("large", [sys.executable, "-c", "len(bytes(1) * 90_000_000)"])
    below = measuring.Contestant("below", ["sh", "-c", '"$@"; exit', "sh", *large.command])
    with measuring.runner(tmp_path) as runner:
        least_kib = runner.least_peak_kib()
        runs = [runner.run(large), runner.run(below)]

    assert least_kib < 20_000
    for run in runs:
        assert 90_000_000 < run.peak_kib * 1024 < 140_000_000
        assert run.cpu_s > 0


@pytest.mark.parametrize(
    ("script", "at_least", "problem"),
    [
        ("echo broken >&2; exit 3", 0, r"program failed \(3\): broken"),
        ("echo 7", 8, "program finds 7, not 8"),
    ],
)
def test_the_runner_refuses_what_fails_or_finds_too_little(
    modules: Any, tmp_path: Path, script: str, at_least: int, problem: str
) -> None:
    measuring = modules("measuring")
    contestant = measuring.Contestant("program", ["sh", "-c", script], int, at_least)

    with (
        measuring.runner(tmp_path) as runner,
        pytest.raises(measuring.RunError, match=problem),
    ):
        runner.check(contestant)


def test_the_page_shows_ratios_to_the_stand_in_in_the_same_round(modules: Any) -> None:
    measuring, layout, size = (
        modules("measuring"),
        modules("performance_page"),
        modules("load").Size,
    )
    times = {
        layout.ONCE: (1.0, 2.0, 8.0),
        layout.PLAIN: (1.0, 1.0, 2.0),
        layout.LSOF: (4.0, 4.0, 16.0),
        layout.SCAN: (3.0, 8.0, 8.0),
    }

    def stage(processes: int, factor: int) -> Any:
        runs = {
            name: [
                measuring.Measured(wall * factor, wall * factor / 2, 50 * 1024) for wall in walls
            ]
            for name, walls in times.items()
        }
        return layout.Stage(size(processes, processes), 4, 1.5, 99, 0.5, runs)

    text = layout.page(
        [stage(1000, 3), stage(2000, 6)], None, rounds=3, rules=1000, least_kib=8 * 1024
    )

    assert f"| {layout.LSOF} | 12.00 s | 2.00 | – | 4.00 | 6.00 s | 50 MiB |" in text
    assert f"| {layout.SCAN} | 24.00 s | 3.00 | – | 4.00 | 12.00 s | 50 MiB |" in text
    assert f"| {layout.SCAN} / {layout.LSOF} | 0.75 | 0.75 |" in text
    assert f"| {layout.ONCE} | 1000.0 | 1000.0 | 1000.0 |" in text
    assert "other programs used up to 50 %" in text


def test_documents_of_a_large_fleet_are_those_of_its_hosts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Copies differ from what `sync` prints on these hosts in times and tags only."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    fleet = importlib.import_module("fleet")

    made = fleet.write_documents(tmp_path / "made", 4, 100)
    monkeypatch.setattr(fleet, "_DISTINCT", 2)
    copied = fleet.write_documents(tmp_path / "copied", 4, 100)

    assert [path.name for path in made] == [path.name for path in copied]
    for one, other in zip(made, copied, strict=True):
        first, second = (json.loads(gzip.decompress(path.read_bytes())) for path in (one, other))
        assert first["sockets"] == second["sockets"]
        for key in ("host", "addresses"):
            assert first["snapshot"][key] == second["snapshot"][key]
        assert [process["pid"] for process in first["processes"]] == [
            process["pid"] for process in second["processes"]
        ]

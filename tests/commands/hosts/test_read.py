"""Reading many sources: in order, in parallel or not, with damaged and missing ones."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import pytest

from proccli.commands.hosts.parallel import parallel_reader
from proccli.commands.hosts.read import HostResult, read_hosts
from proccli.commands.inputs import InputOptions, each_read
from proccli.commands.samples import NO_WAIT
from proccli.errors import NoSourceRead, ProccliError, RecordingError, SourceError, UsageError
from proccli.model.sockets import Endpoint
from proccli.server.ends import host_ends
from proccli.server.store import Fleet
from proccli.sources.opening import NamedSource
from tests.cli.runner import call
from tests.server.processes import ended, group, readers, running, silent_pipes, wait_for
from tests.server.recordings import config, pairs, recorded

MANY = 30
"""Enough sources for workers, if there is more than one processor."""


def read(
    folder: Path,
    *paths: str | None,
    failures: list[SourceError] | None = None,
    **options: Any,
) -> list[HostResult]:
    given = InputOptions(**{"config": config(folder)} | options)
    errors = [] if failures is None else failures
    return list(read_hosts(given, [NamedSource(path=path) for path in paths], NO_WAIT, errors))


def sequential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: {0})


def parallel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: {0, 1, 2})


def in_large_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with hundreds of sources."""
    parallel(monkeypatch)
    monkeypatch.setattr("proccli.commands.hosts.parallel._TASKS_PER_WORKER", 1)


Way = Callable[[pytest.MonkeyPatch], None]
both_ways = pytest.mark.parametrize("way", [sequential, parallel, in_large_tasks])


def mixed(folder: Path) -> list[str]:
    """Recordings, packed ones, outputs of sync and a directory."""
    paths: list[str] = pairs(folder, MANY)
    packed = folder / "packed.jsonl.gz"
    packed.write_bytes(gzip.compress(Path(paths[3]).read_bytes()))
    printed = call("sync", "--once", "--no-state", "--json", "-c", config(folder), "-s", paths[4])
    output = folder / "sync.json"
    output.write_text(printed.out, encoding="utf-8")
    paths[3:5] = [str(packed), str(output)]
    tree = folder / "tree"
    (tree / "7").mkdir(parents=True)
    (tree / "7" / "cmdline").write_bytes(b"seven\0")
    (tree / "stat").write_text("btime 1767225600\n", encoding="utf-8")
    (tree / "uptime").write_text("97445.00 1.00\n", encoding="utf-8")
    return [*paths, str(tree)]


def test_parallel_and_sequential_reading_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = mixed(tmp_path)
    sequential(monkeypatch)
    expected = read(tmp_path, *paths)
    parallel(monkeypatch)

    found = read(tmp_path, *paths)

    assert found == expected
    assert [one.view.source for one in found] == paths
    assert {one.view.kind for one in found} == {"recording", "sync", "directory"}


def test_a_source_on_stdin_keeps_its_place_among_many(tmp_path: Path) -> None:
    paths: list[str] = pairs(tmp_path, MANY)
    text = Path(paths[12]).read_bytes()
    paths[12] = "-"

    ran = call("topology", "--json", "-c", config(tmp_path), *paths, stdin=text)

    document = json.loads(ran.out)
    assert [host["name"] for host in document["hosts"]] == [f"host-{n:03}" for n in range(MANY)]
    assert document["hosts"][12]["source"] == "<stdin>"
    assert document["summary"]["connections"] == MANY


def test_a_configuration_on_stdin_is_read_once_for_all(tmp_path: Path) -> None:
    paths = pairs(tmp_path, MANY)
    text = Path(config(tmp_path)).read_bytes()

    ran = call("topology", "--json", "-c", "-", *paths, stdin=text)

    assert json.loads(ran.out)["config"]["file"] == "<stdin>"
    assert json.loads(ran.out)["summary"]["connections"] == MANY


@both_ways
def test_sources_that_cannot_be_read_are_left_out(
    way: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    way(monkeypatch)
    paths = pairs(tmp_path, MANY)
    damaged = Path(paths[20])
    damaged.write_bytes(damaged.read_bytes()[:-90])
    Path(paths[25]).write_bytes(b"")
    missing = str(tmp_path / "missing")
    failures: list[SourceError] = []

    found = read(tmp_path, *paths[:5], missing, *paths[5:], failures=failures)

    bad = (missing, paths[20], paths[25])
    assert [one.view.source for one in found] == [path for path in paths if path not in bad]
    assert [path in str(error) for path, error in zip(bad, failures, strict=True)] == [True] * 3
    assert [error.at and error.at.source for error in failures] == [None, paths[20], paths[25]]


@both_ways
def test_if_no_source_can_be_read_all_errors_are_in_one(
    way: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    way(monkeypatch)
    missing = [str(tmp_path / f"missing-{number}") for number in range(MANY)]

    with pytest.raises(NoSourceRead) as caught:
        read(tmp_path, *missing)

    errors = zip(missing, caught.value.errors, strict=True)
    assert all(path in str(error) for path, error in errors)
    with pytest.raises(SourceError, match="No such file"):
        read(tmp_path, missing[0])


def written(content: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content)

    return write


def a_socket(path: Path) -> None:
    # A path of more than 107 bytes can't be bound.
    here = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(f"/proc/self/fd/{here}/{path.name}")
    os.close(here)


def packed() -> bytes:
    return gzip.compress(b'{"schema": "proccli/sync/v1"}' * 100)


@pytest.mark.parametrize(
    ("make", "error", "problem"),
    [
        (lambda _: None, SourceError, "No such file"),
        (written(b""), RecordingError, "1:1: empty"),
        (written(b"{"), RecordingError, "cut short"),
        (written(b"\x1f\x8b"), RecordingError, "unexpected end of gzip data"),
        (written(packed()[:40]), RecordingError, "unexpected end of gzip data"),
        (written(packed()[:-8] + b"12345678"), RecordingError, "damaged gzip data: CRC"),
        (written(packed() + b"x" * 9), RecordingError, "damaged gzip data"),
        (written(b'{"schema": "proccli/sync/v2"}'), RecordingError, "its schema is not"),
        (written(b'{"schema": "proccli/scan/v1"}\n'), RecordingError, "not a proccli recording"),
        (written(bytes(range(256))), RecordingError, "not a proccli recording"),
        (lambda path: path.mkdir(), SourceError, "contains no processes"),
        (a_socket, SourceError, "No such device or address"),
        (lambda path: path.symlink_to(path.name), SourceError, "symbolic links"),
    ],
)
def test_an_unusable_source_is_reported(
    make: Callable[[Path], None], error: type[ProccliError], problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "source"
    make(path)

    with pytest.raises(error, match=problem):
        read(tmp_path, str(path))


@pytest.mark.parametrize("name", ["x" * 300, "agent.yaml/x", ""])
@pytest.mark.parametrize("command", ["topology", "scan"])
def test_an_impossible_path_is_reported(command: str, name: str, tmp_path: Path) -> None:
    ran = call(command, "-c", config(tmp_path), "-s", f"{tmp_path / name}" if name else name)

    assert ran.code == 3
    assert ran.err.startswith("proccli: error: ")
    assert "internal" not in ran.err


def test_a_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    """As `<(zcat web-1.jsonl.gz)` is one."""
    (path,) = pairs(tmp_path, 1)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with subprocess.Popen(["cp", path, str(pipe)]) as copying:
        (found,) = read(tmp_path, str(pipe))

    assert copying.returncode == 0
    assert (found.view.name, found.view.source) == ("host-000", str(pipe))


def test_the_tags_of_one_host_are_not_those_of_several(tmp_path: Path) -> None:
    paths = pairs(tmp_path, 2)

    with pytest.raises(UsageError, match="one host's command"):
        read(tmp_path, *paths, tags="tags.yaml")


def test_addresses_are_those_of_the_namespaces_and_those_that_sockets_use(tmp_path: Path) -> None:
    connections = {
        "app": ["10.0.0.1:4000 10.0.0.2:80", "127.0.0.1:1 127.0.0.1:2", "0.0.0.0:80"],
        "secret": ["10.0.0.9:4000 10.0.0.2:80"],
    }
    path = recorded(tmp_path, "a", connections, "192.0.2.7", "127.0.0.1", "10.0.0.1")

    (found,) = read(tmp_path, path)

    assert found.view.addresses == ("10.0.0.1", "10.0.0.9", "192.0.2.7")


def test_a_view_has_every_process_and_every_connection_once(tmp_path: Path) -> None:
    connections = {
        "app": ["10.0.0.1:4000 10.0.0.2:80", "0.0.0.0:8080", "10.0.0.1:8080 10.0.0.7:1"],
        "secret": ["10.0.0.1:4001 10.0.0.2:80", "0.0.0.0:22"],
        "dns": ["udp 10.0.0.1:5353 10.0.0.3:53", "udp 0.0.0.0:53"],
    }

    (found,) = read(tmp_path, recorded(tmp_path, "a", connections))

    with Fleet() as fleet:
        fleet.add_packed(found.packed)
        processes = list(fleet.processes_of(0))
        listening = fleet.listening(0, Endpoint("10.0.0.1", 8080))
    assert {one.pid: (one.gprocess, one.status) for one in processes} == {
        10: ("app", "accepted"),
        11: (None, "dropped"),
        12: ("dns", "accepted"),
    }
    assert [
        (end.protocol, end.role, end.pid, end.status) for end in host_ends(found.packed.ends)
    ] == [
        ("tcp", "client", 10, "synced"),
        ("tcp", "server", 10, "synced"),
        ("tcp", "client", 11, "skipped"),
        ("udp", "client", 12, "synced"),
    ]
    assert listening == [10]
    assert found.view.left_out == {"process-not-accepted": 1}
    assert not found.incomplete


@pytest.fixture
def many(tmp_path: Path) -> Iterator[tuple[list[str], list[str]]]:
    """Sources of which those from the fifth on are pipes that nobody writes to; and those."""
    paths: list[str] = pairs(tmp_path, 5)
    with silent_pipes(tmp_path, MANY) as pipes:
        yield ["-c", config(tmp_path), *paths, *pipes], pipes


@pytest.mark.parametrize("whole", [True, False], ids=["the group", "the program alone"])
def test_ctrl_c_ends_the_program_and_its_workers(
    whole: bool, many: tuple[list[str], list[str]]
) -> None:
    arguments, pipes = many
    with running("topology", *arguments) as started:
        wait_for("a reader", lambda: readers(started.pid, pipes[0]))

        (os.killpg if whole else os.kill)(started.pid, signal.SIGINT)

        code, out, err = ended(started)
        assert (code, out, err.strip()) == (130, "", "")
        wait_for("the end of all", lambda: not group(started.pid))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_workers_end_with_the_program(
    number: signal.Signals, many: tuple[list[str], list[str]]
) -> None:
    arguments, pipes = many
    with running("topology", *arguments) as started:
        wait_for("a reader", lambda: readers(started.pid, pipes[0]))

        started.send_signal(number)

        assert ended(started) == (-number, "", "")
        wait_for("the end of all", lambda: not group(started.pid))


def test_a_killed_worker_is_reported(tmp_path: Path, many: tuple[list[str], list[str]]) -> None:
    """As the kernel does when memory is short."""
    arguments, pipes = many
    with running("topology", *arguments) as started:
        (worker,) = wait_for("a reader", lambda: readers(started.pid, pipes[0]))
        if worker == started.pid:
            pytest.skip("no workers with one processor")

        os.kill(worker, signal.SIGKILL)

        code, out, err = ended(started)
        # What had been read by then is answered, or nothing had been.
        assert code == 3, out
        errors = [line for line in err.splitlines() if line.startswith("proccli: error: ")]
        killed = [line for line in errors if "a worker process was killed" in line]
        assert killed[0].startswith(f"proccli: error: can't read {tmp_path}/")
        assert errors[-1].endswith(" more sources not read")


def test_a_killed_worker_costs_no_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Submitting the next source fails then, and not only the wait for its result."""
    parallel(monkeypatch)
    others = set(active_children())
    sources = [NamedSource(path=path) for path in pairs(tmp_path, MANY)]
    failures: list[SourceError] = []
    found = read_hosts(InputOptions(config=config(tmp_path)), sources, NO_WAIT, failures)
    next(found)

    next(iter(set(active_children()) - others)).kill()
    wait_for("the end of all workers", lambda: not set(active_children()) - others)

    assert [one.view.source for one in found] == [one.path for one in sources[1:]]
    assert failures == []


def length_or_death(source: NamedSource) -> int:
    """Reads a file, and dies of a long one, as if it needed too much memory."""
    assert source.path is not None
    length = Path(source.path).stat().st_size
    if length > 9:
        os.kill(os.getpid(), signal.SIGKILL)
    return length


def test_a_source_that_kills_its_worker_costs_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_large_tasks(monkeypatch)
    sources = []
    for number in range(60):
        path = tmp_path / f"{number}.jsonl"
        path.write_text("x" * (99 if number in (0, 30, 31) else number % 10))
        sources.append(NamedSource(path=str(path)))
    failures: list[SourceError] = []
    with parallel_reader(sources, length_or_death, here=length_or_death) as read_next:
        found = {source.path: length for source, length in each_read(sources, read_next, failures)}

    left = [number for number in range(60) if number not in (0, 30, 31)]
    assert found == {str(tmp_path / f"{number}.jsonl"): number % 10 for number in left}
    assert [str(error) for error in failures] == [
        f"can't read {tmp_path}/{number}.jsonl: a worker process was killed (out of memory?)"
        for number in (0, 30, 31)
    ]


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    with running("topology", "-c", config(tmp_path), "--json", *pairs(tmp_path, MANY)) as started:
        assert started.stdout is not None
        started.stdout.close()
        assert started.stderr is not None
        assert started.stderr.read() == ""
        assert started.wait() == 0

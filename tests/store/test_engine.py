"""The engine's process: its lock, its end, and what goes wrong."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from proccli.errors import EXIT_INPUT, EXIT_INTERRUPTED, EXIT_LOCKED, StateLocked, StoreError
from proccli.store.address import StoreAddress, parse_address
from proccli.store.engine import Engine, engine_message, open_engine
from tests.cli.runner import PROGRAM, environment, spawn
from tests.paths import ROOT
from tests.store.documents import document, lines, process
from tests.waiting import eventually


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> StoreAddress:
    """Of a store with one table."""
    found = parse_address(f"chdb://{tmp_path_factory.mktemp('engine')}/store")
    with open_engine(found, "", create=True) as engine:
        engine.run("CREATE TABLE t (a UInt32, b String) ENGINE = MergeTree ORDER BY a")
        engine.insert("t", '{"a": 1, "b": "é\\n\\u0000"}\n'.encode(), "JSONEachRow")
    return found


def test_rows_survive_and_the_directory_is_private(address: StoreAddress) -> None:
    with open_engine(address, "") as engine:
        assert engine.rows("SELECT a, b FROM t") == [[1, "é\n\0"]]
        assert engine.rows("SELECT a FROM t WHERE a = 2") == []
        assert address.directory is not None
        assert Path(address.directory).stat().st_mode & 0o777 == 0o700
        with pytest.raises(StoreError, match="nothing_there") as caught:
            engine.rows("SELECT * FROM nothing_there")
        assert "\n" not in str(caught.value)
        assert "Stack trace" not in str(caught.value)
        assert engine.rows("SELECT 1") == [[1]]  # an error does not end it


def test_one_process_at_a_time(address: StoreAddress, tmp_path: Path) -> None:
    """The other one gets a reason and a pid, and the exit code of a lock."""
    from proccli.store import child

    with open_engine(address, ""):
        answer, _ = child._locked(str(address.directory), 0, create=False)
        assert answer == child.Answer("locked", os.getpid())
    with open_engine(address, "") as engine:
        assert engine.rows("SELECT count() FROM t") in ([[1]], [["1"]])


def test_a_locked_store_is_an_error_with_its_own_exit_code(
    address: StoreAddress,
) -> None:
    with open_engine(address, "") as engine:
        answer = _locked_answer(engine, os.getpid())
    assert isinstance(answer, StateLocked)
    assert answer.exit_code == EXIT_LOCKED
    assert f"another proccli (pid {os.getpid()}) is using {address.text}" in str(answer)


def _locked_answer(engine: Engine, pid: int) -> Exception:
    from proccli.store.child import Answer
    from proccli.store.engine import _Embedded

    assert isinstance(engine, _Embedded)
    return engine._refused(Answer("locked", pid))


@pytest.mark.parametrize(
    ("make", "create", "words"),
    [
        (lambda folder: folder / "none", False, "there is no store"),
        (lambda folder: folder, True, "not empty, and not a store"),
        (lambda folder: folder, False, "there is no store"),
        (lambda folder: folder / "file", True, "Not a directory|File exists"),
        (lambda folder: folder / "link", True, "symbolic link"),
    ],
    ids=["missing", "foreign", "foreign, to read", "a file", "a link as lock"],
)
def test_directories_that_are_no_store(
    make: object, create: bool, words: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "proccli.lock").symlink_to(tmp_path / "file")
    assert callable(make)

    with (
        pytest.raises(StoreError, match=words),
        open_engine(parse_address(f"chdb://{make(tmp_path)}"), "", create=create),
    ):
        pass

    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link"]


def test_a_crash_is_an_error_line(address: StoreAddress) -> None:
    """The engine runs in our process's memory in no case."""
    with (  # noqa: PT012
        pytest.raises(StoreError, match="the database engine ended by signal SIGSEGV"),
        open_engine(address, "") as engine,
    ):
        child = _process(engine)
        os.kill(child, signal.SIGSEGV)
        engine.rows("SELECT 1")
        engine.rows("SELECT 1")


def test_out_of_memory_is_suspected_where_the_kernel_killed_it(address: StoreAddress) -> None:
    with (  # noqa: PT012
        pytest.raises(StoreError, match=r"SIGKILL .not enough memory"),
        open_engine(address, "") as engine,
    ):
        child = _process(engine)
        os.kill(child, signal.SIGKILL)
        engine.rows("SELECT 1")
        engine.rows("SELECT 1")


def test_ctrl_c_ends_a_query_at_once_and_the_store_can_be_opened(
    tmp_path: Path, address: StoreAddress
) -> None:
    """The engine itself would answer after the query."""
    code = (
        "import sys; from proccli.store.address import parse_address;"
        "from proccli.store.engine import open_engine;"
        "from proccli.cli.main import run\n"
        f"with open_engine(parse_address({address.text!r}), '') as engine:\n"
        "    print('asking', flush=True)\n"
        "    engine.rows('SELECT sum(sipHash64(number)) FROM numbers(1000000000000)')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"asking\n"
        (child,) = _children(running.pid, b"proccli.store.child")
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)

    assert running.returncode == -signal.SIGINT
    eventually(lambda: not Path(f"/proc/{child}").exists(), what="the end of the engine")
    with open_engine(address, "") as engine:
        assert len(engine.rows("SELECT 1")) == 1


def test_a_configuration_in_the_current_directory_is_not_the_engines(
    tmp_path: Path, address: StoreAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    """chDB reads a config.xml where it is started, and Python modules."""
    (tmp_path / "config.xml").write_text("<clickhouse><path>/does/not/exist</path></clickhouse>")
    (tmp_path / "chdb.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)

    with open_engine(address, "") as engine:
        assert len(engine.rows("SELECT a FROM t")) == 1


def test_without_the_extra_the_error_says_what_to_install(tmp_path: Path) -> None:
    for name in ("clickhouse_connect", "chdb"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('hidden')")
    (tmp_path / "doc.jsonl").write_bytes(lines(document("a", [process(1, "app")])))

    for arguments in (
        ("fleet", "names", str(tmp_path / "doc.jsonl")),
        ("fleet", "load", "--store", f"chdb://{tmp_path}/new", str(tmp_path / "doc.jsonl")),
        ("fleet", "names", "--store", "clickhouse://127.0.0.1:1"),
    ):
        done = spawn(*arguments, env={"PYTHONPATH": str(tmp_path)}, cwd=ROOT)
        assert done.returncode == EXIT_INPUT
        assert done.stderr == (
            "proccli: error: a store requires clickhouse-connect, chDB and msgspec (install proccli"
            " with the extra fleet)\n"
        )


def test_messages_are_one_line_without_version_and_trace() -> None:
    text = (
        "Code: 60. DB::Exception: Unknown table\n  x. (UNKNOWN_TABLE) (version 26.5.1.1 (official"
        " build)), Stack trace: 0. foo"
    )

    assert engine_message(text) == "Unknown table x. (UNKNOWN_TABLE)"
    assert len(engine_message("x" * 5000)) == 301
    assert engine_message("x" * 5000 + " (TOO_LONG)").endswith("x… (TOO_LONG)")


def test_a_server_that_is_not_there_is_one_line() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # not listening
        store = f"clickhouse://127.0.0.1:{unused.getsockname()[1]}"
        done = spawn("fleet", "names", "--store", store)

    assert done.returncode == EXIT_INPUT
    assert done.stderr == f"proccli: error: {store}: can't connect: Connection refused\n"


def test_exit_code_130_when_a_command_is_interrupted(tmp_path: Path) -> None:
    fifo = tmp_path / "doc.jsonl"
    os.mkfifo(fifo)
    with subprocess.Popen(
        [*PROGRAM, "fleet", "names", str(fifo)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(TMPDIR=str(tmp_path)),
        cwd=ROOT,
    ) as running:
        writer = os.open(fifo, os.O_WRONLY)  # returns when the command reads
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
        os.close(writer)

    assert (running.returncode, err.strip()) == (EXIT_INTERRUPTED, b"")
    assert [path.name for path in tmp_path.iterdir()] == ["doc.jsonl"]


def _process(engine: Engine) -> int:
    from proccli.store.engine import _Embedded

    assert isinstance(engine, _Embedded)
    return engine._process.pid


def _children(pid: int, running: bytes) -> list[int]:
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text(encoding="ascii").split()
        if running in Path(f"/proc/{child}/cmdline").read_bytes()
    ]

"""The collector's scripts: what they write is what proccli records of the same machine."""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proccli import __version__
from proccli.commands.collector import collect
from proccli.commands.collector.collector import Language, collector_script
from proccli.local.agent_process import parse_environ
from proccli.sources.procfs.files import Unreadable, decode
from proccli.sources.procfs.net import parse_fib_trie, parse_table
from proccli.sources.procfs.process import parse_passwd, parse_stat
from proccli.sources.procfs.status import parse_status_name
from proccli.sources.recording.format import encode_cmdline
from tests.cli.runner import call
from tests.commands.collector.comparing import (
    Lines,
    alone,
    busybox_only,
    collected,
    differences,
    lines_of,
    odd_processes,
    processes_of,
    pythons,
    recorded,
)
from tests.network import connected, inode_of
from tests.otheruser import import_standard_modules, readable_copy
from tests.sources.procfs.processes import (
    as_nobody,
    in_pid_namespace,
    mount_proc,
    public_directory,
    root_only,
    running,
)
from tests.waiting import LONG_S

COMMANDS: Final[Mapping[str, Sequence[str]]] = {
    **{python: (python, "-") for python in pythons()},
    "dash": ("dash", "-s"),
    "bash": ("bash", "-s"),
    "busybox": ("sh", "-s"),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[str]]:
    """What each interpreter that is here has otherwise than proccli has."""

    def run(reference: Lines, ours: Sequence[int], name: str) -> list[str]:
        applets = busybox_only(tmp_path_factory.mktemp("busybox")) if name == "busybox" else None
        path = str(applets) if applets else os.environ["PATH"]
        command = [shutil.which(COMMANDS[name][0], path=path) or "", *COMMANDS[name][1:]]
        return differences(reference, _exact(lines_of(collected(command, path)), reference), ours)

    def run_all() -> Mapping[str, list[str]]:
        with public_directory() as folder, odd_processes(folder) as ours:
            recorded()  # the first look at a socket makes it known
            reference = recorded()
            return {name: run(reference, ours, name) for name in COMMANDS if shutil.which(name)}

    return alone(run_all)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_interpreter_writes_what_proccli_records(
    name: str, found: Mapping[str, list[str]]
) -> None:
    if name not in found:
        pytest.skip(f"no {name} here")
    assert found[name] == []


def _exact(lines: Lines, exact: Lines) -> Lines:
    """The same, with the times of sockets that differ by a microsecond made equal.

    Python 2 has times as floating point numbers.
    """
    times = {
        (line["pid"], item["fd"], item["inode"]): item["since"]
        for line in exact
        if line["type"] in ("process", "sockets")
        for item in line.get("sockets") or ()
    }
    for line in lines:
        for item in line["sockets"] or () if line["type"] in ("process", "sockets") else ():
            known = times.get((line["pid"], item["fd"], item["inode"]))
            if known is not None and abs(_ns(known) - _ns(item["since"])) < 1000:
                item["since"] = known
    return lines


def _ns(text: str) -> int:
    """Nanoseconds since the epoch."""
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    return int(datetime.fromisoformat(f"{seconds}+00:00").timestamp()) * 10**9 + int(
        fraction.ljust(9, "0")
    )


def prepare_nobody() -> None:
    """Make what `as_nobody` needs, once for all tests: their children inherit it."""
    readable_copy()
    import_standard_modules()


@root_only
def test_a_user_without_rights_gets_the_same_errors() -> None:
    def run() -> list[str]:
        out = io.BytesIO()
        reference = recorded()
        collect.Recorder(out.write).record(0)
        ours = [pid for pid in processes_of(reference) if pid in (os.getpid(), os.getppid())]
        assert reference[0]["privileged"] is False
        return differences(reference, lines_of(out.getvalue()), ours)

    prepare_nobody()
    assert in_pid_namespace(lambda: as_nobody(run)) == []


@root_only
@pytest.mark.parametrize("hidden", ["invisible", "noaccess"])
def test_a_mount_that_hides_processes_is_named(hidden: str) -> None:
    def drop_and_run() -> list[str]:
        mount_proc(Path("/proc"), f"hidepid={hidden}")
        return as_nobody(run)

    def run() -> list[str]:
        out = io.BytesIO()
        reference = recorded()
        collect.Recorder(out.write).record(0)
        assert [note["code"] for note in reference[0]["notices"]] == ["hidepid"]
        hidden_error = processes_of(reference)[1]["sockets_error"] if hidden == "noaccess" else None
        assert hidden_error is None or hidden_error["problem"] == "denied"
        return differences(reference, lines_of(out.getvalue()), list(processes_of(reference))[:3])

    prepare_nobody()
    assert in_pid_namespace(drop_and_run) == []


def test_the_second_look_knows_what_the_first_saw() -> None:
    def run() -> None:
        with connected() as (listener, client, _):
            lines = lines_of(collected([sys.executable, "-"], wait="0.05"))
            found = {item["inode"]: item for item in processes_of(lines)[os.getpid()]["sockets"]}
            watched = lines[0]["watched_since"]
            assert watched < lines[0]["taken_at"]
            # The kernel's clock for files may be a tick late.
            assert all(found[inode_of(one)]["since"] <= watched for one in (listener, client))

    alone(run)


def test_without_young_sockets_it_looks_once() -> None:
    def run() -> None:
        # Earlier tests of this process may have left sockets open.
        for link in list(Path("/proc/self/fd").iterdir()):
            with contextlib.suppress(OSError):
                if str(link.readlink()).startswith("socket:"):
                    os.close(int(link.name))
        lines = lines_of(collected([sys.executable, "-"], wait="3600"))
        assert lines[0]["watched_since"] is None

    if os.geteuid() != 0:
        pytest.skip("other users' processes may have young sockets")
    alone(run)


def run_alone(*command: str, **settings: Any) -> subprocess.CompletedProcess[bytes]:
    """Run the script for this interpreter, with one look."""
    language: Language = "python" if command[-1] == "-" else "sh"
    script = collector_script(language).encode("ascii")
    settings = {"stderr": subprocess.PIPE, "timeout": LONG_S, **settings}
    return alone(lambda: subprocess.run([*command, "0"], input=script, check=False, **settings))


@pytest.mark.parametrize("command", [(sys.executable, "-"), ("sh", "-s")], ids=["python", "sh"])
def test_a_closed_pipe_ends_it_quietly(command: Sequence[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = run_alone(*command, stdout=writer)
    os.close(writer)

    assert done.returncode != 0
    assert b"Traceback" not in done.stderr


def test_a_full_disk_is_an_error() -> None:
    with Path("/dev/full").open("wb") as full:
        done = run_alone(sys.executable, "-", stdout=full)

    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert done.stderr.startswith(b"collect: ")


@pytest.mark.parametrize("wait", ["x", "-1", "nan", "1e9"])
def test_a_wrong_argument_is_an_error(wait: str) -> None:
    done = subprocess.run(
        [sys.executable, "-", wait],
        input=collector_script("python").encode(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"collect: usage: ")


@pytest.mark.parametrize("wait", ["x", "-1", "3s", "1.2.3"])
def test_a_wrong_argument_of_the_shell_script_is_an_error(wait: str) -> None:
    done = subprocess.run(
        ["sh", "-s", "--", wait],
        input=collector_script("sh").encode(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"collect: usage: ")


def test_no_module_is_taken_from_the_directory_where_it_starts(tmp_path: Path) -> None:
    for name in ("json", "base64", "re"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(9)")
    done = run_alone(sys.executable, "-", stdout=subprocess.DEVNULL, cwd=tmp_path)

    assert (done.returncode, done.stderr) == (0, b"")


def test_the_command_prints_the_scripts() -> None:
    assert call("collector").out == collector_script("python")
    assert call("collector", "--sh").out == collector_script("sh")
    assert f'\nPROCCLI = "{__version__}"' in collector_script("python")
    assert f"\nPROCCLI={__version__}\n" in collector_script("sh")


def test_a_raw_recording_is_masked_by_record(tmp_path: Path) -> None:
    raw, out = tmp_path / "raw.jsonl", tmp_path / "out.jsonl"

    def run() -> None:
        with running(["server", "-c", "read line", "--password=hunter2-is-secret"], "/bin/sh"):
            raw.write_bytes(collected([sys.executable, "-"]))

    alone(run)
    assert call("record", "-s", str(raw), str(out)).code == 0
    assert "hunter2-is-secret" in raw.read_text()
    assert "hunter2-is-secret" not in out.read_text()


# ---- each reader by itself, beside proccli's --------------------------------------------------


def same(ours: Callable[[], object], theirs: Callable[[], object]) -> None:
    """Both give the same value, or the same reason why there is none."""

    def outcome(work: Callable[[], object], kind: type[Exception]) -> object:
        try:
            return work()
        except kind as error:
            return error.args

    assert outcome(theirs, collect.Unreadable) == outcome(ours, Unreadable)


ODD = st.one_of(
    st.binary(max_size=40),
    st.lists(
        st.sampled_from(
            [
                *(b"(", b")", b" ", b"\n", b":", b"1", b"-1", b"4294967296", b"R", b"\xff"),
                b"\xc2\x85",
                b"\xed\xa0\x80",
                b"\xf0\x9f\x98\x80",
                b"root",
                b"\r",
                b"/32 host LOCAL",
                b"|-- 10.0.0.1",
            ]
        ),
        max_size=30,
    ).map(b"".join),
)


@given(ODD)
@example(b"\0")
def test_text_is_read_alike(raw: bytes) -> None:
    assert collect.escaped(raw) == decode(raw)
    assert collect.pieces_of(raw) == encode_cmdline(raw)
    assert collect.parse_fib_trie(raw) == list(parse_fib_trie(raw))
    names = parse_passwd(raw)
    expected = None if names is None else {str(uid): name for uid, name in names.items()}
    assert collect.parse_passwd(raw) == expected
    same(lambda: tuple(parse_stat(raw)), lambda: collect.parse_stat(raw))
    same(lambda: parse_status_name(raw), lambda: collect.parse_status_name(raw))


def table(raw: bytes) -> list[list[object]]:
    """The rows of a table as a recording has them."""
    rows = parse_table([raw], "tcp")
    return [[row.state, *row.local, *row.remote, row.inode] for row in rows]


READERS: Final[Sequence[tuple[bytes, Callable[[bytes], object], Callable[[bytes], object]]]] = (
    tuple(
        (Path("/proc/self", name).read_bytes()[:3000], ours, theirs)
        for name, ours, theirs in (
            ("stat", lambda raw: tuple(parse_stat(raw)), collect.parse_stat),
            ("status", parse_status_name, collect.parse_status_name),
            ("net/tcp", table, lambda raw: collect.parse_table([raw], "tcp")),
            ("net/fib_trie", lambda raw: list(parse_fib_trie(raw)), collect.parse_fib_trie),
        )
    )
)
"""What the kernel shows, and who reads it: proccli, and the collector."""


@given(st.sampled_from(READERS), st.integers(0, 3000), ODD, st.integers(0, 9))
def test_a_damaged_file_of_proc_is_read_alike(
    reader: tuple[bytes, Callable[[bytes], object], Callable[[bytes], object]],
    at: int,
    instead: bytes,
    cut: int,
) -> None:
    raw, ours, theirs = reader
    damaged = raw[:at] + instead + raw[at + cut :]

    same(lambda: ours(damaged), lambda: theirs(damaged))


# ---- the agent's environment --------------------------------------------------------------------


@pytest.mark.parametrize("command", [(sys.executable, "-"), ("sh", "-s")], ids=["python", "sh"])
def test_only_the_variables_that_are_asked_for_are_read(
    command: Sequence[str], tmp_path: Path
) -> None:
    program = shutil.copy(shutil.which("sh") or "", tmp_path / "deepflow-agent")
    environ = {b"HOSTNAME": 'w"1\né'.encode(), b"TOKEN": b"hunter2", b"ODD": b"\xff", b"EMPTY": b""}
    language: Language = "python" if command[-1] == "-" else "sh"

    def run() -> tuple[int, bytes]:
        with subprocess.Popen(
            [program, "-c", "read line"], env=environ, stdin=subprocess.PIPE
        ) as agent:
            done = subprocess.run(
                [*command, "0", "HOSTNAME", "ODD", "EMPTY", "UNSET"],
                input=collector_script(language).encode("ascii"),
                capture_output=True,
                check=True,
            )
            agent.kill()
            return agent.pid, done.stdout

    pid, written = alone(run)
    assert lines_of(written)[0]["environment"] == {
        "origin": f"deepflow-agent (pid {pid})",
        "values": {"HOSTNAME": 'w"1\né', "ODD": None, "EMPTY": "", "UNSET": None},
    }
    assert b"hunter2" not in written


def test_without_an_agent_its_environment_is_not_known() -> None:
    def run() -> object:
        out = io.BytesIO()
        collect.Recorder(out.write).record(0, ["HOSTNAME"])
        return lines_of(out.getvalue())[0]["environment"]

    if os.geteuid() != 0:
        pytest.skip("other processes may be an agent")
    assert alone(run) is None


@given(st.binary(max_size=60))
def test_an_environment_is_read_alike(block: bytes) -> None:
    assert collect.parse_environ(block) == parse_environ(block)


# ---- old interpreters that are not here ---------------------------------------------------------

NEWER: Final = (
    *(ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.YieldFrom, ast.Nonlocal, ast.Match),
    *(ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await, ast.Starred, ast.MatMult),
)
"""Syntax that Python 2.7 or 3.4 does not have, or not everywhere."""


def test_the_python_script_has_no_newer_syntax() -> None:
    script = collector_script("python")
    tree = ast.parse(script)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]

    assert [node for node in ast.walk(tree) if isinstance(node, NEWER)] == []
    assert [node for node in ast.walk(tree) if isinstance(node, ast.Raise) and node.cause] == []
    assert len(functions) > 40
    for function in functions:
        arguments = function.args
        assert not [*arguments.kwonlyargs, *arguments.posonlyargs]
        assert function.returns is None
        assert not any(argument.annotation for argument in arguments.args)
    assert not re.search(r"\b\d+_\d", script)
    assert script.isascii()


def test_the_python_script_imports_the_standard_library_alone() -> None:
    tree = ast.parse(collector_script("python"))
    names = {
        name.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in (node.names if isinstance(node, ast.Import) else [ast.alias(node.module or "")])
    }

    assert names <= sys.stdlib_module_names

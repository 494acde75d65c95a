"""`record --ssh` and `--hosts`, with a real sshd on loopback."""

from __future__ import annotations

import gzip
import json
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from proccli.commands.schema.command import schema_text
from proccli.model.process import Process
from proccli.sources.recording.reader import read_recording
from tests.cli.runner import PROGRAM, Ran, call, environment, on_a_terminal
from tests.commands.record.sshd import SERVER, Sshd, put_program, running_sshd
from tests.paths import ROOT
from tests.sources.procfs.processes import root_only
from tests.waiting import LONG_S, eventually

CONFIG = ("-c", str(ROOT / "sample-configs" / "typical.yaml"), "--no-wait")


@pytest.fixture(scope="module")
def sshd() -> Iterator[Sshd]:
    with running_sshd() as one:
        yield one


def record(sshd: Sshd, *arguments: str, **env: str) -> Ran:
    return call("record", *CONFIG, *arguments, env={**sshd.environment, **env})


def hosts_file(folder: Path, *lines: str) -> str:
    path = folder / "hosts.txt"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


def test_a_host_is_recorded_with_its_secrets_masked(sshd: Sshd, tmp_path: Path) -> None:
    path = tmp_path / "web-1.jsonl.gz"
    ran = record(sshd, "--ssh", f"{sshd.user}@web-1", str(path))

    assert (ran.code, ran.out) == (0, "")
    assert f"of {sshd.user}@web-1, masked " in ran.err
    assert path.stat().st_mode & 0o777 == 0o600
    text = gzip.decompress(path.read_bytes()).decode()
    header = json.loads(text.splitlines()[0])
    assert (header["kind"], header["redacted"], header["proc_root"]) == ("live", True, "/proc")
    assert SERVER not in text
    assert server_of(path).cmdline == b"server\0-c\0sleep 600; :\0--password=***\0"


def server_of(path: Path) -> Process:
    """The process called `server` of a recording."""
    recording = read_recording(str(path))
    return next(
        process
        for process in recording.processes.values()
        if (process.cmdline or b"").startswith(b"server\0")
    )


@root_only
def test_a_list_is_recorded_and_ends_with_what_failed(sshd: Sshd, tmp_path: Path) -> None:
    lines = ("# our hosts", "root@a", "alice@b # hers", "", "bob@c\r", "root@a", "carol@d")
    listed = hosts_file(
        tmp_path, *lines, "dave@e", "root@stranger", "root@nothing-there", "nobody-there@g"
    )
    folder = tmp_path / "recordings"
    ran = record(sshd, "--hosts", listed, "--jobs", "4", str(folder))

    assert ran.code == 3
    rows = [line.split() for line in ran.out.splitlines()]
    assert rows[0] == ["HOST", "REASON", "DETAIL"]
    assert {row[0]: row[1] for row in rows[1:]} == {
        "carol@d": "refused",
        "nobody-there@g": "refused",
        "dave@e": "no-interpreter",
        "root@stranger": "host-key",
        "root@nothing-there": "unreachable",
    }
    assert "This account is currently not available" in ran.out
    assert "recorded 3 of 8 hosts" in ran.err
    assert "root@a is listed more than once" in ran.err
    names = {"root@a.jsonl.gz", "alice@b.jsonl.gz", "bob@c.jsonl.gz"}
    assert {path.name for path in folder.iterdir()} == names
    by_root, by_alice = (
        read_recording(str(folder / f"{who}.jsonl.gz")) for who in ("root@a", "alice@b")
    )
    assert (by_root.host.privileged, by_alice.host.privileged) == (True, False)
    of_root = server_of(folder / "alice@b.jsonl.gz")
    assert {error.field for error in of_root.errors} == {"exe", "netns", "root_inode"}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_second_run_takes_only_what_is_missing(sshd: Sshd, tmp_path: Path) -> None:
    listed = hosts_file(tmp_path, f"{sshd.user}@a", f"{sshd.user}@b")
    there = tmp_path / f"{sshd.user}@a.jsonl.gz"
    there.write_bytes(b"precious")

    refused = record(sshd, "--hosts", listed, str(tmp_path))
    assert (refused.code, there.read_bytes()) == (3, b"precious")
    assert "already has recordings of 1 of these hosts" in refused.err
    ran = record(sshd, "--hosts", listed, str(tmp_path), "--missing", "--json")
    assert (ran.code, there.read_bytes()) == (0, b"precious")
    document = json.loads(ran.out)
    Draft202012Validator(json.loads(schema_text("record"))).validate(document)
    assert (document["skipped"], [host["host"] for host in document["hosts"]]) == (
        1,
        [f"{sshd.user}@b"],
    )
    again = record(sshd, "--hosts", listed, str(tmp_path), "--missing")
    assert (again.code, again.out) == (0, "")
    assert record(sshd, "--hosts", listed, str(tmp_path), "--force").code == 0
    assert len(read_recording(str(there)).processes) > 1


def test_a_connection_that_ssh_keeps_open_does_not_hold_it_up(sshd: Sshd, tmp_path: Path) -> None:
    """It keeps standard error open, too. It ends by itself, seconds after the last session."""
    host = f"{sshd.user}@shared"
    for name in ("one", "two"):
        assert record(sshd, "--ssh", host, str(tmp_path / name), "--timeout", "60").code == 0
    assert (sshd.folder / "shared").exists()
    subprocess.run(
        [str(sshd.folder / "ssh"), "-O", "exit", host], stderr=subprocess.DEVNULL, check=True
    )


def test_options_of_ssh_are_passed_on(sshd: Sshd, tmp_path: Path) -> None:
    path = str(tmp_path / "out.jsonl")
    put_program(tmp_path / "ssh", f'exec {sshd.enter}{shutil.which("ssh")} "$@"')
    ran = record(
        sshd,
        *("--ssh", f"{sshd.user}@127.0.0.1:{sshd.port}", path),
        *("--ssh-option", f"IdentityFile={sshd.folder}/key", "--ssh-option", "Port=1"),
        *("--ssh-option", f"UserKnownHostsFile={sshd.folder}/known_hosts"),
        PATH=f"{tmp_path}:{os.environ['PATH']}",
    )
    assert (ran.code, ran.err.splitlines()[0].startswith(f"proccli: {path}: recorded ")) == (
        0,
        True,
    )


def test_a_host_that_fails_is_an_error(sshd: Sshd, tmp_path: Path) -> None:
    ran = record(sshd, "--ssh", f"{sshd.user}@nothing-there", str(tmp_path / "out.jsonl"))

    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith(f"proccli: error: {sshd.user}@nothing-there: unreachable: ")
    assert ran.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


# ---- a stand-in for ssh: what a hostile or broken host sends ----------------------------------


@pytest.fixture
def pretend(tmp_path: Path) -> Any:
    """Runs `record --ssh` with a script in the place of ssh."""

    def run(script: str, *arguments: str) -> Ran:
        put_program(tmp_path / "ssh", script)
        out = () if "--hosts" in arguments else ("--ssh", "web-1", str(tmp_path / "out.jsonl.gz"))
        path = f"{tmp_path}:{os.environ['PATH']}"
        config = CONFIG[2:] if "-c" in arguments else CONFIG
        return call("record", *config, *out, *arguments, env={"PATH": path})

    return run


ALONE = "unshare -n -m -p --fork --kill-child --mount-proc " if os.geteuid() == 0 else ""
LOCALLY = f'for command; do :; done; exec {ALONE}sh -c "$command"'
"""Runs here what ssh would run on the host, its last argument; without this machine's processes."""


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo Welcome; exit 0", "no-interpreter: Welcome"),
        ("exit 0", "no-interpreter: the login shell there ended with exit code 0 before"),
        ("yes | head -c 2000000", "no-interpreter: the login shell there prints more than 1 MiB"),
        ("echo 'sh: not found' >&2; exit 127", "no-interpreter: sh: not found"),
        ("exit 255", "unreachable: ssh failed"),
        ("echo proccli-collector python3; exit 0", "truncated: the recording ends too early"),
        (
            "echo proccli-collector sh; cat >/dev/null; echo no /proc >&2; exit 1",
            "truncated: no /proc",
        ),
        ("echo proccli-collector sh; echo hello", "invalid: not a proccli recording: not JSON"),
        ("echo proccli-collector sh; yes", "invalid: not a proccli recording: not JSON"),
        (
            "echo proccli-collector sh; head -c 70000000 /dev/zero",
            "invalid: not a proccli recording: line",
        ),
        ("echo 'sudo: a password is required' >&2; exit 1", "no-interpreter: sudo: a password"),
    ],
)
def test_what_a_host_sends_otherwise_is_named(pretend: Any, script: str, reason: str) -> None:
    ran = pretend(script)

    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith(f"proccli: error: web-1: {reason}")


def test_a_refused_sudo_is_named(pretend: Any) -> None:
    ran = pretend("echo 'sudo: a password is required' >&2; exit 1", "--sudo")

    assert (ran.code, ran.err) == (3, "proccli: error: web-1: sudo: sudo: a password is required\n")


def test_what_a_host_says_does_not_reach_the_terminal(pretend: Any) -> None:
    ran = pretend(r"printf 'a\033[2Jb\n' >&2; exit 255")

    assert ran.err == "proccli: error: web-1: unreachable: a\\x1b[2Jb\n"


def test_a_host_that_does_not_end_is_given_up(pretend: Any, tmp_path: Path) -> None:
    ran = pretend(f"echo $$ >{tmp_path}/pid; exec sleep 600", "--timeout", "0.5")

    assert (ran.code, ran.err) == (
        3,
        "proccli: error: web-1: timeout: no answer within 0.5 s\n",
    )
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


def test_a_recording_that_does_not_end_is_given_up(pretend: Any) -> None:
    ran = pretend("echo proccli-collector sh; printf '{'; exec sleep 600", "--timeout", "0.5")

    assert ran.err == "proccli: error: web-1: timeout: not finished within 0.5 s\n"


@root_only
@pytest.mark.parametrize(
    ("startup", "failure"),
    [
        ("echo Welcome; echo hint >&2; stty erase x; printf 'no line end'", None),
        ("export PYTHONHOME=/nowhere PYTHONPATH=/nowhere LC_ALL=xx_YY; set -eu; umask 777", None),
        ("trap 'echo bye' EXIT; mesg n; cd /nowhere", None),
        ("exit 0", "no-interpreter: the login shell there ended with exit code 0"),
        ("PATH=/nowhere", "no-interpreter: "),
        ("read answer", "timeout: no answer within 3 s"),
    ],
)
def test_startup_files_of_the_login_shell(
    startup: str, failure: str | None, sshd: Sshd, tmp_path: Path
) -> None:
    """bash reads ~/.bashrc when sshd starts it, also without a terminal."""
    (sshd.folder / "bob" / ".bashrc").write_text(f"{startup}\n")
    out = tmp_path / "out.jsonl.gz"

    ran = record(
        sshd, "--ssh", "bob@h", "--no-wait", "--timeout", "3" if failure else "60", str(out)
    )

    if failure is None:
        assert ran.code == 0, ran.err
        assert server_of(out)
    else:
        assert (ran.code, out.exists()) == (3, False)
        assert ran.err.startswith(f"proccli: error: bob@h: {failure}")


@root_only
def test_a_full_disk_fails_those_hosts_and_leaves_no_part(sshd: Sshd, tmp_path: Path) -> None:
    folder = tmp_path / "full"
    folder.mkdir()
    listed = hosts_file(tmp_path, *(f"{sshd.user}@h{number}" for number in range(4)))
    arguments = ("--hosts", listed, "--no-wait", "--jobs", "1", str(folder / "out"))
    # Without free blocks, the files can be created and not written.
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", str(folder)], check=True)
    try:
        ran = record(sshd, *arguments)
        there = sorted(path.name for path in (folder / "out").iterdir())
    finally:
        subprocess.run(["umount", str(folder)], check=True)

    assert ran.code == 3
    assert there == [f"{sshd.user}@h0.jsonl.gz"]
    assert ran.out.count("No space left on device") == 3


@root_only
def test_an_interrupted_list_keeps_what_is_whole_and_can_go_on(sshd: Sshd, tmp_path: Path) -> None:
    out = tmp_path / "out"
    listed = hosts_file(tmp_path, *(f"alice@h{number}" for number in range(8)))
    command = [*PROGRAM, "record", *CONFIG, "--hosts", listed, "--no-wait", "--jobs", "2", str(out)]
    started = subprocess.Popen(
        command,
        env=environment(**sshd.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    eventually(lambda: out.is_dir() and len(list(out.glob("alice*"))) > 1, what="two recordings")
    started.send_signal(signal.SIGINT)
    started.communicate(timeout=LONG_S)
    there = sorted(path.name for path in out.iterdir())

    assert started.returncode == 130
    assert 1 < len(there) < 8
    assert all(read_recording(str(out / name)).processes for name in there)
    again = record(sshd, "--hosts", listed, "--missing", "--no-wait", str(out))
    assert again.code == 0
    assert f"recorded {8 - len(there)} of {8 - len(there)} hosts" in again.err
    assert len(list(out.iterdir())) == 8


def test_what_a_login_shell_prints_is_passed_over(pretend: Any, tmp_path: Path) -> None:
    ran = pretend(f"echo Last login; printf 'no line end'; {LOCALLY}")

    assert ran.code == 0
    assert read_recording(str(tmp_path / "out.jsonl.gz")).processes


def test_without_python_a_shell_does_it(pretend: Any, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in (
        "sh",
        "awk",
        "cat",
        "date",
        "id",
        "ls",
        "od",
        "readlink",
        "sed",
        "sleep",
        "sort",
        "stat",
    ):
        (tools / name).symlink_to(shutil.which(name) or "")
    inside = f'PATH={tools}; export PATH; exec sh -c "$0"'
    script = f'for command; do :; done; exec {ALONE}sh -c {shlex.quote(inside)} "$command"'
    ran = pretend(script, "--json")

    assert ran.code == 0
    assert json.loads(ran.out)["hosts"][0]["interpreter"] == "sh"
    assert read_recording(str(tmp_path / "out.jsonl.gz")).processes


@root_only
def test_variables_of_the_agent_there_are_recorded(pretend: Any, tmp_path: Path) -> None:
    config = tmp_path / "agent.yaml"
    config.write_text("os-proc-regex:\n- match-regex: shop\n  rewrite-name: shop-%SHOP_ZONE%\n")
    shutil.copy("/bin/sh", tmp_path / "deepflow-agent")
    script = (
        f'SHOP_ZONE=eu-1 {tmp_path}/deepflow-agent -c "sleep 600; :" &'
        " until grep -q deepflow-agent /proc/$!/comm; do :; done;"
        ' exec sh -c "$0"'
    )
    put_program(tmp_path / "inside", f'exec {ALONE}sh -c {shlex.quote(script)} "$1"')

    ran = pretend(f'for command; do :; done; exec {tmp_path}/inside "$command"', "-c", str(config))

    recorded = read_recording(str(tmp_path / "out.jsonl.gz")).environment
    assert (ran.code, recorded and recorded.values) == (0, {"SHOP_ZONE": "eu-1"})


def test_ssh_gets_no_terminal_and_no_question(pretend: Any, tmp_path: Path) -> None:
    pretend(f'printf "%s\\n" "$@" >{tmp_path}/arguments; exit 255', "--ssh-option", "User=-x")

    words = (tmp_path / "arguments").read_text().splitlines()
    assert words[: words.index("--")][-2:] == ["-o", "User=-x"]
    assert words[words.index("--") + 1] == "web-1"
    assert "BatchMode=yes" in words


def test_an_interrupt_ends_all_connections_and_leaves_no_file(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    pids.mkdir()
    put_program(tmp_path / "ssh", f"echo >{pids}/$$; echo proccli-collector sh; exec sleep 600")
    listed = hosts_file(tmp_path, *(f"host-{number}" for number in range(12)))
    started = subprocess.Popen(
        [*PROGRAM, "record", *CONFIG, "--hosts", listed, "--jobs", "5", str(tmp_path / "out")],
        env=environment(PATH=f"{tmp_path}:{os.environ['PATH']}"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    eventually(lambda: len(list(pids.iterdir())) == 5, what="five connections")
    started.send_signal(signal.SIGINT)
    out, err = started.communicate(timeout=LONG_S)

    assert (started.returncode, out, err.strip()) == (130, b"", b"")
    assert len(list(pids.iterdir())) == 5
    assert [path.name for path in pids.iterdir() if Path("/proc", path.name).exists()] == []
    assert list((tmp_path / "out").iterdir()) == []


def test_progress_is_shown_on_a_terminal(tmp_path: Path) -> None:
    put_program(tmp_path / "ssh", "exit 255")
    listed = hosts_file(tmp_path, *(f"host-{number}" for number in range(12)))
    ran = on_a_terminal(
        "record", *CONFIG, "--hosts", listed, str(tmp_path / "out"),
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )  # fmt: skip

    assert ran.code == 3
    assert "12/12" in ran.out
    assert ran.out.count("ssh failed") == 12


def test_without_ssh_that_is_the_error(tmp_path: Path) -> None:
    ran = call(
        "record", *CONFIG, "--ssh", "web-1", str(tmp_path / "out"), env={"PATH": str(tmp_path)}
    )

    assert (ran.code, ran.err) == (
        3,
        "proccli: error: can't run ssh: No such file or directory (install the OpenSSH client)\n",
    )

"""Real commands, well-behaved and not."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from proccli.errors import TagCommandFailed, TagCommandUndecided
from proccli.local.tag_command.run import run_tag_command
from proccli.local.tag_command.spawn import candidates
from tests.otheruser import as_nobody_code
from tests.waiting import LONG_S, eventually

ME = pwd.getpwuid(os.geteuid()).pw_name
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root's rights")


def sh(script: str, *, user: str = ME, timeout_s: float = LONG_S) -> bytes:
    """What a shell script prints as a tag command."""
    return run_tag_command(("/bin/sh", "-c", script), user, timeout_s)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A directory that everybody can look into, with no link in its path."""
    path = Path(f"/tmp/proccli-tagcmd-{os.getpid()}")
    path.mkdir(mode=0o755)
    path.chmod(0o755)
    try:
        yield path
    finally:
        subprocess.run(["rm", "-rf", str(path)], check=True)


def script(path: Path, text: str, mode: int = 0o755) -> str:
    path.write_text(textwrap.dedent(text))
    path.chmod(mode)
    return str(path)


def alive(pid: int) -> bool:
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return False
    return fields[0] != b"Z"


def own_children() -> set[int]:
    me = os.getpid()
    return {int(pid) for pid in Path(f"/proc/{me}/task/{me}/children").read_text().split()}


def written_in(note: Path) -> list[int]:
    """The pids that a script has written into a file; none until it has written the line."""
    with contextlib.suppress(OSError):
        if (text := note.read_text()).endswith("\n"):
            return [int(word) for word in text.split()]
    return []


def wait_for(note: Path) -> list[int]:
    """The pids that a script has written into a file, once it has."""
    return eventually(lambda: written_in(note), what=f"the line in {note}")


def stopped_at_a_limit(
    script: str, note: Path, *, because: str = "still running", user: str = ME
) -> list[int]:
    """The pids that a script has written into a file before it reached its limit.

    A busy machine may need more than the first limit to get so far: then there is a longer one.
    """
    for limit_s in (0.3, 3, 30):
        with pytest.raises(TagCommandUndecided) as caught:
            sh(script, user=user, timeout_s=limit_s)
        if (pids := written_in(note)) and because in str(caught.value):
            assert f"after {limit_s:g} s" in str(caught.value)
            return pids
    raise AssertionError(f"{because!r} is not why it was stopped: {caught.value}")


def await_end(pids: list[int]) -> None:
    """Wait until none of these processes runs; by themselves they would run for longer."""
    eventually(lambda: not any(map(alive, pids)), what=f"the end of {pids}")


# ---- what it gets ------------------------------------------------------------------------------


def test_stdout_comes_back_as_it_is() -> None:
    assert run_tag_command(("printf", r"- pid: 1\000\377"), ME, LONG_S) == b"- pid: 1\0\xff"


def test_arguments_are_not_read_by_a_shell() -> None:
    argv = ("printf", "%s|", "$HOME", "*", "a  b", "", "; echo x")
    assert run_tag_command(argv, ME, LONG_S) == b"$HOME|*|a  b||; echo x|"


def test_arguments_are_utf8_whatever_the_locale() -> None:
    code = (
        "from proccli.local.tag_command.run import run_tag_command\n"
        f"print(run_tag_command(('printf', '%s', '\\xe9'), {ME!r}, 10))"
    )
    environment = {**os.environ, "LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == repr("é".encode()) + "\n"


def test_stdin_is_empty() -> None:
    assert sh("cat; echo end") == b"end\n"


def test_directory_and_environment_are_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHOP", "blue")
    assert sh("pwd; echo $SHOP").decode().split() == [str(tmp_path), "blue"]


def test_what_is_meant_for_us_does_not_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROCCLI_CONFIG", "agent.yaml")
    monkeypatch.setenv("_PROCCLI_COMPLETE", "bash_complete")
    assert b"PROCCLI" not in sh("env")


def test_a_success_with_noise_on_stderr_is_a_success() -> None:
    assert sh(r"printf 'warning: \377\033[31m' >&2; echo ok") == b"ok\n"


def test_a_megabyte_on_both_streams_blocks_nobody() -> None:
    both = "head -c 3000000 /dev/zero >&2 & head -c 3000000 /dev/zero; wait"
    assert len(sh(both)) == 3_000_000


def test_a_process_that_it_leaves_in_the_background_goes_on(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    assert sh(f"sleep 60 >/dev/null 2>&1 & echo $! >{note}; echo ok") == b"ok\n"
    (pid,) = wait_for(note)
    try:
        assert alive(pid)
    finally:
        os.kill(pid, signal.SIGKILL)


# ---- finding the program -----------------------------------------------------------------------


def test_a_name_is_looked_up_in_our_path(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(shared / "tags", "#!/bin/sh\necho found $0\n")
    monkeypatch.setenv("PATH", f"/nowhere:{shared}:/usr/bin:/bin")
    assert run_tag_command(("tags",), ME, LONG_S) == f"found {shared}/tags\n".encode()


def test_what_can_not_be_executed_is_passed_over_in_the_path(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shared / "a").mkdir(mode=0o755)
    (shared / "b").mkdir(mode=0o755)
    script(shared / "a" / "tags", "#!/bin/sh\necho a\n", 0o644)
    script(shared / "b" / "tags", "#!/bin/sh\necho b\n")
    monkeypatch.setenv("PATH", f"{shared}/a:{shared}/b:/usr/bin:/bin")
    assert run_tag_command(("tags",), ME, LONG_S) == b"b\n"


def test_a_name_with_a_slash_is_relative_to_our_directory(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(shared / "tags", "#!/bin/sh\necho here\n")
    monkeypatch.chdir(shared)
    assert run_tag_command(("./tags",), ME, LONG_S) == b"here\n"


def test_an_empty_entry_of_the_path_is_the_current_directory() -> None:
    assert list(candidates(b"tags", b":/bin")) == [b"./tags", b"/bin/tags"]


def test_without_a_path_the_systems_directories_are_searched() -> None:
    assert b"/bin/tags" in list(candidates(b"tags", None))


def test_a_script_without_an_interpreter_is_run_by_the_shell(shared: Path) -> None:
    path = script(shared / "tags", 'echo "$0 $1 $#"\n')
    assert run_tag_command((path, "one", "two"), ME, LONG_S) == f"{path} one 2\n".encode()


def test_a_missing_program_is_the_agents_failure_too() -> None:
    with pytest.raises(TagCommandFailed, match="/no/such/program does not exist"):
        run_tag_command(("/no/such/program",), ME, LONG_S)


def test_a_missing_interpreter_is_the_agents_failure_too(shared: Path) -> None:
    path = script(shared / "tags", "#!/no/such/interpreter\n")
    with pytest.raises(TagCommandFailed, match="exists, but its interpreter does not"):
        run_tag_command((path,), ME, LONG_S)


@pytest.mark.parametrize("name", ["no-such-program-anywhere", "./no-such-program"])
def test_the_agent_may_find_a_name_that_we_do_not(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One of our own directories may be closed to us, and then it isn't certain.
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(TagCommandUndecided, match="give the full path of the program"):
        run_tag_command((name,), ME, LONG_S)


def test_an_empty_name_is_nothing_that_the_agent_can_run() -> None:
    with pytest.raises(TagCommandFailed, match="the empty name"):
        run_tag_command(("",), ME, LONG_S)


def test_a_file_that_nobody_may_execute_is_the_agents_failure_too(shared: Path) -> None:
    path = script(shared / "tags", "#!/bin/sh\n", 0o644)
    with pytest.raises(TagCommandFailed, match=r"chmod \+x"):
        run_tag_command((path,), ME, LONG_S)


def test_a_directory_is_no_program(shared: Path) -> None:
    with pytest.raises(TagCommandFailed, match="can't be executed"):
        run_tag_command((str(shared),), ME, LONG_S)


@pytest.mark.parametrize("argument", ["a\0b", "\ud800"])
def test_what_no_program_can_be_given_is_the_agents_failure_too(argument: str) -> None:
    with pytest.raises(TagCommandFailed, match="an argument holds"):
        run_tag_command(("printf", argument), ME, LONG_S)


def test_too_many_arguments_are_the_agents_failure_too() -> None:
    with pytest.raises(TagCommandFailed, match="can't be executed"):
        run_tag_command(("/bin/true", "x" * (1 << 21)), ME, LONG_S)


# ---- how it ends -------------------------------------------------------------------------------


def test_a_failure_tells_the_status_and_the_last_line_of_stderr() -> None:
    with pytest.raises(TagCommandFailed) as caught:
        sh(r"echo first >&2; printf 'no \033[31m cmdb\n\n' >&2; exit 3")
    assert str(caught.value) == r"it exits with status 3 and prints: no \x1b[31m cmdb"


def test_a_long_complaint_is_cut() -> None:
    with pytest.raises(TagCommandFailed) as caught:
        sh("head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1")
    assert len(str(caught.value)) < 300


def test_a_signal_is_named() -> None:
    with pytest.raises(TagCommandFailed, match="it ends by SIGSEGV"):
        sh("kill -SEGV $$")


def test_a_command_that_hangs_is_ended_at_the_limit(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    await_end(stopped_at_a_limit(f"sleep 600 & echo $$ $! >{note}; wait", note))


def test_a_command_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    before = own_children()
    script = f"trap '' TERM HUP INT; echo $$ >{note}; while :; do sleep 0.05; done"
    await_end(stopped_at_a_limit(script, note))
    assert own_children() == before


def test_a_process_group_of_its_own_does_not_save_a_job(tmp_path: Path) -> None:
    """timeout(1) and `set -m` make such groups."""
    note = tmp_path / "pids"
    await_end(stopped_at_a_limit(f"timeout 600 sleep 600 & echo $! >{note}; wait", note))


def test_a_stopped_command_is_ended_too(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    await_end(stopped_at_a_limit(f"echo $$ >{note}; kill -STOP $$", note))


def test_a_daemon_that_keeps_stdout_open_does_not_hold_us_up(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    script = f"setsid sh -c 'echo $$ >{note}; exec sleep 600' & echo '[]'"
    because = "it has exited, but what it started holds"
    (daemon,) = stopped_at_a_limit(script, note, because=because)
    assert alive(daemon)
    os.kill(daemon, signal.SIGKILL)


def test_a_child_that_keeps_stdout_open_is_ended_with_its_session(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    await_end(stopped_at_a_limit(f"sleep 600 & echo $! >{note}", note, because="it has exited"))


def test_a_command_that_closes_its_output_and_goes_on_is_ended_at_the_limit() -> None:
    with pytest.raises(TagCommandUndecided, match="still running"):
        sh("exec >&- 2>&-; sleep 600", timeout_s=0.3)


@pytest.mark.parametrize("stream", ["", ">&2"])
def test_a_command_that_prints_forever_is_ended(stream: str) -> None:
    with pytest.raises(TagCommandUndecided, match=r"4 MiB|still running"):
        sh(f"exec yes {stream}", timeout_s=1)


def test_all_of_four_mebibytes_is_taken_and_no_more() -> None:
    assert len(sh("head -c 4194304 /dev/zero", timeout_s=LONG_S)) == 4 << 20
    with pytest.raises(TagCommandUndecided, match="more than 4 MiB"):
        sh("head -c 4194305 /dev/zero", timeout_s=LONG_S)


def test_no_zombie_and_no_descriptor_is_left() -> None:
    sh("true")
    children, descriptors = own_children(), len(list(Path("/proc/self/fd").iterdir()))
    sh("true")
    for bad in ("exit 1", "sleep 60", "sleep 60 >/dev/null & exit 1"):
        with pytest.raises((TagCommandFailed, TagCommandUndecided)):
            sh(bad, timeout_s=0.2)
    with pytest.raises(TagCommandFailed):
        run_tag_command(("/no/such/program",), ME, LONG_S)
    assert own_children() == children
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_to_us_ends_it_with_all_it_started(tmp_path: Path, number: int) -> None:
    note = tmp_path / "pids"
    code = (
        "from proccli.local.tag_command.run import run_tag_command\n"
        f"run_tag_command(('/bin/sh', '-c', 'sleep 600 & echo $$ $! >{note}; wait'), {ME!r}, 600)"
    )
    ours = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    pids = wait_for(note)
    ours.send_signal(number)
    assert ours.wait(LONG_S) == -number
    await_end(pids)


def test_handlers_are_left_as_they_were() -> None:
    mine = signal.signal(signal.SIGHUP, lambda *_: None)
    try:
        handler = signal.getsignal(signal.SIGHUP)
        sh("true")
        assert signal.getsignal(signal.SIGHUP) is handler
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, mine)


# ---- with whose rights -------------------------------------------------------------------------


@AS_ROOT
@pytest.mark.root
def test_as_nobody_it_has_nothing_of_roots() -> None:
    assert sh("id -u; id -g; id -G", user="nobody").split() == [b"65534"] * 3


@AS_ROOT
@pytest.mark.root
def test_roots_supplementary_groups_are_taken_off_too() -> None:
    groups = os.getgroups()
    os.setgroups([0, 4])
    try:
        assert sh("id -G", user="nobody").split() == [b"65534"]
    finally:
        os.setgroups(groups)


@AS_ROOT
@pytest.mark.root
def test_nobodys_processes_are_ended_at_the_limit_too(shared: Path) -> None:
    shared.chmod(0o777)
    note = shared / "pids"
    script = f"trap '' TERM; sleep 600 & echo $$ $! >{note}; wait"
    await_end(stopped_at_a_limit(script, note, user="nobody"))


@AS_ROOT
@pytest.mark.root
def test_what_only_roots_group_may_execute_is_not_known(shared: Path) -> None:
    """The agent, which leaves that group on, may run it."""
    path = script(shared / "tags", "#!/bin/sh\necho ok\n", 0o750)
    with pytest.raises(TagCommandUndecided, match="root's group"):
        run_tag_command((path,), "nobody", LONG_S)
    assert run_tag_command((path,), "root", LONG_S) == b"ok\n"


@AS_ROOT
@pytest.mark.root
def test_what_only_roots_group_may_read_is_not_known(shared: Path) -> None:
    path = script(shared / "tags.yaml", "[]\n", 0o640)
    with pytest.raises(TagCommandUndecided, match="root's group"):
        run_tag_command(("cat", path), "nobody", LONG_S)


@AS_ROOT
@pytest.mark.root
def test_root_that_may_not_change_the_user_does_not_know(shared: Path) -> None:
    """A container may keep CAP_SETUID from its root."""
    code = (
        "import ctypes\n"
        "from proccli.local.tag_command.run import run_tag_command\n"
        "libc = ctypes.CDLL(None)\n"
        "header = (ctypes.c_uint32 * 2)(0x20080522, 0)\n"
        "keep = (ctypes.c_uint32 * 6)()\n"
        "assert libc.capset(header, keep) == 0\n"
        "try: run_tag_command(('/bin/true',), 'nobody', 10)\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("TagCommandUndecided /bin/true can't be started")


@AS_ROOT
@pytest.mark.root
def test_somebody_runs_it_as_themselves_without_changing_anything() -> None:
    code = as_nobody_code(
        "proccli.local.tag_command.run",
        "from proccli.local.tag_command.run import run_tag_command\n"
        "print(run_tag_command(('id', '-u'), 'nobody', 10))\n"
        "try: run_tag_command(('id', '-u'), 'root', 10)\n"
        "except Exception as error: print(type(error).__name__)\n",
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [r"b'65534\n'", "TagCommandUndecided"]

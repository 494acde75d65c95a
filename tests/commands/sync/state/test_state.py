"""The state of `sync`: always complete, in a directory that no other user can write."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import sqlite3
import stat
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from proccli.commands.sync.state.file import StateFile
from proccli.commands.sync.state.lock import locked
from proccli.commands.sync.state.memory import Memory, boot_id
from proccli.commands.sync.state.place import default_state, given_state
from proccli.errors import EXIT_LOCKED, StateError, StateLocked
from proccli.model.sockets import SyncedProcess, SyncedSocket
from proccli.terminal.warning_text import message as words_of
from tests import build
from tests.sources.procfs.processes import as_nobody, fork, in_child, public_directory, root_only
from tests.waiting import LONG_S

PROCESS = SyncedProcess(
    name="shop\udc80\n",
    pid=4242,
    process_name="python3",
    cmdline="python3 'ü'",
    user="",
    start_time=0,
    os_app_tags=(("owner", "alice"), ("owner", "bob")),
    netns_id=4026531840,
    container_id="",
    starttime_ticks=77,
)
SOCKET = SyncedSocket("tcp", "client", 4242, "10.0.0.5", 41000, None, "10.0.0.9", 5432, 1)
MEMORY = Memory(
    host="web-1",
    boot_id="b1",
    boot_time_s=1_767_225_600,
    config="c",
    enabled=True,
    digest=None,
    processes=(PROCESS, PROCESS._replace(pid=4300, os_app_tags=None, starttime_ticks=None)),
    sockets=(SOCKET, SOCKET, SOCKET._replace(pid_0=None, pid_1=1)),
    warned=frozenset({"a", "b"}),
    written_to="/out",
    sampled_at_ns=1_767_225_601_000_000_000,
    reader="/proc as root",
    first_seen_ns={(4242, 77, 3, 9): 1_767_225_600_000_000_000, (1, None, 3, 10): 5},
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A state with something in it."""
    StateFile(tmp_path / "s").save(MEMORY)
    return tmp_path / "s"


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_what_was_saved_is_loaded(path: Path) -> None:
    loaded, notes = StateFile(path).load()
    assert loaded is not None
    assert sorted(loaded.sockets, key=str) == sorted(MEMORY.sockets, key=str)
    assert loaded._replace(sockets=MEMORY.sockets) == MEMORY
    assert notes == ()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names(path.parent) == ["s"]


def test_what_is_saved_replaces_all_that_was_there(path: Path) -> None:
    smaller = MEMORY._replace(
        processes=(PROCESS._replace(name="other"),),
        sockets=(SOCKET,),
        first_seen_ns={(1, None, 3, 10): 6},
        warned=frozenset(),
        digest="d" * 40,
    )
    StateFile(path).save(smaller)
    assert StateFile(path).load() == (smaller, ())
    empty = smaller._replace(processes=(), sockets=(), first_seen_ns={})
    StateFile(path).save(empty)
    assert StateFile(path).load() == (empty, ())


def test_a_large_state_is_one_json_document_and_its_texts_are_shared(tmp_path: Path) -> None:
    """It is written in pieces, each of many elements."""
    large = MEMORY._replace(
        processes=tuple(PROCESS._replace(pid=pid) for pid in range(1, 600)),
        sockets=tuple(SOCKET._replace(port_0=port) for port in range(1, 1000)),
        first_seen_ns={(1, None, fd, fd + 9): fd for fd in range(512)},
    )
    StateFile(tmp_path / "s").save(large)

    assert len(json.loads((tmp_path / "s").read_bytes())["sockets"]) == 999
    loaded, _ = StateFile(tmp_path / "s").load()
    assert loaded == large
    assert loaded is not None
    assert len({id(text) for one in loaded.sockets for text in (one.ip_0, one.ip_1)}) == 2


def test_a_missing_state_is_no_error_and_is_not_made_by_loading(tmp_path: Path) -> None:
    assert StateFile(tmp_path / "s").load() == (None, ())
    assert names(tmp_path) == []


def test_an_empty_file_is_a_state_without_content(tmp_path: Path) -> None:
    """As `mktemp` makes it, or a run that was killed before its first commit."""
    (tmp_path / "s").touch()
    assert StateFile(tmp_path / "s").load() == (None, ())
    StateFile(tmp_path / "s").save(MEMORY)
    assert StateFile(tmp_path / "s").load()[0] is not None
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o600


def test_numbers_may_be_of_any_size(tmp_path: Path) -> None:
    wild = MEMORY._replace(first_seen_ns={(1, 1 << 64, 3, 9): 1, (1, 1, 3, 1 << 63): 1 << 70})
    StateFile(tmp_path / "s").save(wild)
    loaded, _ = StateFile(tmp_path / "s").load()
    assert loaded is not None
    assert loaded.first_seen_ns == wild.first_seen_ns


def test_saving_removes_what_a_killed_run_left_and_nothing_else(path: Path) -> None:
    others = [".proccli-t-abcdefgh.tmp", ".proccli-abcdefgh.tmp", ".proccli-s-notes"]
    for name in (".proccli-s-abcdefgh.tmp", *others):
        (path.parent / name).touch()
    StateFile(path).save(MEMORY)
    assert names(path.parent) == sorted([*others, "s"])


# ---- damage -----------------------------------------------------------------------------------


def changed(**members: Any) -> Callable[[Path], object]:
    """Other values for these keys of the document; `...`: without it."""

    def damage(path: Path) -> None:
        document = json.loads(path.read_text()) | members
        kept = {name: value for name, value in document.items() if value is not ...}
        path.write_text(json.dumps(kept))

    return damage


def element(name: str, **members: Any) -> Callable[[Path], object]:
    """Other values for these keys of the first element of a list."""

    def damage(path: Path) -> None:
        document = json.loads(path.read_text())
        document[name][0].update(members)
        path.write_text(json.dumps(document))

    return damage


def at(offset: int, content: bytes) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with path.open("r+b") as file:
            file.seek(offset)
            file.write(content)

    return damage


def truncated(size: int) -> Callable[[Path], None]:
    return lambda path: os.truncate(path, size)


def database(path: Path) -> None:
    """As an older proccli wrote it."""
    path.unlink()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA user_version = 1")
        connection.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "text": lambda path: path.write_text("not a state"),
    "one byte": lambda path: path.write_bytes(b"{"),
    "zeros": lambda path: path.write_bytes(bytes(8192)),
    "cut in the middle": truncated(200),
    "not ASCII": at(60, b"\xff"),
    "an SQLite database": database,
    "another JSON document": lambda path: path.write_text("{}"),
    "a list": lambda path: path.write_text("[]"),
    "another format": changed(format="x"),
    "no version": changed(version=...),
    "an earlier version": changed(version=1),
    "a later version": changed(version=99),
    "a version that is text": changed(version="2"),
    "a key that is missing": changed(warned=...),
    "deep JSON": lambda path: path.write_text("[" * 100_000),
    "a number of too many digits": lambda path: path.write_text("1" * 100_000),
    "another type": changed(enabled=1),
    "no number": changed(boot_time_s=float("nan")),
    "NULL": changed(config=None),
    "a warning that is no text": changed(warned=[1]),
    "a process that is a list": changed(processes=[[]]),
    "a process with a text for its pid": element("processes", pid="1"),
    "a tag that is no pair": element("processes", os_app_tags=[1]),
    "a socket that is short": changed(sockets=[[1]]),
    "a socket of a text": changed(sockets=["tcp"]),
    "a time of text": changed(first_seen_ns=[[1, 2, 3, 4, "x"]]),
    "a time without its socket": changed(first_seen_ns=[[1]]),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_state_is_renamed_with_a_warning_and_rebuilt(
    path: Path, damage: Callable[[Path], object]
) -> None:
    damage(path)
    broken = path.read_bytes()

    loaded, notes = StateFile(path).load()
    assert loaded is None
    assert [note.code for note in notes] == ["state-damaged"]
    assert str(path) + ".damaged" in words_of(notes[0])
    assert path.with_name("s.damaged").read_bytes() == broken
    assert names(path.parent) == ["s.damaged"]

    StateFile(path).save(MEMORY)
    assert StateFile(path).load()[0] is not None


def test_a_flipped_bit_is_found_or_changes_nothing_that_crashes(path: Path) -> None:
    whole = path.read_bytes()
    dice = random.Random(4)
    found = 0
    for _ in range(80):
        broken = bytearray(whole)
        for _ in range(dice.choice((1, 1, 20))):
            broken[dice.randrange(len(broken))] ^= 1 << dice.randrange(8)
        for left in path.parent.iterdir():
            left.unlink()
        path.write_bytes(broken)
        loaded, notes = StateFile(path).load()
        found += bool(notes)
        assert (loaded is None) == bool(notes)
        StateFile(path).save(MEMORY)
        assert StateFile(path).load()[1] == ()
    assert found > 10


def test_the_state_of_an_older_proccli_is_said_to_be_one(path: Path) -> None:
    database(path)
    _, (note,) = StateFile(path).load()
    assert "it is an SQLite database, written by an older proccli" in words_of(note)
    assert StateFile(path).load() == (None, ())


def test_a_later_version_is_named(path: Path) -> None:
    changed(version=99)(path)
    _, (note,) = StateFile(path).load()
    assert "it has version 99; this proccli reads version 2" in words_of(note)


def test_no_more_is_read_than_is_ever_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proccli.commands.sync.state.file.MAX_STATE_BYTES", 1 << 20)
    os.truncate(path, 1 << 20 | 1)
    _, (note,) = StateFile(path).load()
    assert "it is larger than 1 MiB" in words_of(note)
    large = MEMORY._replace(config="c" * (1 << 20))
    with pytest.raises(StateError, match="more than 1 MiB"):
        StateFile(path).save(large)
    assert names(path.parent) == ["s.damaged"]


def test_damage_done_between_loading_and_saving_is_repaired(path: Path) -> None:
    state = StateFile(path)
    state.load()
    path.write_text("damaged")
    state.save(MEMORY)
    assert state.load()[0] is not None


def test_what_was_moved_aside_before_stays(path: Path) -> None:
    for number in range(1, 13):
        path.write_text(f"damage {number}")
        StateFile(path).load()

    kept = {name: (path.parent / name).read_text() for name in names(path.parent)}
    assert kept == {"s.damaged": "damage 1"} | {
        f"s.damaged-{number}": f"damage {number}" for number in range(2, 13)
    }


def test_a_state_with_a_second_name_is_refused(path: Path) -> None:
    """Its mode would change that of another file of ours."""
    other = path.parent / "other"
    other.write_text("{}")
    other.chmod(0o644)
    path.unlink(missing_ok=True)
    path.hardlink_to(other)

    with pytest.raises(StateError, match="hard link"):
        StateFile(path).load()
    assert other.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("seed", range(2))
def test_a_state_that_is_saved_while_we_are_killed_is_one_or_the_other(
    path: Path, seed: int
) -> None:
    """However far the writing got."""
    dice = random.Random(seed)
    many = MEMORY._replace(
        processes=tuple(PROCESS._replace(pid=pid) for pid in range(1, 300)),
        config="many",
    )
    for _ in range(30):
        pid = fork()
        if pid == 0:
            try:
                while True:
                    StateFile(path).save(many)
                    StateFile(path).save(MEMORY)
            finally:
                os._exit(1)
        time.sleep(dice.uniform(0.005, 0.05))
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        assert os.WIFSIGNALED(status)
        loaded, notes = StateFile(path).load()
        assert notes == ()
        assert loaded is not None
        assert (loaded.config, len(loaded.processes)) in (("many", 299), ("c", 2))


def test_a_first_state_whose_writer_is_killed_is_there_or_not(tmp_path: Path) -> None:
    dice = random.Random(1)
    many = MEMORY._replace(processes=tuple(PROCESS._replace(pid=pid) for pid in range(1, 400)))
    outcomes = set()
    for number in range(60):
        path = tmp_path / str(number)
        reader, writer = os.pipe()
        pid = fork()
        if pid == 0:
            try:
                os.write(writer, b".")
                StateFile(path).save(many)
            finally:
                os._exit(0)
        os.read(reader, 1)
        time.sleep(dice.uniform(0, 0.03))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(reader)
        os.close(writer)
        loaded, notes = StateFile(path).load()
        assert notes == ()
        assert loaded is None or len(loaded.processes) == 399
        outcomes.add((path.exists(), loaded is None))
        StateFile(path).save(MEMORY)
        assert StateFile(path).load()[0] is not None
    assert outcomes <= {(True, False), (False, True)}
    assert (False, True) in outcomes


# ---- disks and rights -------------------------------------------------------------------------


def test_a_full_disk_leaves_the_state_as_it_was(path: Path) -> None:
    large = MEMORY._replace(processes=tuple(PROCESS._replace(pid=pid) for pid in range(1, 2000)))

    def save_with_little_room() -> str:
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))
        with pytest.raises(StateError) as caught:
            StateFile(path).save(large)
        return str(caught.value)

    problem = in_child(save_with_little_room)
    assert "--no-state" in problem
    loaded, notes = StateFile(path).load()
    assert notes == ()
    assert loaded is not None
    assert loaded.processes == MEMORY.processes


@root_only
def test_a_read_only_directory_is_said_before_the_work() -> None:
    def attempt() -> str:
        with pytest.raises(StateError) as caught:
            given_state(str(folder / "s"))
        return str(caught.value)

    with public_directory() as folder:
        problem = as_nobody(attempt)
    assert "no permission to write" in problem
    assert "--no-state" in problem


@root_only
def test_what_belongs_to_others_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", 65534, 65534)
    with pytest.raises(StateError, match="belongs to user id 65534"):
        given_state(str(tmp_path / "theirs" / "s"))
    (tmp_path / "s").touch()
    os.chown(tmp_path / "s", 65534, 65534)
    with pytest.raises(StateError, match="belongs to user id 65534"):
        StateFile(tmp_path / "s").load()
    (tmp_path / "xdg").mkdir()
    (tmp_path / "xdg" / "proccli").mkdir()
    os.chown(tmp_path / "xdg" / "proccli", 65534, 65534)
    with pytest.raises(StateError, match="belongs to user id 65534"):
        default_state(["x"], {"XDG_STATE_HOME": str(tmp_path / "xdg")})


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "s").symlink_to("precious")
    for attempt in (StateFile(tmp_path / "s").load, lambda: StateFile(tmp_path / "s").save(MEMORY)):
        with pytest.raises(StateError, match="is a symbolic link"):
            attempt()
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_linked_lock_is_refused(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "s.lock").symlink_to("precious")
    with pytest.raises(StateError, match="symbolic link"), locked(tmp_path / "s", 0):
        pass
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_fifo_is_no_state_and_no_lock(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "s")
    os.mkfifo(tmp_path / "s.lock")
    with pytest.raises(StateError, match="not a regular file"):
        StateFile(tmp_path / "s").load()
    with (
        pytest.raises(StateError, match="not a regular file that you own"),
        locked(tmp_path / "s", 0),
    ):
        pass


def test_a_directory_where_others_exchange_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o777)
    with pytest.raises(StateError, match="other users can replace files"):
        given_state(str(tmp_path / "shared" / "s"))
    (tmp_path / "shared").chmod(0o1777)
    assert given_state(str(tmp_path / "shared" / "s")) == tmp_path / "shared" / "s"


@pytest.mark.parametrize("wrong", ["", "a\0b", "/", "none/", "/none/such/s", "/dev/null/s"])
def test_what_cannot_be_a_file_is_refused(wrong: str) -> None:
    with pytest.raises(StateError):
        given_state(wrong)


def test_the_default_place_is_ours_alone(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        path = default_state(["x"], {"XDG_STATE_HOME": str(tmp_path / "a" / "b")})
    finally:
        os.umask(umask)
    assert path.parent == tmp_path / "a" / "b" / "proccli"
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.parent.chmod(0o755)
    assert default_state(["x"], {"XDG_STATE_HOME": str(tmp_path / "a" / "b")}) == path
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_default_state_of_an_older_proccli_is_found(tmp_path: Path) -> None:
    """It had another name; it is put aside with a warning when it is loaded, once."""
    place = {"XDG_STATE_HOME": str(tmp_path)}
    path = default_state(["x"], place)
    former = path.with_suffix(".sqlite3")
    former.write_bytes(b"SQLite format 3\0" + bytes(100))
    assert default_state(["x"], place) == path
    assert names(path.parent) == [path.name]
    assert [note.code for note in StateFile(path).load()[1]] == ["state-damaged"]
    assert default_state(["x"], place) == path
    assert names(path.parent) == [f"{path.name}.damaged"]


def test_each_question_has_its_own_default_state(tmp_path: Path) -> None:
    place = {"XDG_STATE_HOME": str(tmp_path)}
    assert default_state(["a", "b"], place) != default_state(["ab", ""], place)
    assert default_state(["a\udc80"], place) != default_state(["a\udc81"], place)


def test_a_linked_default_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "proccli").symlink_to("there")
    with pytest.raises(StateError, match="is not a directory"):
        default_state(["x"], {"XDG_STATE_HOME": str(tmp_path)})


def test_a_relative_state_home_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = default_state(["x"], {"XDG_STATE_HOME": "here"})
    assert path.parent == tmp_path / ".local" / "state" / "proccli"


# ---- the lock ---------------------------------------------------------------------------------


def test_the_second_waits_for_the_first(tmp_path: Path) -> None:
    order: list[str] = []
    entered, waiting = threading.Event(), threading.Event()

    def first() -> None:
        with locked(tmp_path / "s", 0):
            entered.set()
            assert waiting.wait(LONG_S)
            order.append("first")

    def sleep(seconds: float) -> None:
        waiting.set()
        time.sleep(seconds)

    thread = threading.Thread(target=first)
    thread.start()
    assert entered.wait(LONG_S)
    with locked(tmp_path / "s", LONG_S, sleep):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]


def test_the_second_gives_up_and_names_the_first(tmp_path: Path) -> None:
    with locked(tmp_path / "s", 0):
        began = time.monotonic()
        with (
            pytest.raises(StateLocked, match=rf"pid {os.getpid()}.*waited 0.2 s") as caught,
            locked(tmp_path / "s", 0.2),
        ):
            pass
        assert time.monotonic() - began >= 0.2
    assert caught.value.exit_code == EXIT_LOCKED
    with locked(tmp_path / "s", 0):
        pass


# ---- boots ------------------------------------------------------------------------------------


def test_a_boot_is_told_by_its_id_before_anything_else() -> None:
    host = build.host(name="renamed", boot_time_s=5)
    assert MEMORY.same_boot(host, "b1")
    assert not MEMORY.same_boot(build.host(), "b2")


def test_without_an_id_host_and_boot_time_tell() -> None:
    boot_s = MEMORY.boot_time_s or 0
    assert MEMORY.same_boot(build.host(boot_time_s=boot_s + 3), None)
    assert MEMORY.same_boot(build.host(boot_time_s=None), None)
    assert not MEMORY.same_boot(build.host(boot_time_s=boot_s + 600), None)
    assert not MEMORY.same_boot(build.host(name="web-2", boot_time_s=boot_s), None)


def test_this_boot_has_an_id() -> None:
    assert boot_id() == Path("/proc/sys/kernel/random/boot_id").read_text().strip()

from __future__ import annotations

import os
import resource
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from proccli.model.process import FieldError
from proccli.model.sockets import TABLES, NetTables, SocketFd, SocketRow
from proccli.sources.procfs import sockets as procfs_sockets
from proccli.sources.procfs.directory import DirectorySource
from proccli.sources.procfs.live import LiveSource
from proccli.sources.procfs.sockets import read_socket_fds
from tests.network import connected, enter_new_namespace, fresh, inode_of, netns_of, udp_pair
from tests.sources.procfs.processes import as_nobody, forked, in_child, root_only


def held(found: object) -> list[SocketFd]:
    assert isinstance(found, tuple), found
    return list(found)


def inodes(found: object) -> set[int]:
    return {item.inode for item in held(found)}


def rows(tables: NetTables) -> dict[int, SocketRow]:
    assert [table.name for table in tables] == list(TABLES)
    assert [table.error for table in tables] == [None] * 4
    return {row.inode: row for table in tables for row in table.rows}


def test_a_process_holds_its_sockets_and_nothing_else() -> None:
    with connected() as sockets, udp_pair() as pair, Path(os.devnull).open("rb") as other:
        found = held(LiveSource().socket_fds(os.getpid()))
        numbers = {item.fd: item.inode for item in found}
        for one in (*sockets, *pair):
            assert numbers[one.fileno()] == inode_of(one)
        assert other.fileno() not in numbers
    assert [item.fd for item in found] == sorted(item.fd for item in found)


def test_a_socket_is_as_old_as_its_link() -> None:
    before_ns = time.time_ns() - 1_000_000_000  # the kernel's clock for this is coarse
    with fresh(socket.socket()) as one:
        first, again = (LiveSource().socket_fds(os.getpid()) for _ in "12")
        (mine,) = (item for item in held(first) if item.inode == inode_of(one))
        assert mine.age_source == "fd-ctime"
        assert mine.since_ns is not None
        assert before_ns < mine.since_ns <= time.time_ns()
        assert mine in held(again)


def test_a_number_that_is_used_again_keeps_the_age_of_its_link() -> None:
    with fresh(socket.socket()) as first:
        number = first.fileno()
        (before,) = (one for one in held(LiveSource().socket_fds(os.getpid())) if one.fd == number)
    time.sleep(0.05)
    with socket.socket() as second:
        os.dup2(second.fileno(), number)
        try:
            found = held(LiveSource().socket_fds(os.getpid()))
        finally:
            os.close(number)
    (after,) = (one for one in found if one.fd == number)
    assert after.inode != before.inode
    assert after.since_ns == before.since_ns


def test_every_kind_of_connection_is_in_the_tables() -> None:
    with (
        connected() as v4,
        connected("::1") as v6,
        connected(dualstack_ipv6=True) as dual,
        udp_pair() as udp,
        udp_pair("::1") as udp6,
    ):
        table = rows(LiveSource().net_tables(os.getpid()))
        seen = {
            name: [(table[inode_of(one)].family, table[inode_of(one)].state) for one in sockets]
            for name, sockets in {
                "v4": v4,
                "v6": v6,
                "dual": dual,
                "udp": udp,
                "udp6": udp6,
            }.items()
        }
        _, client, accepted = dual
        mapped = table[inode_of(accepted)]
        assert mapped.local.ip == "127.0.0.1"
        assert mapped.remote == table[inode_of(client)].local
    assert seen == {
        "v4": [("ipv4", "LISTEN"), ("ipv4", "ESTABLISHED"), ("ipv4", "ESTABLISHED")],
        "v6": [("ipv6", "LISTEN"), ("ipv6", "ESTABLISHED"), ("ipv6", "ESTABLISHED")],
        "dual": [("ipv6", "LISTEN"), ("ipv4", "ESTABLISHED"), ("ipv6", "ESTABLISHED")],
        "udp": [("ipv4", "UNCONNECTED"), ("ipv4", "ESTABLISHED")],
        "udp6": [("ipv6", "UNCONNECTED"), ("ipv6", "ESTABLISHED")],
    }


def test_psutil_sees_the_same() -> None:
    with connected() as _tcp, connected("::1") as _tcp6, udp_pair() as _udp:
        source = LiveSource()
        table = rows(source.net_tables(os.getpid()))
        ours = {
            (item.fd, row.protocol, row.local, row.remote if row.remote.port else None)
            for item in held(source.socket_fds(os.getpid()))
            if (row := table.get(item.inode)) is not None
        }
        theirs = {
            (
                one.fd,
                "tcp" if one.type == socket.SOCK_STREAM else "udp",
                tuple(one.laddr),
                tuple(one.raddr) or None,
            )
            for one in psutil.Process().net_connections("inet")
        }
    assert ours == theirs


def test_ss_sees_the_same_tcp_sockets() -> None:
    """iproute2 asks by netlink, which doesn't go through the text tables."""
    try:
        subprocess.run(["ss", "-V"], capture_output=True, check=True)
    except FileNotFoundError:
        pytest.skip("no ss command here")
    with connected() as tcp:
        listing = subprocess.run(
            ["ss", "-tnaeH"], capture_output=True, text=True, check=True
        ).stdout
        states = {
            int(word.removeprefix("ino:")): line.split()[0]
            for line in listing.splitlines()
            for word in line.split()
            if word.startswith("ino:")
        }
        table = rows(LiveSource().net_tables(os.getpid()))
        for one in tcp:
            inode = inode_of(one)
            assert table[inode].state[:5] == states[inode].replace("ESTAB", "ESTABLISHED")[:5]


def test_children_share_sockets_under_one_inode() -> None:
    with connected() as sockets, forked() as child:
        source = LiveSource()
        mine, theirs = (inodes(source.socket_fds(pid)) for pid in (os.getpid(), child))
        assert {inode_of(one) for one in sockets} <= mine & theirs


@root_only
def test_another_namespace_has_other_tables() -> None:
    listening: list[socket.socket] = []

    def listen_elsewhere() -> None:
        enter_new_namespace()
        listening.append(socket.create_server(("127.0.0.1", 4711)))

    with forked(listen_elsewhere) as child:
        if netns_of(child) == netns_of(os.getpid()):
            pytest.skip("no network namespace to be had")
        source = LiveSource()
        (row,) = rows(source.net_tables(child)).values()
        assert (row.state, row.local) == ("LISTEN", ("127.0.0.1", 4711))
        assert inodes(source.socket_fds(child)) >= {row.inode}
        assert row.inode not in rows(source.net_tables(os.getpid()))


def test_a_process_that_has_exited_is_gone() -> None:
    source = LiveSource()
    with forked() as child:
        source.read(child)
    found = source.socket_fds(child)
    assert isinstance(found, FieldError)
    assert found.problem == "gone"
    tables = source.net_tables(child)
    assert [table.error and table.error.problem for table in tables] == ["gone"] * 4


def test_a_zombie_has_no_sockets_and_no_namespace() -> None:
    with forked(stays=False) as child:
        source = LiveSource()
        found = source.socket_fds(child)
        # Without root's rights a zombie can't be looked into.
        assert isinstance(found, FieldError) if os.geteuid() else not held(found)
        tables = source.net_tables(child)
        assert [table.error and table.error.problem for table in tables] == ["gone"] * 4


def test_a_process_that_becomes_a_zombie_meanwhile_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It had sockstat, which said that there is no IPv6 socket, and has no tables any more."""
    monkeypatch.setattr(
        procfs_sockets, "_empty_by_sockstat", lambda _files: frozenset({"tcp6", "udp6"})
    )
    with forked(stays=False) as child:
        tables = LiveSource().net_tables(child)
    assert [table.error and table.error.problem for table in tables] == ["gone"] * 4


@root_only
def test_the_sockets_of_other_users_are_refused() -> None:
    parent = os.getpid()

    def look() -> tuple[object, bool]:
        source = LiveSource()
        return source.socket_fds(parent), all(
            table.error is None for table in source.net_tables(parent)
        )

    found, tables_readable = as_nobody(look)
    assert found == FieldError(field="fds", problem="denied", detail="EACCES")
    assert tables_readable


def test_a_pid_that_now_belongs_to_another_process_is_gone() -> None:
    source = LiveSource()
    process = source.read(os.getpid())
    assert process.starttime_ticks is not None
    # As if the process that was read had started earlier.
    fields, _ = source._processes[os.getpid()]
    earlier = process._replace(starttime_ticks=process.starttime_ticks - 1)
    source._processes[os.getpid()] = (fields, earlier)
    found = source.socket_fds(os.getpid())
    assert isinstance(found, FieldError)
    assert (found.problem, found.detail) == ("gone", "ESRCH")
    assert source.net_tables(os.getpid())[0].error is not None


def test_processes_that_vanish_meanwhile_cost_nothing() -> None:
    with ExitStack() as staying:
        stays = [staying.enter_context(forked()) for _ in range(10)]
        with ExitStack() as leaving:
            leaves = [leaving.enter_context(forked()) for _ in range(10)]
            source = LiveSource()
            assert {*stays, *leaves} <= set(source.pids())
        assert all(isinstance(source.socket_fds(pid), FieldError) for pid in leaves)
        assert all(isinstance(source.socket_fds(pid), tuple) for pid in stays)
        assert source.net_tables(stays[0])[0].error is None


def test_thousands_of_sockets_take_a_moment() -> None:
    """In a child, since every number that was ever looked at is old from then on."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(hard - 100, 6000) if hard > 0 else 6000

    def work() -> tuple[int, int, float]:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        with ExitStack() as stack:
            for _ in range(count):
                one = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                one.bind(("127.0.0.1", 0))
            source = LiveSource()
            started = time.process_time()
            found = held(source.socket_fds(os.getpid()))
            table = rows(source.net_tables(os.getpid()))
            return (
                len(found),
                sum(one.inode in table for one in found),
                time.process_time() - started,
            )

    found, in_tables, seconds = in_child(work)
    assert found >= count
    assert in_tables >= count
    assert seconds < 5


# ---- directories ---------------------------------------------------------------------------


@contextmanager
def tree(path: Path) -> Iterator[Path]:
    """A directory with one process, 42, and two sockets, one in a table."""
    root = path / "proc" / "42"
    (root / "fd").mkdir(parents=True)
    (root / "net").mkdir()
    (root / "cmdline").write_bytes(b"/usr/bin/shop\0")
    (root / "fd" / "3").symlink_to("socket:[900]")
    (root / "fd" / "10").symlink_to("socket:[901]")
    (root / "fd" / "0").symlink_to("/dev/null")
    heading = "  sl  local_address rem_address   st\n"
    row = (
        "   0: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000"
        "     0        0 900 1\n"
    )
    (root / "net" / "tcp").write_text(heading + row)
    (root / "net" / "udp").write_text(heading)
    yield root


def test_a_directorys_sockets_have_no_age(tmp_path: Path) -> None:
    with tree(tmp_path):
        found = DirectorySource(str(tmp_path / "proc")).socket_fds(42)
    assert found == (SocketFd(3, 900, None, "unknown"), SocketFd(10, 901, None, "unknown"))


def test_a_directorys_tables_are_those_of_the_process(tmp_path: Path) -> None:
    with tree(tmp_path):
        tables = DirectorySource(str(tmp_path / "proc")).net_tables(42)
    assert [row.inode for row in tables[0].rows] == [900]
    assert [table.error and table.error.problem for table in tables] == [
        None,
        None,
        "missing",
        "missing",
    ]


def test_odd_entries_among_the_fds_are_passed_over(tmp_path: Path) -> None:
    with tree(tmp_path) as root:
        for number, target in enumerate(
            ["socket:[x]", "socket:[]", "socket:[1", "socket:[-1]", "socket:[\u0663]", "pipe:[7]"],
            start=20,
        ):
            (root / "fd" / str(number)).symlink_to(target)
        (root / "fd" / "05").symlink_to("socket:[5]")
        (root / "fd" / "x").symlink_to("socket:[6]")
        (root / "fd" / "7").write_text("socket:[7]")
        (root / "fd" / "8").mkdir()
        (root / "fd" / "9").symlink_to(os.fsdecode(b"socket:[\xff]"))
        found = DirectorySource(str(tmp_path / "proc")).socket_fds(42)
    assert inodes(found) == {900, 901}


def nonsense(table: Path) -> None:
    table.write_bytes(b"heading\nnonsense\n")


def remove(table: Path) -> None:
    table.unlink()


def make_fifo(table: Path) -> None:
    table.unlink()
    os.mkfifo(table)


def lead_out(table: Path) -> None:
    table.unlink()
    table.symlink_to("/proc/self/net/tcp")


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (nonsense, "malformed"),
        (remove, "missing"),
        (make_fifo, "malformed"),
        (lead_out, "failed"),
    ],
)
def test_an_unreadable_table_has_its_error(
    tmp_path: Path, spoil: Callable[[Path], None], problem: str
) -> None:
    with tree(tmp_path) as root:
        spoil(root / "net" / "tcp")
        table = DirectorySource(str(tmp_path / "proc")).net_tables(42)[0]
    assert table.rows == ()
    assert table.error is not None
    assert (table.error.field, table.error.problem) == ("net/tcp", problem)


def test_a_directory_without_fds_has_an_error(tmp_path: Path) -> None:
    (tmp_path / "42").mkdir()
    (tmp_path / "42" / "cmdline").write_bytes(b"x\0")
    found = DirectorySource(str(tmp_path)).socket_fds(42)
    assert isinstance(found, FieldError)
    assert found.problem == "missing"


def test_no_link_leads_to_another_machines_fds(tmp_path: Path) -> None:
    (tmp_path / "42").mkdir()
    (tmp_path / "42" / "fd").symlink_to(f"/proc/{os.getpid()}/fd")
    found = DirectorySource(str(tmp_path)).socket_fds(42)
    assert isinstance(found, FieldError)
    assert found.problem == "failed"


@root_only
def test_links_that_are_refused_are_not_taken_for_none(tmp_path: Path) -> None:
    """A container's root may list the file descriptors of others without reading the links."""
    with tree(tmp_path) as root:
        directory = os.open(root / "fd", os.O_RDONLY)
        try:
            (root / "fd").chmod(0o444)
            for path in (tmp_path, tmp_path / "proc", root):
                path.chmod(0o755)

            def look() -> str:
                try:
                    return repr(read_socket_fds(directory, "unknown"))
                except PermissionError:
                    return "refused"

            assert as_nobody(look) == "refused"
        finally:
            os.close(directory)


@root_only
def test_a_link_that_is_refused_to_the_agent_costs_the_link_alone(tmp_path: Path) -> None:
    """The process is still looked at, with no socket: FACTS A10, run live."""
    with tree(tmp_path) as root:
        directory = os.open(root / "fd", os.O_RDONLY)
        try:
            (root / "fd").chmod(0o444)
            for path in (tmp_path, tmp_path / "proc", root):
                path.chmod(0o755)
            found = as_nobody(lambda: read_socket_fds(directory, "unknown", as_agent=True))
            assert found == ()
        finally:
            os.close(directory)


@root_only
def test_a_process_with_more_capabilities_than_we_have_is_looked_at() -> None:
    source = LiveSource()
    refused = next((pid for pid in source.pids() if links_are_refused(pid)), None)
    if refused is None or not source.host.privileged:
        pytest.skip("no process here lists its descriptors to root and refuses their links")
    assert source.socket_fds(refused) == ()
    assert source.read(refused).netns is None


def links_are_refused(pid: int) -> bool:
    """Whether the descriptors of a process can be listed while their links can't be read."""
    try:
        links = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False
    for link in links:
        try:
            link.readlink()
        except PermissionError:
            return True
        except OSError:
            continue
    return False

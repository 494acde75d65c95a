"""Sockets of real processes, and of given ones."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from proccli.agent.inputs import Inputs
from proccli.agent.sockets.collect import join_sockets
from proccli.agent.sockets.result import sent_sockets
from proccli.commands.explain.explain import explain_pids
from proccli.commands.record.record import record
from proccli.commands.samples import NO_WAIT, WaitPolicy, take_sample_with_ages
from proccli.commands.scan.scan import scan
from proccli.commands.sockets.sockets import SocketSelection, SocketsResult, sockets
from proccli.errors import NoSuchProcess, OutputError
from proccli.model.outcome import SocketCounts
from proccli.model.process import NO_TAGS, FieldError
from proccli.model.sockets import Peer, Socket
from proccli.model.source import Source
from proccli.sources.observed import Observations, first_seen_by_socket
from proccli.sources.procfs.directory import DirectorySource
from proccli.sources.procfs.live import LiveSource
from proccli.sources.recording.reader import read_recording
from proccli.terminal.warning_text import message as words_of
from proccli.versions import behaviour_of
from tests.agent.sockets.looking import fd, tcp
from tests.build import NO_ENVIRONMENT, ListSource, config, net_tables, process
from tests.network import (
    connected,
    enter_new_namespace,
    inode_of,
    ip_command,
    netns_of,
    udp_pair,
    wait_until_older_than,
)
from tests.sources.procfs.processes import as_nobody, forked, in_child, mount_proc, root_only
from tests.waiting import eventually

ALL = SocketSelection()
ME = os.getpid


@pytest.fixture(autouse=True, scope="module")
def _grown_up() -> None:
    """Two seconds are the least minimum lifetime that no second's turn between two lookers, of
    which other tests are one, makes look over: this process must be older than that."""
    wait_until_older_than(3)


def inputs(source: Source | None = None, *rules: Any, **fields: Any) -> Inputs:
    """Everything is old enough, unless a test says otherwise."""
    return Inputs(
        config=config(*rules, **{"min_lifetime_s": 0} | fields),
        source=source or LiveSource(),
        environment=NO_ENVIRONMENT,
        tags=NO_TAGS,
        notes=(),
    )


def of(result: SocketsResult, one: socket.socket, pid: int | None = None) -> Socket:
    """What was found of a socket of this process, or of another's hold on it."""
    (found,) = (
        each
        for each in result.sockets
        if each.row.inode == inode_of(one) and each.pid == (pid or ME())
    )
    return found


def codes(result: SocketsResult) -> set[str]:
    return {note.code for note in result.notes}


# ---- one look ---------------------------------------------------------------------------------


def test_every_kind_of_socket_gets_its_role_and_its_reason() -> None:
    with (
        connected() as v4,
        connected("::1") as v6,
        connected(dualstack_ipv6=True) as dual,
        udp_pair() as udp,
        udp_pair("::1") as udp6,
    ):
        result = sockets(inputs(), ALL, NO_WAIT)
        found = {
            name: [(of(result, one).role, of(result, one).reason) for one in some]
            for name, some in {"v4": v4, "v6": v6, "dual": dual, "udp": udp, "udp6": udp6}.items()
        }
    assert found == {
        "v4": [(None, "listening"), ("client", None), ("server", None)],
        "v6": [(None, "listening"), ("client", "ipv6"), ("server", "ipv6")],
        "dual": [(None, "listening"), ("client", None), ("server", None)],
        "udp": [(None, "udp-unconnected"), ("client", None)],
        "udp6": [(None, "udp-unconnected"), ("client", "ipv6")],
    }


def test_a_listener_on_mapped_any_makes_no_servers() -> None:
    """::ffff:0.0.0.0 takes connections over IPv4, and is not "any" to the agent."""
    with socket.socket(socket.AF_INET6) as listener:
        try:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            listener.bind(("::ffff:0.0.0.0", 0))
        except OSError as error:
            pytest.skip(f"no IPv6 here: {error}")
        listener.listen()
        with (
            socket.create_connection(("127.0.0.1", listener.getsockname()[1])),
            listener.accept()[0] as accepted,
        ):
            assert of(sockets(inputs(), ALL, NO_WAIT), accepted).role == "client"


def test_a_connection_that_is_half_closed_is_not_established() -> None:
    with connected() as (_, client, accepted):
        client.shutdown(socket.SHUT_WR)
        result = sockets(inputs(), ALL, NO_WAIT)
        assert of(result, client).row.state == "FIN_WAIT2"
        assert of(result, accepted).row.state == "CLOSE_WAIT"
        assert {of(result, one).reason for one in (client, accepted)} == {"not-established"}


def test_the_ends_of_a_connection_know_each_other() -> None:
    with connected() as (_, client, accepted), forked() as child:
        result = sockets(inputs(), ALL, NO_WAIT)
        owner = max(ME(), child)  # both hold the sockets
        assert {of(result, one).peer for one in (client, accepted)} == {
            Peer(owner, of(result, client, owner).gprocess)
        }


def test_a_shared_socket_belongs_to_the_process_with_the_higher_pid() -> None:
    with connected() as (_, client, _accepted), forked() as child:
        first, last = sorted((ME(), child))
        result = sockets(inputs(), ALL, NO_WAIT)
        assert of(result, client, first).reason == "no-owner"
        assert of(result, client, last).status == "synced"


def test_a_dropped_process_is_listed_with_its_reason() -> None:
    with connected() as (_, client, _accepted):
        everything = ("", "process_name", "drop")
        result = sockets(inputs(None, everything), ALL, NO_WAIT)
        assert of(result, client).reason == "process-not-accepted"
        assert of(result, client).gprocess is None
        assert not any(each.status == "synced" for each in result.sockets)


def test_psutil_finds_the_same_sockets_of_every_process() -> None:
    with connected(), connected(dualstack_ipv6=True), udp_pair(), forked() as child:
        result = sockets(inputs(), ALL, NO_WAIT)
        for pid in (ME(), child):
            theirs = {
                (one.fd, one.laddr.port, one.raddr.port if one.raddr else 0)
                for one in psutil.Process(pid).net_connections("inet")
            }
            ours = {
                (each.fd, each.row.local.port, each.row.remote.port)
                for each in result.sockets
                if each.pid == pid
            }
            assert ours == theirs


def test_ss_finds_the_same_connections() -> None:
    if shutil.which("ss") is None:
        pytest.skip("no ss command here")
    with connected() as (_, client, accepted), connected(dualstack_ipv6=True):
        result = sockets(inputs(), SocketSelection(pids=[ME()], protocols=["tcp"]), NO_WAIT)
        listing = subprocess.run(
            ["ss", "-tnpH", "state", "established"], capture_output=True, text=True, check=True
        ).stdout
        theirs = {
            tuple(int(end.rpartition(":")[2]) for end in line.split()[2:4])
            for line in listing.splitlines()
            if f"pid={ME()}," in line
        }
        ours = {
            (each.row.local.port, each.row.remote.port)
            for each in result.sockets
            if each.pid == ME() and each.row.state == "ESTABLISHED"
        }
        assert of(result, client).status == of(result, accepted).status == "synced"
    assert ours == theirs


# ---- namespaces -------------------------------------------------------------------------------


KEPT = ExitStack()


def connect_elsewhere() -> None:
    """For a child: a loopback connection in a namespace of its own."""
    enter_new_namespace()
    KEPT.enter_context(connected())


@root_only
def test_another_namespace_is_numbered_and_kept_apart() -> None:
    with connected() as (_, client, _accepted), forked(connect_elsewhere) as child:
        if netns_of(child) == netns_of(ME()):
            pytest.skip("no network namespace to be had")
        result = sockets(inputs(), ALL, NO_WAIT)
        theirs = [
            each for each in result.sockets if each.pid == child and each.netns == netns_of(child)
        ]
        assert [(each.role, each.status) for each in theirs] == [
            (None, "skipped"),
            ("client", "synced"),
            ("server", "synced"),
        ]
        assert {each.peer.pid for each in theirs if each.peer} == {child}
        numbers = {each.netns_idx for each in theirs}
        assert len(numbers) == 1
        assert of(result, client, child).netns == netns_of(ME())
        assert of(result, client, child).netns_idx not in numbers


@root_only
def test_a_peer_is_found_across_namespaces() -> None:
    """Two namespaces with a wire between them, as a container has to its host."""

    def work() -> tuple[Peer | None, Peer | None, int]:
        enter_new_namespace()
        with forked(enter_new_namespace) as child:
            ip_command(
                "link",
                "add",
                "veth-1",
                "type",
                "veth",
                "peer",
                "name",
                "veth-2",
                "netns",
                str(child),
            )
            ip_command("addr", "add", "10.99.0.1/24", "dev", "veth-1")
            ip_command("link", "set", "veth-1", "up")
            inside = ["nsenter", f"--net=/proc/{child}/ns/net"]
            for command in (
                ["addr", "add", "10.99.0.2/24", "dev", "veth-2"],
                ["link", "set", "veth-2", "up"],
            ):
                subprocess.run([*inside, "ip", *command], check=True)
            listener = socket.create_server(("10.99.0.1", 0))
            port = listener.getsockname()[1]
            client = subprocess.Popen(
                [*inside, "bash", "-c", f"exec 3<>/dev/tcp/10.99.0.1/{port}; exec sleep 600"]
            )
            try:
                accepted = listener.accept()[0]
                comm = Path(f"/proc/{client.pid}/comm")
                eventually(lambda: comm.read_text() == "sleep\n", what="the client's last exec")
                result = sockets(inputs(), ALL, NO_WAIT)
                mine = of(result, accepted)
                (theirs,) = (
                    each
                    for each in result.sockets
                    if each.row.remote == ("10.99.0.1", port) and each.pid == client.pid
                )
                assert mine.netns != theirs.netns
                return mine.peer, theirs.peer, client.pid
            finally:
                client.kill()
                client.wait()

    mine, theirs, client = in_child(work)
    assert mine is not None
    assert theirs is not None
    assert mine.pid == client
    assert theirs.gprocess is not None


# ---- two looks --------------------------------------------------------------------------------


def long_ago() -> LiveSource:
    """The living machine, with processes that seem to run for years."""
    source = LiveSource()
    assert source.host.boot_time_s is not None
    source.host = source.host._replace(boot_time_s=source.host.boot_time_s - 100_000_000)
    return source


class Waits:
    """A wait that can be asked what it was asked for."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.asked: list[tuple[float, int]] = []
        self._meanwhile = meanwhile

    def __call__(self, seconds: float, undecided: int) -> None:
        self.asked.append((seconds, undecided))
        time.sleep(seconds)
        self._meanwhile()


def test_a_second_sample_distinguishes_old_from_new_sockets() -> None:
    with ExitStack() as later, ExitStack() as sooner:
        _, client, accepted = later.enter_context(connected())
        closed = sooner.enter_context(connected())
        inodes_closed = {inode_of(one) for one in closed}
        opened: list[socket.socket] = []

        def meanwhile() -> None:
            opened.extend(later.enter_context(connected()))
            sooner.close()

        wait = Waits(meanwhile)
        result = sockets(inputs(min_lifetime_s=2), ALL, WaitPolicy(wait=wait))

        ((seconds, undecided),) = wait.asked
        assert 1 <= seconds <= 2
        assert undecided >= 4
        for one in (client, accepted):
            assert of(result, one).status == "synced"
            assert (of(result, one).age_s or 0) >= 2
        assert {of(result, one).reason for one in opened} == {"listening", "min-lifetime"}
        assert not inodes_closed & {each.row.inode for each in result.sockets}
        assert "age-unknown" not in codes(result)


@root_only
def test_ages_from_our_first_sample_are_observed_and_others_are_not() -> None:
    """In a proc mount of its own, where nobody else looks."""

    def work() -> tuple[str, str, int | None]:
        with connected() as (_, client, _accepted), ExitStack() as stack:
            root = Path("/mnt")
            mount_proc(root, "")
            os.lstat(root / str(ME()) / "fd" / str(client.fileno()))
            time.sleep(1.1)
            wait_until_older_than(2)  # or the process is too young for any look
            _, new, _accepted2 = stack.enter_context(connected())
            wait = Waits()
            result = sockets(
                inputs(LiveSource(str(root)), min_lifetime_s=2), ALL, WaitPolicy(wait=wait)
            )
            assert of(result, new).status == of(result, client).status == "synced"
            old = of(result, client)
            return old.age_source, of(result, new).age_source, old.age_s

    source_of_old, source_of_new, age_s = in_child(work)
    assert (source_of_old, source_of_new) == ("fd-ctime", "observed")
    assert age_s is not None
    assert age_s >= 3


def test_without_a_wait_ages_stay_unknown_with_a_warning() -> None:
    with connected() as (_, client, _accepted):
        result = sockets(inputs(long_ago(), min_lifetime_s=3600), ALL, NO_WAIT)
        assert (of(result, client).status, of(result, client).reason) == (
            "undecided",
            "min-lifetime",
        )
    (said,) = (note for note in result.notes if note.code == "age-unknown")
    assert "--no-wait" in words_of(said)
    assert result.incomplete


def test_the_wait_is_at_most_max_wait_and_never_useless() -> None:
    wait = Waits()
    with connected() as (_, client, _accepted):
        result = sockets(
            inputs(long_ago(), min_lifetime_s=3600), ALL, WaitPolicy(max_wait_s=0.2, wait=wait)
        )
        assert of(result, client).status == "undecided"
    assert wait.asked == []
    (said,) = (note for note in result.notes if note.code == "age-unknown")
    assert "3600 s" in words_of(said)
    assert "--max-wait 0.2 s" in words_of(said)


def test_there_is_no_wait_if_all_ages_are_known() -> None:
    wait = Waits()
    with connected() as (_, client, _accepted):
        result = sockets(inputs(min_lifetime_s=0), ALL, WaitPolicy(wait=wait))
        assert of(result, client).status == "synced"
    assert wait.asked == []


def test_a_process_that_exits_between_two_samples_is_not_in_the_result() -> None:
    with ExitStack() as stack, connected():
        child = stack.enter_context(forked())
        result = sockets(inputs(min_lifetime_s=2), ALL, WaitPolicy(wait=Waits(stack.close)))
    assert child not in {each.pid for each in result.sockets}


def test_outcomes_are_those_of_the_second_look() -> None:
    """A process that was too young at first is accepted then, and owns what it shares."""
    with connected() as (_, client, _accepted), forked() as child:
        result = sockets(inputs(min_lifetime_s=2), ALL, WaitPolicy(wait=Waits()))
        first, last = sorted((ME(), child))
        assert of(result, client, last).status == "synced"
        assert of(result, client, first).reason == "no-owner"


def test_sockets_of_an_earlier_run_need_no_second_sample() -> None:
    with connected() as (_, client, accepted):
        first = take_sample_with_ages(inputs(min_lifetime_s=2), NO_WAIT)
        (key,) = (
            one for one in first_seen_by_socket(first.inputs.source) if one[3] == inode_of(client)
        )
        long_since = first.inputs.source.host.taken_at_ns - 500_000_000_000
        state = Observations(first_seen_ns={key: long_since}, age_source="state")
        second = take_sample_with_ages(inputs(min_lifetime_s=2), NO_WAIT, state)
        joined = join_sockets(second.sockets).sockets
        found = {each.row.inode: each for each in joined if each.pid == ME()}
        remembered, other = found[inode_of(client)], found[inode_of(accepted)]
        assert (remembered.status, remembered.age_source) == ("synced", "state")
        assert remembered.age_s is not None
        assert remembered.age_s >= 500
        assert other.status == "undecided"
        sent = [
            one
            for one in sent_sockets(second.sockets, behaviour_of("6.5", "static_config")).synced
            if one.pid_0 == ME()
        ]
        # Twice where a process's descriptors are refused even to root.
        assert {(one.role, one.ip_1, one.port_1) for one in sent} == {
            ("client", *client.getpeername())
        }
        # The next run remembers what this one was told.
        assert first_seen_by_socket(second.inputs.source)[key] == long_since


# ---- other rights -----------------------------------------------------------------------------


@root_only
def test_what_only_root_sees_is_unknown_and_counted_once() -> None:
    parent = ME()

    def look() -> tuple[set[str], bool, set[int], Any]:
        with connected() as (_, client, _accepted):
            result = sockets(inputs(), ALL, NO_WAIT)
            mine = of(result, client).status
            scanned = scan(inputs())
        outcomes = {outcome.process.pid: outcome for outcome in scanned.outcomes}
        # This user may have other processes on the machine.
        seen = {each.pid for each in result.sockets if uid_of(each.pid) != os.geteuid()}
        assert scanned.incomplete
        return codes(result), result.incomplete, seen, (mine, outcomes[parent].sockets)

    def uid_of(pid: int) -> int:
        try:
            return Path(f"/proc/{pid}").stat().st_uid
        except FileNotFoundError:
            return os.geteuid()  # it has exited meanwhile, and could be looked into before

    with connected():
        said, incomplete, others, (status, counts) = as_nobody(look)
    assert incomplete
    assert {"sockets-unreadable-for-us", "sockets-without-process"} <= said
    assert others == set()
    assert status == "synced"
    assert counts is None


# ---- recordings and directories ---------------------------------------------------------------


def test_a_recording_answers_as_the_machine_did(tmp_path: Path) -> None:
    with connected(), connected(dualstack_ipv6=True), udp_pair(), forked():
        live = LiveSource()
        path = str(tmp_path / "here.jsonl.gz")
        record(inputs(live), path, redact=False)
        recorded = read_recording(path)
        now, then = (sockets(inputs(one), ALL, NO_WAIT) for one in (live, recorded))
        counted, recounted = (
            {outcome.process.pid: outcome.sockets for outcome in scan(inputs(one)).outcomes}
            for one in (live, recorded)
        )
    # Tables are read anew each time: others open and close sockets meanwhile.
    ours = {ME(), *(child.pid for child in psutil.Process().children())}
    assert [each for each in now.sockets if each.pid in ours] == [
        each for each in then.sockets if each.pid in ours
    ]
    assert counted[ME()] == recounted[ME()]


def test_a_recording_contains_the_ages_of_two_samples(tmp_path: Path) -> None:
    path = str(tmp_path / "here.jsonl")
    with ExitStack() as stack:
        _, client, _accepted = stack.enter_context(connected())
        new: list[socket.socket] = []
        wait = Waits(lambda: new.extend(stack.enter_context(connected())))
        record(inputs(min_lifetime_s=2), path, wait_policy=WaitPolicy(wait=wait))
        assert len(wait.asked) == 1
        result = sockets(inputs(read_recording(path), min_lifetime_s=2), ALL, WaitPolicy(wait=wait))
        assert of(result, client).status == "synced"
        assert (of(result, client).age_s or 0) >= 2
        assert {of(result, one).reason for one in new} == {"listening", "min-lifetime"}
    assert len(wait.asked) == 1


def test_a_recording_of_one_sample_leaves_ages_unknown(tmp_path: Path) -> None:
    path = str(tmp_path / "here.jsonl")
    with connected() as (_, client, _accepted):
        noticed = record(inputs(long_ago(), min_lifetime_s=3600), path).notes
        result = sockets(inputs(read_recording(path), min_lifetime_s=3600), ALL, WaitPolicy())
        assert of(result, client).status == "undecided"
    assert "age-unknown" in {note.code for note in noticed}
    (said,) = (note for note in result.notes if note.code == "age-unknown")
    assert "one sample" in words_of(said)


def test_an_output_that_cannot_be_written_is_known_before_the_wait(tmp_path: Path) -> None:
    wait = Waits()
    (tmp_path / "there").write_text("something")
    with connected(), pytest.raises(OutputError):
        record(inputs(min_lifetime_s=2), str(tmp_path / "there"), wait_policy=WaitPolicy(wait=wait))
    assert wait.asked == []


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Path]:
    """A directory with this process as `cp -a` would leave it."""
    target = tmp_path / "proc" / str(ME())
    (target / "fd").mkdir(parents=True)
    (target / "net").mkdir()
    with connected():
        for name in ("cmdline", "stat", "cgroup"):
            (target / name).write_bytes(Path(f"/proc/self/{name}").read_bytes())
        for name in ("tcp", "udp", "tcp6", "udp6"):
            source = Path(f"/proc/self/net/{name}")
            if source.exists():
                (target / "net" / name).write_bytes(source.read_bytes())
        for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - of the kernel's
            try:
                (target / "fd" / name).symlink_to(os.readlink(f"/proc/self/fd/{name}"))  # noqa: PTH115
            except FileNotFoundError:
                continue
        yield target.parent


def test_a_directorys_sockets_are_old_enough_and_of_unknown_age(copy: Path) -> None:
    wait = Waits()
    result = sockets(
        inputs(DirectorySource(str(copy)), min_lifetime_s=2), ALL, WaitPolicy(wait=wait)
    )
    sent = [each for each in result.sockets if each.status == "synced"]
    assert {each.role for each in sent} == {"client", "server"}
    assert {(each.age_s, each.age_source) for each in result.sockets} == {(None, "unknown")}
    assert wait.asked == []


# ---- scan and explain -------------------------------------------------------------------------


def test_scan_and_explain_count_alike_on_the_living_machine() -> None:
    with connected() as (_, client, _accepted), forked() as child:
        scanned = {outcome.process.pid: outcome.sockets for outcome in scan(inputs()).outcomes}
        explained = {
            item.outcome.process.pid: item.outcome.sockets
            for item in explain_pids(inputs(), [ME(), child]).explanations
        }
        assert client
    assert explained == {pid: scanned[pid] for pid in (ME(), child)}
    assert scanned[max(ME(), child)] == SocketCounts(synced=2, skipped=1, undecided=0)
    assert scanned[min(ME(), child)] == SocketCounts(synced=0, skipped=3, undecided=0)


def test_scan_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail(f"it waits for {seconds} s"))
    with connected():
        counts = {
            outcome.process.pid: outcome.sockets
            for outcome in scan(inputs(long_ago(), min_lifetime_s=3600)).outcomes
        }[ME()]
    assert counts == SocketCounts(synced=0, skipped=1, undecided=2)


# ---- what is shown, and what is said ----------------------------------------------------------

PROCESSES = [process(7, "shop", netns=1), process(8, "postgres", netns=1), process(9, "other")]
GIVEN = {7: [fd(3, 901), fd(4, 902)], 8: [fd(3, 903), fd(4, 904)], 9: [fd(3, 905)]}
TABLES = {
    1: net_tables(
        tcp=[
            tcp(901, "10.0.0.5:4000", "10.0.0.9:5432"),
            tcp(902, "0.0.0.0:80"),
            tcp(903, "10.0.0.5:5432", "10.0.0.7:4001"),
            tcp(904, "10.0.0.5:5432"),
            tcp(905, "10.0.0.5:4002", "10.0.0.9:5432"),
            tcp(999, "10.0.0.5:4003", "10.0.0.9:5432"),
        ],
        tcp6=FieldError(field="net/tcp6", problem="missing", detail="ENOENT"),
        udp6=FieldError(field="net/udp6", problem="missing", detail="ENOENT"),
    )
}
DROP_OTHER = ("^other$", "process_name", "drop")


def given(selection: SocketSelection = ALL, **source: Any) -> tuple[SocketsResult, list[Any]]:
    known: dict[str, Any] = {"sockets": GIVEN, "nets": TABLES}
    chosen = ListSource(PROCESSES, **known | source)
    result = sockets(inputs(chosen, DROP_OTHER), selection, NO_WAIT)
    return result, [(each.pid, each.fd) for each in selection.of(result.sockets)]


@pytest.mark.parametrize(
    ("selection", "shown"),
    [
        (ALL, [(7, 3), (7, 4), (8, 3), (8, 4), (9, 3)]),
        (SocketSelection(pids=[8, 9]), [(8, 3), (8, 4), (9, 3)]),
        (SocketSelection(names=["post*", "x"]), [(8, 3), (8, 4)]),
        (SocketSelection(names=["other"]), []),
        (SocketSelection(roles=["server"]), [(8, 3)]),
        (SocketSelection(roles=["server", "client"], pids=[7]), [(7, 3)]),
        (SocketSelection(skipped=True), [(7, 4), (8, 4), (9, 3)]),
        (SocketSelection(listen=True), [(7, 4), (8, 4)]),
        (SocketSelection(ports=[5432]), [(7, 3), (8, 3), (8, 4), (9, 3)]),
        (SocketSelection(ports=[80, 4001]), [(7, 4), (8, 3)]),
        (SocketSelection(protocols=["udp"]), []),
    ],
)
def test_a_selection_shows_what_answers_all_its_questions(
    selection: SocketSelection, shown: list[tuple[int, int]]
) -> None:
    result, chosen = given(selection)
    assert chosen == shown
    assert (result.summary.total, result.summary.synced, result.summary.skipped) == (5, 2, 3)


def test_a_pid_that_is_not_there_is_an_error() -> None:
    with pytest.raises(NoSuchProcess):
        given(SocketSelection(pids=[4242]))


def test_sockets_of_nobody_are_counted_in_one_warning() -> None:
    result, _ = given()
    (said,) = result.notes
    assert said.code == "sockets-without-process"
    assert words_of(said).startswith("1 socket has no visible owner")


def test_processes_that_could_not_be_read_are_counted_in_one_warning() -> None:
    gone = FieldError(field="fds", problem="gone", detail="ENOENT")
    refused = FieldError(field="fds", problem="denied", detail="EACCES")
    result, _ = given(sockets={7: gone, 8: refused, 9: refused})
    (said,) = (note for note in result.notes if note.code == "sockets-unreadable")
    assert "1 process" in words_of(said)
    assert "(1 refused)" in words_of(said)
    (exited,) = (note for note in result.notes if note.code == "vanished")
    assert words_of(exited) == "1 process exited before its sockets were read"


def test_lost_tables_are_said_but_not_a_missing_ipv6() -> None:
    broken = FieldError(field="net/udp", problem="malformed", detail="a row is cut short")
    result, _ = given(nets={1: net_tables(udp=broken)})
    (said,) = (note for note in result.notes if note.code == "tables-unreadable")
    assert "net/udp, a row is cut short" in words_of(said)


def test_a_namespace_whose_processes_exited_is_no_lost_table() -> None:
    """As on every live machine: the agent would not have met these processes a moment later."""
    gone = {
        name: FieldError(field=f"net/{name}", problem="gone", detail="ENOENT")
        for name in ("tcp", "udp", "tcp6", "udp6")
    }
    result, _ = given(nets={1: net_tables(**gone)})
    assert "tables-unreadable" not in codes(result)
    (exited,) = (note for note in result.notes if note.code == "vanished")
    assert words_of(exited) == "1 network namespace ended before its sockets were read"


def test_sync_switched_off_is_said() -> None:
    source = ListSource(PROCESSES, sockets=GIVEN, nets=TABLES)
    result = sockets(inputs(source, sync_enabled=False), ALL, NO_WAIT)
    assert "sync-disabled" in codes(result)
    assert result.summary.synced == 3


def test_thousands_of_sockets_take_a_moment() -> None:
    processes = [process(pid, f"p{pid % 50}", netns=1) for pid in range(1, 501)]
    held = {
        pid: [fd(number, pid * 100 + number) for number in range(3, 23)] for pid in range(1, 501)
    }
    rows = [
        tcp(one.inode, f"10.0.{pid // 250}.{pid % 250}:{1000 + one.fd}", "10.9.9.9:5432")
        for pid, some in held.items()
        for one in some
    ]
    source = ListSource(processes, sockets=held, nets={1: net_tables(tcp=rows)})
    started = time.process_time()
    result = sockets(inputs(source), ALL, NO_WAIT)
    assert time.process_time() - started < 5
    assert result.summary.synced == 10_000

"""What the agent would send, and what changed."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from proccli.agent.inputs import Inputs
from proccli.agent.report import digest
from proccli.commands.samples import NO_WAIT, WaitPolicy
from proccli.commands.sync.state.memory import Memory
from proccli.commands.sync.sync import SyncResult, sync
from proccli.model.process import NO_TAGS, FieldError, Process, TagTable
from proccli.sources.procfs.live import LiveSource
from proccli.terminal.warning_text import message as words_of
from tests import build
from tests.agent.sockets.looking import REFUSED, fd, tcp
from tests.build import ListSource, config, host, net_tables, process
from tests.network import connected, wait_until_older_than
from tests.sources.procfs.processes import forked, running

SHOP = process(42, "/usr/bin/shop", netns=1)
CRON = process(50, "/usr/sbin/cron", netns=1)
SOCKETS: dict[str, Any] = {
    "sockets": {42: [fd(3, 1), fd(4, 2)]},
    "nets": {
        1: net_tables(
            tcp=[tcp(1, "10.0.0.5:8080"), tcp(2, "10.0.0.5:8080", "10.0.0.9:5000")],
        )
    },
}
S = 1_000_000_000


def inputs(
    processes: Sequence[Process] = (SHOP, CRON),
    *rules: Any,
    tags: TagTable = NO_TAGS,
    source: dict[str, Any] | None = None,
    **fields: Any,
) -> Inputs:
    return Inputs(
        config=config(*rules, **fields),
        source=ListSource(processes, **(source or {})),
        environment=build.NO_ENVIRONMENT,
        tags=tags,
        notes=(),
    )


def again(before: SyncResult, now: Inputs) -> SyncResult:
    return sync(now, before.memory, NO_WAIT)


def first(now: Inputs, **options: Any) -> SyncResult:
    return sync(now, None, NO_WAIT, **options)


def codes(result: SyncResult) -> list[str]:
    return [note.code for note in result.notes]


# ---- what is sent -----------------------------------------------------------------------------


def test_processes_are_in_the_agents_own_words() -> None:
    machine = inputs(
        [process(42, "/usr/bin/shop", "-v", netns=(1 << 32) + 7, uid=8), process(50, "", uid=None)],
        ("shop", "process_name", "accept", "store"),
        tags=build.tag_table({42: [("owner", "alice"), ("owner", "bob")]}),
        source={"users": {8: "web"}},
    )
    (shop,) = first(machine).processes
    assert (shop.name, shop.process_name, shop.cmdline) == ("store", "shop", "/usr/bin/shop -v")
    assert (shop.user, shop.netns_id, shop.container_id) == ("web", 7, "")
    assert shop.start_time == build.BOOT_S + 3600
    assert shop.os_app_tags == (("owner", "alice"), ("owner", "bob"))


@pytest.mark.parametrize(
    ("boot_s", "sent"),
    [(None, 0), (-4000, 0), (0, 3600), ((1 << 32) - 3601, (1 << 32) - 1), ((1 << 32) - 3600, 0)],
)
def test_a_start_that_32_bits_cannot_hold_is_0(boot_s: int | None, sent: int) -> None:
    at = host(boot_time_s=boot_s, taken_at_ns=(1 << 33) * S)
    (shop,) = first(inputs([SHOP], source={"at": at})).processes
    assert shop.start_time == sent


def test_the_digest_is_that_of_the_earlier_agents() -> None:
    tags = build.tag_table({42: [("owner", "älice"), ("a", "")], 50: [("x", "y")]})
    result = first(inputs(tags=tags))
    content = struct.pack(">Q", 42) + "owneräliceA".encode()[:-1] + b"a"
    content += struct.pack(">Q", 50) + b"xy"
    assert result.digest == hashlib.sha1(content).hexdigest()
    assert digest(tuple(reversed(result.processes))) == result.digest
    assert digest(()) == "da39a3ee5e6b4b0d3255bfef95601890afd80709"


def test_names_are_not_in_the_digest_and_tags_are() -> None:
    plain = first(inputs())
    renamed = first(inputs((SHOP, CRON), ("shop", "process_name", "accept", "other")))
    tagged = first(inputs(tags=build.tag_table({42: [("a", "b")]})))
    assert plain.digest == renamed.digest != tagged.digest


def test_unknown_processes_are_left_out_and_counted() -> None:
    denied = FieldError(field="cmdline", problem="denied", detail="EACCES")
    hidden = Process(pid=7, errors=(denied,))
    result = first(inputs([SHOP, hidden], source={"at": host(privileged=False)}))
    assert [one.pid for one in result.processes] == [42]
    (left_out,) = (one for one in result.notes if one.code == "unknown-left-out")
    assert "1 process is left out" in words_of(left_out)
    assert "first: pid 7" in words_of(left_out)
    assert result.incomplete


def test_tags_that_are_not_known_make_the_digest_unknown() -> None:
    result = first(inputs(tags=build.UNKNOWN_TAGS))
    assert [one.os_app_tags for one in result.processes] == [None, None]
    assert result.digest is None
    assert "tags-left-out" in codes(result)
    assert result.incomplete


def test_sockets_are_sent_with_their_role() -> None:
    (socket,) = first(inputs(source=SOCKETS)).sockets
    assert socket == ("tcp", "server", None, "10.0.0.9", 5000, 42, "10.0.0.5", 8080, 1)


def test_sockets_that_only_root_sees_make_the_view_incomplete() -> None:
    source = {"sockets": {42: REFUSED}, "at": host(privileged=False)}
    result = first(inputs(source=source))
    assert result.incomplete
    assert "sockets-unreadable-for-us" in codes(result)


def test_disabled_nothing_is_listed_and_no_sockets_are_read() -> None:
    machine = inputs(sync_enabled=False, source=SOCKETS)
    result = first(machine)
    assert (result.enabled, result.processes, result.sockets) == (False, (), ())
    assert (result.changed, result.agent_sends) == (True, False)
    assert codes(result) == ["sync-disabled"]
    assert isinstance(machine.source, ListSource)
    assert machine.source.asked_for_tables == []
    assert again(result, machine).changed is False

    assumed = first(machine, assume_enabled=True)
    assert assumed.enabled
    assert len(assumed.processes) == 2
    assert len(assumed.sockets) == 1
    assert not assumed.config.sync_enabled


# ---- what is new ------------------------------------------------------------------------------


def test_at_the_first_run_everything_is_new() -> None:
    result = first(inputs(source=SOCKETS))
    assert result.changed is True
    assert result.agent_sends is True
    assert result.changes is not None
    assert [one.pid for one in result.changes.added] == [42, 50]
    assert (result.changes.sockets_added, result.changes.sockets_removed) == (1, 0)


def test_without_a_state_changes_are_unknown() -> None:
    result = first(inputs(), remembering=False)
    assert (result.changed, result.agent_sends, result.changes) == (None, None, None)
    after = sync(inputs(), result.memory, NO_WAIT, remembering=False)
    assert after.changed is False


def test_the_same_again_is_no_change() -> None:
    before = first(inputs(source=SOCKETS))
    result = again(before, inputs(source=SOCKETS))
    assert (result.changed, result.agent_sends) == (False, False)
    assert result.changes is not None
    assert not result.changes.any
    assert result.new_notes == ()


def test_processes_that_come_and_go_are_noticed_by_the_agent() -> None:
    before = first(inputs())
    result = again(before, inputs([CRON, process(60, "new")]))
    assert result.changes is not None
    assert [one.pid for one in result.changes.added] == [60]
    assert [one.pid for one in result.changes.removed] == [42]
    assert (result.changed, result.agent_sends) == (True, True)


def test_a_new_tag_is_a_change_that_the_agent_does_not_notice() -> None:
    """pids alone are what agent 6.5 compares."""
    before = first(inputs(tags=build.tag_table({42: [("owner", "alice")]})))
    result = again(before, inputs(tags=build.tag_table({42: [("owner", "bob")]})))
    assert result.changes is not None
    assert [one.pid for one in result.changes.changed] == [42]
    assert result.digest != before.digest
    assert (result.changed, result.agent_sends) == (True, False)


def test_a_pid_that_is_used_again_is_another_process() -> None:
    before = first(inputs())
    reused = SHOP._replace(starttime_ticks=400_000)
    result = again(before, inputs([reused, CRON]))
    assert result.changes is not None
    assert [one.pid for one in result.changes.added] == [42]
    assert [one.pid for one in result.changes.removed] == [42]
    assert result.changes.changed == ()
    assert (result.changed, result.agent_sends) == (True, False)


def test_a_socket_more_or_less_is_a_change_that_concerns_no_process() -> None:
    before = first(inputs(source=SOCKETS))
    result = again(before, inputs())
    assert result.changes is not None
    assert (result.changes.sockets_added, result.changes.sockets_removed) == (0, 1)
    assert (result.changed, result.agent_sends) == (True, False)


def test_another_configuration_restarts_the_agent() -> None:
    before = first(inputs())
    result = again(before, inputs(socket_sync_interval_s=11))
    assert (result.changed, result.agent_sends) == (False, True)
    assert codes(result) == ["config-changed"]
    assert again(result, inputs(socket_sync_interval_s=11)).agent_sends is False


@pytest.mark.parametrize(
    ("agent", "dialect", "sends", "effect"),
    [
        ("6.5", "static_config", True, "would restart to apply it"),
        ("6.6.5", "static_config", False, "at its next scan, without a restart"),
        ("6.6.7", "static_config", None, "publishes no processes after a change of matchers"),
        ("6.6.8", "inputs.proc", True, "would restart to apply it"),
        ("7.1.0", "inputs.proc", True, "would restart to apply it"),
        ("7.1.8", "inputs.proc", None, "applies most settings without a restart"),
    ],
)
def test_what_another_configuration_does_depends_on_the_release(
    agent: str, dialect: str, sends: bool | None, effect: str
) -> None:
    """FACTS, Generations: 6.6.5 to 6.6.7 don't restart, nor do those from 7.1.2 on."""
    known: dict[str, Any] = {"agent": agent, "dialect": dialect}
    before = first(inputs(**known))
    result = again(before, inputs(socket_sync_interval_s=11, **known))

    (note,) = [note for note in result.notes if note.code == "config-changed"]
    assert result.agent_sends is sends
    assert f"agent {agent} " in words_of(note)
    assert effect in words_of(note)


def test_what_is_switched_off_is_gone_and_what_is_switched_on_is_sent() -> None:
    before = first(inputs())
    off = again(before, inputs(sync_enabled=False))
    assert off.changes is not None
    assert [one.pid for one in off.changes.removed] == [42, 50]
    assert (off.changed, off.agent_sends) == (True, False)
    on = again(off, inputs())
    assert (on.changed, on.agent_sends) == (True, True)


def test_after_another_boot_no_process_is_the_one_before() -> None:
    before = first(inputs(source=SOCKETS))
    rebooted = host(boot_time_s=build.BOOT_S + 3000)
    result = again(before, inputs(source={**SOCKETS, "at": rebooted}))
    assert result.changes is not None
    assert [one.pid for one in result.changes.added] == [42, 50]
    assert [one.pid for one in result.changes.removed] == [42, 50]
    assert (result.changes.sockets_added, result.changes.sockets_removed) == (1, 1)
    assert (result.changed, result.agent_sends) == (True, True)
    assert codes(result) == ["another-boot"]


def test_only_warnings_that_were_not_told_before_are_news() -> None:
    at = host(privileged=False)
    denied = FieldError(field="cmdline", problem="denied", detail="EACCES")
    hidden = [Process(pid=pid, errors=(denied,)) for pid in (7, 8, 9)]
    before = first(inputs([SHOP, *hidden[:1]], source={"at": at}))
    assert {note.code for note in before.new_notes} == {"unreadable-for-us", "unknown-left-out"}
    more = again(before, inputs([SHOP, *hidden], source={"at": at}))
    assert codes(more) == codes(before)
    assert more.new_notes == ()
    tagged = inputs([SHOP], tags=build.UNKNOWN_TAGS, source={"at": at})
    assert [one.code for one in again(more, tagged).new_notes] == ["tags-left-out"]


# ---- ages -------------------------------------------------------------------------------------


def live(**fields: Any) -> Inputs:
    return Inputs(
        config=config(("pytest|python.*",), **{"min_lifetime_s": 2} | fields),
        source=LiveSource(),
        environment=build.NO_ENVIRONMENT,
        tags=NO_TAGS,
        notes=(),
    )


@pytest.fixture(autouse=True, scope="module")
def _grown_up() -> None:
    """The minimum lifetime goes for this process, too."""
    wait_until_older_than(3)


@pytest.fixture
def port() -> Iterator[int]:
    """Of a listener with a connection."""
    with connected() as (listener, *_):
        yield listener.getsockname()[1]


def mine(result: SyncResult, port: int) -> set[tuple[int | None, int | None]]:
    """The own connections, each once: a machine with a process whose descriptors even root can't
    read has all of them twice."""
    return {
        (socket.pid_0, socket.pid_1)
        for socket in result.sockets
        if socket.port_1 == port and os.getpid() in (socket.pid_0, socket.pid_1)
    }


class Waits:
    def __init__(self) -> None:
        self.waited: list[float] = []

    def wait_policy(self) -> WaitPolicy:
        return WaitPolicy(wait=self.wait)

    def wait(self, seconds: float, _undecided: int) -> None:
        self.waited.append(seconds)


def aged(memory: Memory, seconds: float) -> Memory:
    """The same, so many seconds ago."""
    ns = int(seconds * S)
    return memory._replace(
        sampled_at_ns=(memory.sampled_at_ns or 0) - ns,
        first_seen_ns={key: seen - ns for key, seen in memory.first_seen_ns.items()},
    )


def test_a_state_makes_a_second_sample_unnecessary(port: int) -> None:
    before = sync(live(), None, NO_WAIT)
    assert mine(before, port) == set()
    waits = Waits()
    result = sync(live(), aged(before.memory, 61), waits.wait_policy())
    assert waits.waited == []
    assert set(mine(result, port)) == {(None, os.getpid()), (os.getpid(), None)}


@pytest.mark.usefixtures("port")
def test_the_first_run_takes_two_samples() -> None:
    waits = Waits()
    sync(live(), None, waits.wait_policy())
    assert waits.waited != []


def test_what_is_new_since_a_fresh_state_waits_for_the_next_run() -> None:
    before = sync(live(), None, NO_WAIT)
    with connected() as (listener, *_):
        port = listener.getsockname()[1]
        waits = Waits()
        result = sync(live(), aged(before.memory, 4), waits.wait_policy())
        assert mine(result, port) == set()
        after = sync(live(), aged(result.memory, 4), waits.wait_policy())
        assert len(mine(after, port)) == 2
    assert waits.waited == []


@pytest.mark.parametrize("ago_s", [86_400, -3600])
def test_an_old_state_or_one_from_before_a_clock_change_saves_no_sample(
    ago_s: float,
) -> None:
    before = sync(live(), None, NO_WAIT)
    with connected():
        waits = Waits()
        sync(live(), aged(before.memory, ago_s), waits.wait_policy())
    assert waits.waited != []


def test_a_clock_that_was_put_back_makes_nothing_older_than_it_is(port: int) -> None:
    before = sync(live(), None, NO_WAIT)
    result = sync(live(), aged(before.memory, -86_400), NO_WAIT)
    assert mine(result, port) == set()
    now_ns = result.host.taken_at_ns
    assert all(seen <= now_ns for seen in result.memory.first_seen_ns.values())


def test_a_cycle_that_no_other_follows_says_the_same_and_remembers_no_sockets(port: int) -> None:
    result = sync(live(), None, NO_WAIT, final=True)
    assert mine(result, port) == mine(sync(live(), None, NO_WAIT), port)
    assert result.memory.first_seen_ns == {}


def test_another_boot_invalidates_remembered_sockets(port: int) -> None:
    before = sync(live(), None, NO_WAIT)
    rebooted = aged(before.memory, 7200)._replace(boot_id="another")
    assert mine(sync(live(), rebooted, NO_WAIT), port) == set()


def test_sightings_last_while_sync_is_disabled(port: int) -> None:
    before = sync(live(), None, NO_WAIT)
    off = sync(live(sync_enabled=False), aged(before.memory, 7200), NO_WAIT)
    on = sync(live(), off.memory, NO_WAIT)
    assert len(mine(on, port)) == 2


def test_real_processes_come_and_go() -> None:
    with running(["/bin/sleep", "7777"]) as pid:
        before = sync(live(min_lifetime_s=0), None, NO_WAIT)
        with forked() as other:
            result = sync(live(min_lifetime_s=0), before.memory, NO_WAIT)
    assert pid in {one.pid for one in before.processes}
    assert result.changes is not None
    assert other in {one.pid for one in result.changes.added}
    after = sync(live(min_lifetime_s=0), result.memory, NO_WAIT)
    assert after.changes is not None
    assert {pid, other} <= {one.pid for one in after.changes.removed}

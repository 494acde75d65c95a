"""Start times, exactly and in the agent's 32-bit floats."""

from __future__ import annotations

from proccli.agent.facts import agent_start_s, start_s
from tests.build import BOOT_S, host, process

DAY_TICKS = 24 * 3600 * 100


def test_short_uptimes_agree() -> None:
    young = process(1, "a", starttime_ticks=12_345)

    assert start_s(young, host()) == agent_start_s(young, host()) == BOOT_S + 123


def test_after_400_days_most_starts_are_off_by_up_to_five_seconds() -> None:
    offsets = []
    for ticks in range(400 * DAY_TICKS, 400 * DAY_TICKS + 100_000, 137):
        old = process(1, "a", starttime_ticks=ticks)
        exact, agents = start_s(old, host()), agent_start_s(old, host())
        assert exact is not None
        assert agents is not None
        offsets.append(abs(agents - exact))

    assert max(offsets) in range(2, 6)
    assert sum(offset > 0 for offset in offsets) / len(offsets) > 0.5


def test_without_a_boot_time_nothing_is_known() -> None:
    assert start_s(process(1, "a"), host(boot_time_s=None)) is None
    assert agent_start_s(process(1, "a"), host(boot_time_s=None)) is None


def test_without_start_ticks_nothing_is_known() -> None:
    assert start_s(process(1, "a", starttime_ticks=None), host()) is None

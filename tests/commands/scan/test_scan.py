"""Which outcomes are shown, and in which order."""

from __future__ import annotations

from typing import Any

import pytest

from proccli.commands.scan.selection import Selection
from proccli.errors import UsageError
from proccli.model.outcome import Outcome, Tag
from tests.build import config, process, rule


def outcome(pid: int, **fields: Any) -> Outcome:
    """An accepted process that no rule hit, unless told otherwise."""
    known: dict[str, Any] = {
        "status": "accepted",
        "reason": "implicit-accept",
        "process_name": "x",
        "cmdline": "x",
        "rule": None,
        "hits": (),
        "gprocess": "x",
        "tags": (),
        "start_s": 0,
        "uptime_s": 100,
        "agent_uptime_s": 100,
        "agent_start_s": 0,
        "user": "root",
    }
    return Outcome(process=process(pid, "x", uid=pid), **known | fields)


HIT = {"rule": rule(2, "x"), "reason": "rule", "hits": (2,)}
OUTCOMES = [
    outcome(30, process_name="java", gprocess="pay", uptime_s=5, user="shop"),
    outcome(10, **HIT, process_name="nginx", gprocess="nginx-a", uptime_s=70),
    outcome(
        20, status="dropped", **HIT, process_name="sleep", gprocess=None, uptime_s=9, user="zoe"
    ),
    outcome(
        5,
        status="skipped",
        reason="no-cmdline",
        process_name=None,
        gprocess=None,
        uptime_s=None,
        user=None,
        tags=None,
    ),
    outcome(
        7,
        status="unknown",
        reason="masked",
        process_name="java",
        gprocess=None,
        uptime_s=1,
        tags=(Tag(key="app", value="shop=1", from_pid=7),),
    ),
]


def chosen(**asked: Any) -> list[int]:
    return [found.process.pid for found in Selection(**asked).of(OUTCOMES)]


def test_all_come_by_pid_when_nothing_is_asked() -> None:
    assert chosen() == [5, 7, 10, 20, 30]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"statuses": ["dropped"]}, [20]),
        ({"statuses": ["dropped", "skipped"]}, [5, 20]),
        ({"rules": [2]}, [10, 20]),
        ({"rules": [0]}, [30]),
        ({"rules": [0, 2]}, [10, 20, 30]),
        ({"rules": [1]}, []),
        ({"unmatched": True}, [30]),
        ({"unmatched": True, "rules": [2]}, []),
        ({"names": ["java"]}, [7, 30]),
        ({"names": ["pay"]}, [30]),
        ({"names": ["ngin[xy]*"]}, [10]),
        ({"names": ["JAVA"]}, []),
        ({"names": ["*"]}, [7, 10, 20, 30]),
        ({"users": ["shop", "zoe"]}, [20, 30]),
        ({"users": ["10"]}, [10]),
        ({"tags": [("app", "*")]}, [7]),
        ({"tags": [("os.app.app", "shop=?")]}, [7]),
        ({"tags": [("app", "shop")]}, []),
        ({"tags": [("ap*", "*")]}, []),
        ({"statuses": ["accepted"], "names": ["java"]}, [30]),
    ],
)
def test_every_question_has_to_be_answered(asked: dict[str, Any], expected: list[int]) -> None:
    assert chosen(**asked) == expected


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("pid", [5, 7, 10, 20, 30]),
        ("name", [7, 10, 30, 20, 5]),
        ("rule", [30, 10, 20, 5, 7]),
        ("status", [10, 30, 20, 5, 7]),
        ("uptime", [7, 30, 20, 10, 5]),
        ("user", [7, 10, 30, 20, 5]),
    ],
)
def test_what_has_no_value_comes_last(sort: str, expected: list[int]) -> None:
    assert chosen(sort=sort) == expected


@pytest.mark.parametrize(
    ("sort", "expected"), [("uptime", [10, 20, 30, 7, 5]), ("rule", [10, 20, 30, 5, 7])]
)
def test_the_other_way_round_it_still_comes_last(sort: str, expected: list[int]) -> None:
    assert chosen(sort=sort, reverse=True) == expected


@pytest.mark.parametrize(
    ("count", "asked", "there"),
    [(0, 1, "no rules"), (1, 2, "1 rule"), (3, 4, "rules 1 to 3"), (3, -1, "rules 1 to 3")],
)
def test_a_rule_that_is_not_there_is_an_error(count: int, asked: int, there: str) -> None:
    known = config(*(("x",) for _ in range(count)))
    with pytest.raises(UsageError, match=f"no rule {asked}: the configuration has {there}$"):
        Selection(rules=(asked,)).check(known)
    Selection(rules=range(count + 1)).check(known)

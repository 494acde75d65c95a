"""Whatever the patterns are, an answer comes soon and takes little memory."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from proccli.rustregex.automata.domain import Budget, ExceededError, Limits
from proccli.rustregex.automata.shadow import shadowed, shadows

HOSTILE = {
    "thread sets that double with each character": (
        "^[ab]{200}$",
        ["a.{30}b", "b.{29}a", "a.{17}a", "b.{13}b"],
    ),
    "complements of each other": (
        "^(a|b)*$",
        ["^(a|b)*a(a|b){14}$", "^(a|b)*b(a|b){14}$", "^(a|b){0,14}$"],
    ),
    "long gaps": ("x.{0,500}y.{0,500}z", ["x.{0,499}y.{0,500}z", "^.{700}z"]),
    "thousands of characters": ("^.{0,8000}$", ["^.{0,7999}$"]),
    "a program of the largest size": ("a{300000}", ["^a{300000}$", "a{150000}b"]),
    "many starts": ("(?s).{500}", [rf"(?s)^.{{{n}}}a" for n in range(0, 400, 9)]),
    "many periods": (
        "^a+$",
        ["^a$", *(f"^(a{{{n}}})+$" for n in (2, 3, 5, 7, 11, 13, 17, 19, 23))],
    ),
    "nested counts": (
        "^([a-z]{1,9}[.]){1,9}$",
        ["^([a-z]{1,9}[.-]){1,9}$", "^([a-y]{1,9}[.]?){1,20}$"],
    ),
    "loops in loops": (
        "(((((a*)*)*)*)*)*b$",
        ["(a|b|ab)*c", "(((a{0,9}){0,9}){0,9}){0,9}bb"],
    ),
    "a thousand names": (
        "|".join(f"svc{n}" for n in range(1000)),
        [f"svc{n}x" for n in range(200)],
    ),
    "sets of many ranges": (
        r"\pL+\pN+\pM*\s\w\W\d\D",
        [r"\p{Greek}|\p{Han}|(?i)ſtraße", r"\W{3}\b"],
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_the_work_is_limited(case: str) -> None:
    pattern, by = HOSTILE[case]
    started = time.process_time()
    shadow = shadowed(pattern, by, limits=Limits(steps=250_000, total=500_000))
    assert time.process_time() - started < 3
    assert shadow.grade in ("proven", "partial", "disjoint", "unknown")


def test_memory_stays_small() -> None:
    pattern, by = HOSTILE["complements of each other"]
    tracemalloc.start()
    try:
        shadowed(pattern, by, limits=Limits(steps=300_000))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 60 * 2**20


def test_a_hard_rule_does_not_take_the_others_share() -> None:
    hard = ["^(a|b)*a(a|b){14}$", "^(a|b)*b(a|b){14}$", "^(a|b){0,14}$", "^(a|b)*$"]
    found = shadows([*hard, "^nginx$", "nginx", "^nginx"])
    assert [shadow.grade for shadow in found[4:]] == ["disjoint", "partial", "proven"]
    assert found[3].grade == "unknown"


def test_what_is_spent_is_spent_in_the_pool_as_well() -> None:
    pool = Budget(10)
    Budget(6, pool).spend(6)
    assert pool.left == 4
    with pytest.raises(ExceededError):
        Budget(6, pool).spend(5)
    with pytest.raises(ExceededError):
        Budget(6, Budget(100)).spend(7)

"""Of many rules, those that may match a process are tried, with the same results as all."""

from __future__ import annotations

from collections.abc import Sequence
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.agent import every_matcher, first_match
from proccli.agent.candidates import Candidates
from proccli.agent.process import agent_process
from proccli.agent.rules import compile_rules
from proccli.model.config import Config, Rule
from proccli.model.outcome import Outcome
from proccli.model.process import Process
from tests.agent.test_every_matcher import matcher, settings
from tests.build import NO_ENVIRONMENT, Machine, config, host, process, rule, tag_table

WORDS = (
    "java",
    "-jar",
    "shop",
    "shop-1.jar",
    "worker",
    "nginx",
    "/opt/shop",
    "ja",
    "a",
    "\u00e9t\u00e9",
)
PATTERNS = st.sampled_from(
    [
        *WORDS[:6],
        r"^java.*shop-(\d+)\.jar",
        r"(?i)SHOP",
        "(?i)straße|x",
        "(?i)STRAßE",
        "(?i)worKer",
        r"shop|worker",
        r"(shop)+",
        r"(shop)?worker",
        r"(worker){0}nginx",
        r"sh[o]p",
        r"\bshop\b",
        r"x*\bjava",
        r"(?m)^nginx$",
        r"(|a)+nginx",
        r"ja",
        r"",
        r"[^a]opt/",
        "été",
        r"worker.{5}shop|.shop",
        r"\z(?m:^)",
    ]
)
TEXTS = st.lists(st.sampled_from([*WORDS, "-x", "worker.py"]), min_size=1, max_size=4)


@st.composite
def some_processes(draw: st.DrawFn) -> list[Process]:
    found = [process(1, "nginx")]
    for pid in range(2, 2 + draw(st.integers(1, 3))):
        spans = draw(st.sampled_from([(), (), ((0, 2),), ((3, 7),)]))
        arguments = draw(TEXTS)
        parent = draw(st.integers(1, pid - 1))
        one = process(
            pid,
            *arguments,
            ppid=parent,
            comm=arguments[0][:15],
            status_name=arguments[0][:15],
            exe=draw(st.sampled_from([None, "/usr/bin/java", "/opt/shop"])),
            cgroup="0::/\n",
        )
        length = len(one.cmdline or b"")
        found.append(one._replace(masked_spans=tuple(span for span in spans if span[1] < length)))
    return found


def outcomes(configuration: Config, processes: Sequence[Process], many: int) -> list[Outcome]:
    """With the index where there are so many rules."""
    with (
        patch.object(first_match, "MANY_RULES", many),
        patch.object(every_matcher, "MANY_RULES", many),
    ):
        tags = tag_table({2: [("owner", "shop")]})
        machine = Machine(processes, configuration, tags=tags)
        return [machine.outcome(one.pid) for one in processes]


@given(some_processes(), st.data())
def test_the_first_match_is_the_same(processes: list[Process], data: st.DataObject) -> None:
    types = st.sampled_from(["process_name", "cmdline", "parent_process_name", "tag"])
    actions = st.sampled_from(["accept", "drop"])
    given_rules = data.draw(
        st.lists(st.tuples(PATTERNS, types, actions, st.sampled_from(["", "r-$1"])), max_size=6)
    )
    configuration = config(*given_rules)

    assert outcomes(configuration, processes, 0) == outcomes(configuration, processes, 10**9)


@given(some_processes(), st.data())
def test_the_matchers_that_hit_are_the_same(processes: list[Process], data: st.DataObject) -> None:
    types = ["process_name", "cmdline", "cmdline_with_args", "parent_process_name", "tag"]
    count = data.draw(st.integers(0, 6))
    rules = tuple(
        matcher(
            number,
            data.draw(PATTERNS),
            data.draw(st.sampled_from(types)),
            rewrite_name=data.draw(st.sampled_from(["", "r-$1"])),
            ignore=data.draw(st.booleans()),
        )
        for number in range(1, 1 + count)
    )
    configuration = settings(*rules)

    assert outcomes(configuration, processes, 0) == outcomes(configuration, processes, 10**9)


def tried(rules: Sequence[Rule], one: Process) -> int:
    """How many of these rules may match a process."""
    compiled = compile_rules(rules, NO_ENVIRONMENT, "1.8.3")
    machine = Machine([one], config())
    kept = agent_process(one, host(), machine.behaviour)
    return len(Candidates(compiled, lambda _: "cmdline").of(kept))


@pytest.mark.parametrize(
    "pattern", [r"^/opt/app{}/bin/.*\.jar", r"java .*-jar /srv/team-{}\.jar$", r"(?i)TEAM-{}\.jar"]
)
def test_few_of_many_rules_are_tried(pattern: str) -> None:
    rules = [rule(number, pattern.format(1000 + number), "cmdline") for number in range(200)]
    one = process(7, "java", "-jar", "/opt/app1123/bin/x.jar", "/srv/team-1123.jar")

    assert 1 <= tried(rules, one) <= 20


def test_a_pattern_without_a_literal_is_tried_on_every_process() -> None:
    rules = [rule(1, "[a-z]op", "cmdline"), rule(2, "a|b", "cmdline"), rule(3, "zz", "cmdline")]

    assert tried(rules, process(7, "nginx")) == 3

"""Mermaid: a flowchart whose labels mean nothing but themselves."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.commands.topology.diagrams import topology_mermaid
from proccli.commands.topology.vertices import picture
from proccli.model.topology import Topology
from proccli.text import visible
from tests.commands.topology.edges import (
    HOSTILE,
    edge,
    empty,
    every_kind,
    fleet,
    hostile,
    node,
    small,
    topology,
)

TOPOLOGIES = {
    "small": small(),
    "kinds": every_kind(),
    "fleet": fleet(500),
    "hostile": hostile(),
    "empty": empty(),
}
_LABEL = r'"(?:[A-Za-z0-9 \u0080-\U0010ffff]|[A-Za-z0-9][/,.-](?=[A-Za-z0-9])|#\d+;|<br/>)+"'
_LINES = [
    r"flowchart LR",
    rf"  subgraph h\d+\[{_LABEL}\]",
    rf"(?:  ){{1,2}}v\d+(?:\[{_LABEL}\]|\(\[{_LABEL}\]\))",
    r"  end",
    rf"  v\d+ (?:-->|-\.->)\|{_LABEL}\| v\d+",
    r"  linkStyle \d+ stroke-width:[\d.]+px",
    r"  classDef far stroke-dasharray:4 3",
    r"  class v\d+(?:,v\d+)* far",
    r" *%% .*",
]


def decoded(label: str) -> str:
    """What Mermaid shows for it."""
    return re.sub(r"#(\d+);", lambda found: chr(int(found[1])), label)


@pytest.mark.parametrize("result", TOPOLOGIES.values(), ids=TOPOLOGIES)
def test_every_line_is_of_the_language(result: Topology) -> None:
    text = topology_mermaid(result).decode()

    for line in text.splitlines():
        assert any(re.fullmatch(pattern, line) for pattern in _LINES), line
    depth = 0
    for line in text.splitlines():
        depth += line.startswith("  subgraph")
        depth -= line == "  end"
        assert depth in (0, 1)
    assert depth == 0


@pytest.mark.parametrize("result", TOPOLOGIES.values(), ids=TOPOLOGIES)
def test_every_vertex_is_declared_once_before_its_lines(result: Topology) -> None:
    text, drawn = topology_mermaid(result).decode(), picture(result)
    declared = re.findall(r"^ +(v\d+)[\[(]", text, re.MULTILINE)
    lines = re.findall(r"^  (v\d+) -(?:\.-|-)>\|.*\| (v\d+)$", text, re.MULTILINE)

    assert len(declared) == len(set(declared)) == len(drawn.vertices)
    assert len(lines) == len(drawn.links)
    assert {name for line in lines for name in line} <= set(declared)


def test_names_are_shown_as_they_are() -> None:
    labels = re.findall(r'\["([^"]*)"\]', topology_mermaid(hostile()).decode())
    shown = {decoded(label.partition("<br/>")[0]) for label in labels}

    assert {visible(name) for name in HOSTILE if name} <= shown


@given(st.text(min_size=1, max_size=40))
def test_any_name_comes_back(name: str) -> None:
    text = topology_mermaid(topology([], [node(1, None, name)], [edge(1, 1, 80)])).decode()
    (label,) = re.findall(r'v0\["([^"]*)"\]', text)

    assert decoded(label).strip() in (visible(name).strip(), "\u200b")


def test_what_is_seen_from_one_end_is_dashed() -> None:
    text = topology_mermaid(small()).decode()

    assert "v1 -->|" in text
    assert re.search(r"-\.->\|\"#58;6379\"", text)


def test_more_than_mermaid_draws_by_itself_is_said_in_the_first_line() -> None:
    large, little = topology_mermaid(fleet(1_000)).decode(), topology_mermaid(small()).decode()

    assert re.match(r"%% [\d,]+ lines in [\d,]+ characters: Mermaid draws 500 in 50,000 ", large)
    assert large.splitlines()[1] == "flowchart LR"
    assert little.startswith("flowchart LR\n")


def test_nothing_is_an_empty_flowchart() -> None:
    assert topology_mermaid(replace(empty(), hosts=())).decode() == (
        "flowchart LR\n  %% 0 connections, 0 processes, 0 hosts\n"
    )

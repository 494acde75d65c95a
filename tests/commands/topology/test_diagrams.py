"""Topologies as DOT and Mermaid: valid for any names, and accepted by Graphviz."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.commands.topology.diagrams import topology_dot, topology_mermaid
from proccli.commands.topology.vertices import drawn_graph
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
EACH_TOPOLOGY = pytest.mark.parametrize("result", TOPOLOGIES.values(), ids=TOPOLOGIES)

_TOKEN = re.compile(
    r'\s*(?:("(?:[^"\\]|\\.)*")|(->)|([{}\[\]=,])|([A-Za-z_][A-Za-z_0-9]*)|([0-9.]+))'
)


def tokens(text: str) -> Iterator[str]:
    """The tokens of a DOT file; fails at anything else."""
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        assert found, text[at : at + 60]
        yield found.group().strip()
        at = found.end()


class Parser:
    """A parser for the part of the grammar that proccli writes.

    Source: graphviz.org/doc/info/lang.html.
    """

    def __init__(self, text: str) -> None:
        self.left = list(tokens(text))[::-1]
        self.nodes: dict[str, dict[str, str]] = {}
        self.edges: list[tuple[str, str, dict[str, str]]] = []
        self.clusters: list[str] = []
        assert [self.take(), self.take(), self.take()] == ["digraph", "topology", "{"]
        self.statements()
        assert not self.left

    def take(self, expected: str | None = None) -> str:
        word = self.left.pop()
        assert expected in (None, word), (expected, word)
        return word

    def statements(self) -> None:
        while (word := self.take()) != "}":
            if word == "subgraph":
                assert self.take().startswith("cluster_")
                self.take("{")
                self.statements()
            elif word in ("graph", "node", "edge"):
                self.clusters.append(self.attributes().get("label", ""))
            elif self.left[-1] == "->":
                self.take()
                self.edges.append((word, self.take(), self.attributes()))
            else:
                assert word not in self.nodes, "a node is declared once"
                self.nodes[word] = self.attributes()

    def attributes(self) -> dict[str, str]:
        found = {}
        self.take("[")
        while True:
            name = self.take()
            self.take("=")
            found[name] = self.take()
            if self.take() == "]":
                return found


@EACH_TOPOLOGY
def test_dot_follows_the_grammar_and_has_every_line(result: Topology) -> None:
    drawn, parsed = drawn_graph(result), Parser(topology_dot(result).decode())

    assert list(parsed.nodes) == unordered_as(parsed.nodes, [f'"{v.id}"' for v in drawn.vertices])
    assert [(client, server) for client, server, _ in parsed.edges] == [
        (f'"{link.client.id}"', f'"{link.server.id}"') for link in drawn.links
    ]


def unordered_as(given: dict[str, dict[str, str]], expected: list[str]) -> list[str]:
    """The expected words in the order in which they are given."""
    assert set(given) == set(expected)
    return list(given)


def test_dot_line_style_shows_the_certainty() -> None:
    styles = {
        style["label"]: style["style"] for *_, style in Parser(topology_dot(small()).decode()).edges
    }

    assert styles['":8080 ×12"'] == "solid"
    assert styles['":6379"'] == "dashed"
    assert styles['":443 ×31"'] == "dotted"


def test_dot_grouped_by_host_has_no_clusters() -> None:
    base = small()
    known = [edge for edge in base.edges if edge.remote is None]
    parsed = Parser(topology_dot(replace(base, group_by="host", edges=tuple(known))).decode())

    assert len(parsed.clusters) == 3, "the graph, its nodes and its edges"


@EACH_TOPOLOGY
def test_graphviz_accepts_dot(result: Topology) -> None:
    dot = shutil.which("dot")
    if dot is None:
        pytest.skip("Graphviz is not installed")
    # Not laid out: for hundreds of lines that takes minutes. `nop` reads and writes again.
    made = subprocess.run(
        [dot, "-Tcanon"],
        input=topology_dot(result),
        capture_output=True,
        check=False,
        timeout=120,
    )

    assert (made.returncode, made.stderr.decode()) == (0, "")


def test_graphviz_shows_hostile_names_unchanged() -> None:
    dot = shutil.which("dot")
    if dot is None:
        pytest.skip("Graphviz is not installed")
    made = subprocess.run(
        [dot, "-Tsvg"],
        input=topology_dot(hostile()),
        capture_output=True,
        check=True,
        timeout=120,
    )
    texts = [
        "".join(element.itertext()).replace("\u00a0", " ")
        for element in ElementTree.fromstring(made.stdout).iter("{http://www.w3.org/2000/svg}text")
    ]

    for name in HOSTILE:
        assert texts.count(visible(name) or '""') >= 2 + (name != ""), name


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
    """The text that Mermaid shows for a label."""
    return re.sub(r"#(\d+);", lambda found: chr(int(found[1])), label)


@EACH_TOPOLOGY
def test_mermaid_lines_follow_the_grammar(result: Topology) -> None:
    text = topology_mermaid(result).decode()

    for line in text.splitlines():
        assert any(re.fullmatch(pattern, line) for pattern in _LINES), line
    depth = 0
    for line in text.splitlines():
        depth += line.startswith("  subgraph")
        depth -= line == "  end"
        assert depth in (0, 1)
    assert depth == 0


@EACH_TOPOLOGY
def test_mermaid_declares_each_vertex_once_before_its_lines(result: Topology) -> None:
    text, drawn = topology_mermaid(result).decode(), drawn_graph(result)
    declared = re.findall(r"^ +(v\d+)[\[(]", text, re.MULTILINE)
    lines = re.findall(r"^  (v\d+) -(?:\.-|-)>\|.*\| (v\d+)$", text, re.MULTILINE)

    assert len(declared) == len(set(declared)) == len(drawn.vertices)
    assert len(lines) == len(drawn.links)
    assert {name for line in lines for name in line} <= set(declared)


def test_mermaid_shows_names_unchanged() -> None:
    labels = re.findall(r'\["([^"]*)"\]', topology_mermaid(hostile()).decode())
    shown = {decoded(label.partition("<br/>")[0]) for label in labels}

    assert {visible(name) for name in HOSTILE if name} <= shown


@given(st.text(min_size=1, max_size=40))
def test_mermaid_label_decodes_to_the_name(name: str) -> None:
    text = topology_mermaid(topology([], [node(1, None, name)], [edge(1, 1, 80)])).decode()
    (label,) = re.findall(r'v0\["([^"]*)"\]', text)

    assert decoded(label).strip() in (visible(name).strip(), "\u200b")


def test_mermaid_lines_found_at_one_end_are_dashed() -> None:
    text = topology_mermaid(small()).decode()

    assert "v1 -->|" in text
    assert re.search(r"-\.->\|\"#58;6379\"", text)


def test_mermaid_warns_above_the_default_limits() -> None:
    large, little = topology_mermaid(fleet(1_000)).decode(), topology_mermaid(small()).decode()

    assert re.match(
        r"%% [\d,]+ lines in [\d,]+ characters: Mermaid draws at most 500 in 50,000 ", large
    )
    assert large.splitlines()[1] == "flowchart LR"
    assert little.startswith("flowchart LR\n")


def test_mermaid_without_connections_is_an_empty_flowchart() -> None:
    assert topology_mermaid(replace(empty(), hosts=())).decode() == (
        "flowchart LR\n  %% 0 connections, 0 processes, 0 hosts\n"
    )

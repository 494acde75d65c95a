"""DOT: of the language, whatever names there are, and taken by Graphviz itself."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from proccli.commands.topology.topology_dot import topology_dot
from proccli.commands.topology.vertices import picture
from proccli.model.topology import Topology
from proccli.text import visible
from tests.commands.topology.edges import HOSTILE, empty, every_kind, fleet, hostile, small

TOPOLOGIES = {
    "small": small(),
    "kinds": every_kind(),
    "fleet": fleet(500),
    "hostile": hostile(),
    "empty": empty(),
}
WHOLE = pytest.mark.parametrize("result", TOPOLOGIES.values(), ids=TOPOLOGIES)

_TOKEN = re.compile(
    r'\s*(?:("(?:[^"\\]|\\.)*")|(->)|([{}\[\]=,])|([A-Za-z_][A-Za-z_0-9]*)|([0-9.]+))'
)


def tokens(text: str) -> Iterator[str]:
    """The words of a DOT file; anything else is an error."""
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        assert found, text[at : at + 60]
        yield found.group().strip()
        at = found.end()


class Parser:
    """The part of the grammar that we write. Source: graphviz.org/doc/info/lang.html."""

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


@WHOLE
def test_it_is_of_the_language_and_has_every_line(result: Topology) -> None:
    drawn, parsed = picture(result), Parser(topology_dot(result).decode())

    assert list(parsed.nodes) == unordered_as(parsed.nodes, [f'"{v.id}"' for v in drawn.vertices])
    assert [(client, server) for client, server, _ in parsed.edges] == [
        (f'"{link.client.id}"', f'"{link.server.id}"') for link in drawn.links
    ]


def unordered_as(given: dict[str, dict[str, str]], expected: list[str]) -> list[str]:
    """The expected words in the order in which they are given."""
    assert set(given) == set(expected)
    return list(given)


def test_how_sure_a_line_is_shows() -> None:
    styles = {
        style["label"]: style["style"] for *_, style in Parser(topology_dot(small()).decode()).edges
    }

    assert styles['":8080 ×12"'] == "solid"
    assert styles['":6379"'] == "dashed"
    assert styles['":443 ×31"'] == "dotted"


def test_grouped_by_host_there_are_no_clusters() -> None:
    from dataclasses import replace

    base = small()
    known = [edge for edge in base.edges if edge.remote is None]
    parsed = Parser(topology_dot(replace(base, group_by="host", edges=tuple(known))).decode())

    assert len(parsed.clusters) == 3, "the graph, its nodes and its edges"


@WHOLE
def test_graphviz_draws_it_word_for_word(result: Topology) -> None:
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


def test_graphviz_shows_hostile_names_as_they_are() -> None:
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

"""The SVG file: well-formed, of itself, harmless, and nothing in it lies on anything else."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.commands.topology.drawing.lines import LABEL, NAME, NOTE, Rect, width
from proccli.commands.topology.drawing.svg import topology_svg
from proccli.commands.topology.drawing.theme import DARK, LIGHT
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
    "fleet-40": fleet(40),
    "fleet-500": fleet(500),
    "hostile": hostile(),
    "empty": empty(),
}
WHOLE = pytest.mark.parametrize("result", TOPOLOGIES.values(), ids=TOPOLOGIES)
SVG = "{http://www.w3.org/2000/svg}"


def parsed(result: Topology) -> Element:
    return ElementTree.fromstring(topology_svg(result).decode())


def of_class(root: Element, name: str) -> list[Element]:
    return [one for one in root.iter() if name in one.get("class", "").split()]


def number(element: Element, name: str) -> float:
    return float(element.get(name, "nan"))


def rect_of(element: Element) -> Rect:
    left, top = number(element, "x"), number(element, "y")
    return Rect(left, top, left + number(element, "width"), top + number(element, "height"))


@WHOLE
def test_it_is_well_formed_and_made_of_drawing_alone(result: Topology) -> None:
    root = parsed(result)

    assert {one.tag for one in root.iter()} <= {
        SVG + name for name in ("svg", "title", "style", "g", "rect", "path", "text")
    }
    allowed = {
        *("viewBox", "width", "height", "class", "role", "x", "y", "rx", "d", "transform"),
        *("stroke-width", "data-link", "data-client", "data-server", "data-vertex", "data-host"),
    }
    assert {name for one in root.iter() for name in one.attrib} <= allowed


@WHOLE
def test_it_needs_nothing_else(result: Topology) -> None:
    root = parsed(result)
    (style,) = [one.text or "" for one in root.iter(SVG + "style")]

    assert not re.search(r"url\(|@import|@font-face|var\(", style)
    assert topology_svg(result).decode().count("http") == 1, "the namespace"


@WHOLE
def test_it_is_always_the_same(result: Topology) -> None:
    assert topology_svg(result).decode() == topology_svg(replace(result)).decode()


@WHOLE
def test_every_vertex_and_every_line_is_there(result: Topology) -> None:
    root, drawn = parsed(result), drawn_graph(result)

    assert [one.get("data-vertex") for one in of_class(root, "vertex")] == [
        vertex.id for vertex in drawn.vertices
    ]
    links = [one for one in of_class(root, "link") if one.get("data-link")]
    assert sorted(int(one.get("data-link", "")) for one in links) == list(range(len(drawn.links)))
    for one in links:
        link = drawn.links[int(one.get("data-link", ""))]
        assert (one.get("data-client"), one.get("data-server")) == (link.client.id, link.server.id)
        assert link.certainty in one.get("class", "")


@WHOLE
def test_boxes_stand_apart_inside_of_frames_of_their_host(result: Topology) -> None:
    root, drawn = parsed(result), drawn_graph(result)
    boxes = [rect_of(one) for one in of_class(root, "box")]
    frames = {
        (one.findtext(SVG + "title"), rect_of(one.find(SVG + "rect")))  # type: ignore[arg-type]
        for one in of_class(root, "frame")
    }

    assert not any(one.meets(other) for one, other in combinations(boxes, 2))
    for box, vertex in zip(boxes, drawn.vertices, strict=True):
        around = [name for name, frame in frames if frame.meets(box)]
        assert around == ([] if vertex.host is None else [visible(vertex.host)])


@WHOLE
def test_text_fits_into_its_box(result: Topology) -> None:
    for vertex in of_class(parsed(result), "vertex"):
        (box,) = of_class(vertex, "box")
        for name, size in (("name", NAME), ("note", NOTE)):
            (text,) = of_class(vertex, name)
            end = number(text, "x") + width(text.text or "", size)
            assert end <= rect_of(box).right - 10


@WHOLE
def test_labels_that_are_shown_lie_on_nothing(result: Topology) -> None:
    root = parsed(result)
    labels = []
    for one in of_class(root, "label"):
        if "crowded" not in one.get("class", ""):
            half = width(one.text or "", LABEL) / 2
            x, y = number(one, "x"), number(one, "y")
            labels.append(Rect(x - half, y - 10, x + half, y + 2))
    boxes = [rect_of(one) for one in of_class(root, "box")]

    assert not any(one.meets(other) for one, other in combinations(labels, 2))
    assert not any(one.meets(other) for one in labels for other in boxes)
    assert bool(labels) == bool(drawn_graph(result).links)


def test_few_lines_all_have_their_label() -> None:
    labels = of_class(parsed(small()), "label")

    assert sorted(one.text or "" for one in labels) == [
        ":443 ×31",
        ":53/udp",
        ":5432 ×4",
        ":6379",
        ":8080 ×12",
    ]
    assert not of_class(parsed(small()), "crowded")


def test_of_many_lines_only_the_busiest_are_labelled_and_all_are_fainter() -> None:
    root = parsed(fleet(500))
    labels = of_class(root, "label")

    assert 10 <= sum("crowded" not in one.get("class", "") for one in labels) <= 40
    assert "dense" in root.get("class", "").split()
    assert "dense" not in parsed(fleet(40)).get("class", "").split()


def test_the_busier_the_thicker() -> None:
    widths = {
        one.get("data-link"): number(of_class(one, "line")[0], "stroke-width")
        for one in of_class(parsed(small()), "link")
        if one.get("data-link")
    }

    assert sorted(widths.values(), reverse=True) == [widths[str(at)] for at in range(5)]
    assert widths["0"] > widths["1"] > widths["2"] > widths["4"] == 1.2


def test_clients_stand_left_of_their_servers() -> None:
    root = parsed(small())
    left = {
        one.get("data-vertex"): rect_of(of_class(one, "box")[0]) for one in of_class(root, "vertex")
    }

    for link in drawn_graph(small()).links:
        assert left[link.client.id].right < left[link.server.id].left


def test_long_names_are_shortened_and_whole_in_the_title() -> None:
    here = topology([], [node(1, None, "x" * 500)], [edge(1, 1, 80)])
    (vertex,) = of_class(parsed(here), "vertex")

    assert "x" * 500 in (vertex.findtext(SVG + "title") or "")
    assert len(of_class(vertex, "name")[0].text or "") == NAME.cells


def test_names_are_text_and_can_be_seen() -> None:
    root = parsed(hostile())
    titles = [one.findtext(SVG + "title") or "" for one in of_class(root, "vertex")]

    for name in HOSTILE:
        shown = visible(name) or '""'
        assert any(title.split("\n")[0].startswith(shown) for title in titles), name
    assert not set("\u202e\u200b\x1b\x07\x00") & set(topology_svg(hostile()).decode())


@given(st.text(max_size=40))
def test_any_name_is_well_formed(name: str) -> None:
    here = topology(
        [],
        [node(1, name, name, tags=((name, name),))],
        [edge(1, None, 80, remote="not-sent", remote_host=name, remote_process=name)],
    )

    assert len(of_class(parsed(here), "vertex")) == 2


def test_below_stands_how_to_read_it_and_what_was_left_out() -> None:
    texts = [one.text for one in of_class(parsed(every_kind()), "caption")]

    assert texts[:3] == [
        "seen at both ends",
        "seen at the client end only",
        "seen at the server end only",
    ]
    assert "16 connection ends not sent: 12 IPv6, 4 too young." in texts
    assert "The hosts were sampled up to 1m apart." in texts


def test_only_kinds_of_lines_that_occur_are_explained() -> None:
    here = topology([], [node(1, None, "a"), node(2, None, "b")], [edge(1, 2, 80)])
    texts = [one.text for one in of_class(parsed(here), "caption")]

    assert texts[0] == "seen at both ends"
    assert not any("seen" in (text or "") for text in texts[1:])


@pytest.mark.parametrize(
    ("connections", "words"), [(0, "No connection is sent."), (3, "0 of 3 connections shown.")]
)
def test_nothing_is_said_to_be_nothing(connections: int, words: str) -> None:
    texts = [
        one.text for one in of_class(parsed(replace(empty(), connections=connections)), "caption")
    ]

    assert texts[0] == words


def test_only_so_many_lines_are_drawn_and_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proccli.commands.topology.drawing.svg.MOST", 3)
    root = parsed(small())

    assert len([one for one in of_class(root, "link") if one.get("data-link")]) == 3
    assert (
        "Only the 3 busiest lines are shown, and 2 others are left out; -o json has all of them."
        in [one.text for one in of_class(root, "caption")]
    )


def luminance(colour: str) -> float:
    """Source: WCAG 2.2, relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_all_text_can_be_read_on_its_ground(palette: dict[str, str]) -> None:
    """4.5 to 1 is what WCAG asks of text, 3 to 1 of lines."""
    for ground in ("page", "panel", "box"):
        assert contrast(palette["ink"], palette[ground]) >= 7
        assert contrast(palette["dim"], palette[ground]) >= 4.5
    for at in range(8):
        assert contrast(palette[f"h{at}-title"], palette[f"h{at}-fill"]) >= 4.5
    assert contrast(palette["line"], palette["page"]) >= 3
    assert contrast(palette["accent"], palette["page"]) >= 4.5


def test_how_many_the_server_takes_it_for_is_said_where_it_is_not_one() -> None:
    several = node(1, "web-1", "nginx", 1, 2, 3, gprocesses=(1, 3))
    here = topology([], [several, node(2, None, "shop")], [edge(1, 2, 80)])
    notes = [of_class(one, "note")[0].text for one in of_class(parsed(here), "vertex")]

    assert notes == ["3 processes · 1 to 3 gprocesses", "several hosts · pid 1002"]

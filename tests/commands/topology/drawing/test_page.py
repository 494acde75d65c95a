"""The page as text: it runs nothing untrusted and shows everything without scripts."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proccli.commands.topology.drawing.page import topology_html
from proccli.commands.topology.vertices import drawn_graph
from proccli.model.note import Note
from proccli.model.topology import Topology
from proccli.terminal.lines import shorten
from proccli.text import visible
from tests.commands.topology.edges import (
    HOSTILE,
    edge,
    empty,
    every_kind,
    fleet,
    host,
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
WHOLE = pytest.mark.parametrize("result", TOPOLOGIES.values(), ids=TOPOLOGIES)
VOID = {"meta", "input", "br", "link", "img"}
CLOSED_ALONE = {"rect", "path"}


class Page(HTMLParser):
    """Elements with their attributes and their text; raises for what is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), "an attribute is there once"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in CLOSED_ALONE
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.append((self.open[-1], data))

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def text_of(self, tag: str) -> list[str]:
        return [text for name, text in self.texts if name == tag]


def data_of(page: Page) -> Any:
    (content, _) = page.text_of("script")
    return json.loads(content)


@WHOLE
def test_there_is_nothing_in_it_but_what_we_put_there(result: Topology) -> None:
    page = Page(topology_html(result).decode())

    assert {tag for tag, _ in page.elements} <= {
        *("html", "head", "meta", "title", "style", "body", "script", "a", "header", "main"),
        *("div", "h1", "h2", "p", "button", "label", "input", "kbd", "select", "option", "span"),
        *("output", "figure", "svg", "g", "rect", "path", "text", "aside", "section", "table"),
        *("thead", "tbody", "tr", "th", "td", "bdi", "footer"),
    }
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes), tag
        assert not attributes.keys() & {
            "style",
            "src",
            "srcset",
            "action",
            "formaction",
            "xlink:href",
        }
        assert "href" not in attributes or attributes["href"] == "#connections"


@WHOLE
def test_its_policy_allows_its_own_script_and_style_and_nothing_else(result: Topology) -> None:
    page = Page(topology_html(result).decode())
    (policy,) = [meta["content"] for meta in page.of("meta") if "http-equiv" in meta]
    (style,), (_, script) = page.text_of("style"), page.text_of("script")

    def digest(content: str) -> str:
        return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"

    assert policy == (
        f"default-src 'none'; style-src {digest(style)}; script-src {digest(script)};"
        " base-uri 'none'; form-action 'none'"
    )


@WHOLE
def test_it_names_no_other_place(result: Topology) -> None:
    text = topology_html(result).decode()

    assert not re.search(r"https?:|//[a-z]+\.|url\(|@import|fetch\(|XMLHttpRequest", text)
    assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|eval\(", text)


@WHOLE
def test_it_is_always_the_same(result: Topology) -> None:
    assert topology_html(result).decode() == topology_html(replace(result)).decode()


@WHOLE
def test_the_table_has_a_row_for_each_bundle_in_the_order_of_the_data(result: Topology) -> None:
    drawn, page = drawn_graph(result), Page(topology_html(result).decode())
    rows = [row["data-link"] for row in page.of("tr") if "data-link" in row]
    data = data_of(page)

    assert rows == [str(bundle["link"]) for bundle in data["bundles"]]
    assert len(rows) == len(drawn.bundles)
    assert [vertex["id"] for vertex in data["vertices"]] == [v.id for v in drawn.vertices]
    for bundle, given_bundle in zip(drawn.bundles, data["bundles"], strict=True):
        link = data["links"][given_bundle["link"]]
        assert data["vertices"][link["client"]]["id"] == bundle.client.id
        assert data["vertices"][link["server"]]["id"] == bundle.server.id


def test_names_are_text_and_can_be_seen() -> None:
    text = topology_html(hostile()).decode()
    page = Page(text)
    cells = {content for tag, content in page.texts if tag in ("span", "bdi")}

    assert {shorten(name, 240, "…") or '""' for name in HOSTILE} <= cells
    assert {visible(name) or '""' for name in HOSTILE} <= {
        vertex["label"] for vertex in data_of(page)["vertices"]
    }
    assert text.count("</script") == 2
    assert text.count("<!--") == 0
    assert not set("\u202e\u200b\x1b\x07\x00") & set(text)
    assert text.encode("utf-8")


@settings(max_examples=60)
@given(st.text(max_size=30))
def test_any_name_is_text(name: str) -> None:
    here = topology(
        [host(name, source=name, network=name)],
        [node(1, name, name, tags=((name, name),))],
        [edge(1, None, 80, remote="not-sent", remote_host=name, remote_process=name)],
        notes=(Note(code="x", text=name),),
    )
    page = Page(topology_html(here).decode())

    assert data_of(page)["vertices"][0]["label"] == (visible(name) or '""')
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u200b]", topology_html(here).decode())


def test_what_a_script_would_say_stands_in_the_page() -> None:
    """Warnings, what was left out, and how to read it are there without scripts."""
    text = " ".join(Page(topology_html(every_kind()).decode()).text_of("p"))

    assert "16 connection ends not sent: 12 IPv6, 4 too young." in text
    assert "the sources were taken 95 s apart" in text
    assert "with agent.yaml as read by agent 6.5 (static_config, via server)" in text


def test_a_search_looks_through_names_hosts_tags_ports_addresses_and_reasons() -> None:
    data = data_of(Page(topology_html(small()).decode()))
    (shop,) = [vertex for vertex in data["vertices"] if vertex["label"] == "shop"]
    hay = " ".join(bundle["hay"] for bundle in data["bundles"])

    for word in ("shop", "web-1", "900", "os.app.owner=alice", "os.app.owner: alice"):
        assert word in shop["hay"]
    for word in (":6379 6379/tcp", ":53 53/udp", "203.0.113.7", "not sent: dropped by the rules"):
        assert word in hay


def test_details_of_a_process_and_a_connection() -> None:
    data = data_of(Page(topology_html(small()).decode()))
    (shop,) = [vertex for vertex in data["vertices"] if vertex["label"] == "shop"]

    assert shop["facts"] == [
        ["host", "web-1"],
        ["1 pid", "900"],
        ["on the server", "1 gprocess"],
        ["os.app.app", "shop"],
        ["os.app.owner", "alice"],
    ]
    bundle = data["bundles"][0]
    assert bundle["title"] == "443/tcp · 31 connections"
    assert bundle["facts"] == [
        ["seen at", "the server end only"],
        ["peer", "not in the recordings"],
        ["addresses", "203.0.113.7 → 10.0.0.5:443 ×31"],
    ]


def test_at_most_forty_addresses_are_listed() -> None:
    data = data_of(Page(topology_html(every_kind()).decode()))
    (crowd,) = [vertex for vertex in data["vertices"] if vertex["label"] == "500 addresses"]
    (bundle,) = [bundle for bundle in data["bundles"] if bundle["connections"] == 1_000]

    assert crowd["facts"][-1][0] == "500 addresses"
    assert crowd["facts"][-1][1].endswith(" and 460 more")
    assert bundle["facts"][-1] == ["", "and 460 more"]
    assert len(bundle["facts"]) == 43
    assert "198.51.1.249" in bundle["hay"], "and all of them are found"


def test_long_names_are_not_repeated() -> None:
    here = topology(
        [], [node(1, None, "x" * 1_000_000)], [edge(1, 1, port) for port in range(1, 200)]
    )

    # In the title of its box, and in the data: its label, and twice where a search looks.
    assert len(topology_html(here).decode()) < 5_000_000


def test_outputs_of_sync_were_made_with_configurations_of_their_own() -> None:
    page = Page(topology_html(replace(small(), config=None)).decode())

    assert page.text_of("p")[-1].startswith("Created by proccli from ")
    assert page.text_of("p")[-1].endswith(", from the output of proccli sync.")


def test_nothing_needs_no_controls() -> None:
    page = Page(topology_html(empty()).decode())

    assert not page.of("input")
    assert "No connection is sent." in page.text_of("p")


def test_only_so_many_lines_are_shown_and_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proccli.commands.topology.drawing.page.MOST", 3)
    page = Page(topology_html(small()).decode())

    assert len([row for row in page.of("tr") if "data-link" in row]) == 3
    assert any(
        text.startswith("Only the 3 busiest lines are shown, and 2 others")
        for text in page.text_of("p")
    )

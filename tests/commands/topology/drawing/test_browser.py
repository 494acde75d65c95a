"""The page in a real browser: Chromium without a head, where there is one."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from proccli.commands.topology.drawing.page import topology_html
from proccli.commands.topology.drawing.svg import topology_svg
from proccli.model.topology import Topology
from proccli.terminal.lines import shorten
from proccli.text import visible
from tests.cli.runner import call
from tests.commands.topology.edges import HOSTILE, empty, every_kind, fleet, hostile, small
from tests.commands.topology.test_focus import write_fleet
from tests.commands.topology.visits import Opener

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TOPOLOGIES: dict[str, Callable[[], Topology]] = {
    "small": small,
    "kinds": every_kind,
    "fleet-40": lambda: fleet(40),
    "fleet-500": lambda: fleet(500),
    "hostile": hostile,
    "empty": empty,
}
WHOLE = pytest.mark.parametrize("name", TOPOLOGIES)


def page_of(name: str) -> str:
    return topology_html(TOPOLOGIES[name]()).decode()


@pytest.mark.parametrize(
    ("name", "scheme"), [*((name, "light") for name in TOPOLOGIES), ("kinds", "dark")]
)
def test_it_opens_without_a_complaint_and_asks_for_nothing(
    visit: Opener, name: str, scheme: str
) -> None:
    opened = visit(page_of(name), color_scheme=scheme)
    opened.page.mouse.wheel(0, 300)
    opened.page.wait_for_timeout(50)

    assert opened.requests == [opened.url]
    assert opened.complaints == []


@WHOLE
def test_nothing_sticks_out_to_the_right(visit: Opener, name: str) -> None:
    page = visit(page_of(name), viewport={"width": 390, "height": 800}).page
    for width in (390, 320, 768, 1440, 2560):
        page.set_viewport_size({"width": width, "height": 800})

        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", ["small", "kinds", "hostile"])
def test_text_stays_in_its_box(visit: Opener, name: str) -> None:
    """With the fonts of this machine, whichever they are."""
    page = visit(page_of(name)).page
    page.locator("#fit").click()
    outside = page.evaluate(
        """() => [...document.querySelectorAll(".vertex, .frame")].flatMap((one) => {
            const box = one.querySelector("rect").getBBox();
            return [...one.querySelectorAll("text")]
                .filter((text) => text.getBBox().x + text.getBBox().width > box.x + box.width)
                .map((text) => text.textContent);
        })"""
    )

    assert outside == []


def test_a_search_filters_rows_and_drawing(visit: Opener) -> None:
    opened = visit(page_of("kinds"))
    opened.page.fill("#q", "postgres nginx")
    assert opened.rows() == []
    assert opened.page.locator("#nothing").is_visible()

    opened.page.fill("#q", "os.app.team=data")
    assert [row.split(" → ")[0] for row in opened.rows()] == [
        "shop on web-1 postgres on db-1 5432/tcp 4 both ends",
        "postgres on db-1 shop on web-1 9000/tcp 2 both ends",
        "psql on web-1 postgres on db-1 5432/tcp 1 the server end not sent: too young",
    ]
    shown = opened.page.locator(".vertex:not(.out) .name").all_text_contents()
    assert shown == ["postgres", "shop", "psql"]
    assert opened.page.locator(".link:not(.out)[data-link]").count() == 3
    assert opened.page.locator("#count").inner_text() == "7 of 1,062 connections"

    opened.page.click("#clear")
    assert len(opened.rows()) == 16
    assert opened.page.locator(".out").count() == 0
    assert opened.page.locator("#count").inner_text() == ""


def test_what_a_search_finds(visit: Opener) -> None:
    opened = visit(page_of("kinds"))
    for words, number in (
        (":80", 1),
        (":8080", 1),
        ("808", 2),
        ("udp", 1),
        ("198.51.1.7", 1),
        ("DROPPED", 1),
        ("@", 0),
        ("  ", 16),
    ):
        opened.page.fill("#q", words)

        assert len(opened.rows()) == number, words


def test_hosts_and_certainty_filter_too(visit: Opener) -> None:
    opened = visit(page_of("small"))
    opened.page.select_option("#host", "db-1")
    assert len(opened.rows()) == 2

    opened.page.uncheck("[name=seen][value=client-end]")
    assert opened.rows() == ["shop on web-1 postgres on db-1 5432/tcp 4 both ends"]


def test_many_hosts_open_as_a_service_map_of_which_one_host_can_be_opened(
    visit: Opener, tmp_path: Path
) -> None:
    write_fleet(tmp_path)
    ran = call("topology", str(tmp_path), "-o", "html")
    page = visit(ran.out).page
    assert page.locator(".vertex:not(.out)").count() == 5
    page.locator(".vertex", has_text="batch").click()
    assert "host-00" in page.locator("#details").inner_text()
    page.locator(".vertex", has_text="web").click()
    page.locator("#details button.host", has_text="host-07").click()
    assert page.locator("#host").input_value() == "host-07"
    # web to the app behind, app from the web before and to its database, web from outside.
    assert page.locator("#count").inner_text() == "4 of 97 connections"
    assert page.locator(".vertex.out").count() == 1  # batch
    page.click("#clear")
    assert page.locator(".out").count() == 0


def test_what_is_looked_for_is_in_the_address(visit: Opener) -> None:
    content = page_of("kinds")
    opened = visit(content)
    opened.page.fill("#q", "shop & co #1")
    opened.page.fill("#q", "shop")
    opened.page.select_option("#host", "db-1")
    opened.page.uncheck("[name=seen][value=both-ends]")
    opened.vertex("postgres").dispatch_event("pointerover")
    fragment = opened.page.evaluate("location.hash")

    again = visit(content, fragment)

    assert fragment == "#q=shop&host=db-1&seen=client-end%2Cserver-end"
    assert again.rows() == opened.rows() != []
    assert again.page.input_value("#q") == "shop"
    assert not again.page.is_checked("[name=seen][value=both-ends]")


@pytest.mark.parametrize(
    "fragment", ["#q=%", "#host=nobody&seen=&pick=n999", "#pick=n1-n1", "#&&=="]
)
def test_an_address_that_makes_no_sense_is_no_error(visit: Opener, fragment: str) -> None:
    visit(page_of("small"), fragment).page.wait_for_selector(".live")


def test_pointing_at_a_box_shows_its_neighbours(visit: Opener) -> None:
    opened = visit(page_of("small"))
    opened.vertex("nginx").hover()
    assert opened.lit() == {"203.0.113.7", "nginx", "shop"}
    assert opened.page.locator(".link.hot").count() == 2

    opened.page.mouse.move(5, 5)
    assert opened.lit() == set()
    assert opened.page.locator("svg.focus").count() == 0


def test_a_box_that_is_picked_tells_about_itself_and_leads_on(visit: Opener) -> None:
    opened = visit(page_of("small"))
    details = opened.page.locator("#details")
    opened.vertex("shop").click()

    text = re.sub(r"\s+", " ", details.inner_text())
    assert "shop on web-1" in text
    assert "os.app.owner alice" in text
    assert "1 pid 900" in text
    assert "Is called by nginx on web-1 :8080 ×12" in text
    assert opened.page.url.endswith("#pick=n3")

    details.get_by_role("button", name="postgres on db-1").click()
    text = re.sub(r"\s+", " ", details.inner_text())
    assert "4 connections" in text
    assert "10.0.0.5 → 10.0.0.9:5432 ×4" in text
    assert opened.page.url.endswith("#pick=n3-n1")
    assert opened.lit() == {"shop", "postgres"}

    opened.page.keyboard.press("Escape")
    assert details.is_hidden()
    assert opened.lit() == set()


def test_a_row_that_is_clicked_shows_its_line(visit: Opener) -> None:
    opened = visit(page_of("kinds"))
    opened.page.locator("tbody tr", has_text="psql").click()

    assert opened.lit() == {"psql", "postgres"}
    assert "not sent: too young" in opened.page.locator("#details").inner_text()


def test_what_is_picked_does_not_hide_behind_its_details(visit: Opener) -> None:
    opened = visit(page_of("kinds"))
    opened.vertex("mq").click()
    panel = opened.page.locator("#details").bounding_box()
    box = opened.vertex("mq").bounding_box()

    assert panel is not None
    assert box["x"] + box["width"] <= panel["x"]


def test_the_theme_follows_the_system_until_it_is_chosen(visit: Opener) -> None:
    opened = visit(page_of("small"), color_scheme="dark")
    dark = opened.background()
    opened.page.click("#theme")
    light = opened.background()
    assert (opened.page.get_attribute("#theme", "aria-label"), light) == (
        "Theme: light",
        "rgb(255, 255, 255)",
    )
    assert light != dark

    opened.page.reload()
    assert opened.background() == light, "it is remembered"

    opened.page.click("#theme")
    assert opened.background() == dark
    opened.page.click("#theme")
    opened.page.emulate_media(color_scheme="light")
    assert opened.background() == light, "and follows the system again"


def test_the_table_sorts_by_any_column(visit: Opener) -> None:
    opened = visit(page_of("kinds"))

    def column(number: int) -> list[str]:
        return opened.page.locator(f"#table tbody td:nth-child({number})").all_inner_texts()

    def press(title: str) -> str | None:
        heading = opened.page.get_by_role("columnheader", name=title)
        heading.get_by_role("button").click()
        return heading.get_attribute("aria-sort")

    assert press("Connections") == "descending"
    numbers = [int(text.replace(",", "")) for text in column(4)]
    assert numbers == sorted(numbers, reverse=True)
    assert press("Connections") == "ascending"
    assert [int(text.replace(",", "")) for text in column(4)] == numbers[::-1]
    assert press("Port") == "descending"
    ports = [int(text.split("/")[0]) for text in column(3)]
    assert ports == sorted(ports, reverse=True)
    assert press("Client") == "ascending"
    assert column(1)[:3] == ["203.0.113.7", "500 addresses", "nginx on web-1"]
    assert opened.page.locator("[aria-sort]").count() == 1

    opened.page.locator("tbody tr[data-link]").first.click()
    assert opened.lit() == {"203.0.113.7", "nginx"}, "and rows still know their lines"


def test_it_can_be_used_without_a_mouse(visit: Opener) -> None:
    opened = visit(page_of("small"))
    keyboard = opened.page.keyboard
    keyboard.press("/")
    keyboard.type("shop/")
    assert opened.page.input_value("#q") == "shop/"
    keyboard.press("Escape")
    assert opened.page.input_value("#q") == ""

    opened.page.focus("#canvas")
    keyboard.press("ArrowRight")
    opened.page.focus("#canvas")
    names = []
    for key in ("ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowRight", "ArrowRight", "ArrowRight"):
        keyboard.press(key)
        names.append(opened.page.locator(".vertex.cursor .name").text_content())
    assert names == ["shop", "nginx", "203.0.113.7", "nginx", "shop", "redis-server"]
    keyboard.press("Enter")
    assert "not sent: dropped by the rules" in opened.page.locator("#details").inner_text()

    scale = opened.scale()
    keyboard.press("+")
    assert opened.scale() > scale
    keyboard.press("-")
    assert opened.scale() == pytest.approx(scale, rel=0.01)
    keyboard.press("Shift+ArrowRight")
    keyboard.press("0")
    assert opened.scale() == pytest.approx(scale, rel=0.01)

    opened.page.locator('tbody tr[tabindex="0"]').focus()
    keyboard.press("ArrowDown")
    keyboard.press("Enter")
    assert opened.lit() == {"nginx", "shop"}
    assert opened.page.locator('tbody tr[tabindex="0"]').count() == 1


def test_everything_to_press_has_a_name(visit: Opener) -> None:
    opened = visit(page_of("kinds"))
    opened.vertex("shop").click()
    nameless = opened.page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, [role=button], [tabindex]")]
            .filter((one) => !(one.textContent.trim() || one.getAttribute("aria-label")
                || (one.labels && one.labels.length)))
            .map((one) => one.outerHTML)"""
    )

    assert nameless == []


def test_hostile_names_are_names(visit: Opener) -> None:
    opened = visit(page_of("hostile"))
    names = opened.page.locator("#table .client .name").all_text_contents()
    assert {shorten(name, 240, "…") or '""' for name in HOSTILE} <= set(names)

    for at, name in enumerate(HOSTILE):
        opened.page.locator("#table tbody tr").nth(at).click()
        told = opened.page.locator("#details .name").all_text_contents()
        assert told[0] == (visible(name) or '""'), "details have it whole"
    assert opened.page.locator("img, iframe").count() == 0
    assert opened.requests == [opened.url]


def test_a_smuggled_script_would_not_run(browser: Browser, tmp_path: Path) -> None:
    """Should a name ever get out of its place: the policy stops it."""
    content = page_of("small").replace(
        "</footer>", "</footer><script>document.title = 'run'</script><img src=x onerror=1>"
    )
    path = tmp_path / "smuggled.html"
    path.write_text(content, encoding="utf-8")
    page = browser.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(path.as_uri())
    page.wait_for_selector(".live")

    assert page.title().startswith("Process topology")
    assert sum("Content Security Policy" in text for text in refused) >= 2
    page.close()


def test_without_scripts_the_drawing_and_the_tables_are_there(visit: Opener) -> None:
    opened = visit(page_of("kinds"), java_script_enabled=False)
    page: Page = opened.page

    assert page.locator(".vertex").first.is_visible()
    assert len(opened.rows()) == 16
    assert page.locator(".hosts tbody tr").count() == 2
    assert not page.locator("#q").is_visible()
    assert not page.locator("#theme").is_visible()
    assert not page.locator(".zoom").is_visible()


def test_paper_is_white_and_has_no_buttons(visit: Opener) -> None:
    opened = visit(page_of("kinds"), color_scheme="dark")
    opened.page.click("#theme")
    opened.page.click("#theme")
    opened.page.emulate_media(media="print")

    assert opened.background() == "rgb(255, 255, 255)"
    assert not opened.page.locator(".controls").is_visible()
    assert not opened.page.locator(".zoom").is_visible()
    assert opened.page.locator("#table").is_visible()
    assert opened.page.pdf().startswith(b"%PDF")


@WHOLE
def test_the_drawing_alone_opens_and_follows_the_system(visit: Opener, name: str) -> None:
    opened = visit(topology_svg(TOPOLOGIES[name]()).decode(), suffix=".svg", color_scheme="light")
    colours = []
    for scheme in ("light", "dark"):
        opened.page.emulate_media(color_scheme=scheme)
        colours.append(
            opened.page.evaluate("getComputedStyle(document.querySelector('.page')).fill")
        )

    assert opened.requests == [opened.url]
    assert colours == ["rgb(255, 255, 255)", "rgb(17, 21, 28)"]

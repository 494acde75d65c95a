"""The drawing in a browser: zoomed, moved, and where there is little room."""

from __future__ import annotations

import pytest

from proccli.commands.topology.drawing.page import topology_html
from tests.commands.topology.edges import fleet, small
from tests.commands.topology.visits import Opener, until


def page_of(name: str) -> str:
    made = {"small": small(), "fleet-40": fleet(40), "fleet-500": fleet(500)}
    return topology_html(made[name]).decode()


def test_the_drawing_is_zoomed_at_the_pointer_and_moved(visit: Opener) -> None:
    opened = visit(page_of("fleet-40"))
    page, fitted = opened.page, opened.scale()
    place = opened.vertex("postgres").bounding_box()
    x, y = place["x"] + 20, place["y"] + 10
    page.mouse.move(x, y)
    page.mouse.wheel(0, -400)
    until(lambda: opened.scale() > fitted * 1.5)
    moved = opened.vertex("postgres").bounding_box()
    assert moved["x"] <= x <= moved["x"] + moved["width"]

    page.mouse.down()
    page.mouse.move(x - 120, y - 30, steps=4)
    page.mouse.up()
    dragged = opened.vertex("postgres").bounding_box()
    assert dragged["x"] == pytest.approx(moved["x"] - 120, abs=2)
    assert page.locator("#details").is_hidden(), "that was no click"

    page.click("#fit")
    assert opened.scale() == pytest.approx(fitted, rel=0.01)
    page.mouse.move(x, y)
    page.mouse.wheel(0, 300)
    until(lambda: bool(page.evaluate("scrollY > 0")))
    assert opened.scale() == pytest.approx(fitted, rel=0.01), "there the page scrolls on"


def test_two_fingers_zoom(visit: Opener) -> None:
    opened = visit(page_of("fleet-40"))
    before = opened.scale()
    opened.page.evaluate(
        """() => {
            const canvas = document.getElementById("canvas");
            canvas.setPointerCapture = () => {};
            const box = canvas.getBoundingClientRect();
            const send = (type, id, x) => canvas.dispatchEvent(new PointerEvent(type, {
                pointerId: id, clientX: box.left + x, clientY: box.top + 100, bubbles: true }));
            send("pointerdown", 1, 300); send("pointerdown", 2, 400);
            send("pointermove", 1, 250); send("pointermove", 2, 450);
            send("pointerup", 1, 250); send("pointerup", 2, 450);
        }"""
    )

    assert opened.scale() == pytest.approx(before * 2, rel=0.01)
    assert opened.page.locator("#details").is_hidden()


def test_a_large_drawing_shows_its_labels_only_when_it_is_near(visit: Opener) -> None:
    opened = visit(page_of("fleet-500"))
    assert opened.page.locator(".label:visible").count() == 0

    for _ in range(3):
        opened.page.click("#nearer")
    assert opened.page.locator(".label:not(.crowded)").first.is_visible()
    assert not opened.page.locator(".label.crowded").first.is_visible()


def test_enter_goes_to_what_was_found(visit: Opener) -> None:
    opened = visit(page_of("fleet-500"))
    before = opened.scale()
    opened.page.fill("#q", "node-024 postgres orders-api")
    opened.page.press("#q", "Enter")

    assert opened.scale() > before
    canvas = opened.page.locator("#canvas").bounding_box()
    assert canvas is not None
    for vertex in opened.page.locator(".vertex:not(.out)").all():
        box = vertex.bounding_box()
        assert box is not None
        assert canvas["x"] <= box["x"]
        assert box["x"] + box["width"] <= canvas["x"] + canvas["width"]


def test_on_a_phone_the_drawing_starts_readable(visit: Opener) -> None:
    opened = visit(page_of("small"), viewport={"width": 390, "height": 844})

    assert opened.scale() >= 0.7
    assert opened.vertex("203.0.113.7").bounding_box()["x"] >= 16
    opened.vertex("203.0.113.7").click()
    details = opened.page.locator("#details").bounding_box()
    assert details is not None
    assert details["width"] <= 390

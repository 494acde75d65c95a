"""A page that is open in a browser."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser


class Visit:
    """A page that is open, and everything it complained of or asked for."""

    def __init__(
        self, browser: Browser, path: Path, fragment: str, settings: dict[str, Any]
    ) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.url = path.as_uri()
        self.context = browser.new_context(
            **{"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"} | settings
        )
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(self.url + fragment)

    def rows(self) -> list[str]:
        """What the rows of connections say that can be seen."""
        shown = self.page.locator("tbody tr[data-link]:visible")
        return [re.sub(r"\s+", " ", text).strip() for text in shown.all_inner_texts()]

    def lit(self) -> set[str]:
        """The names of the boxes that stand out."""
        return set(self.page.locator(".vertex.hot .name").all_text_contents())

    def vertex(self, name: str) -> Any:
        return self.page.locator(".vertex", has=self.page.locator(f'.name:text-is("{name}")')).first

    def background(self) -> str:
        return str(self.page.evaluate("getComputedStyle(document.body).backgroundColor"))

    def scale(self) -> float:
        return float(
            self.page.evaluate(
                "canvas => canvas.clientWidth / canvas.querySelector('svg').viewBox.baseVal.width",
                self.page.query_selector("#canvas"),
            )
        )


Opener = Callable[..., Visit]


def until(is_so: Callable[[], bool]) -> None:
    """Wait for what a browser does in its own time, like turning a wheel.

    Playwright's own waiting evaluates text, which the page's policy forbids.
    """
    end = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)

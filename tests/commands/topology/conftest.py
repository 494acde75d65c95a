"""A real browser, where there is one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.commands.topology.visits import Opener, Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(names)} is installed")
    with driver.sync_playwright() as started:
        arguments = ["--disable-gpu", "--disable-quic", "--disable-background-networking"]
        arguments += ["--disable-component-update", "--disable-sync"]
        opened = started.chromium.launch(executable_path=found, args=arguments)
        yield opened
        opened.close()


@pytest.fixture
def visit(browser: Browser, tmp_path: Path) -> Iterator[Opener]:
    opened: list[Visit] = []

    def visit_one(
        content: str, fragment: str = "", suffix: str = ".html", **settings: Any
    ) -> Visit:
        path = tmp_path / f"page-{len(opened)}{suffix}"
        path.write_text(content, encoding="utf-8")
        opened.append(Visit(browser, path, fragment, settings))
        return opened[-1]

    yield visit_one
    for one in opened:
        one.context.close()
        assert one.complaints == []

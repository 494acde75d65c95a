"""Writes docs/diagnostics.md from the pages in the package."""

from __future__ import annotations

from proccli.diagnostics.codes import all_pages
from tests.paths import DOCS

FILE = DOCS / "diagnostics.md"

if __name__ == "__main__":
    FILE.write_text(all_pages(), encoding="utf-8")

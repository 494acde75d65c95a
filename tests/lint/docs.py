"""Writes docs/diagnostics.md from the pages in the package."""

from __future__ import annotations

from pathlib import Path

from proccli.lint.pages import all_pages

FILE = Path(__file__).parents[2] / "docs" / "diagnostics.md"

if __name__ == "__main__":
    FILE.write_text(all_pages(), encoding="utf-8")

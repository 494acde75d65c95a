"""Values written into SQL."""

from __future__ import annotations


def quoted(text: str) -> str:
    """Text as a literal of ClickHouse's SQL."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\0")
    return f"'{escaped}'"

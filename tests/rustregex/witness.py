"""The crate itself, asked through a Python package: what would Rust say?

The package is polars 0.18.4. Its string functions hand the pattern to `regex::Regex::new` of the
crates `regex` 1.8.3 and `regex-syntax` 0.7.2, compiled in (`strings polars.abi3.so` names them
both), so it agrees with the agent's crate by being it. The one wheel (cp37-abi3, Linux x86_64
and aarch64) serves every Python from 3.8 on.

What it can't tell: where a group matched (only what it matched), and the names of the groups. A
span is found by putting marks around the match, so texts must not hold `MARKS`.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

import pytest

polars = pytest.importorskip("polars", reason="no wheel of polars 0.18.4 for this platform")

MARKS: Final = "\U000f0000\U000f0001"
_OPEN, _CLOSE = MARKS
_METACHARACTERS: Final = frozenset(r"\.+*?()|[]{}^$#&-~")
_TEMPLATE: Final = f"{_OPEN}${{0}}{_CLOSE}"


class WitnessError(ValueError):
    """The crate doesn't compile the pattern; `str()` is its whole message."""

    @property
    def reason(self) -> str:
        """The line that says why."""
        return str(self).rpartition("error: ")[2].splitlines()[-1]

    @property
    def span(self) -> tuple[int, int] | None:
        """Where, in characters of a one-line pattern; None where the crate does not say.

        An empty span shows as one character: the crate draws one caret for it.
        """
        lines = str(self).splitlines()
        for line, below in pairwise(lines):
            if line.startswith("    ") and (carets := re.fullmatch(r" {4}[ ^]*?(\^+)", below)):
                # Where the crate marks two places, the first is the one that was there before.
                start, end = carets.start(1) - 4, carets.end(1) - 4
                return (end - 1, end) if "flag" in self.reason else (start, end)
        return None


class Witness:
    """The crate's `Regex`. Raises: WitnessError."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.is_match("")

    def is_match(self, text: str) -> bool:
        return bool(self._ask(text, "contains"))

    def span(self, text: str) -> tuple[int, int] | None:
        """The first match, in characters."""
        spans = self._marked(str(self._ask(text, "replace", _TEMPLATE)))
        return spans[0] if spans else None

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Every match that `replace_all` replaces, in characters."""
        return self._marked(str(self._ask(text, "replace_all", _TEMPLATE)))

    def group(self, text: str, index: int) -> str | None:
        """What the group holds after the first match; None: it took no part, or is not there."""
        got = self._ask(text, "extract", index)
        return None if got is None else str(got)

    def groups(self, text: str, count: int) -> list[str | None]:
        """Groups 0 to `count`."""
        return [self.group(text, index) for index in range(count + 1)]

    def replace_all(self, text: str, template: str) -> str:
        return str(self._ask(text, "replace_all", template))

    def replace(self, text: str, template: str) -> str:
        """The first match alone replaced."""
        return str(self._ask(text, "replace", template))

    def _ask(self, text: str, question: str, *arguments: object) -> object:
        column = polars.Series([text])
        # polars replaces by a pattern without metacharacters without asking the crate.
        plain = question.startswith("replace") and not _METACHARACTERS & set(self.pattern)
        pattern = f"(?:{self.pattern})" if plain else self.pattern
        try:
            return getattr(column.str, question)(pattern, *arguments)[0]
        except polars.ComputeError as error:
            raise WitnessError(str(error).removeprefix("regex error: ")) from error

    def _marked(self, text: str) -> list[tuple[int, int]]:
        spans: list[tuple[int, int]] = []
        at = start = 0
        for char in text:
            if char == _OPEN:
                start = at
            elif char == _CLOSE:
                spans.append((start, at))
            else:
                at += 1
        return spans


def witness_error(pattern: str) -> WitnessError | None:
    """Why the crate rejects the pattern; None: it doesn't."""
    try:
        Witness(pattern)
    except WitnessError as error:
        return error
    return None

"""What the server compares of the command line of a java, python or node.

It tries three patterns on the whole text, whichever of the programs it is. In words between
blanks: behind a word that mentions java, the word after `-jar`; behind one that mentions python,
the word after `-m`; behind one that mentions any of the three, the first word that doesn't begin
with `-`. A program may be mentioned anywhere (`/srv/java-8/run`), with digits, dots and dashes
behind it, between two word boundaries. Nothing but the last blanks before what is looked for may
hold the end of a line.

Source: server/controller/recorder/cache/tool/utils.go (main, since November 2025). Go's regexp
has `\\t`, `\\n`, `\\f`, `\\r` and the blank for `\\s`, and ASCII alone for `\\d` and `\\b`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from proccli.model.process import TextSpan

REDUCED_PROGRAMS: Final = frozenset({"java", "python", "python3", "node"})
"""The process names whose command line is reduced; `python3.11` is none of them."""

_WORD = re.compile("[^\t\n\f\r ]+")
_JAVA = re.compile(r"\bjava[0-9.\-]*\b", re.ASCII)
_PYTHON = re.compile(r"\bpython[0-9.\-]*\b", re.ASCII)
_ANY = re.compile(r"\b(?:java|node|python)[0-9.\-]*\b", re.ASCII)


class _MaskedError(Exception):
    """What is masked decides."""


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    masked_spans: Sequence[TextSpan]
    """Offsets in `text`. An empty one: something is masked between this word and the last."""
    begins_line: bool
    """Whether a line ends between the word before and this one."""

    def mentions(self, program: re.Pattern[str]) -> bool:
        """Whether it names the program. Raises: _MaskedError."""
        if not self.masked_spans:
            return program.search(self.text) is not None
        # What is beside a name makes it part of another word, or doesn't.
        with_letter, with_blank = (program.search(char.join(self._shown())) for char in "_ ")
        if (with_letter is None) != (with_blank is None):
            raise _MaskedError
        return with_letter is not None

    def is_option(self, option: str) -> bool:
        """Whether it is this one. Raises: _MaskedError."""
        if self.masked_spans and option in self._shown():
            raise _MaskedError
        return not self.masked_spans and self.text == option

    def known(self) -> str:
        """Its text. Raises: _MaskedError."""
        if self.masked_spans:
            raise _MaskedError
        return self.text

    def _shown(self) -> list[str]:
        """What stands before, between and behind the holes."""
        pieces: list[str] = []
        end = 0
        for left, right in self.masked_spans:
            pieces.append(self.text[end:left])
            end = right
        return [*pieces, self.text[end:]]


def main_argument(cmdline: str, masked_spans: Sequence[TextSpan] = ()) -> str | None:
    """The jar, the module or the first argument; the whole text where there is none of them.

    `masked_spans` are in characters, ascending. None: the result depends on a masked text. A masked
    span is taken to contain no such program and neither of the two options, but it may contain
    blanks: so none may stand before the first argument, or in what is found.
    """
    try:
        found = (
            _after_option(cmdline, masked_spans, _JAVA, "-jar")
            or _after_option(cmdline, masked_spans, _PYTHON, "-m")
            or _first_argument(cmdline, masked_spans)
        )
    except _MaskedError:
        return None
    return found or (None if masked_spans else cmdline)


def _after_option(
    cmdline: str, masked_spans: Sequence[TextSpan], program: re.Pattern[str], option: str
) -> str | None:
    if option not in cmdline:
        return None
    within = False
    for word, following in pairwise(_words(cmdline, masked_spans)):
        if within and word.is_option(option):
            return following.known()
        within = (within and not word.begins_line) or word.mentions(program)
    return None


def _first_argument(cmdline: str, masked_spans: Sequence[TextSpan]) -> str | None:
    within = False
    for word in _words(cmdline, masked_spans):
        if within and not word.known().startswith("-"):
            return word.text
        within = within and not word.begins_line
        if not within and word.mentions(_ANY):
            word.known()  # what is masked in it may hold the argument
            within = True
    return None


def _words(cmdline: str, masked_spans: Sequence[TextSpan]) -> Iterator[_Word]:
    before = at = 0
    for found in _WORD.finditer(cmdline):
        start, end = found.span()
        inside: list[TextSpan] = []
        while at < len(masked_spans) and masked_spans[at][0] < end:
            left, right = masked_spans[at]
            if right > before:
                inside.append((max(left - start, 0), min(max(right - start, 0), end - start)))
            if right > end:
                break  # the next word has its share of it
            at += 1
        yield _Word(found.group(), inside, cmdline.find("\n", before, start) >= 0)
        before = end

"""The part of a java, python or node command line that the server compares.

The server tries three patterns on the whole text, whichever of the programs it is. In words
separated by blanks, they find: after a word that mentions java, the word after `-jar`; after a word
that mentions python, the word after `-m`; after a word that mentions any of the three, the first
word that does not start with `-`. A word mentions a program if the program's name, followed by any
digits, dots and dashes, stands in it between two word boundaries (`/srv/java-8/run`). A line may
end only in the last blanks before the result.

Source: server/controller/recorder/cache/tool/utils.go (main, since November 2025). In Go's regexp,
`\\s` is `\\t`, `\\n`, `\\f`, `\\r` and the space, and `\\d` and `\\b` are ASCII only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from proccli.model.process import TextSpan

REDUCED_PROGRAMS: Final = frozenset({"java", "python", "python3", "node"})
"""The process names whose command line is reduced; not, for example, `python3.11`."""

_WORD = re.compile("[^\t\n\f\r ]+")
_JAVA = re.compile(r"\bjava[0-9.\-]*\b", re.ASCII)
_PYTHON = re.compile(r"\bpython[0-9.\-]*\b", re.ASCII)
_ANY = re.compile(r"\b(?:java|node|python)[0-9.\-]*\b", re.ASCII)


class _MaskedError(Exception):
    """The result depends on masked text."""


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    masked_spans: Sequence[TextSpan]
    """Masked spans as offsets in `text`. An empty span: text is masked between the last word and
    this one."""
    begins_line: bool
    """Whether a line ends between the word before and this one."""

    def mentions(self, program: re.Pattern[str]) -> bool:
        """Whether the word contains the program's name. Raises: _MaskedError."""
        if not self.masked_spans:
            return program.search(self.text) is not None
        # Masked text beside a name may or may not make it part of a longer word.
        with_letter, with_blank = (program.search(char.join(self._shown())) for char in "_ ")
        if (with_letter is None) != (with_blank is None):
            raise _MaskedError
        return with_letter is not None

    def is_option(self, option: str) -> bool:
        """Whether the word is this option. Raises: _MaskedError."""
        if self.masked_spans and option in self._shown():
            raise _MaskedError
        return not self.masked_spans and self.text == option

    def known(self) -> str:
        """The text of a word without masked spans. Raises: _MaskedError."""
        if self.masked_spans:
            raise _MaskedError
        return self.text

    def _shown(self) -> list[str]:
        """The text before, between and after the masked spans."""
        pieces: list[str] = []
        end = 0
        for left, right in self.masked_spans:
            pieces.append(self.text[end:left])
            end = right
        return [*pieces, self.text[end:]]


def main_argument(cmdline: str, masked_spans: Sequence[TextSpan] = ()) -> str | None:
    """The jar, the module or the first argument; without any of them, the whole text.

    None: the result depends on masked text. `masked_spans` are in characters, ascending. Masked
    text is assumed to contain no such program and neither option, but it may contain blanks:
    so nothing may be masked before the first argument, or within the result.
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
            word.known()  # masked text in it may contain the argument
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
                break  # the rest of the span is in the next word
            at += 1
        yield _Word(found.group(), inside, cmdline.find("\n", before, start) >= 0)
        before = end

"""The YAML of the agent's reader and of the server's, where they differ from libyaml's.

The agent's is yaml-rust 0.4.5, in later releases libyaml itself; the server's is yaml.v3 3.0.1, a
port of libyaml. On texts as people write them all agree; they were run beside libyaml on a hundred
thousand others. Where they part, a text is refused rather than guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from proccli.config.yaml.nodes import Node, Refusal, Scalar
from proccli.text import visible

# The three sets are compiled when a text has any character that can't be printed.
_UNPRINTABLE: Final = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]"
"""What libyaml and its port take for no text at all. yaml-rust takes any character but NUL."""
_AGENT_LETTERS: Final = "[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]"
"""What yaml-rust takes for letters, and libyaml for line breaks, byte order marks or errors."""
_SERVER_LETTERS: Final = "\ufeff"
_LINE_ENDS_AND_TABS: Final = str.maketrans("", "", "\t\n\r")
_LONE_CR: Final = re.compile(r"\r(?!\n)")
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_SPACE: Final = re.compile(r"\s*")
_PRIVATE: Final = (range(0xE000, 0xF900), range(0xF0000, 0xFFFFE), range(0x100000, 0x10FFFE))


_NOTHING: Final[Mapping[int, str]] = MappingProxyType({})


class Prepared(NamedTuple):
    """A text as it goes into PyYAML, character by character in the place of the original's."""

    text: str
    restore: Mapping[int, str] = _NOTHING
    """For `str.translate`: which characters stand for others."""


class YamlReader(NamedTuple):
    """What one reader does otherwise than libyaml, as checks that refuse."""

    name: str
    escapes: frozenset[str]
    """The characters that may follow a backslash in double quotes."""
    tag_directives: bool
    yaml_versions: Collection[tuple[int, int]]
    question_mark_ends_words: bool
    """Whether `?` ends an unquoted word inside brackets, as it did in YAML 1.1."""
    only_keys_at_indent: bool
    """Whether, inside brackets, only a key may stand in the column that the block began in."""
    colon_needs_space: bool
    """Whether, inside brackets, `:` ends a key only before a space or right after a quote."""

    is_libyaml: bool = False
    """Whether the reader is libyaml itself, so that PyYAML sees what it sees."""

    def check_directives(self, version: Any, tags: Any, at: int) -> None:
        """Refuses a %YAML or %TAG line that the reader rejects or ignores."""
        if self.is_libyaml:
            return
        if (tags and not self.tag_directives) or (version and version not in self.yaml_versions):
            problem = f"{self.name} doesn't take this %YAML or %TAG line as it is meant"
            raise Refusal(problem, at, hint="leave the lines with % out")

    def check_escapes(self, text: str, start: int, end: int) -> None:
        """Refuses an escape in double quotes that the reader doesn't know."""
        if self.is_libyaml:
            return
        for found in _ESCAPE.finditer(text, start, end):
            if found[1] not in self.escapes:
                problem = f"not valid YAML: {self.name} knows no escape \\{visible(found[1])}"
                raise Refusal(problem, found.start(), hint="use single quotes", code="yaml-syntax")

    def check_tag_end(self, text: str, at: int) -> None:
        """Refuses a tag that a comma or bracket follows: part of the tag for some readers."""
        if self.is_libyaml:
            return
        if text[at : at + 1] and not text[at].isspace():
            problem = f"proccli can't tell where this tag ends for {self.name}"
            raise Refusal(problem, at, hint="put the value in single quotes")

    def check_in_flow(self, text: str, node: Node, mark: Any, column: int, *, is_key: bool) -> None:
        """Refuses what the reader sees otherwise in a node inside brackets.

        `mark` is where the node begins, tags and anchors included; `column` where the block
        around the brackets begins.
        """
        if self.is_libyaml:
            return
        is_plain = isinstance(node, Scalar) and node.style == "plain"
        if text[mark.index - 1 : mark.index] == "?" or (
            self.question_mark_ends_words and is_plain and "?" in text[node.start : node.end]
        ):
            problem = f"proccli can't tell what ? inside brackets is for {self.name}"
            raise Refusal(problem, mark.index, hint="put the value in single quotes")
        colon = None
        if is_key:
            gap = _SPACE.match(text, node.end)
            colon = gap.end() if gap and text[gap.end() : gap.end() + 1] == ":" else None
        if self.colon_needs_space and colon is not None:
            behind = text[colon + 1 : colon + 2]
            adjacent = colon == node.end and isinstance(node, Scalar) and not is_plain
            if behind and not behind.isspace() and behind not in ",[]{}" and not adjacent:
                problem = f"{self.name} takes this colon for part of a word"
                raise Refusal(problem, colon, hint="put a space after it")
        if self.only_keys_at_indent and mark.column == column and colon is None:
            problem = f"{self.name} takes no value this far left inside brackets"
            raise Refusal(problem, mark.index, by="agent", hint="indent it more")


AGENT: Final = YamlReader(
    name="the agent's reader",
    escapes=frozenset("0abt\tnvfre \"'\\N_LPxuU\r\n"),
    tag_directives=True,
    yaml_versions=((1, 1), (1, 2)),
    question_mark_ends_words=False,
    only_keys_at_indent=True,
    colon_needs_space=True,
)
NEWER_AGENT: Final = YamlReader(
    name="the agent's reader",
    escapes=frozenset(),
    tag_directives=True,
    yaml_versions=(),
    question_mark_ends_words=False,
    only_keys_at_indent=False,
    colon_needs_space=False,
    is_libyaml=True,
)
"""unsafe-libyaml 0.2.9, a translation of libyaml 0.2.5."""
SERVER: Final = YamlReader(
    name="the server's reader",
    escapes=frozenset("0abt\tnvfre \"'\\N_LPxuU\r\n\x85\u2028\u2029"),
    tag_directives=True,
    yaml_versions=((1, 1),),
    question_mark_ends_words=True,
    only_keys_at_indent=False,
    colon_needs_space=False,
)


def prepared_for_agent(text: str) -> Prepared:
    """The text up to the first NUL, where yaml-rust stops reading.

    Raises: Refusal for a lone CR, which ends a line there but starts no new one.
    """
    text = text.partition("\0")[0]
    if found := _LONE_CR.search(text):
        problem = "a CR without LF: the agent's reader doesn't count it as the end of a line"
        raise Refusal(problem, found.start(), hint="end lines with LF")
    return _with_letters(text, _AGENT_LETTERS)


def prepared_for_server(text: str) -> Prepared:
    """The text itself. Raises: Refusal for control characters."""
    if not _is_printable(text) and (found := re.search(_UNPRINTABLE, text)):
        problem = f"control character U+{ord(found.group()):04X}"
        raise Refusal(problem, found.start(), by="server", hint='write it as an escape in "..."')
    return _with_letters(text, _SERVER_LETTERS)


def _is_printable(text: str) -> bool:
    return text.translate(_LINE_ENDS_AND_TABS).isprintable()


def _with_letters(text: str, letters: str) -> Prepared:
    """The text with each of these characters as a private one that it doesn't hold."""
    odd = [] if _is_printable(text) else sorted(set(re.findall(letters, text)))
    if not odd:
        return Prepared(text=text)
    free = (chr(code) for codes in _PRIVATE for code in codes if chr(code) not in text)
    stands_for = dict(zip(odd, free, strict=False))
    if len(stands_for) < len(odd):
        raise Refusal("this text uses up all private characters of Unicode", 0)
    return Prepared(
        text=text.translate({ord(char): other for char, other in stands_for.items()}),
        restore={ord(other): char for char, other in stands_for.items()},
    )

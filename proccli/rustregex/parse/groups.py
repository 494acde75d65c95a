"""What stands between a group's parenthesis and its content: a name, flags, nothing."""

from __future__ import annotations

from dataclasses import dataclass

from proccli.rustregex.parse.scanner import Scanner
from proccli.rustregex.parse.syntax import Flags
from proccli.rustregex.tree.nodes import Span

_FLAG_LETTERS = frozenset("imsRUux")


@dataclass(frozen=True, slots=True)
class Opening:
    """What stood between a group's parenthesis and its content."""

    span: Span
    index: int | None
    name: str | None = None
    flags: Flags | None = None


class GroupParser:
    """Parses the openings of one pattern's groups, which it counts."""

    __slots__ = ("_groups", "_names", "_scan")

    def __init__(self, scan: Scanner) -> None:
        self._scan = scan
        self._groups = 0
        self._names: set[str] = set()

    def parse_opening(self) -> Opening | Flags:
        """From the parenthesis to the group's content, or a whole `(?flags)`."""
        scan = self._scan
        start, paren = scan.pos, scan.char_span
        scan.advance()
        for prefix in ("?=", "?!", "?<=", "?<!"):
            if scan.skip(prefix):
                raise scan.error("unsupported-look-around", (start, scan.pos))
        inner = scan.here
        if scan.skip("?P<") or scan.skip("?<"):
            index = self._next_index()
            return Opening(paren, index, name=self._parse_name())
        if not scan.skip("?"):
            return Opening(paren, self._next_index())
        if scan.at_end:
            raise scan.error("group-unclosed", paren)
        flags = self._parse_flags()
        closes = scan.char == ")"
        scan.pos += 1
        if not closes:
            return Opening(paren, None, flags=flags)
        if not flags.on and not flags.off:
            raise scan.error("repetition-missing", inner)
        return Flags((start, scan.pos), flags.on, flags.off)

    def _next_index(self) -> int:
        self._groups += 1
        return self._groups

    def _parse_name(self) -> str:
        """The name in `(?P<name>`, from behind the `<` to behind the `>`."""
        scan = self._scan
        start = scan.pos
        while (char := scan.char) and char != ">":
            if not _is_name_character(char, first=scan.pos == start):
                raise scan.error("group-name-invalid", scan.char_span)
            scan.pos += 1
        end = scan.pos
        if scan.at_end:
            raise scan.error("group-name-unexpected-eof", scan.here)
        scan.pos += 1
        name = scan.pattern[start:end]
        if not name:
            raise scan.error("group-name-empty", (start, start))
        if name in self._names:
            raise scan.error("group-name-duplicate", (start, end))
        self._names.add(name)
        return name

    def _parse_flags(self) -> Flags:
        """The letters up to `:` or `)`, where the cursor stays."""
        scan = self._scan
        start = scan.pos
        on, off = "", ""
        negation: Span | None = None
        while (char := scan.char) not in (":", ")"):
            if char == "-":
                if negation is not None:
                    raise scan.error("flag-repeated-negation", scan.char_span)
                negation = scan.char_span
            elif char not in _FLAG_LETTERS:
                raise scan.error("flag-unrecognized", scan.char_span)
            elif char in on or char in off:
                raise scan.error("flag-duplicate", scan.char_span)
            elif negation is None:
                on += char
            else:
                off += char
            scan.pos += 1
            if scan.at_end:
                raise scan.error("flag-unexpected-eof", scan.here)
        if negation is not None and not off:
            raise scan.error("flag-dangling-negation", negation)
        return Flags((start, scan.pos), on, off)


def _is_name_character(char: str, *, first: bool) -> bool:
    if char.isascii():
        return char == "_" or char.isalpha() or (not first and (char.isdigit() or char in ".[]"))
    from proccli.rustregex.tree import unicode

    return unicode.is_alphabetic(char) or (not first and unicode.is_numeric(char))

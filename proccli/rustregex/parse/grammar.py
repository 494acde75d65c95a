"""Parses a pattern's text into its syntax tree: groups, alternation, repetition, flags.

    pattern = branch {"|" branch}
    branch  = {atom {quantifier}}
    atom    = "." | "^" | "$" | escape | class | group | flags | character
    group   = "(" pattern ")" | "(?" ["P"] "<" name ">" pattern ")" | "(?" letters ":" pattern ")"
    flags   = "(?" letters ")"                          letters = {letter} ["-" {letter}]
    quantifier = ("?" | "*" | "+" | "{" n ["," [m]] "}") ["?"]

A quantifier may follow another: `a++` repeats `a+`. The parser keeps its own stack, because the
crate checks the nesting limit only after the whole pattern is parsed: `((((` is an unclosed group
however deep it is.
Source: regex-syntax 0.7.2, ast/parse.rs.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from proccli.rustregex.parse.brackets import parse_bracketed
from proccli.rustregex.parse.scanner import Scanner, parse_escape
from proccli.rustregex.parse.syntax import (
    Alternation,
    Assertion,
    Ast,
    Concat,
    Dot,
    Empty,
    Flags,
    Group,
    Literal,
    Repetition,
)
from proccli.rustregex.tree.charset import WHITE_SPACE
from proccli.rustregex.tree.nodes import Span

_FLAG_LETTERS = frozenset("imsRUux")
_PLAIN = re.compile(r"[^\\.+*?()|\[{^$]+")
_LARGEST_COUNT = 0xFFFFFFFF
_BARE_QUANTIFIERS: dict[str, tuple[int, int | None]] = {"?": (0, 1), "*": (0, None), "+": (1, None)}


class Opening(NamedTuple):
    """The beginning of a group, up to its content. `number` None: it does not capture."""

    span: Span
    number: int | None
    name: str | None = None
    flags: Flags | None = None


class GroupParser:
    """Parses the beginnings of one pattern's groups, and numbers the groups."""

    __slots__ = ("_groups", "_names", "_scan")

    def __init__(self, scan: Scanner) -> None:
        self._scan = scan
        self._groups = 0
        self._names: set[str] = set()

    def parse_opening(self) -> Opening | Flags:
        """Parse from the parenthesis to the group's content, or a whole `(?flags)`."""
        scan = self._scan
        start, paren = scan.pos, scan.char_span
        scan.advance()
        for prefix in ("?=", "?!", "?<=", "?<!"):
            if scan.skip(prefix):
                raise scan.error("unsupported-look-around", (start, scan.pos))
        inner = scan.here
        if scan.skip("?P<") or scan.skip("?<"):
            number = self._next_number()
            return Opening(paren, number, name=self._parse_name())
        if not scan.skip("?"):
            return Opening(paren, self._next_number())
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

    def _next_number(self) -> int:
        self._groups += 1
        return self._groups

    def _parse_name(self) -> str:
        """Parse the name in `(?P<name>`, from after the `<` to after the `>`."""
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
        """Parse the letters up to `:` or `)`; the cursor stays there."""
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


class _Frame:
    """A group (or the whole pattern) that is being parsed, with its branches so far."""

    __slots__ = ("branch_start", "branches", "opening", "outer_verbose", "parts", "start")

    def __init__(self, opening: Opening | None, outer_verbose: bool, start: int) -> None:
        self.opening = opening
        self.outer_verbose = outer_verbose
        self.start = self.branch_start = start
        self.parts: list[Ast] = []
        self.branches: list[Ast] = []

    def close_branch(self, end: int) -> None:
        span = self.branch_start, end
        if len(self.parts) == 1:
            self.branches.append(self.parts[0])
        elif self.parts:
            self.branches.append(Concat(span, tuple(self.parts)))
        else:
            self.branches.append(Empty(span))
        self.parts = []
        self.branch_start = end + 1

    def close(self, end: int) -> Ast:
        self.close_branch(end)
        if len(self.branches) == 1:
            return self.branches[0]
        return Alternation((self.start, end), tuple(self.branches))


class GrammarParser:
    """Parses one pattern, once."""

    __slots__ = ("_frames", "_groups", "_scan")

    def __init__(self, pattern: str) -> None:
        self._scan = Scanner(pattern)
        self._groups = GroupParser(self._scan)
        self._frames = [_Frame(None, outer_verbose=False, start=0)]

    def parse(self) -> Ast:  # noqa: C901 - a case per operator
        """The tree of the whole pattern. Raises: RegexSyntaxError."""
        scan = self._scan
        while True:
            scan.skip_insignificant()
            frame = self._frames[-1]
            char = scan.char
            if not char:
                break
            if char == "(":
                self._open_group(frame)
            elif char == ")":
                self._close_group(frame)
            elif char == "|":
                frame.close_branch(scan.pos)
                scan.pos += 1
            elif char == "[":
                frame.parts.append(parse_bracketed(scan))
            elif char in _BARE_QUANTIFIERS:
                self._repeat(frame)
            elif char == "{":
                self._repeat_counted(frame)
            elif char in "\\.^$" or scan.verbose:
                frame.parts.append(self._parse_primitive(char))
            else:
                self._take_literals(frame)
        opening = self._frames[-1].opening
        if opening is not None:
            raise scan.error("group-unclosed", opening.span)
        return self._frames[-1].close(scan.pos)

    def _take_literals(self, frame: _Frame) -> None:
        """Append every plain character up to the next special one."""
        scan = self._scan
        run = _PLAIN.match(scan.pattern, scan.pos)
        end = scan.pos + 1 if run is None else run.end()
        for at in range(scan.pos, end):
            frame.parts.append(Literal((at, at + 1), scan.pattern[at]))
        scan.pos = end

    def _parse_primitive(self, char: str) -> Ast:
        scan = self._scan
        if char == "\\":
            return parse_escape(scan)
        span = scan.char_span
        scan.pos += 1
        if char == ".":
            return Dot(span)
        if char in "^$":
            return Assertion(span, char)
        return Literal(span, char)

    def _open_group(self, frame: _Frame) -> None:
        scan = self._scan
        opened = self._groups.parse_opening()
        if isinstance(opened, Flags):
            frame.parts.append(opened)
            scan.verbose = _verbose(opened, scan.verbose)
            return
        self._frames.append(_Frame(opened, scan.verbose, scan.pos))
        if opened.flags is not None:
            scan.verbose = _verbose(opened.flags, scan.verbose)

    def _close_group(self, frame: _Frame) -> None:
        scan = self._scan
        opening = frame.opening
        if opening is None:
            raise scan.error("group-unopened", scan.char_span)
        content = frame.close(scan.pos)
        scan.pos += 1
        scan.verbose = frame.outer_verbose
        span = opening.span[0], scan.pos
        self._frames.pop()
        self._frames[-1].parts.append(
            Group(span, content, opening.number, opening.name, opening.flags)
        )

    def _operand(self, frame: _Frame) -> Ast:
        """Remove from the branch, and return, what a quantifier at the cursor repeats."""
        if not frame.parts or isinstance(frame.parts[-1], Flags):
            raise self._scan.error("repetition-missing", self._scan.here)
        return frame.parts.pop()

    def _repeat(self, frame: _Frame) -> None:
        scan = self._scan
        node = self._operand(frame)
        start = scan.pos
        least, most = _BARE_QUANTIFIERS[scan.char]
        # No white space is allowed before this `?`, not even in verbose mode.
        scan.pos += 1
        lazy = scan.skip("?")
        span = node.span[0], scan.pos
        frame.parts.append(Repetition(span, (start, scan.pos), node, least, most, lazy))

    def _repeat_counted(self, frame: _Frame) -> None:
        scan = self._scan
        node = self._operand(frame)
        start = scan.pos
        if not scan.advance():
            raise self._unclosed_count(start)
        least = self._parse_count()
        most: int | None = least
        if scan.char == ",":
            if not scan.advance():
                raise self._unclosed_count(start)
            most = None if scan.char == "}" else self._parse_count()
        if scan.char != "}":
            raise self._unclosed_count(start)
        lazy = scan.advance() == "?"
        if lazy:
            scan.pos += 1
        operator_span = start, scan.pos
        if most is not None and least > most:
            raise scan.error("repetition-count-invalid", operator_span)
        span = node.span[0], scan.pos
        frame.parts.append(Repetition(span, operator_span, node, least, most, lazy))

    def _unclosed_count(self, start: int) -> Exception:
        return self._scan.error("repetition-count-unclosed", (start, self._scan.pos))

    def _parse_count(self) -> int:
        """Parse a u32, with optional white space around it."""
        scan = self._scan
        scan.skip_white_space()
        start, digits = scan.pos, []
        while "0" <= scan.char <= "9":
            digits.append(scan.char)
            scan.advance()
        span = start, scan.pos
        while scan.char in WHITE_SPACE:
            scan.advance()
        if not digits:
            raise scan.error("repetition-count-decimal-empty", span)
        significant = "".join(digits).lstrip("0") or "0"
        if len(significant) > 10 or int(significant) > _LARGEST_COUNT:
            raise scan.error("decimal-invalid", span)
        return int(significant)


def _verbose(flags: Flags, before: bool) -> bool:
    state = flags.state("x")
    return before if state is None else state

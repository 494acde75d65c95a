r"""A cursor over a pattern, and the escapes that it reads.

    escape = "\" (letter | punctuation | hex | unicode)
    hex = ("x" | "u" | "U") ("{" digits "}" | 2, 4 or 8 digits)
    unicode = ("p" | "P") (character | "{" name [("!=" | ":" | "=") value] "}")

A backslash followed by an ASCII character that is neither a letter nor a digit is that character
as a literal. `\<` and `\>` are errors: the crate reserves them.
"""

from __future__ import annotations

from typing import Final

from proccli.rustregex.parse.errors import RegexSyntaxError, syntax_error
from proccli.rustregex.parse.syntax import (
    Assertion,
    Literal,
    PerlClass,
    Primitive,
    UnicodeClass,
)
from proccli.rustregex.tree.charset import WHITE_SPACE
from proccli.rustregex.tree.nodes import Span

_SPECIAL: Final = {"a": "\a", "f": "\f", "t": "\t", "n": "\n", "r": "\r", "v": "\v"}
_HEX_LENGTH: Final = {"x": 2, "u": 4, "U": 8}
_HEX_DIGITS: Final = frozenset("0123456789abcdefABCDEF")
_LAST_CODE_POINT: Final = 0x10FFFF


class Scanner:
    """The parser's position in the pattern. `char` is "" at the end."""

    __slots__ = ("pattern", "pos", "verbose")

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.pos = 0
        self.verbose = False

    @property
    def char(self) -> str:
        return self.pattern[self.pos : self.pos + 1]

    @property
    def at_end(self) -> bool:
        return self.pos >= len(self.pattern)

    @property
    def here(self) -> Span:
        """The empty span at the cursor."""
        return self.pos, self.pos

    @property
    def char_span(self) -> Span:
        return self.pos, self.pos + 1

    def error(self, kind: str, span: Span) -> RegexSyntaxError:
        return syntax_error(kind, self.pattern, span)

    def skip(self, prefix: str) -> bool:
        """Whether the pattern continues with `prefix`; if so, the cursor moves past it."""
        found = self.pattern.startswith(prefix, self.pos)
        if found:
            self.pos += len(prefix)
        return found

    def skip_white_space(self) -> None:
        """Skip white space, even when verbose mode is off."""
        while self.char in WHITE_SPACE:
            self.pos += 1

    def skip_insignificant(self) -> None:
        """Skip white space and comments if verbose mode is on."""
        if not self.verbose:
            return
        while char := self.char:
            if char in WHITE_SPACE:
                self.pos += 1
            elif char == "#":
                newline = self.pattern.find("\n", self.pos)
                self.pos = len(self.pattern) if newline < 0 else newline + 1
            else:
                return

    def advance(self) -> str:
        """Move one character on and past insignificant ones; the character there ("": the end)."""
        self.pos += 1
        self.skip_insignificant()
        return self.char

    def peek(self) -> str:
        """The character after this one."""
        return self.pattern[self.pos + 1 : self.pos + 2]

    def peek_significant(self) -> str:
        """The next character after this one that verbose mode does not skip.

        Like the crate's own, it does not skip a comment: it returns what follows the `#` in it.
        """
        if not self.verbose:
            return self.peek()
        in_comment = False
        for at in range(self.pos + 1, len(self.pattern)):
            char = self.pattern[at]
            if char in WHITE_SPACE:
                # The crate checks for white space first, so a newline never ends its comment.
                continue
            if char != "#" or in_comment:
                return char
            in_comment = True
        return ""


def parse_escape(scan: Scanner) -> Primitive:
    """The node that the escape at the cursor denotes. Raises: RegexSyntaxError."""
    start = scan.pos
    scan.pos += 1
    char = scan.char
    if not char:
        raise scan.error("escape-unexpected-eof", (start, scan.pos))
    if "0" <= char <= "9":
        raise scan.error("unsupported-backreference", (start, scan.pos + 1))
    if char in _HEX_LENGTH:
        return _parse_hex(scan, start)
    if char in "pP":
        return _parse_unicode_class(scan, start)
    scan.pos += 1
    span = start, scan.pos
    if char in "dDsSwW":
        return PerlClass(span, char.lower(), negated=char.isupper())
    if char in "AzbB":
        return Assertion(span, char)
    if char in _SPECIAL:
        return Literal(span, _SPECIAL[char])
    if not char.isascii() or char.isalnum() or char in "<>":
        raise scan.error("escape-unrecognized", span)
    return Literal(span, char, verbose=scan.verbose)


def _parse_hex(scan: Scanner, start: int) -> Literal:
    length = _HEX_LENGTH[scan.char]
    opener = scan.advance()
    if not opener:
        raise scan.error("escape-unexpected-eof", scan.here)
    if opener == "{":
        return _parse_hex_braces(scan, start)
    first, digits = scan.pos, ""
    while True:
        if scan.char not in _HEX_DIGITS:
            raise scan.error("escape-hex-invalid-digit", scan.char_span)
        digits += scan.char
        more = scan.advance()
        if len(digits) == length:
            break
        if not more:
            raise scan.error("escape-unexpected-eof", scan.here)
    char = _scalar_value(digits)
    if char is None:
        raise scan.error("escape-hex-invalid", (first, scan.pos))
    return Literal((start, scan.pos), char, byte=length == 2)


def _parse_hex_braces(scan: Scanner, start: int) -> Literal:
    brace, digits = scan.pos, []
    while (char := scan.advance()) != "}":
        if not char:
            raise scan.error("escape-unexpected-eof", (brace, scan.pos))
        if char not in _HEX_DIGITS:
            raise scan.error("escape-hex-invalid-digit", scan.char_span)
        digits.append(char)
    end = scan.pos
    scan.advance()
    if not digits:
        raise scan.error("escape-hex-empty", (brace, scan.pos))
    value = _scalar_value("".join(digits))
    if value is None:
        raise scan.error("escape-hex-invalid", (brace + 1, end))
    return Literal((start, scan.pos), value)


def _scalar_value(digits: str) -> str | None:
    # Any number of leading zeros is allowed, as in the crate: `\x{00000000041}` is A.
    significant = digits.lstrip("0") or "0"
    if len(significant) > 6:
        return None
    value = int(significant, 16)
    if value > _LAST_CODE_POINT or 0xD800 <= value <= 0xDFFF:
        return None
    return chr(value)


def _parse_unicode_class(scan: Scanner, start: int) -> UnicodeClass:
    negated = scan.char == "P"
    char = scan.advance()
    if not char:
        raise scan.error("escape-unexpected-eof", scan.here)
    if char != "{":
        if char == "\\":
            raise scan.error("unicode-class-invalid", scan.char_span)
        scan.advance()
        return UnicodeClass((start, scan.pos), negated, char)
    text = []
    while (char := scan.advance()) != "}":
        if not char:
            raise scan.error("escape-unexpected-eof", scan.here)
        text.append(char)
    scan.pos += 1
    name, value = "".join(text), None
    for operator in ("!=", ":", "="):
        before, found, after = name.partition(operator)
        if found:
            name, value = before, after
            break
    return UnicodeClass((start, scan.pos), negated, name, value)

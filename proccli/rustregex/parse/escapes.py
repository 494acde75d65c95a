r"""What a backslash begins: literals, hexadecimal literals, Perl and Unicode classes, assertions.

    escape = "\" (letter | punctuation | hex | unicode)
    hex = ("x" | "u" | "U") ("{" digits "}" | 2, 4 or 8 digits)
    unicode = ("p" | "P") (character | "{" name [("!=" | ":" | "=") value] "}")

A backslash makes a literal of every ASCII character that is no letter and no digit, but for `<`
and `>`, which the crate keeps for later use.
"""

from __future__ import annotations

from typing import Final

from proccli.rustregex.parse.scanner import Scanner
from proccli.rustregex.parse.syntax import (
    Assertion,
    Literal,
    PerlClass,
    Primitive,
    UnicodeClass,
)

_SPECIAL: Final = {"a": "\a", "f": "\f", "t": "\t", "n": "\n", "r": "\r", "v": "\v"}
_HEX_LENGTH: Final = {"x": 2, "u": 4, "U": 8}
_HEX_DIGITS: Final = frozenset("0123456789abcdefABCDEF")
_LAST_CODE_POINT: Final = 0x10FFFF


def parse_escape(scan: Scanner) -> Primitive:
    """What the escape at the cursor stands for. Raises: RegexSyntaxError."""
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
    # Leading zeros are free, as in the crate: `\x{00000000041}` is A.
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

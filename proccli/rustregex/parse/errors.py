"""The errors of patterns: kind, message and span."""

from __future__ import annotations

from typing import Final

MESSAGES: Final[dict[str, str]] = {
    # From the parser (regex-syntax 0.7.2, ast::ErrorKind).
    "class-escape-invalid": "invalid escape sequence found in character class",
    "class-range-invalid": "invalid character class range, the start must be <= the end",
    "class-range-literal": "invalid range boundary, must be a literal",
    "class-unclosed": "unclosed character class",
    "decimal-invalid": "decimal literal invalid",
    "escape-hex-empty": "hexadecimal literal empty",
    "escape-hex-invalid": "hexadecimal literal is not a Unicode scalar value",
    "escape-hex-invalid-digit": "invalid hexadecimal digit",
    "escape-unexpected-eof": ("incomplete escape sequence, reached end of pattern prematurely"),
    "escape-unrecognized": "unrecognized escape sequence",
    "flag-dangling-negation": "dangling flag negation operator",
    "flag-duplicate": "duplicate flag",
    "flag-repeated-negation": "flag negation operator repeated",
    "flag-unexpected-eof": "expected flag but got end of regex",
    "flag-unrecognized": "unrecognized flag",
    "group-name-duplicate": "duplicate capture group name",
    "group-name-empty": "empty capture group name",
    "group-name-invalid": "invalid capture group character",
    "group-name-unexpected-eof": "unclosed capture group name",
    "group-unclosed": "unclosed group",
    "group-unopened": "unopened group",
    "nest-limit-exceeded": "exceed the maximum number of nested parentheses/brackets (250)",
    "repetition-count-invalid": ("invalid repetition count range, the start must be <= the end"),
    "repetition-count-decimal-empty": "repetition quantifier expects a valid decimal",
    "repetition-count-unclosed": "unclosed counted repetition",
    "repetition-missing": "repetition operator missing expression",
    "unicode-class-invalid": "invalid Unicode character class",
    "unsupported-backreference": "backreferences are not supported",
    "unsupported-look-around": (
        "look-around, including look-ahead and look-behind, is not supported"
    ),
    # From the translator (hir::ErrorKind).
    "invalid-utf8": "pattern can match invalid UTF-8",
    "unicode-not-allowed": "Unicode not allowed here",
    "unicode-property-not-found": "Unicode property not found",
    "unicode-property-value-not-found": "Unicode property value not found",
    # From the compiler (regex 1.8.3, compile.rs), which reports no span: the span is ours.
    "class-empty": "empty character classes are not allowed",
    "crlf-anchor": "CRLF-aware line anchors are not supported yet",
    "compiled-too-big": "Compiled regex exceeds size limit of 10485760 bytes.",
    # Our own: a Rust string is always UTF-8, a Python string may not be.
    "not-utf8": "the pattern contains a lone surrogate, which is not valid UTF-8",
}
"""Every `RegexSyntaxError.kind`, the crate's own name of the error, with the crate's message."""


class RegexSyntaxError(ValueError):
    """The crate `regex` 1.8.3 would reject this pattern.

    `kind` is a key of `MESSAGES`, `message` its text. `position` and `end` are character offsets
    into `pattern`; `end` is after the last character of the error, and an empty span is a position
    between two characters. `hint` says what to write instead; None: there is no advice.
    """

    def __init__(
        self,
        message: str,
        pattern: str,
        position: int,
        end: int | None = None,
        *,
        kind: str,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.pattern = pattern
        self.position = position
        self.end = position if end is None else end
        self.kind = kind
        self.hint = hint


def syntax_error(kind: str, pattern: str, span: tuple[int, int]) -> RegexSyntaxError:
    """The error of this kind, with the crate's message and without a hint."""
    return RegexSyntaxError(MESSAGES[kind], pattern, span[0], span[1], kind=kind)

"""A cursor over a pattern: what stands here, what verbose mode skips, and how errors are made."""

from __future__ import annotations

from typing import Final

from proccli.rustregex.parse.errors import RegexSyntaxError, syntax_error
from proccli.rustregex.tree.nodes import Span

WHITE_SPACE: Final = frozenset(
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""Unicode's White_Space. Python's `str.isspace` also takes U+001C to U+001F."""


class Scanner:
    """Where the parser is in the pattern. `char` is "" at the end."""

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
        """Whether `prefix` stood here; then the cursor is behind it."""
        found = self.pattern.startswith(prefix, self.pos)
        if found:
            self.pos += len(prefix)
        return found

    def skip_white_space(self) -> None:
        """White space, also where verbose mode is off."""
        while self.char in WHITE_SPACE:
            self.pos += 1

    def skip_insignificant(self) -> None:
        """White space and comments, if verbose mode is on."""
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
        """One character on, then past what is insignificant: what stands there ("": the end)."""
        self.pos += 1
        self.skip_insignificant()
        return self.char

    def peek(self) -> str:
        """The character after this one."""
        return self.pattern[self.pos + 1 : self.pos + 2]

    def peek_significant(self) -> str:
        """The character after this one that verbose mode does not skip.

        Like the crate's own, it looks into a comment: the answer is what follows the `#` there.
        """
        if not self.verbose:
            return self.peek()
        in_comment = False
        for at in range(self.pos + 1, len(self.pattern)):
            char = self.pattern[at]
            if char in WHITE_SPACE:
                # The crate asks for white space first, so a newline never ends its comment.
                continue
            if char != "#" or in_comment:
                return char
            in_comment = True
        return ""

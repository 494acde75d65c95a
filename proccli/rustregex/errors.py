"""What is wrong with a pattern, and where."""

from __future__ import annotations


class RegexSyntaxError(ValueError):
    """The crate `regex` 1.8.3 would reject this pattern.

    `message` is one line in the crate's own terms; `position` and `end` are character offsets
    into `pattern` (`end` is past the last character at fault); `hint` says what to write
    instead, where there is something to say; `kind` is a stable word for the sort of mistake
    (`unclosed-group`, `look-around`, `size-limit`, …).
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

"""Why a text can't be used, before it is known what kind of text it was."""

from __future__ import annotations

from proccli.errors import FaultCode, Refuser


class Refusal(Exception):  # noqa: N818 - what a reader does to a text
    """A text that one of its readers would refuse, or that we can't read as they would.

    `offset` counts characters in the text; `by` says who refuses; `hint` what to write instead;
    `code` what kind of fault it is, None where the reader that catches it knows.
    """

    def __init__(
        self,
        problem: str,
        offset: int,
        *,
        by: Refuser = "proccli",
        hint: str | None = None,
        code: FaultCode | None = None,
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.offset = offset
        self.by = by
        self.hint = hint
        self.code = code

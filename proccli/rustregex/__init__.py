"""The regular expressions of the Rust crate `regex` 1.8.3, in Python.

>>> from proccli import rustregex
>>> rustregex.compile(r"python3 (.*)\\.py").replace_all("python3 app.py", "$1-py-script")
'app-py-script'

Accepts, rejects, matches and replaces as the crate does with its default options;
`compile(pattern, crate="1.6.0")` also rejects what that release would. The engine is
imported when one of the names below, except `RegexSyntaxError`, is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from proccli.rustregex.parse.errors import RegexSyntaxError

if TYPE_CHECKING:
    from proccli.rustregex.match.regex import Regex, compile  # noqa: A004
    from proccli.rustregex.match.template import Match, Replacement

__all__ = ["Match", "Regex", "RegexSyntaxError", "Replacement", "compile"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from proccli.rustregex.match import regex

        return getattr(regex, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""A pattern's text → its resolved tree, or the error that the crate gives."""

from __future__ import annotations

from proccli.rustregex.limits import too_big
from proccli.rustregex.parse.errors import RegexSyntaxError, syntax_error
from proccli.rustregex.parse.grammar import GrammarParser
from proccli.rustregex.parse.hints import hint
from proccli.rustregex.parse.lowering import Lowering
from proccli.rustregex.parse.nesting import check_nesting
from proccli.rustregex.tree.nodes import Parsed


def parse(pattern: str) -> Parsed:
    """The pattern's tree. Raises: RegexSyntaxError exactly where the crate's `Regex::new` fails.

    The crate works in stages, and so the first error of the earliest stage is the one reported:
    the grammar, the nesting, the flags and classes, the size of the compiled program.
    """
    try:
        return _parse(pattern)
    except RegexSyntaxError as error:
        error.hint = hint(error)
        raise


def _parse(pattern: str) -> Parsed:
    try:
        pattern.encode()
    except UnicodeEncodeError as error:
        raise syntax_error("not-utf8", pattern, (error.start, error.end)) from None
    ast = GrammarParser(pattern).parse()
    check_nesting(pattern, ast)
    parsed = Lowering(pattern).lower(ast)
    if (span := too_big(parsed.root)) is not None:
        raise syntax_error("compiled-too-big", pattern, span)
    return parsed

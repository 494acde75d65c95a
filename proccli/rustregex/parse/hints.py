"""Advice on what to write instead, by the kind of the error and the text at its position."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import Final

from proccli.rustregex.parse.errors import RegexSyntaxError

_BACKREFERENCE: Final = (
    "a pattern cannot refer to what a group matched; write out what it should match "
    "(a rewrite can use $1 and ${name})"
)
_NAMED: Final = "name a group with (?P<name>…) or (?<name>…)"
_LITERAL_LETTER: Final = "remove the backslash to match the letter itself"

_ESCAPES: Final = {
    "Z": r"write $ or \z: both match only at the end of the text, never before a final \n",
    "h": r"write [ \t] for horizontal space",
    "H": r"write [^ \t] for anything but horizontal space",
    "R": r"write (?:\r\n|\n|\r) for any line break",
    "N": r"write . or [^\n] for anything but a newline",
    "X": "write . for one character; grapheme clusters are not supported",
    "C": "write (?s:.) for any character; single bytes cannot be matched",
    "e": r"write \x1B for the escape character",
    "c": r"write control characters as \x00 to \x1F, \t, \n or \r",
    "o": r"write a character by its hexadecimal number: \x{41}",
    "K": "put the part to keep into a group, and use $1 in the rewrite",
    "G": "a search cannot be anchored to the previous match; ^ is the start of the text",
    "Q": r"quoting is not supported; put a backslash before each of \.+*?()|[]{}^$",
    "E": r"quoting is not supported; put a backslash before each of \.+*?()|[]{}^$",
    "k": _BACKREFERENCE,
    "g": _BACKREFERENCE,
    "<": r"write \b for the start of a word; < needs no backslash",
    ">": r"write \b for the end of a word; > needs no backslash",
    "m": r"write \b for a word boundary",
    "M": r"write \b for a word boundary",
    "y": r"write \b for a word boundary",
    "l": "write [a-z], or (?i) to ignore case",
    "L": "write [A-Z], or (?i) to ignore case",
}
_GROUPS: Final = [
    (
        r"\(\?>",
        "atomic groups are not supported, nor needed in linear time; write (?:…)",
    ),
    (r"\(\?#", "write comments with (?x): everything from # to the end of the line"),
    (r"\(\?P=", _BACKREFERENCE),
    (r"\(\?P?[>&]|\(\?[-+]?\d", "a pattern cannot call a group; repeat that part of the pattern"),
    (r"\(\?\|", "groups cannot share a number; number them separately, and use all of them: $1$2"),
    (r"\(\?'", _NAMED),
    (r"\(\?\(", "conditions are not supported; write each case as a branch: (?:a|b)"),
    (r"\(\?P", _NAMED),
    (r"\(\?[imsRUux-]*[aL]", r"write (?-u:\w) or [0-9A-Za-z_] to stay within ASCII"),
]
_FLAGS: Final = "the flags are i m s R U u x, with - before those to switch off; a literal ( is \\("
# Short names resemble too many others.
_SHORTEST_GUESS: Final = 5
_GLOB: Final = re.compile(r"[\w@:/.*?-]*")
_WORD_SIDES: Final = re.compile(r"\\b\{(?:start|end)(?:-half)?\}")
_BRACE: Final = r"write \{ for a literal brace"
_NOT_BYTES: Final = "remove (?-u) here: without it the pattern matches characters, not bytes"


def hint(error: RegexSyntaxError) -> str | None:
    """One line of advice; None if the message is enough."""
    found = _HINTS.get(error.kind)
    return found(error) if callable(found) else found


def _at(error: RegexSyntaxError) -> str:
    return error.pattern[error.position : error.end]


def _look_around(error: RegexSyntaxError) -> str:
    if "!" in _at(error):
        return "put a drop rule for the unwanted texts before this accept rule"
    return "match that text as well, and put the rest into a group: $1"


def _backreference(error: RegexSyntaxError) -> str:
    return r"write \x00 for NUL" if _at(error) == r"\0" else _BACKREFERENCE


def _escape(error: RegexSyntaxError) -> str:
    char = _at(error)[1:]
    if not char.isascii():
        return f"write {char} without the backslash"
    return _ESCAPES.get(char, _LITERAL_LETTER)


def _class_escape(error: RegexSyntaxError) -> str:
    if _at(error) == r"\b":
        return r"write \x08 for a backspace; a word boundary is not allowed in a class"
    return "move it out of the brackets: a class is a set of characters"


def _flag(error: RegexSyntaxError) -> str:
    start = error.pattern.rfind("(", 0, error.position)
    for shape, advice in _GROUPS:
        if re.match(shape, error.pattern[start:]):
            return advice
    return _FLAGS


def _repetition_missing(error: RegexSyntaxError) -> str:
    pattern, at = error.pattern, error.position
    char = pattern[at : at + 1]
    if char == "{":
        return _BRACE
    if pattern[max(at - 1, 0) : at + 2] == "(?)":
        return "write (?:) for an empty group"
    if (meant := _glob(pattern)) is not None:
        return f"it looks like a shell wildcard; write {meant}"
    if pattern[max(at - 1, 0) : at + 1] == "(*":
        return r"write \* for a literal star; there are no (*VERBS)"
    return f"write \\{char} for the character itself, or put the expression to repeat before it"


def _glob(pattern: str) -> str | None:
    """The pattern that a shell wildcard such as `*nginx*` stands for; None if it is none."""
    if not _GLOB.fullmatch(pattern):
        return None
    middle = pattern.strip("*")
    if not middle:
        return ".*"
    start, end = "^" * (pattern[0] != "*"), "$" * (pattern[-1] != "*")
    text = middle.replace(".", r"\.").replace("*", ".*").replace("?", ".")
    return f"{start}{text}{end}"


def _count_empty(error: RegexSyntaxError) -> str:
    start = error.pattern.rfind("{", 0, error.position + 1)
    if _WORD_SIDES.match(error.pattern, max(start - 2, 0)):
        return r"write \b for the start or the end of a word"
    if upper := re.match(r"\{\s*,\s*(\d+)\s*\}", error.pattern[start:]):
        return f"write {{0,{upper[1]}}}"
    return f"{_BRACE}, or put a number in it: {{2}}, {{2,}}, {{2,5}}"


def _count_invalid(error: RegexSyntaxError) -> str | None:
    numbers = re.findall(r"\d+", _at(error))
    return f"write {{{numbers[1]},{numbers[0]}}}" if len(numbers) == 2 else None


def _class_unclosed(error: RegexSyntaxError) -> str:
    if error.pattern[error.position :].startswith(("[]", "[^]")):
        return r"a leading ] is a literal; close the class with another ], or write \[\]"
    return r"close it with ]; a [ inside a class opens a nested class, a literal [ is \["


def _class_range_literal(error: RegexSyntaxError) -> str:
    pattern = error.pattern
    # The error is the range's end, unless the dash before it cannot be an operator.
    is_end = re.search(r"[^\[^]-$", pattern[: error.position]) is not None
    dash = error.position - 1 if is_end else error.end
    opened, closed = pattern.rfind("[", 0, dash), pattern.find("]", dash)
    content = pattern[opened + 1 : closed]
    if min(opened, closed) < 0 or "[" in content or "]" in content or pattern[dash] != "-":
        return r"write \- for a literal dash"
    rest = pattern[opened:dash] + pattern[dash + 1 : closed].rstrip("-")
    return f"put a literal dash last: {rest}-]"


def _class_range_invalid(error: RegexSyntaxError) -> str:
    first, dash, last = _at(error).partition("-")
    if dash and last == "[":
        return "write -- to remove characters from a class: [a-z--[bc]]"
    if dash and len(first) == len(last) == 1:
        return f"write {last}-{first}, or \\- for a literal dash"
    return r"put the smaller code point first, or write \- for a literal dash"


def _property(error: RegexSyntaxError) -> str:
    letter = _at(error)[1]
    name = re.sub(r"^\\[pP]\{?|\}$", "", _at(error))
    return _property_name(letter, name.partition("=")[2] or name)


def _property_name(letter: str, name: str) -> str:
    from proccli.rustregex.tree import unicode

    bare = unicode.normalize(name.lstrip("^"))
    if name.startswith("^"):
        return f"write \\{_other(letter)}{{{name[1:]}}}"
    if bare == "l&":
        return f"write \\{letter}{{LC}}"
    if bare in ("alnum", "graph", "print", "blank", "xdigit", "word"):
        return f"write [[:{'^' if letter == 'P' else ''}{bare}:]]"
    if bare in ("cs", "surrogate"):
        return "remove it: a text contains no surrogates"
    if bare.startswith("in") and bare[2:] in unicode.names():
        return f"blocks are not supported; the script is \\{letter}{{{name[2:]}}}"
    long_names = [known for known in unicode.names() if len(known) >= _SHORTEST_GUESS]
    close = get_close_matches(bare, long_names, n=1, cutoff=0.75)
    if close:
        return f"did you mean \\{letter}{{{unicode.names()[close[0]]}}}?"
    return r"use a category (\p{Lu}), a script (\p{Greek}), scx=, age= or a boolean property"


def _other(letter: str) -> str:
    return "p" if letter == "P" else "P"


def _property_value(error: RegexSyntaxError) -> str:
    letter = _at(error)[1]
    name, _, value = _at(error)[3:-1].replace("!=", "=").replace(":", "=").partition("=")
    if value.lower() in ("yes", "y", "true", "t"):
        return f"write \\{letter}{{{name}}}"
    if value.lower() in ("no", "n", "false", "f"):
        return f"write \\{_other(letter)}{{{name}}}"
    if name.lower() == "age":
        return "ages are 1.1 to 15.0"
    return _property_name(letter, value or name)


def _too_big(error: RegexSyntaxError) -> str:
    ascii_classes = {r"\w": "[0-9A-Za-z_]", r"\d": "[0-9]", r"\s": r"[ \t]", r"\pL": "[A-Za-z]"}
    part = _at(error)
    for unicode_class, small in ascii_classes.items():
        if unicode_class in part:
            return f"lower the count, or write {small} instead of {unicode_class}, which is larger"
    return "lower the counts: a part is compiled once for each repetition"


_HINTS: Final[dict[str, str | Callable[[RegexSyntaxError], str | None]]] = {
    "class-empty": "this class contains no character; remove a rule that should never match",
    "class-escape-invalid": _class_escape,
    "class-range-invalid": _class_range_invalid,
    "class-range-literal": _class_range_literal,
    "class-unclosed": _class_unclosed,
    "compiled-too-big": _too_big,
    "crlf-anchor": r"write \r?$ without the flag R",
    "decimal-invalid": "the largest count is 4294967295",
    "escape-hex-empty": r"write the number: \x{41}",
    "escape-hex-invalid": "characters are 0 to 10FFFF, without D800 to DFFF",
    "escape-hex-invalid-digit": r"write \x41, \u0041, \U00000041, or \x{41} of any length",
    "escape-unexpected-eof": r"write \\ for a backslash, or the whole escape: \x41, \u0041, \p{L}",
    "escape-unrecognized": _escape,
    "flag-dangling-negation": "put the flags to switch off after the -, as in (?i-s)",
    "flag-unexpected-eof": r"close it with ), or write \( for a literal parenthesis",
    "flag-unrecognized": _flag,
    "group-name-duplicate": "give each group its own name, even in different branches",
    "group-name-empty": "put a name between < and >, or write (…)",
    "group-name-invalid": "a name begins with a letter or _, followed by letters, digits, _ . [ ]",
    "group-name-unexpected-eof": "close the name with >",
    "group-unclosed": r"close it with ), or write \( for a literal parenthesis",
    "group-unopened": r"write \) for a literal parenthesis",
    "invalid-utf8": _NOT_BYTES,
    "nest-limit-exceeded": "remove nested groups and repetitions that are not needed",
    "not-utf8": "the pattern must be valid UTF-8",
    "repetition-count-decimal-empty": _count_empty,
    "repetition-count-invalid": _count_invalid,
    "repetition-count-unclosed": f"close it with }}, or {_BRACE}",
    "repetition-missing": _repetition_missing,
    "unicode-class-invalid": r"write \p{L} with braces",
    "unicode-not-allowed": _NOT_BYTES,
    "unicode-property-not-found": _property,
    "unicode-property-value-not-found": _property_value,
    "unsupported-backreference": _backreference,
    "unsupported-look-around": _look_around,
}

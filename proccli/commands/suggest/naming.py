"""Which name a command line should get: by the first recipe that matches it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Final, NamedTuple

from proccli import rustregex
from proccli.agent.process import file_name
from proccli.commands.suggest.interpreters import INTERPRETERS
from proccli.commands.suggest.jvm import JVM
from proccli.commands.suggest.recipe import END, ID, SAYS_NOTHING, Recipe
from proccli.commands.suggest.titles import TITLES
from proccli.model.process import Process, TextSpan
from proccli.rustregex.match.template import Match
from proccli.sources.recording.masking import mask_process
from proccli.text import visible

RECIPES: Final = (*JVM, *INTERPRETERS, *TITLES)
"""The first one that matches counts: special ones come before general ones."""
_LONGEST: Final = 100
"""Characters of a name."""
_NO_BLANK: Final = "\x1f"
"""Stands for a blank within an argument; programs have no such character in their names."""
_LITERAL_NAME: Final = re.compile(r"[\w.+:@ -]+")
"""Names that stand in a rule as they are: no `$` and no `%`, which mean something there."""


class Line(NamedTuple):
    """A command line as rules match it, without its secrets."""

    pieces: tuple[str, ...]
    """The arguments that are not empty."""
    masked_spans: tuple[TextSpan, ...]
    """In `text`, in characters."""

    @property
    def text(self) -> str:
        """The arguments joined by blanks."""
        return " ".join(self.pieces)

    @property
    def program(self) -> str:
        """The file name of the first argument; empty where it has none."""
        return file_name(self.pieces[0]) or ""

    def piece_at(self, offset: int) -> tuple[str, int]:
        """The argument at an offset of the text, and the offset in it."""
        for piece in self.pieces:
            if offset <= len(piece):
                return piece, offset
            offset -= len(piece) + 1
        raise IndexError(offset)


class Naming(NamedTuple):
    """A name, and the rule that gives it."""

    name: str
    recipe: Recipe
    literal: bool = False
    """Whether the recipe was made for this name alone."""


def line_of(process: Process) -> Line | None:
    """The command line of a process; None where it has none or it is not UTF-8.

    Secrets are masked, also those of a live process: nothing of them gets into a rule or a comment.
    """
    if not process.cmdline:
        return None
    process = mask_process(process)
    raw = process.cmdline or b""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None
    pieces = tuple(piece for piece in text.split("\0") if piece)
    if not pieces:
        return None
    return Line(pieces, tuple(_joined_spans(raw, process.masked_spans)))


def _joined_spans(raw: bytes, spans: Iterable[TextSpan]) -> Iterable[TextSpan]:
    """The masked spans in the joined text: each NUL that ends an argument becomes a blank."""
    for start, end in spans:
        before = raw[:start].decode()
        pieces = before.split("\0")
        gone = sum(not piece for piece in pieces[:-1])
        first = len(before) - gone
        yield first, first + len(raw[start:end].decode())


@cache
def compiled(pattern: str) -> rustregex.Regex:
    """A pattern of a recipe."""
    return rustregex.compile(pattern)


def name_line(line: Line) -> Naming | None:
    """The name of a command line by the first recipe that gives one; None where none does."""
    text = line.text
    has_blanks = len(line.pieces) > 1 and any(" " in piece for piece in line.pieces)
    for recipe in RECIPES:
        if recipe.needs not in text:
            continue
        regex = compiled(recipe.pattern)
        match = regex.search(text)
        if match is not None and _is_sound(match, regex, line, recipe):
            name = regex.replace_all(text, recipe.name)
            if _is_name(name):
                return Naming(name, recipe)
        elif (match or has_blanks) and (naming := _despite_blanks(line, regex, recipe)):
            return naming
    return None


def _despite_blanks(line: Line, regex: rustregex.Regex, recipe: Recipe) -> Naming | None:
    """A rule for a program alone whose arguments before its name have blanks in them."""
    text = " ".join(piece.replace(" ", _NO_BLANK) for piece in line.pieces)
    match = regex.search(text)
    if match is None or not _is_sound(match, regex, line, recipe):
        return None
    name = regex.replace_all(text, recipe.name)
    return literal(line, name, recipe, match) if _is_name(name) else None


def _is_name(text: str) -> bool:
    return bool(text) and len(text) <= _LONGEST and visible(text) == text


def _is_sound(match: Match, regex: rustregex.Regex, line: Line, recipe: Recipe) -> bool:
    """Whether the name lies within one argument without blanks, and nothing in it is masked.

    The arguments are joined by blanks, so the pattern can't tell an argument with blanks, such as
    code after -c, from several arguments.
    """
    for group in range(1, len(regex.group_names)):
        span = match.span(group)
        if span is None:
            continue
        piece, offset = line.piece_at(span[0])
        first = span[1] <= len(line.pieces[0])  # a title, perhaps with arguments behind it
        blanks = " " in piece and not (recipe.in_code or first)
        if len(line.pieces) > 1 and (blanks or offset + span[1] - span[0] > len(piece)):
            return False
        if any(left < span[1] and span[0] < right for left, right in line.masked_spans):
            return False
    return True


def name_lines(lines: Sequence[Line]) -> Mapping[Line, Naming]:
    """The names of all lines that have one; programs with the same name get different ones."""
    namings = {line: naming for line in lines if (naming := name_line(line)) is not None}
    by_name: dict[str, list[Line]] = defaultdict(list)
    for line, naming in namings.items():
        by_name[naming.name].append(line)
    for name, alike in by_name.items():
        identities = {line: _identity(line, namings[line]) for line in alike}
        if len(set(identities.values())) < 2:
            continue
        for line, identity in identities.items():
            if identity and (naming := _told_apart(line, name, identity, namings[line])):
                namings[line] = naming
    return namings


def _identity(line: Line, naming: Naming) -> tuple[str, ...]:
    """What tells a program from others of the same name; empty: nothing."""
    recipe = naming.recipe
    span = _named_at(line, recipe)
    if recipe.distinguish == "no" or span is None:
        return ()
    piece, offset = line.piece_at(span[0])
    if recipe.distinguish == "class":
        return (piece.rpartition("/")[2],)
    folders = (re.sub(f"{ID}$", "", part) for part in piece[:offset].split("/"))
    return tuple(part for part in folders if part and not SAYS_NOTHING.fullmatch(part))[-1:]


def _named_at(line: Line, recipe: Recipe) -> TextSpan | None:
    """The text that becomes the name, as offsets in the line; None: the name is a fixed one."""
    match = compiled(recipe.pattern).search(line.text)
    return _group(match, recipe) if match is not None else None


def _group(match: Match, recipe: Recipe) -> TextSpan | None:
    spans = (match.span(group) for group in (1, 2)) if "$" in recipe.name else ()
    return next((span for span in spans if span is not None), None)


def _told_apart(line: Line, name: str, identity: tuple[str, ...], naming: Naming) -> Naming | None:
    by_class = naming.recipe.distinguish == "class"
    longer = identity[0] if by_class else f"{identity[-1]}-{name}"
    return literal(line, longer, naming.recipe)


def literal(line: Line, name: str, recipe: Recipe, match: Match | None = None) -> Naming | None:
    """A rule for this program alone: by the argument that its name comes from.

    `match` is that of the recipe; None: on the line as it is. None where the name can't stand in a
    rule, or comes from no argument.
    """
    span = _named_at(line, recipe) if match is None else _group(match, recipe)
    if span is None or not _LITERAL_NAME.fullmatch(name):
        return None
    piece, offset = line.piece_at(span[0])
    if piece == line.pieces[0] and " " in piece:
        # A title: what follows the program changes.
        known = piece[: offset + span[1] - span[0]]
        pattern = rf"(?s)^{_general(known)}{escaped(piece[len(known) : len(known) + 1])}.*$"
    elif line.pieces[0] == piece:
        pattern = rf"(?s)^{_general(piece)}{END}"
    else:
        pattern = rf"(?s)^(?:\S*/)?{_any_release(line.program)} (?:.* )?{_general(piece)}{END}"
    return Naming(name, Recipe(f"only {name}", pattern, name, line.program), literal=True)


def long_name(line: Line, comm: str) -> Naming | None:
    """The whole name of a program whose comm is cut off by the kernel."""
    program = line.program
    is_cut = len(comm.encode()) == _COMM_BYTES and program.startswith(comm) and program != comm
    if not is_cut or not _LITERAL_NAME.fullmatch(program):
        return None
    pattern = rf"(?s)^(?:\S*/)?{escaped(program)}{END}"
    about = f"{program}: its comm is cut to {_COMM_BYTES} bytes"
    return Naming(program, Recipe(about, pattern, program, program), literal=True)


_COMM_BYTES: Final = 15
_CHANGING: Final = re.compile(
    r"v?[0-9]+(?:\.[0-9]+)+[0-9A-Za-z.+_-]*|[0-9]{4,}|(?<![0-9A-Za-z])[0-9a-f]{8,40}(?![0-9A-Za-z])"
)


def _general(text: str) -> str:
    """A pattern for a text whose versions, dates and hashes may change."""
    parts: list[str] = []
    end = 0
    for found in _CHANGING.finditer(text):
        parts += escaped(text[end : found.start()]), r"[^\s/]+"
        end = found.end()
    return "".join((*parts, escaped(text[end:])))


def _any_release(program: str) -> str:
    """A pattern for a program with whatever version at the end of its name."""
    name = program.rstrip("0123456789.")
    return rf"{escaped(name)}[0-9.]*" if name != program and name else escaped(program)


def escaped(text: str) -> str:
    """A pattern for a text: only what means something is escaped (old releases reject others)."""
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text)

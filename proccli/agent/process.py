"""The texts of a process that rules are matched against."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from proccli.model.process import TextSpan


@dataclass(frozen=True, slots=True)
class Subject:
    """A text to match. `masked_spans` (in characters) were masked and may have been anything."""

    text: str
    masked_spans: tuple[TextSpan, ...] = ()


@dataclass(frozen=True, slots=True)
class Subjects:
    """What the agent knows a process by."""

    process_name: Subject
    cmdline: Subject


NoSubjects = Literal["no-cmdline", "cmdline-not-utf8", "no-name"]


def subjects(cmdline: bytes, masked_spans: Sequence[TextSpan] = ()) -> Subjects | NoSubjects:
    """The subjects of a process, or why the agent has none for it.

    `cmdline` is the whole of /proc/PID/cmdline; `masked_spans` are byte ranges in it. Empty pieces
    are discarded wherever they stand, so the next argument takes the place of an empty argv[0].

    Source: agent v6.5 linux_process.rs:120-171; its fork of procfs, process/mod.rs cmdline().
    """
    try:
        cmdline.decode()
    except UnicodeDecodeError:
        return "cmdline-not-utf8"
    pieces = list(_pieces(cmdline, masked_spans))
    if not pieces:
        return "no-cmdline"
    name = _name(pieces[0])
    if name is None:
        return "no-name"
    return Subjects(process_name=name, cmdline=_joined(pieces))


def _pieces(cmdline: bytes, masked_spans: Sequence[TextSpan]) -> Iterator[Subject]:
    start = 0
    for raw in cmdline.split(b"\0"):
        end = start + len(raw)
        if raw:
            yield Subject(raw.decode(), tuple(_char_spans(raw, start, masked_spans)))
        start = end + 1


def _char_spans(raw: bytes, start: int, masked_spans: Sequence[TextSpan]) -> Iterator[TextSpan]:
    for left, right in masked_spans:
        left_byte, right_byte = max(left - start, 0), min(right - start, len(raw))
        if left_byte < right_byte:
            first = len(raw[:left_byte].decode(errors="replace"))
            yield first, first + len(raw[left_byte:right_byte].decode(errors="replace"))


def _joined(pieces: Sequence[Subject]) -> Subject:
    spans: list[TextSpan] = []
    offset = 0
    for piece in pieces:
        spans.extend((left + offset, right + offset) for left, right in piece.masked_spans)
        offset += len(piece.text) + 1
    return Subject(" ".join(piece.text for piece in pieces), tuple(spans))


def _name(piece: Subject) -> Subject | None:
    name = file_name(piece.text)
    if name is None:
        return None
    start = piece.text.rindex(name)
    # What is masked may have held a "/": then the name begins somewhere inside the hole.
    touching = [right - start for _, right in piece.masked_spans if right > start]
    if not touching:
        return Subject(name)
    return Subject(name, ((0, min(max(touching), len(name))),))


def file_name(path: str) -> str | None:
    """The last component of a path, as Rust's `Path::file_name` has it; None without one.

    Trailing `/` and `/.` don't count; `/`, `.`, `..` and `x/..` have no name.

    Source: std::path::Path::file_name, doc.rust-lang.org/std/path/struct.Path.html.
    """
    for component in reversed(path.split("/")):
        if component == "..":
            return None
        if component not in ("", "."):
            return component
    return None

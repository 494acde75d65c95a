"""Flow records of a file, read one at a time; each can be written again with labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from typing import BinaryIO, get_args

from proccli.model.note import Note
from proccli.streams import opened
from proccli.traffic.flows.blanks import blank_records
from proccli.traffic.flows.csv import csv_records, detect_delimiter
from proccli.traffic.flows.detect import FlowFormat, detect, take_bom
from proccli.traffic.flows.fields import NO_FIELDS, FieldMap
from proccli.traffic.flows.lines import Lines
from proccli.traffic.flows.ndjson import json_records
from proccli.traffic.flows.record import FlowContext, FlowRecord
from proccli.traffic.flows.values import TimeReader
from proccli.traffic.flows.zeek import zeek_records

FORMATS: tuple[FlowFormat, ...] = get_args(FlowFormat)


class FlowStream:
    """The records of a file. Can be iterated once."""

    def __init__(
        self,
        opening: AbstractContextManager[tuple[BinaryIO, str]],
        *,
        form: FlowFormat | None,
        fields: FieldMap,
        keys: Sequence[str],
    ) -> None:
        """`opening` yields the file and its displayed name."""
        self._opening = opening
        self._form = form
        self._context = FlowContext(fields=fields, keys=keys, times=TimeReader(fields.zone))
        self._notes: Sequence[Note] = ()
        self._lines: Lines | None = None

    def __iter__(self) -> Iterator[bytes | FlowRecord]:
        """The records, and as bytes everything else: headers, comments, invalid lines.

        Writing the bytes and each record's `labelled` in this order gives the file with labels.

        Raises: FlowsError if the format is unknown, or a line is too long or damaged; SourceError
        if the file cannot be read.
        """
        for block in self.blocks():
            yield from block

    def blocks(self) -> Iterator[Sequence[bytes | FlowRecord]]:
        """The same, in blocks of what is already there. If reading fails, what was read before is
        returned first."""
        context = self._context
        with self._opening as (file, name):
            self._lines = lines = Lines(file, name)
            yield from _blocks(lines, self._form, context)
        self._notes = (*context.problems.notes(name, context.times),)

    @property
    def has_next(self) -> bool:
        """Whether there is more already, so that the next record need not be waited for."""
        return self._lines is not None and self._lines.has_next

    @property
    def notes(self) -> Sequence[Note]:
        """Warnings about the records; complete after the iteration."""
        return self._notes


def open_flows(
    path: str,
    *,
    form: FlowFormat | None = None,
    fields: FieldMap = NO_FIELDS,
    keys: Sequence[str] = (),
) -> FlowStream:
    """The flow records of a file (`-`: stdin), which is opened when the iteration starts.

    `form`: the format; None: detected from the start of the file. `keys`: the keys of the os.app
    tags that every record gets columns for.
    """
    return FlowStream(opened(path), form=form, fields=fields, keys=keys)


def read_flows(
    file: BinaryIO,
    name: str,
    *,
    form: FlowFormat | None = None,
    fields: FieldMap = NO_FIELDS,
    keys: Sequence[str] = (),
) -> FlowStream:
    """The flow records of an open stream, from its current position; else like `open_flows`."""
    return FlowStream(nullcontext((file, name)), form=form, fields=fields, keys=keys)


def _blocks(
    lines: Lines, form: FlowFormat | None, context: FlowContext
) -> Iterator[Sequence[bytes | FlowRecord]]:
    bom = take_bom(lines)
    form = form or detect(lines, context.fields)
    if form == "ndjson":
        yield from json_records(lines, context)
        return
    if form == "zeek":
        items: Iterator[bytes | FlowRecord] = zeek_records(lines, context)
    elif form == "blanks":
        items = chain([bom], blank_records(lines, context))
    else:
        # Spreadsheets recognize UTF-8 by it; JSON must not start with one.
        delimiter = "\t" if form == "tsv" else detect_delimiter(lines, context.fields) or ","
        items = chain([bom], csv_records(lines, context, delimiter))
    block: list[bytes | FlowRecord] = []
    try:
        for item in items:
            block.append(item)
            if not lines.has_next:
                yield block
                block = []
    except Exception:
        yield block
        raise
    yield block

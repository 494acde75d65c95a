"""Records of formats that name their columns once, for all rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from proccli.model.flows import Flow, SideLabel
from proccli.traffic.flows.columns import Labels
from proccli.traffic.flows.fields import find_places
from proccli.traffic.flows.reading import FlowReader
from proccli.traffic.flows.record import Context


class Table:
    """The columns, and what is to be done with each row."""

    def __init__(
        self,
        names: Sequence[str],
        labels: Labels,
        context: Context,
        *,
        delimiter: str,
        said: Callable[[str], str | None],
    ) -> None:
        """`said` tells what a cell says; None: nothing."""
        self.places = find_places(names, context.fields)
        context.oddities.names(names, self.places)
        self.width = len(names)
        self.delimiter = delimiter
        self.labels = labels
        self.present = frozenset(labels.columns).intersection(names)
        self.replaced = [(i, name) for i, name in enumerate(names) if name in self.present]
        self.appended = [name for name in labels.columns if name not in self.present]
        self._needed = [(name, names.index(name)) for name in self.places.names if name in names]
        self._reader = FlowReader(self.places, context.times)
        self._said = said

    def row(self, cells: Sequence[str], body: bytes, end: bytes) -> TableRecord:
        """A row that has as many cells as there are columns."""
        said = self._said
        flow = self._reader.read({name: said(cells[index]) for name, index in self._needed})
        return TableRecord(self, flow, cells, body, end)


class TableRecord:
    """A row, and the text that it is written as."""

    __slots__ = ("_body", "_cells", "_end", "_table", "flow")

    def __init__(
        self, table: Table, flow: Flow, cells: Sequence[str], body: bytes, end: bytes
    ) -> None:
        self.flow = flow
        self._table = table
        self._cells = cells
        self._body = body
        self._end = end

    def labelled(self, side_0: SideLabel, side_1: SideLabel) -> bytes:
        """The row with the added cells. Those of columns that are there already change."""
        table = self._table
        encoded = table.labels.encoded(table.present, side_0, side_1)
        body = self._body
        if encoded.replaced:
            cells = list(self._cells)
            for index, name in table.replaced:
                cells[index] = encoded.replaced.get(name, cells[index])
            body = table.delimiter.join(cells).encode(errors="surrogateescape")
        return b"".join((body, encoded.tail, self._end))

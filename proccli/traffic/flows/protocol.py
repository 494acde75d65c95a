"""What reading flow records gives, whatever their format."""

from __future__ import annotations

from typing import Protocol

from proccli.model.flows import Flow, SideLabel


class Record(Protocol):
    """A flow record, which can be written again with labels."""

    @property
    def flow(self) -> Flow:
        """What it tells of."""

    def labelled(self, side_0: SideLabel, side_1: SideLabel) -> bytes:
        """The record as it was read, with the added columns."""

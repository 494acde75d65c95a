"""What reading a file of flow records knows, whatever their format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from proccli.model.flows import Flow, SideLabel
from proccli.traffic.flows.fields import FieldMap
from proccli.traffic.flows.problems import ProblemCounts
from proccli.traffic.flows.values import TimeReader


class FlowRecord(Protocol):
    """A flow record, which can be written again with labels."""

    @property
    def flow(self) -> Flow:
        """What it tells of."""

    def labelled(self, side_0: SideLabel, side_1: SideLabel) -> bytes:
        """The record as it was read, with the added columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowContext:
    """What was asked for, and what there is to tell afterwards."""

    fields: FieldMap
    keys: Sequence[str]
    """Of the os.app tags that every record gets a column for."""
    times: TimeReader
    problems: ProblemCounts = field(default_factory=ProblemCounts)

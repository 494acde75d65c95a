"""A flow record of any format, and the settings and counts of reading one file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from proccli.model.flows import AnyFlow, Flow, FlowLabels
from proccli.traffic.flows.fields import FieldMap
from proccli.traffic.flows.problems import ProblemCounts
from proccli.traffic.flows.values import TimeReader


class FlowRecord(Protocol):
    """A flow record that can be written again with labels."""

    @property
    def timeless(self) -> AnyFlow:
        """The flow without its times."""

    @property
    def start_s(self) -> float | None:
        """The start of the flow, as in `Flow`."""

    @property
    def end_s(self) -> float | None:
        """The end of the flow."""

    @property
    def flow(self) -> Flow:
        """The flow that the record describes."""

    def labelled(self, labels: FlowLabels) -> bytes:
        """The record as it was read, with the label columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowContext:
    """The settings for reading one file, and the problems found in it."""

    fields: FieldMap
    keys: Sequence[str]
    """The keys of the os.app tags that every record gets columns for."""
    times: TimeReader
    problems: ProblemCounts = field(default_factory=ProblemCounts)

"""What reading a file of flow records knows, whatever their format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from proccli.traffic.flows.fieldmap import FieldMap
from proccli.traffic.flows.problems import Oddities
from proccli.traffic.flows.times import Times


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What was asked for, and what there is to tell afterwards."""

    fields: FieldMap
    keys: Sequence[str]
    """Of the os.app tags that every record gets a column for."""
    times: Times
    oddities: Oddities = field(default_factory=Oddities)

"""Flow records: NDJSON, CSV and Zeek's logs, read and written again with labels, streaming."""

from proccli.flows.added import added_columns
from proccli.flows.detect import Format
from proccli.flows.fieldmap import NO_FIELDS, FieldMap, parse_fields
from proccli.flows.record import Record
from proccli.flows.stream import FORMATS, FlowStream, flows_of, open_flows

__all__ = [
    "FORMATS",
    "NO_FIELDS",
    "FieldMap",
    "FlowStream",
    "Format",
    "Record",
    "added_columns",
    "flows_of",
    "open_flows",
    "parse_fields",
]

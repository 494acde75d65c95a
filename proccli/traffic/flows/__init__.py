"""Flow records: NDJSON, CSV and Zeek's logs, read and written again with labels, streaming."""

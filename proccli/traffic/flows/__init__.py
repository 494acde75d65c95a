"""Flow records (NDJSON, CSV, Zeek logs): read one at a time and written again with labels."""

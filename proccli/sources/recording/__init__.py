"""Recordings of a machine's processes: one file of JSON Lines (docs/recording.md)."""

"""Parsing: text to syntax tree to resolved tree, or the error that the crate reports."""

"""Configurations: from an agent's YAML to the settings and rules in effect."""

from __future__ import annotations

from proccli.config.files import read_file
from proccli.config.loading import Reading, defaults, load, read, reader_notices
from proccli.config.tagoutput import TagEntry, parse_tag_entries, parse_tag_output

__all__ = [
    "Reading",
    "TagEntry",
    "defaults",
    "load",
    "parse_tag_entries",
    "parse_tag_output",
    "read",
    "read_file",
    "reader_notices",
]

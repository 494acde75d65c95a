"""Configurations: from an agent's YAML to the settings and rules in effect."""

from __future__ import annotations

from proccli.config.files import read_file
from proccli.config.loading import defaults, load, reader_notices
from proccli.config.tagoutput import TagEntry, parse_tag_entries, parse_tag_output

__all__ = [
    "TagEntry",
    "defaults",
    "load",
    "parse_tag_entries",
    "parse_tag_output",
    "read_file",
    "reader_notices",
]

"""The texts that each match type is tried on; a rule that none of them can reach is dead.

Names with a line break are excluded: only a program that chooses such a title has one. Command
lines may have line breaks, for example if an argument is a script.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from proccli.rustregex.automata.domain import Domain, Limits, texts_without

LIMITS: Final = Limits(steps=300_000, total=600_000)
"""Search limits for questions about a single rule."""

NAMES: Final = texts_without("\0/\n", min_length=1, avoiding=(r"^\.\.?$",))
"""The last part of argv[0], cut at slashes."""
CMDLINES: Final = texts_without("\0", min_length=1, matching=(r"[^\n]",))
TAGS: Final = texts_without("\0\n", min_length=1, matching=(":",))
"""`key:value`."""

DOMAINS: Final[Mapping[str, Domain]] = {
    "process_name": NAMES,
    "cmdline": CMDLINES,
    "parent_process_name": NAMES,
    "tag": TAGS,
}
SUBJECTS: Final[Mapping[str, str]] = {
    "process_name": "the name of a process",
    "cmdline": "a command line",
    "parent_process_name": "the name of a process",
    "tag": "a tag, key:value",
}

"""Which texts the match types see: what no such text can reach is never reached.

Names with a line break in them are left aside: a program would have to choose one for itself.
Command lines have them wherever a script is an argument.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from proccli.rustregex.automata.domain import Domain, Limits, texts_without

LIMITS: Final = Limits(steps=300_000, total=600_000)
"""For questions about a single rule, whose answer is no more than a remark."""

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

"""The texts that rules and matchers are compared with, by dialect and match type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from proccli.rustregex.automata.domain import Domain, texts_without
from proccli.versions import Dialect

NAMES: Final = texts_without("\0/\n", min_length=1, avoiding=(r"^\.\.?$",))
"""The last part of argv[0], cut at slashes."""
CMDLINES: Final = texts_without("\0", min_length=1, matching=(r"[^\n]",))
TAGS: Final = texts_without("\0\n", min_length=1, matching=(":",))
"""`key:value`."""
COMMS: Final = texts_without(
    "\0\n:", min_length=1, matching=(r"\A(?:\\[n\\]|[^\\]){1,15}\z",), avoiding=(r"\A\s", r"\s\z")
)
"""The name in `status`: at most 15 bytes, up to a colon, without outer blanks; a line
break and a backslash are written as two characters (FACTS B4; proc_task_name in the kernel)."""
EXES: Final = texts_without("\0/", min_length=1, avoiding=(r"^\.\.?$",))
"""The last part of the link to the program's file."""

DOMAINS: Final[Mapping[Dialect, Mapping[str, Domain]]] = {
    "static_config": {
        "process_name": NAMES,
        "cmdline": CMDLINES,
        "parent_process_name": NAMES,
        "tag": TAGS,
    },
    "inputs.proc": {
        "process_name": COMMS,
        "cmdline": EXES,
        "cmdline_with_args": CMDLINES,
        "parent_process_name": COMMS,
        "tag": TAGS,
    },
}
SUBJECTS: Final[Mapping[Dialect, Mapping[str, str]]] = {
    "static_config": {
        "process_name": "the name of a process",
        "cmdline": "a command line",
        "parent_process_name": "the name of a process",
        "tag": "a tag, key:value",
    },
    "inputs.proc": {
        "process_name": "the name of a process",
        "cmdline": "the file name of a program",
        "cmdline_with_args": "a command line",
        "parent_process_name": "the name of a process",
        "tag": "a tag, key:value",
    },
}
ARGUMENTS: Final[Mapping[Dialect, str]] = {
    "static_config": "cmdline",
    "inputs.proc": "cmdline_with_args",
}
"""The match type of the text that holds the arguments."""

_EVERY_COMM: Final = texts_without(
    "\0\n:", matching=(r"\A(?:\\[n\\]|[^\\]){0,15}\z",), avoiding=(r"\A\s", r"\s\z")
)
EVERY: Final[Mapping[str, Domain]] = {
    "process_name": _EVERY_COMM,
    "cmdline": texts_without("\0/"),
    "cmdline_with_args": texts_without("\0"),
    "parent_process_name": _EVERY_COMM,
    "tag": TAGS,
}
"""inputs.proc: all texts that there can be, unusual ones included, such as the empty command line
of a kernel thread. Proofs that something never happens rest on these."""

"""Which agent and which dialect a configuration is read for.

The dialect of the file chooses the agent where none is named. Agents that read both dialects go by
the file, and by the default of their bootstrap key `new-rpc` where it has both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from proccli.config.static_config import KEYS
from proccli.config.static_config import NEWER_SECTION as INPUTS
from proccli.config.static_config import SECTION as STATIC_CONFIG
from proccli.config.yaml.dialects import SERVER, prepared_for_server
from proccli.config.yaml.nodes import Mapping as MappingNode
from proccli.config.yaml.nodes import Refusal, Scalar, resolved
from proccli.config.yaml.reader import read_documents
from proccli.model.note import NoteValue
from proccli.versions import (
    DEFAULT_AGENT,
    DEFAULT_INPUTS_AGENT,
    AgentVersion,
    Dialect,
    agent_version,
)

_TOP_KEY: Final = re.compile(r"^[\"']?([a-z][a-z_-]*)[\"']?[ \t]*:(?=[\s{\0]|\Z)", re.MULTILINE)
_INNER: Final = ("proc", "process_matcher")
_DIALECT_KEYS: Final = frozenset((STATIC_CONFIG, INPUTS, *KEYS, *_INNER))
_SECTIONS: Final = {"static_config": STATIC_CONFIG, "inputs.proc": INPUTS}
_MOST_KEYS: Final = 1000


class Choice(NamedTuple):
    """An agent, and the dialect that it reads a text in."""

    agent: AgentVersion
    dialect: Dialect
    other: int | None = None
    """The offset of the section that this agent doesn't read, where there is one."""
    refusal: Refusal | None = None
    """Why the agent can't speak the dialect of the text; None: it can."""

    def behind_bom(self) -> Choice:
        """The same choice for the text behind a byte order mark."""
        if self.refusal is not None:
            self.refusal.offset += 1
        return self._replace(other=None if self.other is None else self.other + 1)


def choose(text: str, agent: str | None, *, new_rpc: bool | None = None) -> Choice:
    """The agent for a text without a byte order mark; `agent` is the version that was asked for.

    `new_rpc` is that key of the agent's bootstrap file, for agents that read both dialects; None:
    not known.

    Raises: UsageError for an agent that isn't emulated.
    """
    static, inputs = _sections(text)
    if agent is None:
        only_inputs = inputs is not None and static is None
        version = agent_version(DEFAULT_INPUTS_AGENT if only_inputs else DEFAULT_AGENT)
    else:
        version = agent_version(agent)
    forced = new_rpc is not None and _reads_both(version)
    if forced:
        dialect: Dialect = "inputs.proc" if new_rpc else "static_config"
    else:
        dialect = _dialect(version, static, inputs)
    own, other = (static, inputs) if dialect == "static_config" else (inputs, static)
    refusal = None
    if own is None and other is not None and not forced:
        hint = f"give the agent's version with --agent, or write {_SECTIONS[dialect]}"
        refusal = Refusal(_foreign(version, dialect), other, hint=hint, code="other-dialect")
    return Choice(agent=version, dialect=dialect, other=other, refusal=refusal)


def _dialect(version: AgentVersion, static: int | None, inputs: int | None) -> Dialect:
    if _reads_both(version):
        if inputs is not None and static is None:
            return "inputs.proc"
        if static is not None and inputs is None:
            return "static_config"
    return version.dialect


def _reads_both(version: AgentVersion) -> bool:
    return version.static_config is not None and version.inputs_proc is not None


def _foreign(version: AgentVersion, dialect: Dialect) -> str:
    """What happens to a configuration of the other dialect."""
    number = version.number
    if dialect == "static_config":
        if version.new_rpc is not None:
            return (
                f"agent {number} reads inputs.proc in a form of its own, which proccli does not"
                " emulate"
            )
        return (
            f"agent {number} does not know {INPUTS}: it passes over the section, and its built-in"
            f" defaults apply; it reads {STATIC_CONFIG}"
        )
    return (
        f"agent {number} does not know {STATIC_CONFIG} and its os-proc-* keys: it passes over them,"
        f" and its built-in defaults apply; it reads {INPUTS}.proc"
    )


def other_half(choice: Choice) -> Mapping[str, NoteValue]:
    """The fields of the note about a section that the agent doesn't read."""
    reads, passes_over = STATIC_CONFIG, INPUTS
    if choice.dialect == "inputs.proc":
        reads, passes_over = passes_over, reads
    return {
        "agent": choice.agent.number,
        "reads": reads,
        "passes_over": passes_over,
        "by_default": _reads_both(choice.agent),
    }


def _sections(text: str) -> tuple[int | None, int | None]:
    """The offsets of the keys that tell the dialects: of static_config, and of inputs.

    The lines of a text show them where it is written as people write it; else it is parsed.
    """
    found: dict[str, int] = {}
    for line in _TOP_KEY.finditer(text):
        found.setdefault(line[1], line.start())
    if not _DIALECT_KEYS & found.keys():
        found = _parsed_keys(text)
    static, inputs = found.get(STATIC_CONFIG), found.get(INPUTS)
    if static is None and inputs is None:
        static = next((found[name] for name in KEYS if name in found), None)
        if static is None:
            inputs = next((found[name] for name in _INNER if name in found), None)
    return static, inputs


def _parsed_keys(text: str) -> dict[str, int]:
    if not text.strip():
        return {}
    try:
        document = next(read_documents(prepared_for_server(text), SERVER), None)
    except Refusal:
        return {}
    root = resolved(document.root) if document else None
    if not isinstance(root, MappingNode):
        return {}
    keys = (resolved(key) for key, _ in root.pairs[:_MOST_KEYS])
    return {key.text: key.start for key in keys if isinstance(key, Scalar)}

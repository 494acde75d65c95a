"""Puts rules into the text of a configuration, and leaves everything else in it as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from proccli.config.loading import Reading
from proccli.config.static_config import NEWER_SECTION, SECTION
from proccli.config.yaml.nodes import Mapping as MappingNode
from proccli.config.yaml.nodes import Node, Scalar, resolved
from proccli.config.yaml.nodes import Sequence as SequenceNode
from proccli.errors import ConfigError
from proccli.versions import Dialect

Lines = Sequence[str]
_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
"""A line with its end: YAML and editors count these, `splitlines` counts more."""


class Places(NamedTuple):
    """Where the items of the list of rules begin in a text."""

    indent: int
    """Of the dashes."""
    starts: tuple[int, ...]
    """Lines before which a rule goes, from 0: before each rule, and after the last."""
    opening: tuple[str, ...] = ()
    """Lines that make the list, where there is none."""
    cut: tuple[int, int] | None = None
    """An empty list `[]` that is replaced: offsets."""


def find_places(reading: Reading, dialect: Dialect) -> Places:
    """The places for rules. Raises: ConfigError where the list is not written line by line."""
    text = reading.source.text
    parent, key, rules = _rules(reading.root, dialect)
    if rules is None:
        if parent is None or not parent.pairs or text[parent.start] == "{":
            problem = f"no block mapping here that {key} can be added to"
            raise ConfigError(problem, reading.source.at(parent.start if parent else 0))
        column = reading.source.at(parent.pairs[0][0].start).column - 1
        after = reading.source.at(_last(parent)).line
        return Places(column + 2, (after,), (f"{' ' * column}{key}:",))
    if not isinstance(rules, SequenceNode):
        raise ConfigError(f"{key} is not a list", reading.source.at(rules.start))
    if text[rules.start] == "[":
        if rules.items:
            hint = f"write each rule of {key} on lines of its own, after a dash"
            raise ConfigError(
                f"{key} is written in brackets", reading.source.at(rules.start), hint=hint
            )
        line = reading.source.at(rules.start).line
        owner = parent.pairs[0][0].start if parent else rules.start
        indent = reading.source.at(owner).column + 1
        return Places(indent, (line,), (), (rules.start, rules.end))
    if any(not isinstance(item, MappingNode) for item in rules.items):
        raise ConfigError(f"a rule of {key} is not a mapping", reading.source.at(rules.start))
    lines = _LINE.findall(text)
    indent = reading.source.at(rules.start).column - 1
    starts = [_start(lines, reading.source.at(item.start).line - 1, indent) for item in rules.items]
    return Places(indent, (*starts, reading.source.at(_last(rules)).line))


def _rules(root: Node | None, dialect: Dialect) -> tuple[MappingNode | None, str, Node | None]:
    """The mapping that holds the list of rules, its key there, and the list, if there is one."""
    static = dialect == "static_config"
    key = "os-proc-regex" if static else "process_matcher"
    found = resolved(root) if root is not None else None
    for name in (SECTION,) if static else (NEWER_SECTION, "proc"):
        inner = _value(found, name)
        if inner is None and static:
            break  # the inner mapping alone
        found = inner
    mapping = found if isinstance(found, MappingNode) else None
    return mapping, key, _value(mapping, key)


def _value(node: Node | None, name: str) -> Node | None:
    if not isinstance(node, MappingNode):
        return None
    for key, value in node.pairs:
        if isinstance(key, Scalar) and key.text == name:
            return resolved(value)
    return None


def _last(node: Node) -> int:
    """The offset of the last character of a node, without what follows it."""
    if isinstance(node, MappingNode) and node.pairs:
        return max(_last(part) for pair in node.pairs[-1:] for part in pair)
    if isinstance(node, SequenceNode) and node.items:
        return _last(node.items[-1])
    return max(node.end - 1, node.start)


def _start(lines: Lines, line: int, indent: int) -> int:
    """The line on which a rule begins, with the comments that stand right above it."""
    while line > 0 and not lines[line][indent:].startswith("-"):
        line -= 1
    while line > 0 and lines[line - 1].lstrip().startswith("#"):
        above = lines[line - 1]
        if len(above) - len(above.lstrip()) < indent:
            break
        line -= 1
    return line


def inserted(text: str, places: Places, items: Mapping[int, Lines]) -> str:
    """The text with these lines before the rules of these indexes, from 0; the number of rules:
    after the last one."""
    end = "\r\n" if "\r\n" in text else "\n"
    if not any(items.values()):
        return text
    if places.cut is not None:
        text = text[: places.cut[0]].rstrip(" ") + text[places.cut[1] :]
    lines = _LINE.findall(text)
    if lines and not lines[-1].endswith(("\n", "\r")):
        lines[-1] += end
    for index in sorted(items, reverse=True):
        at = places.starts[index]
        lines[at:at] = [f"{line}{end}" for line in (*places.opening, *items[index])]
    return "".join(lines)

"""Puts rules into the text of a configuration, and leaves everything else in it as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from proccli.config.loading import Reading
from proccli.config.static_config import NEWER_SECTION, SECTION
from proccli.config.yaml.nodes import Alias, Node, Scalar, resolved
from proccli.config.yaml.nodes import Mapping as MappingNode
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
    static = dialect == "static_config"
    path = [SECTION, "os-proc-regex"] if static else [NEWER_SECTION, "proc", "process_matcher"]
    node = resolved(reading.root) if reading.root is not None else None
    if static and isinstance(node, MappingNode) and _pair(node, SECTION) is None and node.pairs:
        path = path[1:]  # the inner mapping alone
    indent, after = 0, len(_LINE.findall(reading.source.text))
    for level, key in enumerate(path):
        if node is None:
            opening = (f"{' ' * (indent + 2 * n)}{name}:" for n, name in enumerate(path[level:]))
            return Places(indent + 2 * len(path[level:]), (after,), tuple(opening))
        if not isinstance(node, MappingNode) or reading.source.text[node.start] == "{":
            problem = f"{key} can't be added here: write the mapping as a block"
            raise ConfigError(problem, reading.source.at(node.start))
        column = reading.source.at(node.pairs[0][0].start).column - 1
        pair = _pair(node, key)
        if pair is None:
            indent, after, node = column, reading.source.at(_last(node)).line, None
            opening = (f"{' ' * (indent + 2 * n)}{name}:" for n, name in enumerate(path[level:]))
            return Places(indent + 2 * len(path[level:]), (after,), tuple(opening))
        if isinstance(pair[1], Alias):
            raise ConfigError(f"{key} is an alias: write it here", reading.source.at(pair[1].start))
        is_absent = isinstance(pair[1], Scalar) and pair[1].absent
        indent, after = column + 2, reading.source.at(pair[0].start).line
        node = None if is_absent else resolved(pair[1])
    if node is None:
        return Places(indent, (after,))
    return _in_list(reading, node, path[-1], indent)


def _in_list(reading: Reading, node: Node, key: str, indent: int) -> Places:
    """The places in a list; `indent` is for the rules of an empty one."""
    source = reading.source
    if not isinstance(node, SequenceNode):
        raise ConfigError(f"{key} is not a list", source.at(node.start))
    if source.text[node.start] == "[":
        if node.items:
            hint = f"write each rule of {key} on lines of its own, after a dash"
            raise ConfigError(f"{key} is written in brackets", source.at(node.start), hint=hint)
        return Places(indent, (source.at(node.start).line,), (), (node.start, node.end))
    for item in node.items:
        if not isinstance(item, MappingNode):
            raise ConfigError(f"a rule of {key} is not written as a mapping", source.at(item.start))
    lines = _LINE.findall(source.text)
    column = source.at(node.start).column - 1
    starts = [_start(lines, source.at(item.start).line - 1, column) for item in node.items]
    return Places(column, (*starts, source.at(_last(node)).line))


def _pair(node: MappingNode, name: str) -> tuple[Node, Node] | None:
    for key, value in node.pairs:
        if isinstance(key, Scalar) and key.text == name:
            return key, value
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

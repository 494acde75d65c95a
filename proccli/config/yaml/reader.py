"""YAML text to nodes, by way of PyYAML's events.

Events come out one by one, so the depth is bounded before anything is built on it: libyaml
needs no stack to scan, only composing does.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from proccli.config.yaml import nodes
from proccli.config.yaml.dialects import Prepared, YamlReader
from proccli.config.yaml.nodes import Node, Refusal, Style, TooMuch
from proccli.text import visible

MAX_DEPTH: Final = 200
"""Lists and mappings in one another. The agent's reader ends at 255 brackets."""

MAX_NODES: Final = 1_000_000
"""Of one document. Each takes some 300 bytes in memory, whatever its text takes."""

Loader: TypeAlias = Literal["libyaml", "python"]

_CORE: Final = "tag:yaml.org,2002:"
_PROPERTY: Final = r"(?a)&[-\w]+|!<[^>\s]*>|![^\s,\[\]{}]*"
_GAP: Final = r"(?:\s+(?:#[^\r\n]*)?)*"
_UNQUOTED: Final = r"""[-:]\s+[\[\]{}*&!|>%@`?,"]"""
_STAR: Final = r"[-:]\s+\*"
_NO_WILDCARD: Final = "a pattern needs no * around a name, for it matches anywhere in the text"
_STYLES: Final[Mapping[str | None, Style]] = {
    None: "plain",
    "": "plain",
    "'": "single",
    '"': "double",
    "|": "literal",
    ">": "folded",
}


class Document(NamedTuple):
    """One YAML document."""

    root: Node
    start: int


def read_documents(
    prepared: Prepared, yaml_reader: YamlReader, *, loader: Loader | None = None
) -> Iterator[Document]:
    """The documents of a text, each read only when it is asked for.

    `loader` names the half of PyYAML to use: by default libyaml, where it is built in.

    Raises: Refusal where the text is not YAML, nests too deep, or may mean something else to
    `yaml_reader` than to PyYAML.
    """
    import yaml

    events = yaml.parse(prepared.text, Loader=_loader_class(loader))
    try:
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                start = event.start_mark.index if event.start_mark else 0
                yaml_reader.check_directives(event.version, event.tags, start)
                yield Document(root=_Builder(prepared, yaml_reader).tree(events), start=start)
    except yaml.reader.ReaderError as error:
        raise Refusal(
            f"not valid YAML: {error.reason}", error.position, code="yaml-syntax"
        ) from None
    except yaml.MarkedYAMLError as error:
        raise _syntax_refusal(error, prepared.text) from None
    except (ValueError, OverflowError):
        # PyYAML without libyaml, for an escape beyond Unicode or a version of too many digits.
        raise Refusal("not valid YAML: a number is out of range", 0) from None


class _Level:
    """A list or mapping that is still open; the document itself has no event."""

    __slots__ = ("block_column", "children", "event", "in_flow", "is_mapping", "number")

    def __init__(
        self,
        *,
        event: Any = None,
        number: int | None = None,
        in_flow: bool = False,
        block_column: int = -1,
        is_mapping: bool = False,
    ) -> None:
        self.event = event
        self.number = number
        self.in_flow = in_flow
        self.block_column = block_column
        """Where the innermost list or mapping without brackets has its dashes or keys."""
        self.is_mapping = is_mapping
        self.children: list[Node] = []


class _Builder:
    """Builds the tree of one document."""

    def __init__(self, prepared: Prepared, yaml_reader: YamlReader) -> None:
        self.text = prepared.text
        self.restore = prepared.restore
        self.yaml_reader = yaml_reader
        self.anchored: dict[int, Node] = {}
        self.numbers: dict[str, int] = {}
        self.slots: dict[int, int] = {}
        self.last: dict[int, int] = {}
        self.counter = itertools.count()

    def tree(self, events: Iterator[Any]) -> Node:
        """The root node; takes the document's events up to its end."""
        import yaml

        level = _Level()
        outer: list[_Level] = []
        node: Node
        for count, event in enumerate(events):
            if count > MAX_NODES:
                problem = f"more than {MAX_NODES:,} values: proccli reads no more"
                raise TooMuch(problem, event.start_mark.index)
            kind = type(event)
            if kind is yaml.DocumentEndEvent:
                break
            if kind is yaml.SequenceStartEvent or kind is yaml.MappingStartEvent:
                outer.append(level)
                level = self._opened(event, level, len(outer))
                continue
            number = None
            start = event
            if kind is yaml.ScalarEvent:
                if event.anchor is not None:
                    number = self._number(event.anchor)
                node = self._scalar(event)
            elif kind is yaml.AliasEvent:
                node = self._alias(event)
            else:
                node, number, start = self._collection(level, event), level.number, level.event
                level = outer.pop()
            if level.in_flow:
                is_key = level.is_mapping and len(level.children) % 2 == 0
                self.yaml_reader.check_in_flow(
                    self.text, node, start.start_mark, level.block_column, is_key=is_key
                )
            level.children.append(node)
            if number is not None and self.last[self.slots[number]] == number:
                self.anchored[self.slots[number]] = node
        return level.children[0]

    def _opened(self, event: Any, parent: _Level, depth: int) -> _Level:
        start = event.start_mark.index
        if depth > MAX_DEPTH:
            raise _too_deep(start)
        column = parent.block_column
        if not event.flow_style:
            start, *_ = self._properties(event)
            column = start - (self.text.rfind("\n", 0, start) + 1)
        return _Level(
            event=event,
            number=self._number(event.anchor),
            in_flow=bool(event.flow_style),
            block_column=column,
            is_mapping=type(event).__name__ == "MappingStartEvent",
        )

    def _number(self, anchor: str | None) -> int | None:
        """A number for a node that is given a name; the name then stands for that node."""
        if anchor is None:
            return None
        number = next(self.counter)
        # The newer agent's reader counts the names so far, so that the number of a name that is
        # given again is given again, too, to the next new name (serde_yaml 0.9.25 loader.rs).
        slot = len(self.numbers) if self.yaml_reader.is_libyaml else number
        self.numbers[anchor] = slot
        self.slots[number], self.last[slot] = slot, number
        return number

    def _collection(self, level: _Level, end_event: Any) -> Node:
        start, tag, _ = self._properties(level.event)
        end, children = end_event.end_mark.index, tuple(level.children)
        if not level.is_mapping:
            return nodes.Sequence(items=children, start=start, end=end, tag=tag)
        pairs = tuple(zip(children[::2], children[1::2], strict=True))
        return nodes.Mapping(pairs=pairs, start=start, end=end, tag=tag)

    def _alias(self, event: Any) -> Node:
        start, end = event.start_mark.index, event.end_mark.index
        number = self.numbers.get(event.anchor)
        if number is None:
            problem = f"not valid YAML: *{visible(event.anchor)} refers to no anchor before it"
            hint = f"a value that begins with * must be quoted; {_NO_WILDCARD}"
            raise Refusal(problem, start, hint=hint, code="yaml-syntax")
        return nodes.Alias(
            name=event.anchor, start=start, end=end, anchored=self.anchored, number=number
        )

    def _scalar(self, event: Any) -> Node:
        start, end = event.start_mark.index, event.end_mark.index
        style = _STYLES[event.style]
        tag = written_tag = None
        absent = False
        if event.tag is not None or event.anchor is not None:
            start, tag, written_tag = self._properties(event)
            start = min(start, end)
        elif start == end:
            # The two halves of PyYAML place it at either end of the space it would stand in.
            absent = True
            start = end = _end_of_text(self.text, start)
        if style == "double":
            self.yaml_reader.check_escapes(self.text, start, end)
            if not event.value.isascii() and re.search("[\ud800-\udfff]", event.value):
                # libyaml finds that by itself.
                raise Refusal("not valid YAML: an escape is a lone surrogate", start)
        return nodes.Scalar(
            text=event.value.translate(self.restore) if self.restore else event.value,
            style=style,
            start=start,
            end=end,
            tag=tag,
            written_tag=written_tag,
            absent=absent,
        )

    def _properties(self, event: Any) -> tuple[int, str | None, str | None]:
        """Where a node begins after its anchor and tag, the tag, and the tag as written."""
        at = event.start_mark.index
        if event.anchor is None and event.tag is None:
            return at, None, None
        written = None
        while found := re.compile(_PROPERTY).match(self.text, at):
            if found.group().startswith("!"):
                written = found.group()
                self.yaml_reader.check_tag_end(self.text, found.end())
            gap = re.compile(_GAP).match(self.text, found.end())
            at = gap.end() if gap else found.end()
        tag = event.tag
        if tag is not None and tag.startswith(_CORE):
            tag = "!!" + tag.removeprefix(_CORE)
        return at, tag, written


def _end_of_text(text: str, at: int) -> int:
    while at and text[at - 1].isspace():
        at -= 1
    return at


def _syntax_refusal(error: Any, text: str) -> Refusal:
    """The error of PyYAML in one line, at its place."""
    mark = error.problem_mark or error.context_mark
    offset = mark.index if mark is not None else len(text)
    problem = " ".join(part for part in (error.problem, error.context) if part)
    if "maximum nesting depth" in problem:
        # libyaml 0.2.6 counts, too, and to 1,000, while it looks ahead of the events it hands out.
        return _too_deep(offset)
    hint = _hint(problem, text, offset)
    return Refusal(f"not valid YAML: {visible(problem)}", offset, hint=hint, code="yaml-syntax")


def _too_deep(offset: int) -> Refusal:
    problem = f"lists and mappings nest more than {MAX_DEPTH} levels deep"
    return TooMuch(f"{problem}, and proccli reads no deeper", offset)


def _hint(problem: str, text: str, offset: int) -> str | None:
    """The most likely cause of a syntax error, by the line it is found on."""
    if "<document start>" in problem:
        return "this line is indented less than those before it"
    if text[offset : offset + 1] == "\t":
        return "YAML indents with spaces, not with tabs"
    before = max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1
    line = re.split(r"[\r\n]", text[before : before + 1000], maxsplit=1)[0]
    if re.search(_STAR, line):
        return f"put the value in single quotes; {_NO_WILDCARD}"
    return "put the value in single quotes" if re.search(_UNQUOTED, line) else None


def _loader_class(loader: Loader | None) -> Any:
    import yaml

    return yaml.CSafeLoader if (loader or default_loader()) == "libyaml" else yaml.SafeLoader


def default_loader() -> Loader:
    """The half of PyYAML that reads here: libyaml, where it is built in."""
    import yaml

    return "libyaml" if yaml.__with_libyaml__ else "python"

"""PyYAML's own scanner, taught what libyaml does with tabs and unquoted words.

Where PyYAML was built without libyaml, this reads the same texts as the same values.
"""

from __future__ import annotations

from typing import Any, Final

import yaml
from yaml.scanner import ScannerError

_BREAKS: Final = "\r\n\x85\u2028\u2029"
_BLANK_OR_END: Final = "\0 \t" + _BREAKS


class PortableLoader(yaml.SafeLoader):
    """Events as libyaml 0.2.5 produces them. Slow, as PyYAML is without libyaml."""

    def scan_to_next_token(self) -> None:
        """Skips spaces, comments and line breaks; tabs too, where no indentation is due."""
        if self.index == 0 and self.peek() == "\ufeff":
            self.forward()
        while True:
            while self.peek() == " " or (
                self.peek() == "\t" and (self.flow_level or not self.allow_simple_key)
            ):
                self.forward()
            if self.peek() == "#":
                while self.peek() not in "\0" + _BREAKS:
                    self.forward()
            if not self._line_break():
                return
            if not self.flow_level:
                self.allow_simple_key = True

    def scan_plain(self) -> Any:
        """An unquoted word, over several lines if they are indented."""
        start = end = self.get_mark()
        indent = self.indent + 1
        words: list[str] = []
        gap = ""
        while self.peek() != "#" and not (self.column == 0 and self._at_document_mark()):
            length = self._word_length(start)
            if not length:
                break
            words += (gap, self.prefix(length))
            self.forward(length)
            end = self.get_mark()
            self.allow_simple_key = False
            gap = self._gap(indent, start)
            if not gap or (not self.flow_level and self.column < indent):
                break
        return yaml.ScalarToken("".join(words), True, start, end)

    def scan_block_scalar_indicators(self, start_mark: Any) -> tuple[bool | None, int | None]:
        """What stands behind `|` or `>`: keep (True) or strip (False) line breaks; indentation."""
        keep: bool | None = None
        indent: int | None = None
        for _ in range(2):
            char = self.peek()
            if keep is None and char in "+-":
                keep = char == "+"
            elif indent is None and char in "0123456789":
                if char == "0":
                    raise self._error("block", start_mark, "found an indentation of 0")
                indent = int(char)
            else:
                break
            self.forward()
        return keep, indent

    def scan_block_scalar_indentation(self) -> Any:
        """The line breaks before the first line, and the deepest indentation among them."""
        found = super().scan_block_scalar_indentation()
        self._refuse_tab()
        return found

    def scan_block_scalar_breaks(self, indent: int) -> Any:
        """The line breaks between two lines, and the indentation of the second."""
        found = super().scan_block_scalar_breaks(indent)
        if self.column < indent:
            self._refuse_tab()
        return found

    def _refuse_tab(self) -> None:
        if self.peek() == "\t":
            problem = "found a tab character where an indentation space is expected"
            raise self._error("block", self.get_mark(), problem)

    def scan_block_scalar_ignored_line(self, start_mark: Any) -> None:
        """The rest of the line with `|` or `>`: blanks and a comment."""
        while self.peek() in " \t":
            self.forward()
        super().scan_block_scalar_ignored_line(start_mark)

    def scan_flow_scalar_non_spaces(self, double: bool, start_mark: Any) -> Any:
        """Quoted text up to a blank; an escape must name a character."""
        try:
            chunks = super().scan_flow_scalar_non_spaces(double, start_mark)
            "".join(chunks).encode()
        except ValueError:  # beyond Unicode, or a lone surrogate
            problem = "found invalid Unicode character escape code"
            raise self._error("quoted", start_mark, problem) from None
        return chunks

    def _error(self, style: str, start: Any, problem: str) -> ScannerError:
        return ScannerError(f"while scanning a {style} scalar", start, problem, self.get_mark())

    def _line_break(self) -> str:
        """Takes a line break, if there is one, and returns what it counts as."""
        taken: str = self.scan_line_break()  # type: ignore[no-untyped-call]  # PyYAML has no type for it
        return taken

    def _at_document_mark(self) -> bool:
        return self.prefix(3) in ("---", "...") and self.peek(3) in _BLANK_OR_END

    def _word_length(self, start: Any) -> int:
        """The characters up to a blank or to what ends an unquoted word."""
        length = 0
        while (char := self.peek(length)) not in _BLANK_OR_END:
            if self.flow_level and char in ",[]{}":
                break
            if char == ":":
                behind = self.peek(length + 1)
                if behind in _BLANK_OR_END:
                    break
                if self.flow_level and behind in ",?[]{}":
                    raise self._error("plain", start, "found unexpected ':'")
            length += 1
        return length

    def _gap(self, indent: int, start: Any) -> str:
        """What blanks and line breaks between two words come to; empty where there are none."""
        blanks, first, more = "", "", ""
        while self.peek() in " \t" + _BREAKS:
            char = self.peek()
            if char in " \t":
                if first and char == "\t" and self.column < indent:
                    problem = "found a tab character that violates indentation"
                    raise self._error("plain", start, problem)
                blanks += "" if first else char
                self.forward()
            elif first:
                more += self._line_break()
            else:
                first = self._line_break()
        if not first:
            return blanks
        self.allow_simple_key = True
        if first != "\n":
            return first + more
        return more or " "

"""Which of many rules may match a process at all.

Most patterns contain a literal, without which no text matches. Of a thousand rules, a process has
the literals of a few: only those need to be tried. The others are certain not to match, so every
strategy decides the same with and without this.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeAlias

from proccli.agent.process import AgentProcess, Subject, SubjectKind
from proccli.agent.rules import CompiledRule
from proccli.model.config import Rule

_Triple: TypeAlias = tuple[str, str, str]
"""Three characters in a row, casefolded. A literal is looked up by one of its triples."""


class Candidates:
    """The rules by what they require of a process's texts."""

    def __init__(
        self, rules: Sequence[CompiledRule], kind_of: Callable[[Rule], SubjectKind | None]
    ) -> None:
        """`kind_of`: the text that a rule is matched against; None for those of other processes
        and for tags."""
        self._always: list[int] = []
        self._of_kind: dict[SubjectKind, list[int]] = {}
        self._by_triple: dict[SubjectKind, dict[_Triple, list[int]]] = {}
        triples: dict[int, set[_Triple]] = {}
        for order, compiled in enumerate(rules):
            kind = kind_of(compiled.rule)
            if compiled.regex is None:
                continue  # it never matches
            required = {one for text in compiled.regex.required for one in _triples(text)}
            if kind is None or not required:
                self._always.append(order)
            else:
                self._of_kind.setdefault(kind, []).append(order)
                triples[order] = required
        times = Counter(one for required in triples.values() for one in required)
        for kind, orders in self._of_kind.items():
            index = self._by_triple.setdefault(kind, {})
            for order in orders:
                # Many rules begin with `/usr/bin/`: what few others have says more.
                rarest = min(triples[order], key=lambda one: (times[one], one))
                index.setdefault(rarest, []).append(order)

    def of(self, process: AgentProcess) -> Sequence[int]:
        """The numbers of the rules that may match, ascending."""
        found = list(self._always)
        for kind, index in self._by_triple.items():
            subject = _subject(process, kind)
            if subject is None or subject.masked_spans:
                found += self._of_kind[kind]  # what a mask hides may be anything
            else:
                for triple in index.keys() & _triples(subject.text.casefold()):
                    found += index[triple]
        return sorted(found)


def _triples(text: str) -> set[_Triple]:
    return set(zip(text, text[1:], text[2:]))  # noqa: B905 - they end where the last one does


def _subject(process: AgentProcess, kind: SubjectKind) -> Subject | None:
    if process.texts is None:
        return None
    if kind == "exe":
        return process.texts.exe
    return process.texts.cmdline if kind == "cmdline" else process.texts.process_name

"""Rules as the agent compiles them: with the values in effect, and marked where it drops one.

Source: agent v6.5 handler.rs:1634-1653, linux_process.rs:244-283.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from proccli import rustregex
from proccli.config.stages import RawRule
from proccli.config.yaml.nodes import Alias, Node, Scalar, resolved
from proccli.config.yaml.nodes import Mapping as MappingNode
from proccli.config.yaml.positions import source_offset
from proccli.config.yaml.sourcetext import SourceText
from proccli.errors import Location
from proccli.model.config import Rule, RuleProblem
from proccli.model.note import Note
from proccli.text import visible
from proccli.versions import AgentVersion


def compile_rules(
    raw_rules: Sequence[RawRule], source: SourceText, agent: AgentVersion
) -> tuple[tuple[Rule, ...], tuple[Note, ...]]:
    """All rules in the file's order, and a warning for each that the agent throws away.

    The agent itself says nothing of those; the others keep their order.
    """
    compiler = _Compiler(source, agent)
    rules: list[Rule] = []
    notes: list[Note] = []
    for index, raw in enumerate(raw_rules, start=1):
        rule, problems = compiler.rule(index, raw)
        rules.append(rule)
        notes += (
            Note.of(
                "rule-thrown-away",
                problem.at,
                rule=index,
                problem=problem.message,
                problem_code=problem.code,
                hint=problem.hint,
            )
            for problem in problems
        )
    return tuple(rules), tuple(notes)


class _Compiler:
    def __init__(self, source: SourceText, agent: AgentVersion) -> None:
        self.source = source
        self.agent = agent
        # An alias may repeat one pattern thousands of times.
        self.errors: dict[str, rustregex.RegexSyntaxError | None] = {}

    def rule(self, index: int, raw: RawRule) -> tuple[Rule, list[RuleProblem]]:
        """One rule, and everything for which the agent would throw it away."""
        texts = {name: text for name, (text, _) in raw.texts.items()}
        match_regex = texts.get("match-regex", "")
        match_type = texts.get("match-type") or self.agent.match_types[0]
        action = texts.get("action") or self.agent.actions[0]
        problems = [
            *self._pattern(match_regex, raw),
            *self._word("action", action, self.agent.actions, raw),
            *self._word("match-type", match_type, self.agent.match_types, raw),
        ]
        rule = Rule(
            index=index,
            at=self._place(raw.node),
            match_type=match_type,
            match_regex=match_regex,
            action=action,
            rewrite_name=texts.get("rewrite-name", ""),
            problem=problems[0] if problems else None,
            places={name: self._at(node) for name, (_, node) in raw.texts.items()},
        )
        return rule, problems

    def _pattern(self, pattern: str, raw: RawRule) -> Iterator[RuleProblem]:
        error = self._error(pattern)
        if error is None:
            return
        scalar = resolved(raw.texts["match-regex"][1])
        assert isinstance(scalar, Scalar)  # noqa: S101 - a text was read from it
        yield RuleProblem(
            code="regex-size" if error.kind == "compiled-too-big" else "regex-syntax",
            message=f"match-regex doesn't compile: {error.message}",
            at=self.source.at(source_offset(self.source.text, scalar, error.position)),
            position=error.position,
            hint=error.hint,
        )

    def _error(self, pattern: str) -> rustregex.RegexSyntaxError | None:
        if pattern not in self.errors:
            self.errors[pattern] = None
            try:
                rustregex.compile(pattern)
            except rustregex.RegexSyntaxError as error:
                self.errors[pattern] = error
        return self.errors[pattern]

    def _word(
        self, name: str, word: str, known: tuple[str, ...], raw: RawRule
    ) -> Iterator[RuleProblem]:
        import difflib

        if word in known:
            return
        close = difflib.get_close_matches(word.strip().lower()[:40], known, n=1)
        if close:
            hint = f"write {close[0]}"
        elif word in ("~", "null"):
            hint = "leave the key out"
        else:
            hint = f"it knows {', '.join(known)}"
        yield RuleProblem(
            code=name,
            message=f'it knows no {name} "{visible(word[:60])}"',
            at=self._at(raw.texts[name][1]),
            hint=hint,
        )

    def _at(self, node: Node) -> Location:
        return self.source.at(resolved(node).start)

    def _place(self, node: Node) -> Location:
        """The rule's first key, or the rule itself where it is no mapping with keys."""
        if isinstance(node, Alias):
            return self.source.at(node.start)
        if isinstance(node, MappingNode) and node.pairs:
            return self.source.at(node.pairs[0][0].start)
        return self.source.at(node.start)

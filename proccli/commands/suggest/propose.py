"""Which rules to propose for the processes of some sources, before they are proven."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from proccli.agent.pipeline import Pipeline
from proccli.agent.process import all_ancestors
from proccli.commands.suggest.naming import (
    RECIPES,
    Line,
    Naming,
    compiled,
    escaped,
    line_of,
    literal,
    long_name,
    name_lines,
)
from proccli.commands.suggest.noise import KINDS, SUPERVISORS, Kind, noise, noise_pattern
from proccli.commands.suggest.rules import Member, Proposed, Writer
from proccli.model.config import Config
from proccli.model.outcome import Outcome

Key: TypeAlias = tuple[int, int]
"""A source and a pid."""

_FEW: Final = 4
"""Names that get a rule each where one rule for all of them would be long."""
_EVERYTHING: Final = ("", ".", ".*", ".+")
_INTERPRETER: Final = re.compile(
    r"(?:java|python|pypy|node(?:js)?|j?ruby|perl|php|dotnet|mono|beam(?:\.smp)?)[0-9.]*"
)


class Processes(NamedTuple):
    """What runs, under the configuration without the proposed rules."""

    outcomes: Mapping[Key, Outcome]
    lines: Mapping[Key, Line]
    """Of those whose command line is text."""
    names: Mapping[Key, Naming]
    """The names that the accepted ones should get, where a recipe has one."""

    def is_renamed(self, key: Key) -> bool:
        """Whether a rule of the configuration gives a process its name."""
        outcome = self.outcomes[key]
        return outcome.gprocess != outcome.process_name

    def is_bare_interpreter(self, key: Key) -> bool:
        """Whether a process is called like an interpreter, and no recipe names it."""
        line = self.lines.get(key)
        if line is None or key in self.names or self.is_renamed(key):
            return False
        return _INTERPRETER.fullmatch(line.program) is not None


def read_processes(
    pipelines: Sequence[tuple[Pipeline, Sequence[int]]], config: Config
) -> Processes:
    """The processes of these pids of each pipeline. Raises: SourceError."""
    outcomes: dict[Key, Outcome] = {}
    lines: dict[Key, Line] = {}
    known: dict[tuple[bytes | None, object], Line | None] = {}
    for source, (pipeline, pids) in enumerate(pipelines):
        for outcome in pipeline.outcomes(pids):
            process = outcome.process
            outcomes[source, process.pid] = outcome
            content = process.cmdline, process.masked_spans
            if content not in known:
                known[content] = line_of(process)
            if (line := known[content]) is not None:
                lines[source, process.pid] = line
    accepted = [key for key, outcome in outcomes.items() if outcome.status == "accepted"]
    distinct = dict.fromkeys(lines[key] for key in accepted if key in lines)
    by_line = name_lines(list(distinct))
    names: dict[Key, Naming] = {}
    for key in accepted:
        if (line := lines.get(key)) is None:
            continue
        naming = by_line.get(line)
        if naming is None and config.dialect == "inputs.proc" and noise(line) is None:
            naming = long_name(line, outcomes[key].process_name or "")
        if naming is not None:
            names[key] = naming
    return Processes(outcomes, lines, names)


def propose(
    processes: Processes, pipelines: Sequence[Pipeline], writer: Writer, *, drops: bool
) -> list[Proposed]:
    """The rules for what has an unclear name, and those that drop noise, in their order."""
    merged = _merged_names(processes)
    members: dict[tuple[str, str], list[Member]] = defaultdict(list)
    namings: dict[tuple[str, str], Naming] = {}
    for key, naming in processes.names.items():
        outcome = processes.outcomes[key]
        if naming.name == outcome.gprocess:
            continue
        if processes.is_renamed(key) and outcome.gprocess not in merged:
            continue
        rule = naming.recipe.pattern, naming.recipe.name
        namings[rule] = naming
        members[rule].append(Member(key[0], outcome, processes.lines[key], naming.name))
    rules: list[Proposed] = []
    for rule, of_rule in members.items():
        proposed = of_naming(namings[rule], of_rule)
        if namings[rule].recipe.few_alone and len(proposed.names) <= _FEW:
            rules += alone(proposed)
        else:
            rules.append(proposed)
    if drops:
        named = {member.key for rule in rules for member in rule.members}
        rules += _noise(processes, named, pipelines, writer)
    return list(ordered(rules))


def _merged_names(processes: Processes) -> set[str | None]:
    """Names that a rule of the configuration gives to several programs of an interpreter."""
    programs: dict[str | None, set[str]] = defaultdict(set)
    for key, outcome in processes.outcomes.items():
        if outcome.status == "accepted" and processes.is_renamed(key):
            naming = processes.names.get(key)
            known = naming is not None and naming.recipe.distinguish != "no"
            programs[outcome.gprocess].add(naming.name if naming is not None and known else "")
    return {name for name, of_name in programs.items() if len(of_name) > 1 and "" not in of_name}


def of_naming(naming: Naming, members: Sequence[Member]) -> Proposed:
    """The rule of a recipe for these processes."""
    recipe = naming.recipe
    return Proposed(
        "name",
        recipe.about,
        recipe.pattern,
        recipe.name,
        tuple(members),
        literal=naming.literal,
        guards=recipe.guards,
    )


def alone(rule: Proposed) -> list[Proposed]:
    """A rule for each of the programs of a rule; without those for which there can't be one."""
    recipe = next(recipe for recipe in RECIPES if recipe.pattern == rule.pattern)
    made: dict[str, tuple[Naming, list[Member]]] = {}
    for member in rule.members:
        naming = literal(member.line, member.name or "", recipe)
        if naming is not None:
            made.setdefault(naming.recipe.pattern, (naming, []))[1].append(member)
    return [of_naming(naming, members) for naming, members in made.values()]


def ordered(rules: Sequence[Proposed]) -> Iterator[Proposed]:
    """Rules for one program first, then by the order of the recipes, then all others."""
    yield from _joined([rule for rule in rules if rule.literal])
    by_pattern = {r.pattern: r for r in rules if r.purpose == "name" and not r.literal}
    for recipe, after in zip(RECIPES, (*RECIPES[1:], None), strict=True):
        found = by_pattern.get(recipe.pattern)
        if found is not None and (found.members or not recipe.guards):
            yield found
        elif recipe.guards and after is not None and after.pattern in by_pattern:
            yield of_naming(Naming("", recipe), ())
    yield from (rule for rule in rules if rule.purpose != "name")


def _joined(rules: Sequence[Proposed]) -> Iterator[Proposed]:
    """The rules for one program without those whose processes another one of the name matches."""
    kept: list[Proposed] = []
    for rule in rules:
        for index, other in enumerate(kept):
            regex = compiled(other.pattern)
            same = other.rewrite == rule.rewrite
            if same and all(regex.is_match(member.line.text) for member in rule.members):
                kept[index] = other._replace(members=(*other.members, *rule.members))
                break
        else:
            kept.append(rule)
    return iter(kept)


# ---- noise ------------------------------------------------------------------------------------


def _noise(
    processes: Processes, named: set[Key], pipelines: Sequence[Pipeline], writer: Writer
) -> Iterator[Proposed]:
    """Rules that drop noise; what a supervisor starts is kept by a rule before them, or, where an
    agent has no such rule, all programs of that name stay."""
    found: dict[Kind, list[tuple[Member, str]]] = {kind: [] for kind in KINDS}
    kept: dict[str, list[Member]] = defaultdict(list)
    spared: set[str] = set()
    for key, outcome in processes.outcomes.items():
        line = processes.lines.get(key)
        what = noise(line) if line is not None else None
        if what is None or line is None or key in named or outcome.status != "accepted":
            continue
        if processes.is_renamed(key) or _is_decided(outcome, writer):
            continue
        member = Member(key[0], outcome, line, None)
        supervisor = _supervisor(processes, key, pipelines[key[0]])
        if supervisor is None:
            found[what[0]].append((member, what[1]))
        elif writer.keeps:
            kept[supervisor].append(member)
        else:
            spared.add(what[1])
    for supervisor, members in kept.items():
        about, pattern = f"What {supervisor} starts", f"^{escaped(supervisor)}$"
        yield Proposed("keep", about, pattern, "", tuple(members), match_type="parent_process_name")
    for kind, of_kind in found.items():
        dropped = [(member, program) for member, program in of_kind if program not in spared]
        programs = [name for name, _ in Counter(name for _, name in dropped).most_common()]
        if programs:
            pattern = noise_pattern(kind, programs)
            yield Proposed("drop", "noise", pattern, "", tuple(member for member, _ in dropped))


def _is_decided(outcome: Outcome, writer: Writer) -> bool:
    """Whether a rule of the configuration accepts a process on purpose."""
    if not writer.every_matcher:
        return outcome.decided_by != 0
    hits = (rule for rule in writer.config.rules if rule.index in outcome.hits)
    return any(rule.match_regex not in _EVERYTHING for rule in hits)


def _supervisor(processes: Processes, key: Key, pipeline: Pipeline) -> str | None:
    """The process name of a supervisor that a process descends from."""
    for above in all_ancestors(processes.outcomes[key].process, pipeline.agent_process):
        its_key = key[0], above.process.pid
        line = processes.lines.get(its_key)
        if line is None or above.texts is None:
            continue
        naming = processes.names.get(its_key)
        if (naming.name if naming else line.program) in SUPERVISORS:
            return above.texts.process_name.text
    return None

"""A configuration of `inputs.proc` that does what a `static_config` does, as far as it can.

An agent of `static_config` applies the first rule that matches; one of `inputs.proc` runs every
matcher. An ignore matcher keeps processes from all matchers after it (FACTS B3), so an accept rule
becomes a matcher that takes, and, where a later rule could give another name, an ignore matcher
with the same condition. A drop rule becomes an ignore matcher. What can't be expressed has a
comment in the text.

Source: FACTS A3-A5, B2-B5, C.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from proccli import rustregex
from proccli.config.loading import Reading
from proccli.config.static_config import GPROCESS_INFO, KEYS, SECTION, SOCKET_LIST
from proccli.config.warning_words import rule_problem_wording
from proccli.config.yaml.go_writer import spelled
from proccli.config.yaml.nodes import Mapping, Node, Scalar, resolved
from proccli.model.config import Config, Rule
from proccli.rustregex.automata.domain import texts_without
from proccli.rustregex.automata.patternset import find_text
from proccli.text import visible
from proccli.versions import AgentVersion


class Difference(NamedTuple):
    """A place where the new configuration does not do what the old one does."""

    rule: int | None
    """The index of the old rule that it is about; None: any process."""
    text: str
    """As it stands in a comment."""


class Upgraded(NamedTuple):
    """The new configuration, and where it does not do what the old one does."""

    text: str
    differences: tuple[Difference, ...]
    """Each stands in the text as a comment, too."""
    origins: tuple[int | None, ...]
    """For each new matcher the index of the old rule that it stands for; None: for none."""

    def announced(self, old: int | None, new: int | None) -> bool:
        """Whether a comment is about one of two rules: of the old configuration, of the new."""
        origin = self.origins[new - 1] if new else None
        rules = {difference.rule for difference in self.differences} - {None}
        return old in rules or origin in rules


_NAMES: Final = (
    "Names: a process that no rewrite_name renames is called by its comm (15 bytes at most, up to"
    " the first colon), not by the file name of its first argument."
)
_ANCESTORS: Final = (
    "parent_process_name compares the comm of at most 10 ancestors, read from /proc; the old agent"
    " compares the file name of the first argument of all ancestors."
)
_PROC_ROOT: Final = (
    "The new agent reads ancestors, sockets and start times from /proc, whatever proc_dir_path is."
)
_COMM: Final = (
    "process_name compares the comm here (15 bytes at most, up to the first colon); the old agent"
    " compares the file name of the first argument."
)
_TITLE: Final = (
    "No comm (15 bytes at most, up to the first colon) matches this pattern; it is compared with"
    " the whole command line, which for a title is the title."
)
_COMMS: Final = texts_without("\0\n:", matching=(r"\A.{0,15}\z",))
"""Every text that process_name compares is one of these (FACTS B4)."""
_FIRST_WORD: Final = (
    "The old agent compares the file name of the whole first argument; this pattern takes it to"
    " end at its first blank."
)
_FIRST_MATCH: Final = "Where the pattern matches more than once, only its first match is replaced."
_PART: Final = (
    "The new name is the rewritten match alone; the old agent keeps the text around the match."
)
_LITERAL: Final = r"(?:[\w-]|\\[.+-])+"
_WHOLE_NAME: Final = re.compile(
    rf"\^({_LITERAL}|\((?:\?:)?{_LITERAL}(?:\|{_LITERAL})*\))\$", re.ASCII
)
"""Patterns that compare a whole name, so that it can be looked for in a command line."""
_VARIABLE: Final = re.compile(r"%[^%= \t\r\n]*%")
_REFERENCE: Final = re.compile(r"\$\$|\$\{(?P<braced>[^}]*)\}|\$(?P<bare>[0-9A-Za-z_]+)")


def upgrade(reading: Reading, config: Config, target: AgentVersion) -> Upgraded:
    """The configuration for an agent of `inputs.proc`.

    `reading` is of `config`, the old one, without faults; `target` is an agent whose ignore
    matchers remove, and which has a blacklist.
    """
    return _Upgrade(reading, config, target).result()


class _Upgrade:
    def __init__(self, reading: Reading, config: Config, target: AgentVersion) -> None:
        self.reading = reading
        self.config = config
        self.target = target
        self.lines: list[str] = []
        self.differences: list[Difference] = []
        self.origins: list[int | None] = []
        self.rule: int | None = None
        """The index of the old rule at hand."""
        self._closed = any(_drops_the_rest(rule) for rule in config.rules if not rule.problems)
        """Whether no process is accepted without a rule."""
        self.comments = _Comments(reading, config.rules)

    def result(self) -> Upgraded:
        self._settings()
        self._matchers()
        for owner in list(self.comments.of):
            self._old_comments(owner, 0)
        text = "".join(f"{line}\n" for line in self.lines)
        return Upgraded(text, tuple(self.differences), tuple(self.origins))

    def _old_comments(self, owner: str | int | None, indent: int) -> None:
        self.lines.extend(f"{' ' * indent}{comment}" for comment in self.comments.take(owner))

    def _comment(self, text: str, indent: int) -> None:
        """A comment about a difference, wrapped."""
        self.differences.append(Difference(self.rule, text))
        width = 90 - indent
        line = ""
        for word in text.split(" "):
            if line and len(line) + 1 + len(word) > width:
                self.lines.append(f"{' ' * indent}# {line}")
                line = word
            else:
                line = f"{line} {word}" if line else word
        self.lines.append(f"{' ' * indent}# {line}")

    def _settings(self) -> None:
        config, lines = self.config, self.lines
        self._old_comments(SECTION, 0)
        lines += ["inputs:", "  proc:"]
        self._comment(_NAMES, 4)
        others = sorted(set(self._section_keys()) - set(KEYS))
        if others:
            self._comment(
                f"Not in this text: {_in_comment(', '.join(others))} of static_config.", 4
            )
        self._old_comments("os-proc-sync-enabled", 4)
        lines.append(f"    enabled: {'true' if config.sync_enabled else 'false'}")
        self._old_comments("os-proc-root", 4)
        if config.proc_root != "/proc":
            self._comment(_PROC_ROOT, 4)
            lines.append(f"    proc_dir_path: {spelled(config.proc_root)}")
        interval = config.socket_sync_interval_s
        self._old_comments("os-proc-socket-sync-interval", 4)
        if not interval:
            self._comment("0 would turn the socket sync off; the old agent never pauses.", 4)
        assert self.target.defaults is not None  # noqa: S101 - it reads inputs.proc
        lines.append(f"    {self.target.defaults.socket_interval_key}: {interval or 1}s")
        self._old_comments("os-proc-socket-min-lifetime", 4)
        lines.append(f"    min_lifetime: {config.min_lifetime_s}s")
        if config.tag_exec:
            lines.append("    tag_extraction:")
            self._old_comments("os-app-tag-exec", 6)
            lines.append("      script_command:")
            lines += [f"        - {spelled(word)}" for word in config.tag_exec]
            self._old_comments("os-app-tag-exec-user", 6)
            lines.append(f"      exec_username: {spelled(config.tag_exec_user)}")
        lines.append("    # By default, processes named sleep, sh, bash and others are not seen.")
        lines.append("    process_blacklist: []")

    def _section_keys(self) -> Iterator[str]:
        for key, value in _pairs(self.reading.root):
            if key.text == SECTION:
                yield from (inner.text for inner, _ in _pairs(value))
                return
        yield from (key.text for key, _ in _pairs(self.reading.root))

    def _matchers(self) -> None:
        self._comment(
            "This list replaces the built-in matchers, and with them the processes of other"
            " features (such as ebpf.profile.on_cpu).",
            4,
        )
        self._old_comments("os-proc-sync-tagged-only", 4)
        self._old_comments("os-proc-regex", 4)
        self.lines.append("    process_matcher:")
        self.lines.append(
            "      # Without arguments (kernel threads, zombies): the old agent skips them."
        )
        self._matcher("cmdline_with_args", "^$", ignore=True)
        rules = [rule for rule in self.config.rules if not rule.problems]
        for rule in self.config.rules:
            self.rule = rule.index
            self._old_comments(rule.index, 6)
            if rule.problems:
                words = rule_problem_wording(rule.problems[0]).problem
                self._comment(f"Rule {rule.index} left out: the old agent ignores it ({words}).", 6)
                continue
            later = rules[rules.index(rule) + 1 :]
            self._rule(rule, later)
        self.rule = None
        if self._closed:
            return
        self.lines.append("      # What no rule matched is accepted, as by the old agent.")
        self._matcher("process_name", ".*")

    def _rule(self, rule: Rule, later: Sequence[Rule]) -> None:
        renamed_later = any(_renames(other) for other in later)
        if rule.match_type == "parent_process_name":
            self._parent_rule(rule, later, renamed_later=renamed_later)
            return
        match_type, pattern, name = self._condition(rule)
        if rule.action == "drop":
            if self._closed and all(other.action == "drop" for other in later):
                self.lines.append(
                    f"      # Rule {rule.index} ({_in_comment(rule.match_regex)}, drop) needs no"
                    " matcher: what none takes is not sent."
                )
                return
            self._matcher(match_type, pattern, ignore=True)
            return
        self._matcher(match_type, pattern, name)
        if renamed_later:
            self.lines.append(
                f"      # Rule {rule.index} was the first to match: no later one counts."
            )
            self._matcher(match_type, pattern, ignore=True)

    def _parent_rule(self, rule: Rule, later: Sequence[Rule], *, renamed_later: bool) -> None:
        """A matcher of this type takes the child and publishes the ancestor (FACTS B5), so that
        the children have to be taken by another one, together with all others.
        """
        if rule.action == "drop":
            self._comment(_ANCESTORS, 6)
            self._matcher(rule.match_type, rule.match_regex, ignore=True)
            return
        if not renamed_later and all(other.action != "drop" for other in later):
            self.lines.append(
                f"      # Rule {rule.index} ({_in_comment(rule.match_regex)}) needs no matcher: the"
            )
            self.lines.append("      # last one takes these processes under their own names.")
            return
        if all(other.action != "drop" for other in later):
            self._comment(_ANCESTORS, 6)
            self.lines.append(
                "      # No later rule drops: all others can be taken here, and renamed below."
            )
            self._matcher("process_name", ".*")
            self._matcher(rule.match_type, rule.match_regex, ignore=True)
            return
        self._comment(
            f"Rule {rule.index} left out: a matcher for parent_process_name"
            f" {_in_comment(rule.match_regex)} would report the ancestors in place of their"
            " descendants. So the later rules apply to these processes, too.",
            6,
        )

    def _condition(self, rule: Rule) -> tuple[str, str, str]:
        """Match type, pattern and rewrite_name that do what a rule does."""
        pattern, name = rule.match_regex, rule.rewrite_name
        renames = _renames(rule)
        if rule.match_type == "tag":
            return "tag", pattern, ""
        match_type = "cmdline_with_args" if rule.match_type == "cmdline" else "process_name"
        if rule.match_type == "process_name" and (renames or not _matches_everything(pattern)):
            whole = _WHOLE_NAME.fullmatch(pattern)
            if whole and not (renames and "$" in name):
                self._comment(_FIRST_WORD, 6)
                found = rf"^(?:[^ ]*/)?{whole[1]}(?: |$)"
                return "cmdline_with_args", found, name if renames else ""
            if _fits_no_comm(pattern):
                self._comment(_TITLE, 6)
                match_type = "cmdline_with_args"
            else:
                self._comment(_COMM, 6)
        if not renames:
            return match_type, pattern, ""
        if _is_whole(pattern):
            return match_type, pattern, name
        wrapped = _wrapped(pattern, name)
        if wrapped is None:
            self._comment(_PART, 6)
            return match_type, pattern, name
        if not _matches_once(pattern):
            self._comment(_FIRST_MATCH, 6)
        return match_type, *wrapped

    def _matcher(
        self, match_type: str, pattern: str, name: str = "", *, ignore: bool = False
    ) -> None:
        lines = self.lines
        self.origins.append(self.rule)
        lines.append(f"      - match_regex: {spelled(pattern)}")
        lines.append(f"        match_type: {match_type}")
        if ignore:
            lines.append("        ignore: true")
        elif name:
            lines.append(f"        rewrite_name: {spelled(name)}")
        lines.append("        only_in_container: false")
        if self.config.tagged_only and not ignore:
            lines.append("        only_with_tag: true")
        lines.append(f"        enabled_features: [{GPROCESS_INFO}, {SOCKET_LIST}]")


class _Comments:
    """The comments of the old text, each under the key or the rule that it belongs to.

    One behind a value belongs to the last key or rule before it, one on a line of its own to the
    next one.
    """

    def __init__(self, reading: Reading, rules: Sequence[Rule]) -> None:
        self.of: dict[str | int | None, list[str]] = {}
        anchors = sorted(
            [*_keys(reading), *((rule.at.line, rule.index) for rule in rules)], key=_line
        )
        for number, line in enumerate(reading.source.text.splitlines(), start=1):
            comment = _comment_of(line)
            if comment is None:
                continue
            alone = line.lstrip().startswith("#")
            before = [owner for at, owner in anchors if at <= number]
            after = [owner for at, owner in anchors if at > number]
            owners = after[:1] if alone or not before else before[-1:]
            self.of.setdefault(owners[0] if owners else None, []).append(comment)

    def take(self, owner: str | int | None) -> list[str]:
        """The comments of a key, or of the rule with this index; None: those at the end."""
        return self.of.pop(owner, [])


Anchor: TypeAlias = tuple[int, "str | int | None"]


def _line(anchor: Anchor) -> int:
    return anchor[0]


def _keys(reading: Reading) -> Iterator[Anchor]:
    """The lines of the keys of this subject, and of what holds them."""
    for key, value in _pairs(reading.root):
        yield reading.source.at(key.start).line, key.text
        if key.text == SECTION:
            for inner, _ in _pairs(value):
                yield reading.source.at(inner.start).line, inner.text


def _pairs(node: Node | None) -> Iterator[tuple[Scalar, Node]]:
    mapping = resolved(node) if node is not None else None
    if isinstance(mapping, Mapping):
        for key, value in mapping.pairs:
            if isinstance(key, Scalar):
                yield key, value


_COMMENT: Final = re.compile(
    r"""(?:[^'"#]|(?<![ \t])\#|'(?:[^']|'')*'|"(?:[^"\\]|\\.)*")*?(?:^|[ \t])(\#.*)"""
)


def _comment_of(line: str) -> str | None:
    found = _COMMENT.fullmatch(line)
    return visible(found[1]) if found else None


def _in_comment(text: str) -> str:
    return visible(text)


def _renames(rule: Rule) -> bool:
    """Whether a rule can give a name: those of other types keep theirs (FACTS A2)."""
    named = rule.match_type in ("process_name", "cmdline")
    return bool(rule.rewrite_name) and named and rule.action != "drop"


def _drops_the_rest(rule: Rule) -> bool:
    everything = rule.match_type in ("process_name", "cmdline")
    return everything and rule.action == "drop" and _matches_everything(rule.match_regex)


def _matches_everything(pattern: str) -> bool:
    return pattern in ("", ".*", "^.*", ".*$", "^.*$", "^")


def _fits_no_comm(pattern: str) -> bool:
    """Whether it is certain that no comm matches."""
    found = find_text(matching=[pattern], domain=_COMMS)
    return found.decided and found.text is None


def _is_whole(pattern: str) -> bool:
    """Whether a match is always the whole subject."""
    plain = "|" not in pattern and "(?" not in pattern
    return plain and pattern.startswith("^") and pattern.endswith("$") and pattern[-2:] != "\\$"


def _matches_once(pattern: str) -> bool:
    return pattern.startswith("^") and "|" not in pattern and "(?" not in pattern


_GROUPS_BEFORE: Final = 2


def _wrapped(pattern: str, name: str) -> tuple[str, str] | None:
    """Pattern and template that replace the first match in the whole subject.

    The agent of `inputs.proc` names a process by the rewritten match (FACTS B5), so that the match
    has to be the whole subject. None where pattern or template can't be part of another one.
    """
    literal = _VARIABLE.sub("", _REFERENCE.sub("", name))
    if literal.endswith(("$", "%")) or "${" in literal:
        # Such an end would become one with what follows.
        return None
    whole = f"^(?P<before>(?s:.*?))(?P<match>{pattern})(?P<after>(?s:.*))$"
    try:
        rustregex.compile(whole)
        groups = rustregex.compile(pattern).group_names
    except rustregex.RegexSyntaxError:
        return None

    def moved(found: re.Match[str]) -> str:
        reference = found["braced"] if found["braced"] is not None else found["bare"]
        if reference is None:
            return found[0]
        if reference.isascii() and reference.isdecimal():
            index = int(reference)
            if index >= len(groups):
                return ""
            return f"${{{index + _GROUPS_BEFORE}}}" if index else "${match}"
        return f"${{{reference}}}" if reference in groups else ""

    return whole, f"${{before}}{_REFERENCE.sub(moved, name)}${{after}}"

"""Patterns that are valid and mean something else than they look like: globs, paths, dots.

Each advice is the whole pattern to paste, which was compiled and tried.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from proccli import rustregex
from proccli.diagnostics.context import LONGEST_PATTERN, Context
from proccli.model.config import Diagnostic, Rule
from proccli.rustregex import Regex, RegexSyntaxError
from proccli.text import visible

_GLOB: Final = re.compile(r"(\^?)((?:[\w@:/-]|\\?\.(?!\*))+)\*(\$?)")
_DOUBLED: Final = re.compile(r"\\\\(?=[.wWdDsSbBnrt()\[\]{}|*+?^$/-])")
_TEXT_OF_PATH: Final = re.compile(r"\^?([\w/.+~@:=, ()-]*/[\w/.+~@:=, ()-]*)\$?")
_SPECIAL: Final = re.compile(r"[+()]")
_EXTENSIONS: Final = "py|pyc|jar|war|sh|js|mjs|rb|pl|php|lua|exe|so|conf|cfg|ini|yaml|yml|json|xml"
_DOT: Final = re.compile(rf"(?:\\.|\[(?:\\.|[^\]\\])*\])|(\.)(?=(?:{_EXTENSIONS})(?![\w.*+?{{]))")
KERNEL_THREADS: Final = (
    *("kworker", "kthreadd", "ksoftirqd", "kswapd", "kcompactd", "khugepaged", "kblockd"),
    *("kdevtmpfs", "kauditd", "khungtaskd", "kintegrityd", "ksmd", "jbd2", "xfsaild"),
    *("rcu_sched", "rcu_preempt", "rcu_bh", "rcu_gp", "oom_reaper", "cpuhp", "scsi_eh_"),
    *("kthrotld", "ext4-rsv-conver", "migration/"),
)


def check(context: Context, samples: Mapping[int, str]) -> Iterator[Diagnostic]:
    """Patterns that look like something else than they are."""
    for rule in context.rules:
        if len(rule.match_regex) > LONGEST_PATTERN:
            continue
        regex = context.regexes[rule.index]
        yield from _glob(rule, context)
        doubled = [*_backslashes(rule, context)]
        yield from doubled
        yield from _path(rule, regex, context)
        if not doubled:
            yield from _dot(rule, regex, context)
        yield from _kernel_thread(rule, samples.get(rule.index), context)


def _glob(rule: Rule, context: Context) -> Iterator[Diagnostic]:
    found = _GLOB.fullmatch(rule.match_regex)
    if found is None:
        return
    start, text, _ = found.groups()
    last = text[-2:] if text[-2:-1] == "\\" else text[-1]
    meant = f"{start}{text}"
    regex = _compiled(meant)
    without = text[: -len(last)].replace("\\", "")
    if regex is None or not without or not context.regexes[rule.index].is_match(without):
        return
    yield context.at_value(
        rule,
        context.keys.regex,
        "glob-pattern",
        f"{last}* is not a wildcard: it stands for any number of {visible(last)}",
        part=(len(rule.match_regex.rstrip("$")) - len(last) - 1, len(rule.match_regex.rstrip("$"))),
        effect=f'"{visible(without[:60])}" is matched, too',
        hint=f"write {visible(meant)}: what follows it does not matter to a pattern"
        f"; any text is written .*",
    )


def _backslashes(rule: Rule, context: Context) -> Iterator[Diagnostic]:
    scalar = context.written.value(rule, context.keys.regex)
    found = _DOUBLED.search(rule.match_regex)
    if found is None or scalar is None or scalar.style == "double":
        return
    meant = _DOUBLED.sub(lambda _: "\\", rule.match_regex)
    if _compiled(meant) is None:
        return
    quotes = "in single quotes" if scalar.style == "single" else "without double quotes"
    yield context.at_value(
        rule,
        context.keys.regex,
        "doubled-backslash",
        f"two backslashes {quotes} stand for a backslash in the text",
        part=(found.start(), found.end() + 1),
        effect="the pattern matches only texts with a backslash",
        hint=f"write {quoted(meant)}",
    )


def _path(rule: Rule, regex: Regex, context: Context) -> Iterator[Diagnostic]:
    found = _TEXT_OF_PATH.fullmatch(rule.match_regex)
    if found is None or regex.is_match(found[1]):
        return
    meant = _SPECIAL.sub(lambda char: f"\\{char[0]}", rule.match_regex)
    better = _compiled(meant)
    if better is None or not better.is_match(found[1]):
        return
    special = _SPECIAL.search(rule.match_regex)
    assert special is not None  # noqa: S101 - without one, the pattern matches its text
    yield context.at_value(
        rule,
        context.keys.regex,
        "not-itself",
        f"{special[0]} has a meaning in patterns, so this pattern does not match its own text",
        part=special.span(),
        effect=f'"{visible(found[1][:80])}" is not matched',
        hint=f"write {quoted(meant)}",
    )


def _dot(rule: Rule, regex: Regex, context: Context) -> Iterator[Diagnostic]:
    dots = [found for found in _DOT.finditer(rule.match_regex) if found[1]]
    if not dots:
        return
    meant = _DOT.sub(lambda found: "\\." if found[1] else found[0], rule.match_regex)
    better = _compiled(meant)
    if better is None:
        return
    extension = re.match(_EXTENSIONS, rule.match_regex[dots[0].end() :])
    example = _other_text(rule.match_regex, dots[0].start(), extension[0] if extension else "")
    if not (regex.is_match(example) and not better.is_match(example)):
        found = context.find(context.domain(rule), matching=[rule.match_regex], avoiding=[meant])
        example = found.text or ""
    shown = f'"{visible(example[:60])}" is matched, too' if example else None
    yield context.at_value(
        rule,
        context.keys.regex,
        "unescaped-dot",
        "this dot stands for any character",
        part=dots[0].span(1),
        effect=shown,
        hint=f"write {quoted(meant)}",
    )


def _other_text(pattern: str, dot: int, extension: str) -> str:
    """The plain text around a dot, with a letter in its place."""
    before = re.search(r"[\w-]*\Z", pattern[:dot])
    return f"{before[0] if before else ''}x{extension}"


def _kernel_thread(rule: Rule, sample: str | None, context: Context) -> Iterator[Diagnostic]:
    name = (sample or "").lstrip("[")
    if rule.match_type == "tag" or not name.startswith(KERNEL_THREADS):
        return
    effect = "kernel threads have no command line, so the agent skips them before any rule"
    hint = "delete the rule, unless a program of yours has such a name"
    behaviour = context.behaviour
    if behaviour is not None and behaviour.invisible_without == "status":
        if rule.match_type not in ("cmdline", "cmdline_with_args"):
            return
        effect = "kernel threads have no program file and no command line: this matches none"
        hint = f"write {context.typed('process_name')}"
    yield context.at_rule(
        rule,
        "kernel-thread",
        f'"{visible(name[:40])}" is the name of a kernel thread',
        effect=effect,
        hint=hint,
    )


def _compiled(pattern: str) -> Regex | None:
    try:
        return rustregex.compile(pattern)
    except RegexSyntaxError:
        return None


def quoted(pattern: str) -> str:
    """A pattern as it can be pasted into YAML."""
    return "'" + visible(pattern.replace("'", "''")) + "'"

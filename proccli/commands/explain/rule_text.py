"""One rule of an explanation: the text it was matched against, and the result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import takewhile

from proccli.model.config import Rule
from proccli.model.explanation import Explanation, NearMiss, Requirement, RewriteTrace, RuleTrace
from proccli.model.process import TextSpan
from proccli.terminal.lines import Line, Span, around, cells, shorten, untrusted, wrapped
from proccli.terminal.view import View
from proccli.text import counted, listed

INDENT = "      "
_NEAR = 2
"""Minimum number of letters and digits that a pattern must match to be called a near miss:
a common beginning such as `--` is not one."""
_LOOKED_AT = 1_000
"""Characters that are counted: a match may be several megabytes long."""


def rule_lines(
    trace: RuleTrace, explanation: Explanation, view: View, *, previous_error: str | None = None
) -> Iterable[Line]:
    """A heading, then the text that was tested and how much of the pattern matched.

    `previous_error` is the error of the rule before; it is not repeated.
    """
    yield from _heading(trace, view)
    if trace.outcome == "unknown" and trace.error is not None and trace.error == previous_error:
        return
    for detail in _details(trace, explanation, view):
        yield [(INDENT, ""), *detail]


def is_conditional(trace: RuleTrace) -> bool:
    """Whether the only unknown about a rule is whether an earlier one decides."""
    return trace.outcome == "unknown" and trace.would_match is not None


def detail_room(view: View) -> int | None:
    """The width of a detail in cells; None: unlimited."""
    return None if view.width is None else max(view.width - len(INDENT), 20)


def _heading(trace: RuleTrace, view: View) -> Iterable[Line]:
    rule = trace.rule
    word, style = _outcome(trace, view)
    start: list[Span] = [(f" #{rule.index:<3} ", "head"), (f"{word:<19}", style)]
    faint = "dim" if trace.outcome == "not-reached" or is_conditional(trace) else ""
    test: Line = [(f"{rule.match_type} ~ ", "dim"), *untrusted(rule.match_regex, faint)]
    place: Line = untrusted(f"{rule.at.source}:{rule.at.line}", "dim")
    if view.width is None or view.margin is None:
        yield [*start, *test, ("    ", ""), *place]
        return
    gap = view.margin - cells(start) - cells(test) - cells(place)
    if gap < 2:
        gap = min(view.width - cells(start) - cells(test) - cells(place), 2)
    if gap >= 2:
        yield [*start, *test, (" " * gap, ""), *place]
        return
    indent = " " * cells(start)
    first, *more = wrapped(test, max(view.width - len(indent), 10))
    yield [*start, *first]
    for line in more:
        yield [(indent, ""), *line]
    where = f"{rule.at.source}:{rule.at.line}"
    yield [(indent, ""), (shorten(where, view.width - len(indent), view.glyphs.ellipsis), "dim")]


def _outcome(trace: RuleTrace, view: View) -> Span:
    if trace.effect is not None:
        return _effect(trace, view)
    if trace.outcome == "hit":
        style = "dropped" if trace.rule.action == "drop" else "accepted"
        return f"MATCH {view.glyphs.becomes} {trace.rule.action or 'accept'}", style
    if trace.outcome == "not-reached" or is_conditional(trace):
        words = {True: "would match", False: "would not match", None: "unknown"}
        return words[trace.would_match], "dim"
    return {
        "no-match": ("no match", ""),
        "ignored": ("IGNORED (invalid)", "error"),
        "unknown": ("unknown", "unknown"),
        "held-back": (_HELD_BACK[trace.requirement or "container"], ""),
        "ignored-before": (f"ignored by #{trace.by}", "dropped"),
        "inert": ("other feature", "dim"),
    }[trace.outcome]


_HELD_BACK: Mapping[Requirement, str] = {"container": "no container", "tag": "no tag"}


def _effect(trace: RuleTrace, view: View) -> Span:
    """What a matcher that hit does to the outcome."""
    becomes = view.glyphs.becomes
    match trace.effect:
        case "names":
            return f"MATCH {becomes} name", "accepted"
        case "overridden":
            return f"MATCH, #{trace.by} names", "accepted"
        case "ignores":
            return f"MATCH {becomes} ignore", "dropped"
        case _:
            return f"MATCH {becomes} take", "accepted"


def _details(trace: RuleTrace, explanation: Explanation, view: View) -> Iterable[Line]:
    room = detail_room(view)
    if trace.outcome == "ignored":
        text = f"the agent silently ignores this rule: {trace.error or 'invalid'}"
        yield from wrapped(untrusted(text, "error"), room)
        return
    if trace.outcome in ("not-reached", "inert") or is_conditional(trace):
        return
    if trace.error is not None:
        yield from wrapped(untrusted(trace.error, "unknown"), room)
        if trace.subject is None:
            return
    if trace.outcome in ("hit", "ignored-before") or trace.would_match:
        yield from _match_details(trace, explanation, view)
    else:
        yield from _mismatch_details(trace, explanation, view)


def _match_details(trace: RuleTrace, explanation: Explanation, view: View) -> Iterable[Line]:
    room = detail_room(view)
    if trace.subject is not None:
        yield from _subject(
            trace.subject, trace.span, _other_pid(trace.subject_pid, explanation), view
        )
    for group in trace.groups:
        name = f"${group.index}" if group.name is None else f"${group.index} ${{{group.name}}}"
        if group.text is None:
            yield ((f"{name} did not participate in the match", "dim"),)
        else:
            left = None if room is None else max(room - len(name) - 5, 10)
            text = shorten(group.text, left, view.glyphs.ellipsis)
            yield from wrapped(((f"{name} = ", "dim"), (f'"{text}"', "match")), room)
    if trace.rewrite is not None:
        yield from rewrite_lines(trace.rewrite, trace.subject or "", room, view)
    elif _names_nothing(trace.rule):
        text = f"note: the agent rewrites no names by {trace.rule.match_type}"
        yield from wrapped(untrusted(text, "warning"), room)


def _names_nothing(rule: Rule) -> bool:
    """Whether the agent takes processes by this rule, and never uses its rewrite-name."""
    takes = rule.action != "drop" and not rule.ignore
    return takes and bool(rule.rewrite_name) and rule.match_type in ("parent_process_name", "tag")


def _mismatch_details(trace: RuleTrace, explanation: Explanation, view: View) -> Iterable[Line]:
    room = detail_room(view)
    near = trace.near_miss
    if near is not None and _is_close(near):
        yield from _subject(
            near.subject, near.span, _other_pid(near.subject_pid, explanation), view
        )
        message: Line = [
            ("closest: ", "dim"),
            *untrusted(f'"{near.matched_prefix}"', "accepted"),
            (" matches, but is not followed by ", "dim"),
            *untrusted(f'"{near.expected}"', "miss"),
        ]
        yield from wrapped(message, room)
    elif trace.subject is not None:
        yield from _subject(trace.subject, None, _other_pid(trace.subject_pid, explanation), view)
    else:
        yield ((_nothing_tested(trace, explanation), "dim"),)
    if trace.also_matches:
        text = f"with the match type {listed(list(trace.also_matches))} this pattern would match"
        yield from wrapped(untrusted(text, "dim"), room)


def _is_close(near: NearMiss) -> bool:
    start, end = near.span
    return sum(map(str.isalnum, near.subject[start:end][:_LOOKED_AT])) >= _NEAR


def _nothing_tested(trace: RuleTrace, explanation: Explanation) -> str:
    match_type = trace.rule.match_type
    if match_type == "parent_process_name":
        return _no_ancestor(explanation)
    if match_type == "tag":
        return "none of the tags that the tag command reports for it"
    return "no text to match"


def _no_ancestor(explanation: Explanation) -> str:
    """Which ancestors were tried: the agent stops at the first one that it does not keep."""
    ancestors = explanation.ancestors
    tried = list(takewhile(lambda above: above.process_name is not None, ancestors))
    if len(tried) == len(ancestors):
        if not tried:
            return "it has no ancestor that is visible to the agent"
        return (
            f"none of {len(tried)} ancestors"
            if len(tried) > 1
            else "its only ancestor does not match"
        )
    pid = ancestors[len(tried)].pid
    end = f"the agent stops at pid {pid}, which it does not keep"
    if not tried:
        return f"no ancestor: {end}"
    return f"none of {counted(len(tried), 'ancestor')}: {end}"


def _other_pid(pid: int | None, explanation: Explanation) -> str:
    """`   (pid 7)` if the text is that of another process, else empty."""
    if pid is None or pid == explanation.outcome.process.pid:
        return ""
    return f"   (pid {pid})" if pid > 0 else ""


def _subject(text: str, span: TextSpan | None, remark: str, view: View) -> Iterable[Line]:
    """The tested text in quotes, with the match underlined, or marked by carets below."""
    room = detail_room(view)
    inner = None if room is None else room - 2 - len(remark)
    mark = view.glyphs.ellipsis
    if span is None:
        yield (('"', "dim"), (shorten(text, inner, mark), ""), ('"', "dim"), (remark, "dim"))
        return
    before, match, after = around(text, span, inner, mark)
    yield (
        ('"', "dim"),
        (before, ""),
        (match, "match"),
        (after, ""),
        ('"', "dim"),
        (remark, "dim"),
    )
    if not view.colour or not match:
        width = max(cells(((match, ""),)), 1)
        yield (
            (" " * (1 + cells(((before, ""),))), ""),
            ("^" * width, "match" if match else "accepted"),
        )


_LABEL = 13
_SHOWN_REPLACEMENTS = 5


def rewrite_lines(
    rewrite: RewriteTrace, subject: str, room: int | None, view: View
) -> Iterable[Line]:
    """The template, its value with the environment and the groups, and notes."""
    for label, text, style in _steps(rewrite, subject, view):
        inner = None if room is None else max(room - _LABEL, 10)
        first, *more = wrapped(untrusted(text, style), inner)
        yield [(f"{label:<{_LABEL}}", "dim"), *first]
        for line in more:
            yield [(" " * _LABEL, ""), *line]
    for note in _notes(rewrite, subject):
        yield from wrapped(untrusted(f"note: {note}", "warning"), room)


def _steps(rewrite: RewriteTrace, subject: str, view: View) -> Iterable[tuple[str, str, str]]:
    yield "rewrite", rewrite.template, ""
    if rewrite.expanded not in (None, rewrite.template):
        yield "environment", rewrite.expanded or '""', ""
    many = len(rewrite.replacements) > 1
    for number, replacement in enumerate(rewrite.replacements[:_SHOWN_REPLACEMENTS], start=1):
        room = None if view.width is None else view.width // 3
        start, end = replacement.span
        old, new = subject[start:end], replacement.text
        old, new = (shorten(text, room, view.glyphs.ellipsis) for text in (old, new))
        label = f"replaces {number}" if many else "replaces"
        yield label, f'"{old}" {view.glyphs.becomes} "{new}"', ""
    left_out = len(rewrite.replacements) - _SHOWN_REPLACEMENTS
    if left_out > 0:
        yield "", f"and {left_out:,} more", "dim"
    if rewrite.result is None:
        yield "name", "unknown", "unknown"
    else:
        yield "name", rewrite.result or '"" (empty)', "accepted"


def _notes(rewrite: RewriteTrace, subject: str) -> Iterable[str]:
    if rewrite.expanded == "":
        yield "the rewrite is empty after expansion, so the agent keeps the name"
    around = any(subject[start:end] for start, end in _untouched(rewrite, subject))
    if around and not rewrite.of_match_alone:
        yield "the agent replaces only the matched text; the text around it stays in the name"
    if rewrite.of_match_alone and rewrite.result and not rewrite.replacements:
        yield "the matched text, searched again by itself, does not match: it is the name"
    for group in rewrite.missing_groups:
        yield f"the pattern has no group {group!r}; the reference becomes empty"
    for name in rewrite.unset_env:
        yield f"%{name}% is not set in the agent's environment and becomes empty"
    for name in rewrite.unknown_env:
        yield f"the value of %{name}% is unknown (set it with --env {name}=VALUE)"


def _untouched(rewrite: RewriteTrace, subject: str) -> Iterable[tuple[int, int]]:
    """The parts of the subject between the replaced matches."""
    at = 0
    if not rewrite.replacements:
        return
    for replacement in rewrite.replacements:
        yield at, replacement.span[0]
        at = replacement.span[1]
    yield at, len(subject)

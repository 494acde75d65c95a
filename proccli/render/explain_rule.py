"""One rule's part in a verdict: what it was tried on, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile

from proccli.model.outcome import Explanation, NearMiss, RuleTrace
from proccli.model.process import TextSpan
from proccli.model.trace import Explanation, NearMiss, RuleTrace
from proccli.plural import counted, listed
from proccli.render.explain_rewrite import rewrite_lines
from proccli.render.spans import Line, Span, around, cells, foreign, shorten, wrapped
from proccli.render.view import View

INDENT = "      "
_NEAR = 2
"""The least number of letters and digits that a pattern must match before it is called close:
that every option begins with `--` says nothing."""
_LOOKED_AT = 1_000
"""Characters that are counted: a match may have megabytes."""


def rule_lines(
    trace: RuleTrace, explanation: Explanation, view: View, *, said: str | None = None
) -> Iterable[Line]:
    """A heading, then the text that was tested and how far the pattern got.

    `said` is the error of the rule before: it is not told twice.
    """
    yield from _heading(trace, view)
    if trace.outcome == "unknown" and trace.error is not None and trace.error == said:
        return
    for detail in _details(trace, explanation, view):
        yield [(INDENT, ""), *detail]


def is_conditional(trace: RuleTrace) -> bool:
    """Whether all that is not known of a rule is whether an earlier one decides."""
    return trace.outcome == "unknown" and trace.would_match is not None


def detail_room(view: View) -> int | None:
    """The cells that a detail may take."""
    return None if view.width is None else max(view.width - len(INDENT), 20)


def _heading(trace: RuleTrace, view: View) -> Iterable[Line]:
    rule = trace.rule
    word, style = _outcome(trace, view)
    start: list[Span] = [(f" #{rule.index:<3} ", "head"), (f"{word:<17}", style)]
    faint = "dim" if trace.outcome == "not-reached" or is_conditional(trace) else ""
    test: Line = [(f"{rule.match_type} ~ ", "dim"), *foreign(rule.match_regex, faint)]
    place: Line = foreign(f"{rule.at.source}:{rule.at.line}", "dim")
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
    if trace.outcome == "hit":
        style = "dropped" if trace.rule.action == "drop" else "accepted"
        return f"MATCH {view.glyphs.becomes} {trace.rule.action or 'accept'}", style
    if trace.outcome == "not-reached" or is_conditional(trace):
        words = {True: "would match", False: "would not match", None: "not known"}
        return words[trace.would_match], "dim"
    return {
        "no-match": ("no match", ""),
        "ignored": ("THROWN AWAY", "alarm"),
        "unknown": ("unknown", "unknown"),
    }[trace.outcome]


def _details(trace: RuleTrace, explanation: Explanation, view: View) -> Iterable[Line]:
    room = detail_room(view)
    if trace.outcome == "ignored":
        text = f"the agent throws this rule away and says nothing: {trace.error or 'invalid'}"
        yield from wrapped(foreign(text, "alarm"), room)
        return
    if trace.outcome == "not-reached" or is_conditional(trace):
        return
    if trace.error is not None:
        yield from wrapped(foreign(trace.error, "unknown"), room)
        if trace.subject is None:
            return
    if trace.outcome == "hit":
        yield from _hit(trace, explanation, view)
    else:
        yield from _miss(trace, explanation, view)


def _hit(trace: RuleTrace, explanation: Explanation, view: View) -> Iterable[Line]:
    room = detail_room(view)
    if trace.subject is not None:
        yield from _subject(trace.subject, trace.span, _whose(trace.subject_pid, explanation), view)
    for group in trace.groups:
        name = f"${group.index}" if group.name is None else f"${group.index} ${{{group.name}}}"
        if group.text is None:
            yield ((f"{name} took no part in the match", "dim"),)
        else:
            left = None if room is None else max(room - len(name) - 5, 10)
            text = shorten(group.text, left, view.glyphs.ellipsis)
            yield from wrapped(((f"{name} = ", "dim"), (f'"{text}"', "match")), room)
    if trace.rewrite is not None:
        yield from rewrite_lines(trace.rewrite, trace.subject or "", room, view)
    elif trace.rule.rewrite_name and trace.rule.action != "drop":
        text = f"note: the agent does not use rewrite-name with match-type {trace.rule.match_type}"
        yield from wrapped(foreign(text, "warn"), room)


def _miss(trace: RuleTrace, explanation: Explanation, view: View) -> Iterable[Line]:
    room = detail_room(view)
    near = trace.near_miss
    if near is not None and _is_close(near):
        yield from _subject(near.subject, near.span, _whose(near.subject_pid, explanation), view)
        message: Line = [
            ("closest: ", "dim"),
            *foreign(f'"{near.matched_prefix}"', "accepted"),
            (" fits, but is not followed by ", "dim"),
            *foreign(f'"{near.expected}"', "miss"),
        ]
        yield from wrapped(message, room)
    elif trace.subject is not None:
        yield from _subject(trace.subject, None, _whose(trace.subject_pid, explanation), view)
    else:
        yield ((_nothing_tested(trace, explanation), "dim"),)
    if trace.also_matches:
        text = f"as match-type {listed(list(trace.also_matches))} this pattern would match"
        yield from wrapped(foreign(text, "dim"), room)


def _is_close(near: NearMiss) -> bool:
    start, end = near.span
    return sum(map(str.isalnum, near.subject[start:end][:_LOOKED_AT])) >= _NEAR


def _nothing_tested(trace: RuleTrace, explanation: Explanation) -> str:
    match_type = trace.rule.match_type
    if match_type == "parent_process_name":
        return _no_ancestor(explanation)
    if match_type == "tag":
        return "none of the tags that the tag command itself names for it"
    return "there is no text to test"


def _no_ancestor(explanation: Explanation) -> str:
    """Which ancestors were tried: the agent's walk ends at the first that it does not know."""
    ancestors = explanation.ancestors
    tried = list(takewhile(lambda above: above.process_name is not None, ancestors))
    if len(tried) == len(ancestors):
        if not tried:
            return "it has no ancestor that the agent could see"
        return f"none of {len(tried)} ancestors" if len(tried) > 1 else "not its only ancestor"
    pid = ancestors[len(tried)].pid
    end = f"the way up ends at pid {pid}, which is no process to the agent"
    if not tried:
        return f"no ancestor: {end}"
    return f"none of {counted(len(tried), 'ancestor')}: {end}"


def _whose(pid: int | None, explanation: Explanation) -> str:
    """A remark for a text that is another process's."""
    if pid is None or pid == explanation.verdict.process.pid:
        return ""
    return f"   (pid {pid})" if pid > 0 else ""


def _subject(text: str, span: TextSpan | None, remark: str, view: View) -> Iterable[Line]:
    """The tested text in quotes, what matched marked in it: underlined, or with carets below."""
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

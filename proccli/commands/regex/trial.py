"""A pattern and a template of the agent's dialect, tried by hand on texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from proccli import rustregex
from proccli.model.explanation import GroupMatch
from proccli.model.process import TextSpan
from proccli.rustregex import Regex, RegexSyntaxError
from proccli.versions import DEFAULT_AGENT, agent_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What came of one text. `span` is None where the pattern doesn't match."""

    text: str
    span: TextSpan | None
    groups: tuple[GroupMatch, ...]
    replaced: str | None
    """The text with every match replaced; None where no template was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A pattern, compiled or refused, with what is to be noted about the template."""

    pattern: str
    regex: Regex | None
    error: RegexSyntaxError | None
    template: str | None
    missing_groups: tuple[str, ...] = ()

    def attempts(self, texts: Iterable[str]) -> Iterator[Attempt]:
        """What comes of each text, one after the other; nothing for a refused pattern."""
        if self.regex is not None:
            for text in texts:
                yield _attempt(self.regex, text, self.template)


def try_pattern(pattern: str, template: str | None = None, agent: str = DEFAULT_AGENT) -> Trial:
    """The pattern as the engine of an agent takes it, or why it refuses it.

    Raises: UsageError for an agent that isn't emulated.
    """
    try:
        regex = rustregex.compile(pattern, agent_version(agent).regex_crate)
    except RegexSyntaxError as error:
        return Trial(pattern=pattern, regex=None, error=error, template=template)
    missing = regex.missing_groups(template) if template is not None else ()
    return Trial(
        pattern=pattern,
        regex=regex,
        error=None,
        template=template,
        missing_groups=tuple(dict.fromkeys(str(part.group) for part in missing)),
    )


def _attempt(regex: Regex, text: str, template: str | None) -> Attempt:
    match = regex.search(text)
    groups: tuple[GroupMatch, ...] = ()
    if match is not None:
        groups = tuple(
            GroupMatch(index=index, name=name, text=match.group(index), span=match.span(index))
            for index, name in enumerate(regex.group_names)
            if index > 0
        )
    return Attempt(
        text=text,
        span=match.span() if match is not None else None,
        groups=groups,
        replaced=regex.replace_all(text, template) if template is not None else None,
    )

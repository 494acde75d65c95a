"""Which texts can occur at all: a rule is unreachable if no such text gets to it."""

from __future__ import annotations

from dataclasses import dataclass

from proccli.rustregex.automata.partition import contains
from proccli.rustregex.match.regex import compile as compile_pattern
from proccli.rustregex.tree.charset import ANY, Ranges, normalize, subtract


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A set of texts. What must match and what must not are patterns of the Rust dialect."""

    characters: Ranges = ANY
    """The characters that may occur."""
    min_length: int = 0
    """In characters."""
    matching: tuple[str, ...] = ()
    """Each text contains a match of every one of these."""
    avoiding: tuple[str, ...] = ()
    """No text contains a match of any of these."""

    def holds(self, text: str) -> bool:
        """Whether the text can occur. Raises: RegexSyntaxError for a pattern that is none."""
        return (
            len(text) >= self.min_length
            and all(contains(self.characters, ord(char)) for char in text)
            and all(compile_pattern(pattern).is_match(text) for pattern in self.matching)
            and not any(compile_pattern(pattern).is_match(text) for pattern in self.avoiding)
        )


ANY_TEXT = Domain()


def texts_of(characters: str, *, min_length: int = 0) -> Domain:
    """The texts made of these characters alone."""
    allowed = normalize((ord(char), ord(char)) for char in characters)
    return Domain(characters=allowed, min_length=min_length)


def texts_without(
    characters: str,
    *,
    min_length: int = 0,
    matching: tuple[str, ...] = (),
    avoiding: tuple[str, ...] = (),
) -> Domain:
    """The texts in which none of these characters occurs.

    >>> file_names = texts_without("\\0/", min_length=1, avoiding=(r"^\\.\\.?$",))
    >>> file_names.holds("nginx"), file_names.holds("..")
    (True, False)
    """
    excluded = normalize((ord(char), ord(char)) for char in characters)
    return Domain(
        characters=subtract(ANY, excluded),
        min_length=min_length,
        matching=matching,
        avoiding=avoiding,
    )

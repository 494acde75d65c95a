"""Questions about all the texts that contain a match of a pattern, decided.

Is every text that this pattern matches also matched by one of those? If not, which is a shortest
that isn't? Do two ordered lists of rules have the same outcome everywhere? An answer is proven,
or a text that was checked with the matcher, or "unknown" because it would take too long. Texts
are those of a `Domain`, as names of files, in which no `/` occurs.

>>> from proccli.rustregex import automata
>>> automata.shadowed("^nginx$", ["redis", "ngin"])
Shadow(grade='proven', reaches=None, taken='nginx', by=(1,))
"""

from __future__ import annotations

from proccli.rustregex.automata.compare import (
    Case,
    Comparison,
    Difference,
    differences,
    first_difference,
)
from proccli.rustregex.automata.domain import ANY_TEXT, Domain, Limits, texts_of, texts_without
from proccli.rustregex.automata.patternset import Answer, PatternSet, find_text
from proccli.rustregex.automata.shadow import Grade, Shadow, shadowed, shadows

__all__ = [
    "ANY_TEXT",
    "Answer",
    "Case",
    "Comparison",
    "Difference",
    "Domain",
    "Grade",
    "Limits",
    "PatternSet",
    "Shadow",
    "differences",
    "find_text",
    "first_difference",
    "shadowed",
    "shadows",
    "texts_of",
    "texts_without",
]

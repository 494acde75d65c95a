"""The page of each diagnostic: cause, effect, and what to write instead.

Error: the configuration, or a rule, has no effect. Warning: it probably has another effect than
intended. Info: it may be intended, but is worth a review.
"""

from __future__ import annotations

from importlib.resources import files

from proccli.model.codes import DIAGNOSTICS

_FOLDER = files("proccli") / "diagnostics" / "pages"

_INTRODUCTION = """\
# Diagnostics

The diagnostics of `proccli check`, one section per code. `proccli check --explain CODE` prints one
of them.

An **error** means that the configuration or a rule has no effect; `check` exits 1. A **warning**
means that it probably has another effect than intended; `check` exits 1 only with `--fail-on
warning`. An **info** is worth a review.

`proccli check --compare OLD,NEW` reports only what changes for a configuration from agent version
OLD to NEW: the `upgrade-` codes, and the diagnostics that NEW has and OLD has not.

Matchers of `inputs.proc` are checked as the chosen agent runs them: all of them run, an ignore
matcher acts on later ones only, and the last name counts. So nothing is unreachable behind an
earlier matcher unless that one ignores, and the JSON list `unreachable` names what earlier ignore
matchers keep from a matcher.

Each section shows an example that raises the diagnostic, and one that does not.
"""


def page(code: str) -> str:
    """The page of a code, as Markdown. Raises: KeyError if the code does not exist."""
    severity = DIAGNOSTICS[code]
    title, _, rest = (_FOLDER / f"{code}.md").read_text(encoding="utf-8").partition("\n")
    return f"# {code}: {title.removeprefix('# ')}\n\nSeverity: {severity}\n{rest}"


def title(code: str) -> str:
    """The title of a code, one line."""
    return page(code).partition("\n")[0].partition(": ")[2]


def all_pages() -> str:
    """The content of docs/diagnostics.md: all pages."""
    pages = "\n".join(page(code).replace("# ", "## ", 1) for code in DIAGNOSTICS)
    listed = "\n".join(
        f"- [`{code}`](#{_anchor(code)}) ({severity}): {title(code)}"
        for code, severity in DIAGNOSTICS.items()
    )
    return f"{_INTRODUCTION}\n{listed}\n\n{pages}"


def _anchor(code: str) -> str:
    """The anchor that GitHub generates for a heading."""
    heading = f"{code}: {title(code)}".lower()
    kept = "".join(char for char in heading if char.isalnum() or char in " -_")
    return kept.replace(" ", "-")

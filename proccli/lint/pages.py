"""The page of each diagnostic: what causes it, what the agent does, what to write instead."""

from __future__ import annotations

from importlib.resources import files

from proccli.lint.codes import CODES

_FOLDER = files("proccli") / "lint" / "pages"

_INTRODUCTION = """\
# Diagnostics

What `proccli check` can say about a configuration, a page for each code. `proccli check --explain
CODE` prints one of them.

An **error** keeps the configuration, or a rule, from doing anything of what it says; it ends in
exit code 1. A **warning** does something else than it seems to; with `--fail-on warning` it ends
in exit code 1, too. An **info** is worth a look.

The examples show what raises the diagnostic, then what doesn't.
"""


def page(code: str) -> str:
    """The page of a code, as Markdown. Raises: KeyError for a code that there is none of."""
    severity = CODES[code]
    title, _, rest = (_FOLDER / f"{code}.md").read_text(encoding="utf-8").partition("\n")
    return f"# {code}: {title.removeprefix('# ')}\n\nSeverity: {severity}\n{rest}"


def title(code: str) -> str:
    """What a code is about, in one line."""
    return page(code).partition("\n")[0].partition(": ")[2]


def all_pages() -> str:
    """docs/diagnostics.md: all pages in one."""
    pages = "\n".join(page(code).replace("# ", "## ", 1) for code in CODES)
    listed = "\n".join(
        f"- [`{code}`](#{_anchor(code)}) ({severity}): {title(code)}"
        for code, severity in CODES.items()
    )
    return f"{_INTRODUCTION}\n{listed}\n\n{pages}"


def _anchor(code: str) -> str:
    """The anchor that GitHub makes of a heading."""
    heading = f"{code}: {title(code)}".lower()
    kept = "".join(char for char in heading if char.isalnum() or char in " -_")
    return kept.replace(" ", "-")

"""The pages: one for each code, with examples that are what they claim to be."""

from __future__ import annotations

import re
from typing import Any

import pytest

from proccli.diagnostics.codes import all_pages, page
from proccli.diagnostics.context import Surroundings
from proccli.diagnostics.lint import lint
from proccli.model.codes import DIAGNOSTICS
from proccli.model.process import Environment
from proccli.text import visible
from tests.diagnostics.docs import FILE
from tests.paths import ROOT

FOLDER = ROOT / "proccli" / "diagnostics" / "pages"
ELSEWHERE = {
    *("unreadable", "rule-not-observed"),
    *("upgrade-refused", "upgrade-rule", "upgrade-setting"),
}
"""Their examples need files, or two agents: tests/commands/check/test_check.py, test_upgrade.py."""
AGENT = Environment(values={"CLUSTER": "blue"}, complete=True, origin="a test")
MACHINE: dict[str, dict[str, Any]] = {
    "text-after-nul": {"via": "file"},
    "null-is-text": {"via": "file"},
    "no-inputs": {"agent": "7.1"},
    "other-dialect": {"agent": "7.1"},
    "server-unmeasured": {"agent": "6.6.7"},
    "container-cgroup-v2": {"agent": "7.0.6"},
    "ignore-unsupported": {"agent": "7.0.6"},
    "sockets-broken": {"agent": "7.0.6"},
    "rule-without-effect": {"agent": "6.6.6"},
    "tagged-only-without-effect": {"agent": "6.6.6"},
    "change-stops": {"agent": "6.6.7"},
    "sockets-need-ipv6": {"surroundings": Surroundings(exists=lambda _: False)},
    "rewrite-env-unset": {"surroundings": Surroundings(environment=lambda: AGENT)},
    "tag-exec-missing": {
        "surroundings": Surroundings(exists=lambda path: not path.startswith("/nowhere"))
    },
    "tag-user-missing": {"surroundings": Surroundings(users=frozenset({"daemon"}))},
}
"""What an example is about, besides its text."""


def examples(code: str) -> list[str]:
    """The examples of a page. The NUL byte is shown as U+2400, for a page goes to terminals."""
    found = re.findall(r"```\w+\n(.*?)\n```", page(code), flags=re.DOTALL)
    return [example.replace("\u2400", "\0") for example in found]


def codes_of(code: str, example: str) -> set[str]:
    found = lint(f"{example}\n".encode(), "agent.yaml", **MACHINE.get(code, {}))
    return {diagnostic.code for diagnostic in found.diagnostics}


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted(DIAGNOSTICS)


@pytest.mark.parametrize("code", DIAGNOSTICS)
def test_a_page_tells_cause_effect_and_what_to_write(code: str) -> None:
    text = page(code)

    assert text.startswith(f"# {code}: ")
    assert f"\nSeverity: {DIAGNOSTICS[code]}\n" in text
    for part in ("**Cause.** ", "**Effect.** ", "**Fix.** "):
        assert f"\n{part}" in text
    assert max(map(len, text.splitlines())) <= 110


@pytest.mark.parametrize("code", [code for code in DIAGNOSTICS if code not in ELSEWHERE])
def test_the_first_example_raises_it_and_the_second_does_not(code: str) -> None:
    bad, good = examples(code)

    assert code in codes_of(code, bad)
    assert code not in codes_of(code, good)


@pytest.mark.parametrize("code", DIAGNOSTICS)
def test_no_page_has_a_character_that_acts_on_a_terminal(code: str) -> None:
    assert visible(page(code).replace("\n", "")) == page(code).replace("\n", "")


def test_the_pages_in_docs_are_current() -> None:
    """`python -m tests.diagnostics.docs` writes them."""
    assert FILE.read_text(encoding="utf-8") == all_pages()

"""The sample configurations: clean, or with what their comments say."""

from __future__ import annotations

import pytest

from proccli.diagnostics.lint import lint
from tests.paths import ROOT

FOLDER = ROOT / "sample-configs"
EXPECTED = {
    "allow-list.yaml": [],
    "fleet-tags.yaml": [("tag-exec-no-timeout", None), ("rewrite-env", 3)],
    "java-python.yaml": [("no-final-drop", 17)],
    "typical.yaml": [("rewrite-keeps-text", 2), ("rewrite-many-names", 2)],
    "yaml-comment.yaml": [
        ("rewrite-keeps-text", 1),
        ("rewrite-many-names", 1),
        ("rewrite-keeps-text", 2),
        ("rewrite-env", 2),
        ("rule-partly-shadowed", 4),
        ("tag-rule-untagged", 5),
        ("no-final-drop", 5),
    ],
}


def test_every_sample_is_judged() -> None:
    assert sorted(path.name for path in FOLDER.glob("*.yaml")) == sorted(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("via", ["server", "file"])
def test_a_sample_warns_as_intended(name: str, via: str) -> None:
    text = (FOLDER / name).read_bytes()
    found = lint(text, name, via="file" if via == "file" else "server").diagnostics

    assert [(one.code, one.rule) for one in found] == EXPECTED[name]
    assert all(one.severity != "error" for one in found)

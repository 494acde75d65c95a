"""Lines of a configuration as they are shown: secrets are stars, and nothing moves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.sources.secrets.arguments import mask_line


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("  x: /bin/x --password=hunter2 -v", "  x: /bin/x --password=******* -v"),
        ("  x: [/bin/x, --token, abcd1234]", "  x: [/bin/x, --token, ********]"),
        ("- ['curl', '-u', 'admin:hunter2']", "- ['curl', '-u', 'admin:*******']"),
        ("  password: \u5bc6\u7801 x", "  password: ** x"),
        ("  api_token: 'hunter2'", "  api_token: '*******'"),
    ],
)
def test_secrets_are_stars(line: str, shown: str) -> None:
    assert mask_line(line) == shown


@pytest.mark.parametrize(
    "line",
    [
        "- match-regex: '--password=(\\S+)'",
        "  - {match-regex: token=abc}",
        "    rewrite-name: pw-$1",
        "os-proc-root: /proc",
        "  os-app-tag-exec: [/bin/cat, /tmp/tag.yaml] # token",
        "",
    ],
)
def test_patterns_and_harmless_values_stay(line: str) -> None:
    assert mask_line(line) == line


@given(st.text(max_size=80))
def test_every_character_keeps_its_column(line: str) -> None:
    shown = mask_line(line)

    assert len(shown) == len(line)
    assert all(new in (old, "*") for old, new in zip(line, shown, strict=True))

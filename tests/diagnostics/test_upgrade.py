"""What an upgrade changes for a configuration."""

from __future__ import annotations

import pytest

from proccli.diagnostics.upgrade import compare
from tests.diagnostics.judged import codes, only
from tests.diagnostics.test_matchers import G, proc

LEGACY = "static_config:\n  os-proc-sync-enabled: true\n  os-proc-regex:\n  - match-regex: a\n"


def changes(text: str, old: str, new: str) -> list[str]:
    """The messages about the upgrade itself."""
    found = compare(text.encode(), "agent.yaml", agents=(old, new))
    return [one.message for one in found.diagnostics if one.code.startswith("upgrade-")]


def test_rules_of_the_older_dialect_do_not_exist_for_newer_agents() -> None:
    found = compare(LEGACY.encode(), "agent.yaml", agents=("6.5", "7.1.8"))

    assert only(found, "upgrade-refused").effect == (
        "none of its rules (1) exist for agent 7.1.8, whose defaults apply: sync on,"
        " 6 default matchers"
    )
    assert "other-dialect" in codes(found)


def test_equal_agents_differ_in_nothing() -> None:
    text = proc(f"match_regex: a, rewrite_name: b, {G}")

    assert compare(text.encode(), "x", agents=("7.1.7", "7.1.8")).diagnostics == ()


@pytest.mark.parametrize(
    ("text", "old", "new", "part"),
    [
        (proc(f"match_regex: a, rewrite_name: b, {G}"), "7.0.3", "7.1.8", "matched part alone"),
        (proc(f"match_regex: a, ignore: true, {G}"), "7.0.6", "7.0.7", "ignore keeps later"),
        ("inputs: {proc: {}}", "7.0.5", "7.0.6", "enabled is false for agent 7.0.5"),
        ("inputs: {proc: {}}", "7.1.5", "7.1.6", "default matchers of agent 7.1.6 differ"),
        (
            proc("match_regex: a, enabled_features: [proc.gprocess_info]"),
            "6.6.8",
            "7.1.8",
            "only_in_container of matcher 1 is false for agent 6.6.8 and true for agent 7.1.8",
        ),
        (
            LEGACY.replace("match-regex: a", "{match-regex: 'a:b', match-type: tag}"),
            "6.2.2",
            "6.5",
            "agent 6.5 uses rule 1, and agent 6.2.2 ignores it",
        ),
        (LEGACY, "6.5", "6.6.6", "agent 6.6.6 runs every rule, and agent 6.5 stops at the first"),
        (LEGACY, "6.5", "6.6.5", "os-proc-regex and os-proc-sync-tagged-only have no effect"),
    ],
)
def test_a_change_is_reported(text: str, old: str, new: str, part: str) -> None:
    assert any(part in message for message in changes(text, old, new))


def test_what_only_the_newer_agent_refuses_is_reported_with_its_place() -> None:
    text = proc(f"match_regex: a, {G}", more="socket_info_sync_interval: 0")
    found = compare(text.encode(), "agent.yaml", agents=("7.0.4", "7.1.8"))

    assert "server-refuses" in codes(found)


def test_problems_of_both_agents_are_left_out() -> None:
    text = proc("match_regex: a")

    found = compare(text.encode(), "agent.yaml", agents=("7.0.9", "7.1.8"))

    assert "no-features" not in codes(found)

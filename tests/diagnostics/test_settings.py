"""What surrounds the rules: switches, intervals, the tag command."""

from __future__ import annotations

import pytest

from proccli.diagnostics.context import Surroundings
from tests.diagnostics.judged import codes, judge, only

ON = "os-proc-sync-enabled: true\nos-proc-regex: [{match-regex: .*}]\n"
QUIET = "os-app-tag-exec: [/usr/bin/timeout, '5', /bin/tags]\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("os-proc-socket-min-lifetime: 3600\n", []),
        ("os-proc-socket-min-lifetime: 0\n", ["min-lifetime"]),
        ("os-proc-socket-min-lifetime: 3601\n", ["min-lifetime"]),
        ("os-proc-socket-sync-interval: 1\n", []),
        ("os-proc-socket-sync-interval: 0\n", ["socket-interval"]),
        ("os-proc-socket-sync-interval: 86400\n", ["socket-interval"]),
        ("os-proc-sync-tagged-only: true\n", ["tagged-only-untagged"]),
        ("os-proc-sync-tagged-only: true\n" + QUIET, []),
        (QUIET, []),
        (QUIET + "os-app-tag-exec-user: root\n", ["tag-exec-root"]),
        (QUIET + "os-app-tag-exec-user: rooty\n", []),
        (QUIET + "os-app-tag-exec-user: ''\n", ["tag-exec-no-user"]),
        ("os-app-tag-exec: []\nos-app-tag-exec-user: ''\n", []),
        ("os-app-tag-exec: [/bin/tags]\n", ["tag-exec-no-timeout"]),
        ("os-app-tag-exec: [timeout, '5', /bin/tags]\n", ["tag-exec-relative"]),
        (
            "os-app-tag-exec: [/bin/cat /tmp/tags.yaml]\n",
            ["tag-exec-shell", "tag-exec-no-timeout"],
        ),
        ("os-app-tag-exec: [/usr/bin/timeout, '5', a, '>', b]\n", ["tag-exec-shell"]),
        ("os-app-tag-exec: [/usr/bin/timeout, '5', a, $HOME]\n", ["tag-exec-shell"]),
        ("os-app-tag-exec: [/usr/bin/timeout, '5', a, a>b, 'x; y', cost$]\n", []),
        ("os-app-tag-exec: [/usr/bin/timeout, '5', /bin/sh, -c, 'a | b > $c']\n", []),
        ("os-app-tag-exec: [/bin/sh, -c, 'a | b']\n", ["tag-exec-no-timeout"]),
    ],
)
def test_settings_around_good_rules(text: str, expected: list[str]) -> None:
    assert codes(judge(ON + text)) == expected


def test_what_the_machine_lacks_is_told_only_where_the_machine_is_known() -> None:
    text = ON + "os-app-tag-exec: [/bin/tags]\nos-app-tag-exec-user: cmdb\n"
    here = Surroundings(
        users=frozenset({"root", "cmdb-2"}), exists=lambda path: path != "/bin/tags"
    )

    assert codes(judge(text)) == ["tag-exec-no-timeout"]
    assert codes(judge(text, surroundings=here)) == [
        "tag-exec-missing",
        "tag-exec-no-timeout",
        "tag-user-missing",
    ]


def test_a_disabled_sync_is_told_whether_it_is_written_or_not() -> None:
    assert only(judge("os-proc-sync-enabled: false"), "sync-off").message.endswith("is false")
    assert only(judge("os-proc-root: /proc"), "sync-off").message.endswith("is false (the default)")
    assert codes(judge("")) == ["no-static-config", "sync-off"]


def test_rules_for_tags_need_a_tag_command() -> None:
    rules = (
        "os-proc-sync-enabled: true\nos-proc-regex:\n- {match-regex: '^a:b$', match-type: tag}\n"
    )

    assert "tag-rule-untagged" in codes(judge(rules))
    assert "tag-rule-untagged" not in codes(judge(rules + QUIET))


def test_keys_of_other_versions_and_misspelt_ones() -> None:
    text = ON + "process_matcher: []\nos_proc_root: /p\nos-proc-socket-min-lifetme: 3\n"
    found = judge(text)

    assert codes(found) == ["newer-key", "unknown-key", "unknown-key"]
    assert [one.hint for one in found.diagnostics] == [
        "write os-proc-regex",
        "write os-proc-root",
        "write os-proc-socket-min-lifetime",
    ]

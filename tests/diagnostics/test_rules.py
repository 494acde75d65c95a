"""Each diagnostic about rules: what raises it, and what nearly does."""

from __future__ import annotations

from typing import Any

import pytest

from proccli.config.yaml.reader import read_documents
from proccli.diagnostics.context import Surroundings
from proccli.model.process import Environment
from tests.diagnostics.judged import codes, judge, marked, only, rules

LAST = "match-regex: .*\naction: drop"

RAISES = [
    ("never-matches", "match-regex: /bin/sh"),
    ("never-matches", "match-regex: a$b"),
    ("never-matches", "match-regex: ^owner=alice$\nmatch-type: tag"),
    ("never-matches", "match-regex: usr/sbin\nmatch-type: parent_process_name"),
    ("needs-space", r"match-regex: ^python3 -m \w+"),
    ("needs-space", "match-regex: java -jar\nmatch-type: parent_process_name"),
    ("script-name", r"match-regex: \.sh$"),
    ("script-name", r"match-regex: ^(app|web)\.(py|pyc)$"),
    ("needs-line-break", "match-regex: |\n  ^nginx"),
    ("needs-line-break", "match-type: cmdline\nmatch-regex: |\n  ^nginx"),
    ("title-changer", "match-regex: ^(nginx|haproxy)$\nrewrite-name: web"),
    ("title-changer", "match-regex: ^postgres$"),
    ("title-changer", "match-regex: ^sshd$\nmatch-type: parent_process_name"),
    ("login-shell", "match-regex: ^zsh$\nmatch-type: parent_process_name"),
    ("login-shell", "match-regex: ^(ba)?sh$"),
    ("rewrite-group", "match-regex: ^(a)$\nrewrite-name: $2"),
    ("rewrite-group", "match-regex: ^(?P<app>a)$\nrewrite-name: $app_2"),
    ("rewrite-group", "match-regex: ^(?P<app>a)$\nrewrite-name: ${ap}"),
    ("rewrite-literal", "match-regex: ^(a)$\nrewrite-name: x-${1"),
    ("rewrite-literal", r"match-regex: ^(a)$" + "\nrewrite-name: \\g<1>"),
    ("rewrite-percent", "match-regex: ^a$\nrewrite-name: 100%"),
    ("rewrite-percent", "match-regex: ^a$\nrewrite-name: a%%b"),
    ("rewrite-keeps-text", "match-regex: nginx\nrewrite-name: web"),
    ("rewrite-keeps-text", "match-regex: ^nginx\nrewrite-name: web"),
    ("rewrite-keeps-text", "match-regex: ^a.*?\nrewrite-name: web"),
    ("rewrite-keeps-text", "match-regex: ^a$|b\nrewrite-name: web"),
    ("rewrite-keeps-text", "match-regex: .*\\.jar\nmatch-type: cmdline\nrewrite-name: j"),
    ("rewrite-empty", "match-regex: ^a(b)?$\nrewrite-name: $1"),
    ("rewrite-empty", "match-regex: ^(?:a(b)|c(d))$\nrewrite-name: $1"),
    ("rewrite-empty", "match-regex: ^(?P<x>[a-z]*)-?$\nrewrite-name: ${x}"),
    ("rewrite-many-names", "match-regex: ^java (.+)$\nmatch-type: cmdline\nrewrite-name: $1"),
    ("rewrite-many-names", "match-regex: ^java .*$\nmatch-type: cmdline\nrewrite-name: $0"),
    ("rewrite-ignored", "match-regex: ^a$\naction: drop\nrewrite-name: a"),
    ("rewrite-ignored", "match-regex: ^a:b$\nmatch-type: tag\nrewrite-name: a"),
    ("rewrite-missing", "match-regex: ^java\nmatch-type: cmdline"),
    ("regex-older-agents", r"match-regex: ^(?<app>\w+)$"),
    ("match-type", "match-regex: a\nmatch-type: cmd_line"),
    ("match-type", "match-regex: a\nmatch-type: 'cmdline '"),
    ("action", "match-regex: a\naction: DROP"),
    ("unknown-key", "match-regex: a\nmatch-typ: cmdline"),
    ("newer-key", "match-regex: a\nonly_in_container: false"),
]
NEARLY = [
    ("never-matches", "match-regex: /bin/sh\nmatch-type: cmdline"),
    ("never-matches", "match-regex: a$|b"),
    ("never-matches", "match-regex: ^owner:alice$\nmatch-type: tag"),
    ("never-matches", "match-regex: ^\\S+$"),
    ("needs-space", r"match-regex: ^python3( -m)?"),
    ("needs-space", r"match-regex: ^postgres.* writer"),
    ("needs-space", r"match-regex: '^nginx: worker'"),
    ("needs-space", r"match-regex: \(sd-pam| x\)"),
    ("script-name", r"match-regex: ^app(\.py)?$"),
    ("script-name", r"match-regex: ^libfoo\.so$"),
    ("script-name", r"match-regex: ^\.pyx$"),
    ("needs-line-break", "match-regex: |-\n  ^nginx"),
    ("needs-line-break", "match-type: cmdline\nmatch-regex: bash -c \\s+echo"),
    ("title-changer", "match-regex: ^nginx\nrewrite-name: web"),
    ("title-changer", "match-regex: ^haproxy$"),
    ("title-changer", "match-regex: ^postgres$\nmatch-type: parent_process_name"),
    ("login-shell", "match-regex: ^-?zsh$"),
    ("login-shell", "match-regex: ^bashful$"),
    ("login-shell", "match-regex: ^b"),
    ("login-shell", "match-regex: bash"),
    ("rewrite-group", "match-regex: ^(a)$\nrewrite-name: ${1}_2 $0 $$2"),
    ("rewrite-group", "match-regex: ^(?P<app>a)$\nrewrite-name: $app-2 ${1}"),
    ("rewrite-literal", "match-regex: ^(a)$\nrewrite-name: \\x $ {1}"),
    ("rewrite-percent", "match-regex: ^a$\nrewrite-name: 50% of %H%"),
    ("rewrite-keeps-text", "match-regex: ^nginx$\nrewrite-name: web"),
    ("rewrite-keeps-text", "match-regex: ^(?:a|b.*)$\nrewrite-name: web"),
    ("rewrite-keeps-text", "match-regex: ^a$|^b$\nrewrite-name: web"),
    ("rewrite-keeps-text", "match-regex: .*\nrewrite-name: web"),
    ("rewrite-keeps-text", "match-regex: .*\\.jar.*\nmatch-type: cmdline\nrewrite-name: j"),
    ("rewrite-keeps-text", "match-regex: nginx\naction: drop\nrewrite-name: web"),
    ("rewrite-empty", "match-regex: ^a(b?)$\nrewrite-name: a$1"),
    ("rewrite-empty", "match-regex: ^(?:a(b)|(c))$\nrewrite-name: $1$2"),
    ("rewrite-empty", "match-regex: a(b?)\nrewrite-name: $0"),
    ("rewrite-empty", "match-regex: ^a(b*)(c)$\nrewrite-name: $1$2"),
    (
        "rewrite-many-names",
        "match-regex: ^java (\\S+).*$\nmatch-type: cmdline\nrewrite-name: $1",
    ),
    ("rewrite-many-names", "match-regex: ^(.*)$\nrewrite-name: $1"),
    ("rewrite-ignored", "match-regex: ^a$\naction: accept\nrewrite-name: a"),
    ("rewrite-missing", "match-regex: ^java\nmatch-type: cmdline\naction: drop"),
    ("regex-older-agents", r"match-regex: ^(?P<app>[\w\-]+)$"),
    ("match-type", "match-regex: a\nmatch-type: ''"),
    ("action", "match-regex: a\naction: ''"),
    ("unknown-key", "match-regex: a\nmatch-type: cmdline"),
    ("newer-key", "match-regex: a\naction: drop"),
]


@pytest.mark.parametrize(("code", "rule"), RAISES)
def test_it_is_raised(code: str, rule: str) -> None:
    found = only(rules(rule, LAST), code)

    assert found.rule == 1 or code in ("unknown-key", "newer-key")
    assert found.at.line >= 3


@pytest.mark.parametrize(("code", "rule"), NEARLY)
def test_it_is_not_raised(code: str, rule: str) -> None:
    assert code not in codes(rules(rule, LAST))


@pytest.mark.parametrize(
    ("rule", "part", "hint"),
    [
        ("match-regex: ^(a)$\nrewrite-name: x-$1_py", "$1_py", "write ${1}_py"),
        ("match-regex: ^(a)$\nrewrite-name: 'x-$1a'", "$1a", "write ${1}a"),
        ("match-regex: ^(?P<app>a)$\nrewrite-name: $app_py", "$app_py", "write ${app}_py"),
        ("match-regex: ^(a)(?P<b>b)$\nrewrite-name: $3", "$3", "available groups: $1 to $2, ${b}"),
    ],
)
def test_a_missing_group_is_pointed_at_and_the_meant_one_named(
    rule: str, part: str, hint: str
) -> None:
    found = only(rules(rule), "rewrite-group")

    assert marked(found) == part
    assert found.hint == hint


def test_a_title_is_missed_only_where_that_makes_a_difference() -> None:
    dropped = ("match-regex: ^(bash|nginx)$\naction: drop", LAST)
    assert {"login-shell", "title-changer"} & {*codes(rules(*dropped))} == set()

    accepted = ("match-regex: ^(bash|nginx)$", LAST)
    assert {"login-shell", "title-changer"} <= {*codes(rules(*accepted))}


def test_what_stays_around_a_match_is_shown_by_an_example_that_is_true() -> None:
    rule = "match-regex: python3 (.*)\\.py\nmatch-type: cmdline\nrewrite-name: $1-py"
    effect = only(rules(rule), "rewrite-keeps-text").effect or ""

    assert effect.startswith('"/usr/bin/python3 ')
    assert effect.endswith(' --port 80"')


def test_an_empty_name_is_shown_by_a_text_that_gets_it() -> None:
    found = only(rules("match-regex: ^worker-(\\d*)$\nrewrite-name: $1"), "rewrite-empty")

    assert found.effect == '"worker-" is synced with the name ""'


def test_variables_are_told_by_what_is_known_of_them() -> None:
    rule = "match-regex: ^a$\nrewrite-name: a-%HOST%-%ZONE%"
    some = Environment(values={"HOST": "h"}, complete=False, origin="--env")
    every = Environment(values={"HOST": "h"}, complete=True, origin="deepflow-agent (pid 7)")

    unknown = rules(rule, LAST, surroundings=Surroundings(environment=lambda: some))
    unset = rules(rule, LAST, surroundings=Surroundings(environment=lambda: every))

    assert codes(rules(rule, LAST)) == ["rewrite-env", "rewrite-env"]
    assert [marked(found) for found in unknown.diagnostics] == ["%ZONE%"]
    assert codes(unknown) == ["rewrite-env"]
    assert codes(unset) == ["rewrite-env-unset"]
    assert "deepflow-agent (pid 7)" in unset.diagnostics[0].message


def test_a_rule_may_be_thrown_away_for_several_reasons() -> None:
    found = rules("match-regex: a(?=b)\nmatch-type: x\naction: y", LAST)

    assert codes(found) == ["regex-syntax", "match-type", "action"]
    assert {diagnostic.rule for diagnostic in found.diagnostics} == {1}


def test_a_rule_thrown_away_is_judged_no_further() -> None:
    assert codes(rules("match-regex: /a(?=b)\nrewrite-name: a", LAST)) == ["regex-syntax"]


@pytest.mark.parametrize("via", ["server", "file"])
def test_a_clean_configuration_has_no_diagnostics(via: str) -> None:
    assert codes(rules("match-regex: ^java$\nrewrite-name: jvm", LAST, via=via)) == []


def test_all_wrong_values_are_told_at_once_and_rules_all_the_same() -> None:
    found = judge(
        "os-proc-socket-min-lifetime: -5\n"
        "os-app-tag-exec: cat\n"
        "os-proc-regex:\n"
        "- match-regex: [a]\n"
        "- null\n"
        "- match-regex: a(?=b)\n"
    )

    assert found.config is None
    assert found.is_yaml
    assert [(one.code, one.at.line) for one in found.diagnostics] == [
        ("config-rejected", 1),
        ("config-rejected", 2),
        ("config-rejected", 4),
        ("config-rejected", 5),
        ("regex-syntax", 6),
    ]
    assert found.diagnostics[0].effect == (
        "the server passes it on, and agent 6.5 rejects the whole configuration and keeps"
        " its previous one"
    )
    assert found.diagnostics[1].effect == "the server refuses the configuration"


def test_what_is_wrong_depends_on_the_way() -> None:
    text = "os-proc-sync-enabled: yes\nos-proc-regex:\n- match-regex: .*\n"

    assert codes(judge(text)) == ["server-changes-value"]
    assert codes(judge(text, via="file")) == ["config-rejected"]


def test_what_is_not_yaml_is_told_apart() -> None:
    assert judge("a: [").is_yaml is False
    assert codes(judge("a: [")) == ["yaml-syntax"]
    assert codes(judge("a: b: c")) == ["yaml-syntax"]
    assert judge("just text").is_yaml is True
    assert codes(judge("just text")) == ["config-rejected"]


def test_the_skeleton_of_a_rule_is_named_once_at_its_place() -> None:
    found = rules("match-regex:\nmatch-type:\nrewrite-name:", "match-regex: ^nginx")

    assert [(one.code, one.rule, one.at.line) for one in found.diagnostics] == [
        ("early-catch-all", 1, 3),
        ("empty-rule", 1, 3),
    ]


def test_a_configuration_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[object] = []

    def counting(*args: Any, **kwargs: Any) -> Any:
        reads.append(args)
        return read_documents(*args, **kwargs)

    monkeypatch.setattr("proccli.config.loading.read_documents", counting)
    judge("os-proc-socket-min-lifetime: -5\nos-proc-regex:\n- match-regex: a\n")

    assert len(reads) == 1


@pytest.mark.parametrize("agent", ["6.2.0", "6.2.1", "6.2.3"])
def test_what_older_releases_do_not_do_is_not_claimed(agent: str) -> None:
    """FACTS A0: the implicit accept is new in 6.2.3, %NAME% and sockets are in 6.2.1."""
    text = (
        "os-proc-socket-sync-interval: 0\nos-proc-socket-min-lifetime: 0\nos-proc-regex:\n"
        "- {match-regex: ^a$, match-type: process_name, rewrite-name: b-%HOSTNAME%}\n"
    )
    found = codes(judge(text, agent=agent))

    assert ("no-final-drop" in found) is (agent == "6.2.3")
    assert ("socket-interval" in found) is (agent != "6.2.0")
    assert ("min-lifetime" in found) is (agent != "6.2.0")
    assert ("rewrite-env" in found) is (agent != "6.2.0")
    assert ("rewrite-percent" in found) is (agent == "6.2.0")

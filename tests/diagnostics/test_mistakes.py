"""Patterns that look like something else: what is offered instead does what it says."""

from __future__ import annotations

import re

import pytest

from proccli import rustregex
from proccli.diagnostics.context import Surroundings
from tests.diagnostics.judged import codes, marked, only, rules

LAST = "match-regex: .*\naction: drop"
CMDLINE = "\nmatch-type: cmdline\nrewrite-name: x"


def offered(hint: str | None) -> str:
    """The pattern in quotes that a hint offers."""
    found = re.search(r"'(.*)'", hint or "")
    assert found is not None
    return found[1].replace("''", "'")


@pytest.mark.parametrize(
    ("pattern", "part", "meant"),
    [("my-app-*", "-*", "my-app-"), ("sshfs*", "s*", "sshfs"), ("^kube*$", "e*", "^kube")],
)
def test_a_wildcard_at_the_end_is_no_wildcard(pattern: str, part: str, meant: str) -> None:
    found = only(rules(f"match-regex: {pattern}", LAST), "glob-pattern")

    assert marked(found) == part
    assert (found.hint or "").startswith(f"write {meant}:")


@pytest.mark.parametrize(
    "pattern", ["app.*", "^[a-z]*", "(a|b)*", r"app\.*", "a+b", r"ab\w*", "a*b"]
)
def test_a_repetition_is_not_called_a_wildcard(pattern: str) -> None:
    assert "glob-pattern" not in codes(rules(f"match-regex: '{pattern}'", LAST))


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [("*x*", "x"), ("*.jar", r"\.jar$"), ("*", ".*"), ("*-app-*.sh", r"-app-.*\.sh$")],
)
def test_a_wildcard_at_the_start_is_told_as_one(pattern: str, meant: str) -> None:
    found = only(rules(f"match-regex: '{pattern}'", LAST), "regex-syntax")

    assert found.hint == f"it looks like a shell wildcard; write {meant}"
    rustregex.compile(meant)


@pytest.mark.parametrize("written", [r"'^app\\.jar$'", r"^app\\.jar$", r"'\\w+-app'"])
def test_doubled_backslashes_outside_double_quotes(written: str) -> None:
    found = only(rules(f"match-regex: {written}", LAST), "doubled-backslash")

    assert offered(found.hint) == written.strip("'").replace("\\\\", "\\")


@pytest.mark.parametrize("written", [r'"^app\\.jar$"', r"'^app\.jar$'", r"'a\\'", r"'C:\\Users'"])
def test_one_backslash_or_one_that_is_meant(written: str) -> None:
    assert "doubled-backslash" not in codes(rules(f"match-regex: {written}", LAST))


@pytest.mark.parametrize(
    "path", ["/usr/lib/jdk-11.0.10+9/bin/java", "^/opt/c++/run$", "/opt/app (x86)/run"]
)
def test_a_path_that_does_not_match_itself(path: str) -> None:
    found = only(rules(f"match-regex: {path}{CMDLINE}", LAST), "not-itself")
    text = path.strip("^$")

    assert not rustregex.compile(path).is_match(text)
    assert rustregex.compile(offered(found.hint)).is_match(text)


@pytest.mark.parametrize("path", ["/usr/bin/java", r"/opt/jdk-11\+9/java", "/opt/.*/java"])
def test_a_path_that_does(path: str) -> None:
    assert "not-itself" not in codes(rules(f"match-regex: '{path}'{CMDLINE}", LAST))


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        ("^app.py$", r"^app\.py$"),
        ("(.*).jar", r"(.*)\.jar"),
        (".*.jar", r".*\.jar"),
        ("a.js|b.js", r"a\.js|b\.js"),
    ],
)
def test_a_dot_before_an_extension(pattern: str, meant: str) -> None:
    found = only(rules(f"match-regex: {pattern}{CMDLINE}", LAST), "unescaped-dot")

    assert marked(found) == "."
    assert offered(found.hint) == meant


@pytest.mark.parametrize(
    "pattern", [r"^app\.py$", "[.]jar", r"[^\s.]jar", "a.shop", "a.*py", ".pyx", r"x\\.sh", "a.sh*"]
)
def test_a_dot_that_is_meant(pattern: str) -> None:
    assert "unescaped-dot" not in codes(rules(f"match-regex: '{pattern}'{CMDLINE}", LAST))


@pytest.mark.parametrize(
    "rule", ["^kworker", r"'^\[kworker'" + "\nmatch-type: cmdline", "^(kswapd|ksoftirqd)", "jbd2"]
)
def test_a_rule_for_kernel_threads_has_no_effect(rule: str) -> None:
    assert only(rules(f"match-regex: {rule}\naction: drop", LAST), "kernel-thread").rule == 1


@pytest.mark.parametrize("pattern", ["^k", ".*", "worker", "^keepalived$", "kafka"])
def test_other_names_that_begin_alike_are_no_kernel_threads(pattern: str) -> None:
    assert "kernel-thread" not in codes(rules(f"match-regex: {pattern}\naction: drop", LAST))


def test_a_word_boundary_with_a_side_is_not_a_matter_of_braces() -> None:
    found = only(rules(r"match-regex: '\b{start}java'", LAST), "regex-syntax")

    assert found.hint == r"write \b for the start or the end of a word"


@pytest.mark.parametrize(
    "program",
    [
        *("puma", "unicorn", "celery", "sidekiq", "PM2", "node", "uwsgi", "chrome", "code"),
        *("zabbix_agentd", "avahi-daemon", "nginx", "php-fpm", "postgres", "gunicorn"),
    ],
)
def test_what_is_offered_for_a_title_matches_it(program: str) -> None:
    rule = f"match-regex: ^{program}$\nrewrite-name: web"
    found = only(rules(rule, LAST), "title-changer")
    hint = found.hint or ""
    pattern = re.search(r"(?:match-regex:|write) (\S*\^\S.*?|\\b\S+)(?:, or|$)", hint)

    assert pattern is not None
    kind = "\nmatch-type: cmdline" if "match-type: cmdline" in hint else ""
    better = rules(f"match-regex: '{pattern[1]}'{kind}\nrewrite-name: web", LAST)
    assert "title-changer" not in codes(better)


@pytest.mark.parametrize(
    ("pattern", "kind"),
    [
        (r"python3 (.*)\.py", "cmdline"),
        (r"python3 (\S+)\.py", "cmdline"),
        ("nginx", "process_name"),
        ("^nginx", "process_name"),
        ("^a$|b", "process_name"),
        ("(?i)java|go", "cmdline"),
        (r".*\.jar", "cmdline"),
        (r"([^/]+)\.jar$", "cmdline"),
    ],
)
def test_the_whole_pattern_that_is_offered_is_the_same_rule_without_the_rest(
    pattern: str, kind: str
) -> None:
    names = rustregex.compile(pattern).group_names
    rewrite = "x-$1" if len(names) > 1 else "x"
    rule = f"match-type: {kind}\nrewrite-name: {rewrite}\nmatch-regex: "
    found = only(rules(f"{rule}'{pattern}'", LAST), "rewrite-keeps-text")
    better = offered(found.hint)

    assert "rewrite-keeps-text" not in codes(rules(f"{rule}'{better}'", LAST))
    for text in ("/usr/bin/python3 a.py -x", "my-nginx-2", "nginx x", "b", "java -jar /x/a.jar"):
        old, new = rustregex.compile(pattern).search(text), rustregex.compile(better).search(text)
        assert (old is None) == (new is None)
        if old is not None and new is not None:
            assert [old.group(i) for i in range(1, len(names))] == [
                new.group(i) for i in range(1, len(names))
            ]


def test_an_example_is_a_recorded_process_where_there_is_one() -> None:
    """The second process is decided by another rule, and the third one leaves no text."""
    recorded = (("java", "java -jar x.jar"), ("nginx", "nginx -x"), ("nginx", "my nginx -g off"))
    found = rules(
        "match-regex: -x\nmatch-type: cmdline\naction: drop",
        "match-regex: nginx\nmatch-type: cmdline\nrewrite-name: web",
        LAST,
        surroundings=Surroundings(processes=recorded),
    )

    effect = only(found, "rewrite-keeps-text").effect
    assert effect == '"my nginx -g off" becomes "my web -g off"'


def test_an_example_shows_no_variable_as_it_is_written() -> None:
    found = only(
        rules("match-regex: nginx\nrewrite-name: web-%HOSTNAME%", LAST), "rewrite-keeps-text"
    )

    assert "%" not in (found.effect or "")
    assert "web-web-1" in (found.effect or "")
    assert (found.effect or "").endswith("if HOSTNAME is web-1")

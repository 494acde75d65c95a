"""What users of inputs.proc get wrong: each mistake is reported, and its correction is not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from proccli.config.inputs_proc import MATCHERS, Matcher
from proccli.diagnostics import overriding
from proccli.diagnostics.context import Surroundings
from proccli.rustregex.automata.shadow import Shadow, shadowed
from proccli.versions import AGENTS
from tests.diagnostics.judged import codes, judge, marked, only

G = "enabled_features: [proc.gprocess_info], only_in_container: false"
S = "enabled_features: [proc.gprocess_info, proc.socket_list], only_in_container: false"
INTERVAL = "socket_info_sync_interval: 10s"


def proc(*matchers: str, more: str = "", enabled: str = "enabled: true") -> str:
    """A configuration with these matchers, each in flow style."""
    lines = ["inputs:", "  proc:"]
    lines += [f"    {line}" for line in (enabled, *more.splitlines()) if line]
    lines += ["    process_matcher:", *(f"    - {{{matcher}}}" for matcher in matchers)]
    return "\n".join(lines) + "\n"


def said(text: str, **more: Any) -> set[str]:
    """The codes of a configuration."""
    return set(codes(judge(text, **more)))


NGINX = f"match_regex: '^nginx$', {G}"
MISTAKES: list[tuple[str, str, str, dict[str, Any]]] = [
    # What is reported, with which text, what to write instead, and for which agent.
    ("unknown-key", proc(f"match-regex: '^nginx$', {G}"), proc(NGINX), {}),
    ("empty-regex", proc(f"match-regex: '^nginx$', {G}"), proc(NGINX), {}),
    ("config-rejected", proc(f"match_regex: '(', {G}"), proc(f"match_regex: '\\(', {G}"), {}),
    ("config-rejected", proc() + "    - null\n", proc(NGINX), {}),
    (
        "config-rejected",
        proc("match_regex: x, enabled_features: proc.gprocess_info"),
        proc(NGINX),
        {},
    ),
    ("config-rejected", proc(NGINX, more="min_lifetime: '0'"), proc(NGINX), {}),
    ("config-rejected", proc(NGINX, more="min_lifetime: 1.5s"), proc(NGINX), {}),
    ("config-rejected", "inputs: {proc: {process_matcher: {a: b}}}", proc(NGINX), {}),
    ("config-rejected", "inputs: {proc: {process_matcher: }}", proc(NGINX), {}),
    ("no-features", proc("match_regex: '^nginx$'"), proc(NGINX), {}),
    ("no-features", proc("match_regex: '^nginx$', ignore: true"), proc(NGINX), {}),
    ("sync-off", proc(NGINX, enabled="enabled: false"), proc(NGINX), {}),
    ("sync-off", proc(NGINX, enabled=""), proc(NGINX), {"agent": "7.0.5"}),
    (
        "other-version-key",
        proc(NGINX, more="sync_interval: 10s"),
        proc(NGINX, more=INTERVAL),
        {"agent": "7.1.8"},
    ),
    (
        "other-version-key",
        proc(NGINX, more="process_blacklist: [sh]"),
        proc(NGINX),
        {"agent": "7.0.9"},
    ),
    ("sockets-off", proc(NGINX), proc(f"match_regex: a, {S}", more=INTERVAL), {}),
    (
        "sockets-off",
        proc(f"match_regex: a, {S}", more="socket_info_sync_interval: 500ms"),
        proc(f"match_regex: a, {S}", more=INTERVAL),
        {},
    ),
    ("sockets-broken", proc(f"match_regex: a, {S}"), proc(NGINX), {"agent": "7.0.9"}),
    ("sockets-broken", proc(f"match_regex: a, {S}"), proc(NGINX), {"agent": "6.6.9"}),
    (
        "server-refuses",
        proc(NGINX, more=INTERVAL),
        proc(NGINX, more="socket_info_sync_interval: 0"),
        {"agent": "7.0.9"},
    ),
    (
        "server-refuses",
        proc(NGINX, more="socket_info_sync_interval: 0"),
        proc(NGINX, more=INTERVAL),
        {"agent": "7.1.8"},
    ),
    (
        "socket-list-alone",
        proc("match_regex: a, enabled_features: [proc.socket_list]"),
        proc(f"match_regex: a, {S}"),
        {},
    ),
    ("null-is-text", proc(f"rewrite_name: , {NGINX}"), proc(f"rewrite_name: '', {NGINX}"), {}),
    ("null-is-text", proc(f"match_regex: , {G}"), proc(NGINX), {}),
    (
        "container-only",
        proc("match_regex: a, enabled_features: [proc.gprocess_info]"),
        proc(f"match_regex: a, {G}"),
        {},
    ),
    (
        "needs-space",
        proc(f"match_type: cmdline, match_regex: 'python3 .*', {G}"),
        proc(f"match_type: cmdline_with_args, match_regex: 'python3 .*', {G}"),
        {},
    ),
    (
        "never-matches",
        proc(f"match_type: cmdline, match_regex: '^/usr/bin/java', {G}"),
        proc(f"match_type: cmdline_with_args, match_regex: '^/usr/bin/java', {G}"),
        {},
    ),
    (
        "script-name",
        proc(f"match_type: cmdline, match_regex: 'app\\.py$', {G}"),
        proc(f"match_type: cmdline_with_args, match_regex: 'app\\.py$', {G}"),
        {},
    ),
    ("unknown-match-type", proc(f"match_type: Cmdline, {NGINX}"), proc(NGINX), {}),
    (
        "config-rejected",
        proc(f"match_type: cmdline, {NGINX}"),
        proc(f"match_type: Cmd, {NGINX}"),
        {"agent": "6.6.7"},
    ),
    (
        "ignore-late",
        proc(NGINX, f"ignore: true, {NGINX}", f"match_regex: x, {G}"),
        proc(f"ignore: true, {NGINX}", f"match_regex: x, {G}"),
        {},
    ),
    ("ignore-unsupported", proc(f"ignore: true, {NGINX}"), proc(NGINX), {"agent": "7.0.6"}),
    (
        "ignore-parent",
        proc(f"match_type: parent_process_name, ignore: true, {NGINX}", f"match_regex: x, {G}"),
        proc(f"ignore: true, {NGINX}", f"match_regex: x, {G}"),
        {},
    ),
    (
        "name-overridden",
        proc(f"rewrite_name: web, {NGINX}", f"match_regex: '.*', rewrite_name: x, {G}"),
        proc(f"match_regex: '.*', rewrite_name: x, {G}", f"rewrite_name: web, {NGINX}"),
        {},
    ),
    ("parent-is-sent", proc(f"match_type: parent_process_name, {NGINX}"), proc(NGINX), {}),
    (
        "rewrite-ignored",
        proc(f"match_type: parent_process_name, rewrite_name: a, {NGINX}"),
        proc(f"rewrite_name: a, {NGINX}"),
        {},
    ),
    (
        "rewrite-ignored",
        proc(f"match_type: tag, rewrite_name: a, match_regex: 'a:b', {G}"),
        proc(f"match_type: tag, match_regex: 'a:b', {G}"),
        {},
    ),
    (
        "never-matches",
        proc(f"match_regex: '^a-name-of-17-byte$', {G}"),
        proc(f"match_regex: '^a-name-of-15-by$', {G}"),
        {},
    ),
    (
        "never-matches",
        proc(f"match_regex: '^nginx: worker', {G}"),
        proc(f"match_type: cmdline_with_args, match_regex: '^nginx: worker', {G}"),
        {},
    ),
    (
        "title-in-name",
        proc(f"match_regex: '^-zsh$', {G}"),
        proc(f"match_regex: '^-?zsh$', {G}"),
        {},
    ),
    (
        "kernel-threads-taken",
        proc(f"match_regex: '.*', {G}"),
        proc(f"match_type: cmdline, match_regex: '.', {G}"),
        {},
    ),
    (
        "filter-ignored",
        proc(f"match_languages: [java], {NGINX}"),
        proc(f"match_languages: [], {NGINX}"),
        {},
    ),
    (
        "unknown-feature",
        proc("match_regex: a, enabled_features: [Proc.gprocess_info]"),
        proc(NGINX),
        {},
    ),
    ("not-sent", proc("match_regex: a, enabled_features: [ebpf.profile.on_cpu]"), proc(NGINX), {}),
    (
        "server-changes-value",
        proc(f"rewrite_name: 1.50, {NGINX}"),
        proc(f"rewrite_name: '1.50', {NGINX}"),
        {},
    ),
    (
        "rewrite-keeps-text",
        proc(f"match_type: cmdline_with_args, rewrite_name: a, match_regex: 'java', {G}"),
        proc(f"match_type: cmdline_with_args, rewrite_name: a, match_regex: '^.*java.*$', {G}"),
        {"agent": "7.0.3"},
    ),
    (
        "match-needs-outside",
        proc(f"rewrite_name: a, match_regex: '\\Bginx', {G}"),
        proc(f"rewrite_name: a, match_regex: 'ginx', {G}"),
        {},
    ),
    ("rewrite-group", proc(f"rewrite_name: $1_x, match_regex: '(a)', {G}"), proc(NGINX), {}),
    ("rewrite-percent", proc(f"rewrite_name: '100%', {NGINX}"), proc(NGINX), {}),
    (
        "rewrite-empty",
        proc(f"rewrite_name: $1, match_regex: '^(a)|b', {G}"),
        proc(f"rewrite_name: $1, match_regex: '^(a)', {G}"),
        {},
    ),
    ("blacklisted-name", proc(f"match_regex: '^(curl|wget)$', {G}"), proc(NGINX), {}),
    ("blacklist-replaced", proc(NGINX, more="process_blacklist: [cron]"), proc(NGINX), {}),
    ("blacklist-entry", proc(NGINX, more="process_blacklist: [/bin/sh]"), proc(NGINX), {}),
    (
        "tag-rule-untagged",
        proc(f"only_with_tag: true, {NGINX}"),
        proc(NGINX),
        {},
    ),
    (
        "tag-exec-no-timeout",
        proc(NGINX, more="tag_extraction: {script_command: [/bin/tags]}"),
        proc(NGINX, more="tag_extraction: {script_command: [/usr/bin/timeout, '5', /bin/tags]}"),
        {},
    ),
    ("unknown-key", proc(f"<<: {{ignore: true}}, {NGINX}"), proc(NGINX), {"via": "file"}),
    ("merge-key", proc(f"<<: {{ignore: false}}, {NGINX}"), proc(NGINX), {}),
    ("second-document-lost", proc(NGINX) + "---\na: 1\n", proc(NGINX), {}),
    ("config-rejected", proc(NGINX) + "---\na: 1\n", proc(NGINX), {"via": "file"}),
    ("proc-dir-path", proc(NGINX, more="proc_dir_path: /host/proc"), proc(NGINX), {}),
    ("change-stops", proc(f"match_regex: a, {G}"), "inputs: {proc: {}}", {"agent": "6.6.7"}),
    ("rename-not-published", proc(f"rewrite_name: a, {NGINX}"), proc(NGINX), {"agent": "7.1.8"}),
    (
        "config-rejected",
        proc(NGINX, more='socket_info_sync_interval: "1\\x73"'),
        proc(NGINX, more='socket_info_sync_interval: "1s"'),
        {"via": "file"},
    ),
]


@pytest.mark.parametrize(("code", "bad", "good", "more"), MISTAKES)
def test_a_mistake_is_reported_and_its_correction_is_not(
    code: str, bad: str, good: str, more: dict[str, Any]
) -> None:
    assert code in said(bad, **more)
    assert code not in said(good, **more)


@pytest.mark.parametrize(
    ("code", "text", "agent"),
    [
        ("ignore-unsupported", proc(f"ignore: true, {NGINX}"), "7.0.7"),
        ("ignore-late", proc(NGINX, f"ignore: true, {NGINX}"), "7.0.6"),
        ("blacklisted-name", proc(f"match_regex: '^curl$', {G}"), "7.0.9"),
        ("sockets-broken", proc(f"match_regex: a, {S}"), "7.1.0"),
        ("kernel-threads-taken", proc(f"match_regex: '.*', {G}"), "7.0.0"),
        ("container-only", proc("match_regex: a, enabled_features: [x]"), "6.6.8"),
        ("container-cgroup-v2", proc(f"match_regex: a, {S.replace('false', 'true')}"), "7.1.0"),
        ("match-needs-outside", proc(f"rewrite_name: a, match_regex: '\\Bginx', {G}"), "7.0.3"),
        ("rewrite-keeps-text", proc(f"rewrite_name: a, match_regex: gin, {G}"), "7.0.4"),
        ("rename-not-published", proc(f"rewrite_name: a, {NGINX}"), "main"),
        ("change-stops", proc(NGINX), "6.6.8"),
        ("sync-off", proc(NGINX, enabled=""), "7.0.6"),
    ],
)
def test_what_does_not_apply_to_the_agent_is_not_reported(code: str, text: str, agent: str) -> None:
    assert code not in said(text, agent=agent)


@pytest.mark.parametrize("text", ["\x1b: 1\n", "  x: 1\n y: 2\n"])
@pytest.mark.parametrize("agent", ["6.6.9", "7.0.3", "7.1.8"])
def test_a_text_that_the_server_can_not_load_is_one_error(text: str, agent: str) -> None:
    """It has its sections, and the server sends none of them (FACTS B1.3)."""
    found = said(proc(NGINX) + text, agent=agent)

    assert "server-refuses" in found
    assert "no-inputs" not in found


def test_a_place_is_the_value_that_is_wrong() -> None:
    text = proc("match_regex: a, match_type: cmd, enabled_features: [proc.gprocess_info, proc.x]")
    found = judge(text)

    assert marked(only(found, "unknown-match-type")) == "cmd"
    assert marked(only(found, "unknown-feature")) == "proc.x"


def test_a_switched_off_ipv6_is_reported_where_the_machine_is_known() -> None:
    text = proc(f"match_regex: a, {S}", more=INTERVAL)
    without = Surroundings(exists=lambda path: path != "/proc/net/udp6")

    assert "sockets-need-ipv6" in said(text, surroundings=without)
    assert "sockets-need-ipv6" not in said(text)


# ---- proofs ---------------------------------------------------------------------------------

IGNORE = "ignore: true"


@pytest.mark.parametrize(
    ("matchers", "expected"),
    [
        # An ignore matcher removes what a later one matches.
        ([f"match_regex: '^a', {IGNORE}, {G}", f"match_regex: '^ab$', {G}"], {"matcher-ignored"}),
        ([f"match_regex: '.*', {IGNORE}, {G}", f"match_regex: '^ab$', {G}"], {"matcher-ignored"}),
        # ... not one of another text, or of fewer processes,
        (
            [
                f"match_regex: '^a', match_type: cmdline, {IGNORE}, {G}",
                f"match_regex: '^ab$', {G}",
            ],
            set(),
        ),
        (
            [
                f"match_regex: '^a', {IGNORE}, {G.replace('false', 'true')}",
                f"match_regex: '^ab$', {G}",
            ],
            set(),
        ),
        # ... or of fewer features.
        ([f"match_regex: '^a', {IGNORE}, {G}", f"match_regex: '^ab$', {S}"], set()),
        # An ignore matcher must have something after it.
        ([f"match_regex: '^a', {IGNORE}, {G}"], {"ignore-nothing"}),
        ([NGINX, f"match_regex: '^a', {IGNORE}, {G}"], {"ignore-nothing"}),
        # Names: the last one counts, unless an ignore matcher stands between.
        (
            [
                f"match_regex: '^ab$', rewrite_name: x, {G}",
                f"match_regex: '^a', rewrite_name: y, {G}",
            ],
            {"name-overridden"},
        ),
        (
            [
                f"match_regex: '^ab$', rewrite_name: x, {G}",
                f"match_regex: '^ab$', {IGNORE}, {G}",
                f"match_regex: '^a', rewrite_name: y, {G}",
            ],
            set(),  # the first match decides
        ),
        (
            [
                f"match_regex: '^ab', rewrite_name: x, {G}",
                f"match_regex: '^ab$', {IGNORE}, {G}",
                f"match_regex: '^a', rewrite_name: y, {G}",
            ],
            {"ignore-late"},
        ),
        ([f"match_regex: '^ab$', rewrite_name: x, {G}", f"match_regex: '^a', {G}"], set()),
        (
            [
                f"match_regex: '^a', rewrite_name: x, {G}",
                f"match_regex: '^ab$', rewrite_name: y, {G}",
            ],
            set(),
        ),
        # A variable may be empty, and then nothing is renamed.
        (
            [
                f"match_regex: '^ab$', rewrite_name: x, {G}",
                f"match_regex: '^a', rewrite_name: '%A%', {G}",
            ],
            set(),
        ),
        ([NGINX, NGINX], {"rule-duplicate"}),
    ],
)
def test_what_other_matchers_leave(matchers: list[str], expected: set[str]) -> None:
    proofs = {
        *("matcher-ignored", "ignore-nothing", "ignore-late", "name-overridden"),
        *("rule-duplicate", "rule-unreachable", "rule-undecided"),
    }

    assert said(proc(*matchers)) & proofs == expected


LEGACY = """os-proc-sync-enabled: true
os-proc-regex:
- {match-regex: '^ab$', rewrite-name: x}
- {match-regex: '.*', rewrite-name: y}
- {match-regex: 'a b', match-type: cmdline_with_args, rewrite-name: z}
"""


def test_agents_that_run_every_rule_of_static_config_have_no_unreachable_one() -> None:
    """6.6.6 to 6.6.8 take the rules as matchers, all of which run (FACTS A0)."""
    found = judge(LEGACY, agent="6.6.6")

    assert found.unreachable == ()
    assert only(found, "name-overridden").message == "rule 2 renames everything that rule 1 renames"
    assert "early-catch-all" not in codes(found)
    assert "early-catch-all" in codes(judge(LEGACY.replace("_with_args", ""), agent="6.5"))


def test_agents_between_the_dialects_do_not_apply_rules_as_written() -> None:
    """6.6.5 ignores them, and 6.6.6 to 6.6.8 drop nothing (FACTS A0)."""
    text = "os-proc-sync-enabled: true\nos-proc-regex: [{match-regex: a, action: drop}]\n"

    for agent, expected in (("6.5", False), ("6.6.5", True), ("6.6.6", True), ("6.6.8", True)):
        found = judge(text, agent=agent)
        assert ("rule-without-effect" in codes(found)) is expected
        if agent == "6.6.5":
            assert marked(only(found, "rule-without-effect")) == "os-proc-regex"
            assert "no-rules" not in codes(found)


@pytest.mark.parametrize(("agent", "expected"), [("6.5", False), ("6.6.5", True), ("6.6.8", True)])
def test_agents_between_the_dialects_do_not_apply_tagged_only(agent: str, expected: bool) -> None:
    """FACTS A0."""
    text = "os-proc-sync-enabled: true\nos-proc-sync-tagged-only: {}\n"

    assert ("tagged-only-without-effect" in said(text.format("true"), agent=agent)) is expected
    assert "tagged-only-without-effect" not in said(text.format("false"), agent=agent)


def test_words_that_agents_between_the_dialects_replace_are_diagnosed() -> None:
    """6.6.6 to 6.6.8 read an unknown word as the default; agents before ignore the rule (A0)."""
    text = (
        "os-proc-sync-enabled: true\nos-proc-regex:\n"
        "- {match-regex: ab, match-type: Cmdline, action: Drop}\n"
        "- {match-regex: cd, match-type: cmdline_with_args, action: ''}\n"
        "- {match-regex: ef, match-type: ''}\n"
    )

    found = judge(text, agent="6.6.6")

    match_type, action = only(found, "match-type"), only(found, "action")
    assert (match_type.rule, match_type.at.line, match_type.hint) == (1, 3, "write cmdline")
    assert match_type.effect == "agent 6.6.6 reads it as process_name and reports nothing"
    assert (action.rule, action.hint) == (1, "write drop")
    assert action.effect == "agent 6.6.6 reads it as accept and reports nothing"
    assert "silently ignores the rule" in str(only(judge(text, agent="6.5"), "action").effect)


def test_an_ignored_matcher_is_listed_as_unreachable() -> None:
    found = judge(proc(f"match_regex: '^a', {IGNORE}, {G}", f"match_regex: '^ab$', {G}"))

    (entry,) = found.unreachable
    assert (entry.rule, entry.by, entry.proof, entry.taken) == (2, (1,), "proven", "ab")


def test_searches_end_with_the_time() -> None:
    slow = f"match_regex: '^(a|b)*c.{{1,9}}d', rewrite_name: x, {G}"
    over = Surroundings(expired=lambda: True)

    found = judge(proc(*[slow.replace("c", c) for c in "cdefg"]), surroundings=over)

    assert "name-overridden" not in codes(found)


def test_matchers_of_different_texts_are_not_compared_with_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A text that shows that there is nothing to prove saves a search over all later patterns."""
    searches: list[str] = []

    def counted(pattern: str, by: Sequence[str], **more: Any) -> Shadow:
        searches.append(pattern)
        return shadowed(pattern, by, **more)

    monkeypatch.setattr(overriding, "shadowed", counted)
    apart = [f"match_regex: '^svc-{number}$', rewrite_name: x, {G}" for number in range(60)]
    covered = f"match_regex: '^svc-7', rewrite_name: y, {G}"

    found = judge(proc(*apart, covered))

    assert len(searches) == 1
    assert only(found, "name-overridden").rule == 8


# ---- the vendor's defaults ------------------------------------------------------------------


def written(matcher: Matcher) -> str:
    """A default matcher, as flow style."""
    fields = {name: value for name, value in matcher._asdict().items() if value != ""}
    return json.dumps(fields)[1:-1]


@pytest.mark.parametrize(
    "agent", [name for name, agent in AGENTS.items() if agent.inputs_proc is not None]
)
def test_the_default_matchers_raise_no_alarm_for_their_release(agent: str) -> None:
    defaults = AGENTS[agent].defaults
    assert defaults is not None
    matchers = [written(matcher) for matcher in MATCHERS[defaults.matchers]]
    if not matchers:
        return

    found = judge(proc(*matchers), agent=agent)

    assert [one.code for one in found.diagnostics if one.severity != "info"] == []


def test_a_matcher_that_requires_a_tag_takes_no_kernel_thread() -> None:
    """FACTS B5: only_with_tag holds back what the tag command does not list."""
    every = f"match_regex: '.*', {G}"
    assert "kernel-threads-taken" in said(proc(every))
    assert "kernel-threads-taken" not in said(proc(f"only_with_tag: true, {every}"))


@pytest.mark.parametrize(
    ("agent", "effect"),
    [("7.0.6", "the process keeps its name"), ("7.0.7", "a dropped process has no name")],
)
def test_what_becomes_of_the_name_with_ignore(agent: str, effect: str) -> None:
    """FACTS B3: up to N4, ignore only keeps the matcher from renaming."""
    text = proc(f"ignore: true, rewrite_name: x, {NGINX}")
    assert only(judge(text, agent=agent), "rewrite-ignored").effect == effect


def test_a_drop_rule_of_6_6_8_renames_nothing() -> None:
    """FACTS A0: it takes its processes, which keep their names."""
    text = "os-proc-regex: [{match-regex: a, rewrite-name: b, action: drop}]\n"
    found = only(judge(text, agent="6.6.8"), "rewrite-ignored")
    assert found.effect == "the process keeps its name"
    assert only(judge(text, agent="6.5"), "rewrite-ignored").effect == (
        "a dropped process has no name"
    )

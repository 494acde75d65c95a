"""What a configuration's reader should know is said once, with its place."""

from __future__ import annotations

import pytest

from proccli.config.loading import Via, load
from proccli.config.static_config import KEYS
from proccli.config.unknown_keys import meant
from proccli.config.warning_words import rule_problem_wording
from proccli.model.config import Rule
from proccli.terminal.warning_text import message as words_of
from tests.config.measured import VIAS


def notes(text: str, via: Via = "server") -> list[tuple[str, str]]:
    config = load(text.encode(), "a.yaml", via=via)
    return [(note.code, words_of(note)) for note in config.notes]


def codes(text: str, via: Via = "server") -> list[str]:
    return [code for code, _ in notes(text, via)]


def rule(text: str, index: int = 1, via: Via = "server") -> Rule:
    return load(text.encode(), "a.yaml", via=via).rules[index - 1]


@pytest.mark.parametrize("via", VIAS)
@pytest.mark.parametrize(
    ("text", "place", "right"),
    [
        ("os_proc_regex: []\nos-proc-root: a\n", "1:1", "os-proc-regex"),
        ("os-proc-regexp: []\n", "1:1", "os-proc-regex"),
        ("OS-PROC-ROOT: a\n", "1:1", "os-proc-root"),
        ("static_config:\n  os-proc-sync-enable: true\n", "2:3", "os-proc-sync-enabled"),
        ("static-config:\n  os-proc-root: a\n", "1:1", "static_config"),
        ("os-proc-regex:\n- match_regex: a\n", "2:3", "match-regex"),
        ("os-proc-regex:\n- {action: drop, match-typ: a}\n", "2:18", "match-type"),
    ],
)
def test_a_key_that_is_almost_ours_is_named_with_the_right_spelling(
    text: str, place: str, right: str, via: Via
) -> None:
    code, message = notes(text, via)[0]

    assert code == "unknown-key"
    assert message.startswith(f"a.yaml:{place}: ")
    assert f"(write {right})" in message


@pytest.mark.parametrize("via", VIAS)
@pytest.mark.parametrize(
    "text",
    [
        "static_config:\n  log-level: info\n  process-scheduling-priority: 1\n  os-proc-root: a\n",
        "static_config:\n  x: {os_proc_regex: []}\n",
        "max_cpus: 1\nplatform_enabled: 1\nstatic_config: {}\n",
    ],
)
def test_other_keys_are_none_of_our_business(text: str, via: Via) -> None:
    assert notes(text, via) == []


@pytest.mark.parametrize(
    "name",
    ["guard-interval", "proc-event", "log-level", "src-interfaces", "ebpf", "so-plugins", "", "os"],
)
def test_no_other_key_of_the_agent_is_taken_for_ours(name: str) -> None:
    assert meant(name, KEYS) is None


@pytest.mark.parametrize("via", VIAS)
def test_every_foreign_key_of_a_rule_is_named(via: Via) -> None:
    """A rule has four keys; those of newer agents mean nothing here."""
    code, message = notes("os-proc-regex:\n- {match-regex: a, ignore: true}\n", via)[0]

    assert code == "unknown-key"
    assert message == (
        "a.yaml:2:20: ignore is not a key of rule 1: the agent ignores it"
        " (valid keys: match-regex, match-type, rewrite-name, action)"
    )


@pytest.mark.parametrize("via", VIAS)
def test_our_keys_beside_static_config_are_named(via: Via) -> None:
    text = "static_config:\nos-proc-root: /x\nos-proc-regex: []\n"
    messages = [message for _, message in notes(text, via)]

    assert messages[0] == (
        "a.yaml:2:1: os-proc-root is beside static_config, not in it:"
        " the agent ignores it (indent it under static_config)"
    )
    assert messages[1].startswith("a.yaml:3:1: os-proc-regex is beside")


NO_VALUES = (
    "has no values: the server sends it as {}, which matches every process and accepts it,"
    " so no later rule is reached"
)
LEFT_OUT = "empty, so the server leaves it out and the agent uses its default"
ALONE = "the agent alone would reject it"


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (
            "os-proc-sync-enabled: yes",
            "1:23",
            f"os-proc-sync-enabled: the server turns yes into true; {ALONE}",
        ),
        (
            "os-proc-socket-min-lifetime: 010",
            "1:30",
            f"os-proc-socket-min-lifetime: the server turns 010 into 8; {ALONE}",
        ),
        ("os-proc-root:", "1:14", f"os-proc-root: {LEFT_OUT}"),
        ("os-proc-regex: ~", "1:16", f"os-proc-regex: {LEFT_OUT}"),
        (
            "os-proc-regex:\n- {match-regex: a, match-type: , action: ~}",
            "2:31",
            f"match-type and action of rule 1: {LEFT_OUT}",
        ),
        (
            "os-proc-regex:\n- {match-regex: , action: }\n",
            "2:16",
            f"rule 1 {NO_VALUES}",
        ),
        ("os-app-tag-exec: [a, ~, ~]", "1:22", f"an element of os-app-tag-exec: {LEFT_OUT}"),
        (
            "x: &x {action: drop}\nos-proc-regex:\n- <<: *x\n  match-regex: a\n",
            "3:3",
            "the server applies the merge key of rule 1; the agent alone would ignore it",
        ),
    ],
)
def test_what_the_server_changes_is_shown_before_and_after(
    text: str, place: str, message: str
) -> None:
    assert notes(text) == [("server-changes-value", f"a.yaml:{place}: {message}")]


@pytest.mark.parametrize(
    "text",
    [
        "os-proc-sync-enabled: true\nos-proc-socket-min-lifetime: 0x10\n",
        "os-proc-root: '~'\nos-app-tag-exec: ['', \"null\", 1.50]\n",
        "os-proc-regex:\n- {match-regex: 'a', action: ''}\n- {}\n",
        "x: [yes, 010, ~]\nos-proc-root: yes\n",
    ],
)
def test_what_the_server_leaves_alone_is_not_mentioned(text: str) -> None:
    assert notes(text) == []


def test_nothing_is_text_to_the_agent_and_that_is_said_once_for_each_rule() -> None:
    text = "os-proc-root:\nos-proc-regex:\n- {match-regex: a, rewrite-name: null, action: }\n"
    found = notes(text, "file")

    assert [code for code, _ in found] == ["null-is-text", "null-is-text", "rule-thrown-away"]
    assert found[0][1].startswith(
        'a.yaml:1:14: os-proc-root: the agent reads an empty value as the text "~"'
    )
    assert (
        'rewrite-name and action of rule 1: the agent reads an empty value as the text "null"'
        in (found[1][1])
    )
    assert codes("os-proc-root: ''\nos-proc-regex: [{action: 'null'}]\n", "file") == [
        "rule-thrown-away"
    ]


def test_a_merge_key_that_nobody_applies_is_named() -> None:
    text = "x: &x {action: drop}\nos-proc-regex:\n- <<: *x\n"

    assert codes(text, "file") == ["unknown-key"]
    assert "does not support merge keys" in notes(text, "file")[0][1]


@pytest.mark.parametrize("via", VIAS)
@pytest.mark.parametrize(
    ("value", "code", "hint"),
    [
        ("match-type: Cmdline", "match-type", "write cmdline"),
        ("match-type: 'cmdline '", "match-type", "write cmdline"),
        ("match-type: cmd", "match-type", "write cmdline"),
        ("match-type: 5", "match-type", "valid values: process_name, cmdline"),
        ("action: Drop", "action", "write drop"),
        ("action: ignore", "action", "valid values: accept, drop"),
        ("match-regex: '(?=a)'", "regex-syntax", None),
        ("match-regex: a(", "regex-syntax", None),
        (r"match-regex: \w{1,200}", "regex-size", None),
    ],
)
def test_a_rule_that_the_agent_ignores_keeps_its_place_and_gives_a_warning(
    value: str, code: str, hint: str | None, via: Via
) -> None:
    text = f"os-proc-regex:\n- match-regex: before\n- {value}\n- match-regex: after\n"
    config = load(text.encode(), "a.yaml", via=via)
    problem = config.rules[1].problem

    assert [rule.index for rule in config.rules] == [1, 2, 3]
    assert [rule.problem is None for rule in config.rules] == [True, False, True]
    assert problem is not None
    assert problem.code == code
    assert str(problem.at).startswith("a.yaml:3:")
    words = rule_problem_wording(problem)
    if hint is not None:
        assert words.hint is not None
        assert words.hint.startswith(hint)
    (note,) = config.notes
    assert note.code == "rule-thrown-away"
    assert words_of(note).startswith(f"{problem.at}: the agent silently ignores rule 2")
    assert words.problem in words_of(note)


def test_each_reason_to_ignore_a_rule_gives_a_warning() -> None:
    text = "os-proc-regex:\n- {match-regex: '(', match-type: x, action: y}\n"

    assert codes(text) == ["rule-thrown-away"] * 3
    assert rule(text).match_type == "x"
    assert rule(text).action == "y"


@pytest.mark.parametrize("via", VIAS)
def test_values_in_effect_stand_for_what_is_missing_or_empty(via: Via) -> None:
    text = "os-proc-regex:\n- {}\n- {match-type: '', action: '', match-regex: ''}\n"
    first, second = load(text.encode(), "a.yaml", via=via).rules

    for found in (first, second):
        assert found.problem is None
        assert (found.match_type, found.match_regex) == ("process_name", "")
        assert (found.action, found.rewrite_name) == ("accept", "")


@pytest.mark.parametrize(
    ("text", "at", "places"),
    [
        ("os-proc-regex:\n- match-regex: a\n  action: drop\n", "2:3", ["2:16", "3:11"]),
        ("os-proc-regex:\n-\n  # c\n  match-regex: 'a'\n", "4:3", ["4:16"]),
        ("os-proc-regex:\n- {}\n", "2:3", []),
        ("os-proc-regex: [{match-regex: a}]\n", "1:18", ["1:31"]),
        ("x: &x\n  match-regex: a\nos-proc-regex:\n- *x\n", "4:3", ["2:16"]),
        ("x: &x a\nos-proc-regex:\n- match-regex: *x\n", "3:3", ["1:7"]),
        ("os-proc-regex:\n- &r !!map\n  match-regex: &m !!str a\n", "3:3", ["3:25"]),
    ],
)
def test_a_rule_knows_where_it_and_its_values_stand(text: str, at: str, places: list[str]) -> None:
    found = rule(text)

    assert str(found.at) == f"a.yaml:{at}"
    assert [str(place) for place in found.places.values()] == [f"a.yaml:{p}" for p in places]


def test_a_rule_written_as_a_list_stands_where_the_list_does() -> None:
    found = rule("os-proc-regex:\n- [a, tag, '', drop]\n", via="file")

    assert str(found.at) == "a.yaml:2:3"
    assert {name: str(place) for name, place in found.places.items()} == {
        "match-regex": "a.yaml:2:4",
        "match-type": "a.yaml:2:7",
        "rewrite-name": "a.yaml:2:12",
        "action": "a.yaml:2:16",
    }


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        ("6.2.0", ["os-proc-sync-enabled", "os-proc-sync-tagged-only", "action"]),
        ("6.2.2", ["os-proc-sync-enabled", "os-proc-sync-tagged-only"]),
        ("6.2.6", ["os-proc-sync-tagged-only"]),
        ("6.2.6.4", []),
    ],
)
def test_a_key_that_the_release_does_not_know_yet_is_named(agent: str, expected: list[str]) -> None:
    """FACTS A0, A1. Not where the release does what the key asks for."""
    text = (
        "os-proc-sync-enabled: {}\nos-proc-sync-tagged-only: {}\n"
        "os-proc-regex: [{{match-regex: a, match-type: process_name, action: {}}}]\n"
    )
    for values, named in ((("false", "true", "drop"), expected), (("true", "false", "accept"), [])):
        config = load(text.format(*values).encode(), "agent.yaml", agent=agent)
        newer = [note for note in config.notes if note.fields.get("kind") == "newer"]

        assert [note.string("key") for note in newer] == named
        assert all(f"agent {agent} does not know" in words_of(note) for note in newer)

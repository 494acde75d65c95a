"""A configuration's way to values: which mapping, which types, which agent."""

from __future__ import annotations

import gzip

import pytest

from proccli.config import loading
from proccli.config.loading import MAX_BYTES, Via, defaults, load
from proccli.errors import ConfigError, UsageError
from proccli.model.config import Config
from proccli.terminal.warning_text import message as words_of
from tests.config.measured import DATA, VIAS

EVERY_KEY = """\
  os-proc-sync-enabled: true
  os-proc-sync-tagged-only: true
  os-proc-root: /host/proc
  os-proc-socket-sync-interval: 20
  os-proc-socket-min-lifetime: 0
  os-app-tag-exec: [cat, '/tmp/tag.yaml']
  os-app-tag-exec-user: nobody
  os-proc-regex:
  - {match-regex: nginx, match-type: cmdline, action: drop, rewrite-name: n}
"""


def read(text: str, via: Via = "server") -> Config:
    return load(text.encode(), "agent.yaml", via=via)


def rules(config: Config) -> list[tuple[str, str, str, str]]:
    return [(r.match_type, r.match_regex, r.action, r.rewrite_name) for r in config.rules]


def refused(text: str, via: Via = "server") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(text, via)
    return caught.value


@pytest.mark.parametrize("via", VIAS)
def test_every_key_of_the_table_is_read(via: Via) -> None:
    config = read(f"static_config:\n{EVERY_KEY}", via)

    assert config.sync_enabled
    assert config.tagged_only
    assert config.proc_root == "/host/proc"
    assert config.socket_sync_interval_s == 20
    assert config.min_lifetime_s == 0
    assert config.tag_exec == ("cat", "/tmp/tag.yaml")
    assert config.tag_exec_user == "nobody"
    assert rules(config) == [("cmdline", "nginx", "drop", "n")]
    assert config.notes == ()
    assert (config.file, config.dialect, config.agent, config.via) == (
        "agent.yaml",
        "static_config",
        "6.5",
        via,
    )


@pytest.mark.parametrize("via", VIAS)
@pytest.mark.parametrize("text", ["static_config:\n", "static_config: {}", "static_config: ~\n"])
def test_an_empty_static_config_means_the_agents_defaults(text: str, via: Via) -> None:
    config = read(text, via)

    assert config.notes == ()
    assert not config.sync_enabled
    assert not config.tagged_only
    assert config.proc_root == "/proc"
    assert config.socket_sync_interval_s == 10
    assert config.min_lifetime_s == 3
    assert config.tag_exec == ()
    assert config.tag_exec_user == "deepflow"
    assert config.rules == ()


def test_without_a_file_the_defaults_are_the_same() -> None:
    assert defaults() == Config(file=None, dialect="static_config", agent="6.5", via="server")


@pytest.mark.parametrize("via", VIAS)
def test_the_inner_mapping_alone_is_read_as_within_a_group_configuration(via: Via) -> None:
    inner = "".join(line.removeprefix("  ") for line in EVERY_KEY.splitlines(keepends=True))
    whole = f"vtap_group_id: g-1\nmax_cpus: [1, {{a: *x}}]\nstatic_config:\n{EVERY_KEY}"
    whole = whole.replace("*x", "x")

    assert rules(read(inner, via)) == rules(read(whole, via))
    assert read(inner, via).proc_root == read(whole, via).proc_root == "/host/proc"


@pytest.mark.parametrize("via", VIAS)
@pytest.mark.parametrize("text", ["", "max_cpus: 1\n", "a: b"])
def test_a_text_without_settings_means_defaults_and_a_warning(text: str, via: Via) -> None:
    config = read(text, via)

    assert [note.code for note in config.notes] == ["no-static-config"]
    assert not config.sync_enabled


@pytest.mark.parametrize("via", VIAS)
@pytest.mark.parametrize("text", ["[]", "- a\n- b\n", "word", "'static_config: {}'", "5"])
def test_what_is_no_mapping_is_no_configuration(text: str, via: Via) -> None:
    error = refused(text, via)

    assert "a configuration is a mapping" in error.problem
    assert error.at is not None
    assert error.at.line == 1


@pytest.mark.parametrize("text", ["# only a comment\n", "---\n", "~", " ", "\n"])
def test_a_document_without_anything_means_defaults_behind_a_server_only(text: str) -> None:
    config = read(text, "server")

    assert [note.code for note in config.notes] == ["no-static-config"]
    assert refused(text, "file").fault.by == "agent"  # type: ignore[union-attr]


@pytest.mark.parametrize("via", VIAS)
def test_the_dialect_of_the_file_chooses_the_agent(via: Via) -> None:
    newer = read("# new\ninputs:\n  proc: {enabled: true}\n", via)
    older = read("static_config: {os-proc-sync-enabled: true}\n", via)

    assert (newer.dialect, newer.agent, newer.feature) == (
        "inputs.proc",
        "7.1",
        "proc.gprocess_info",
    )
    assert (older.dialect, older.agent, older.feature) == ("static_config", "6.5", None)
    assert newer.sync_enabled
    assert older.sync_enabled


@pytest.mark.parametrize("via", VIAS)
@pytest.mark.parametrize(
    ("agent", "text", "at"),
    [
        ("6.5", "# new\ninputs: {proc: {}}\n", "agent.yaml:2:1"),
        ("7.1.8", "a: 1\nstatic_config: {}\n", "agent.yaml:2:1"),
        ("6.6.9", "os-proc-root: /x\n", "agent.yaml:1:1"),
        ("6.6.5", "inputs: {}\n", "agent.yaml:1:1"),
        ("7.1.8", "\ufeffa: 1\nstatic_config: {}\n", "agent.yaml:2:1"),
        ("7.1.8", "\ufeff{static_config: {}}\n", "agent.yaml:1:2"),
    ],
)
def test_an_agent_that_does_not_know_the_dialect_is_named(
    agent: str, text: str, at: str, via: Via
) -> None:
    with pytest.raises(ConfigError) as raised:
        load(text.encode(), "agent.yaml", agent=agent, via=via)

    assert raised.value.fault is not None
    assert raised.value.fault.code == "other-dialect"
    assert f"agent {agent}" in raised.value.problem
    assert str(raised.value.at) == at


@pytest.mark.parametrize("via", VIAS)
@pytest.mark.parametrize(
    ("agent", "dialect"),
    [
        ("6.5", "static_config"),
        ("7.1", "inputs.proc"),
        ("6.6.5", "static_config"),
        ("6.6.7", "static_config"),
        ("6.6.8", "inputs.proc"),
    ],
)
def test_of_two_dialects_each_agent_reads_its_own_and_the_other_is_noted(
    agent: str, dialect: str, via: Via
) -> None:
    text = b"static_config: {os-proc-root: /old}\ninputs: {proc: {proc_dir_path: /new}}\n"
    config = load(text, "agent.yaml", agent=agent, via=via)

    assert config.dialect == dialect
    assert config.proc_root == ("/old" if dialect == "static_config" else "/new")
    (place,) = [str(note.at) for note in config.notes if note.code == "other-half"]
    assert place == ("agent.yaml:2:1" if dialect == "static_config" else "agent.yaml:1:1")


def test_a_byte_order_mark_moves_no_place() -> None:
    text = "\ufeffstatic_config: {}\ninputs: {}\n"
    config = load(text.encode(), "agent.yaml", agent="6.5")

    assert [str(note.at) for note in config.notes] == ["agent.yaml:2:1"]


@pytest.mark.parametrize("via", VIAS)
@pytest.mark.parametrize(
    ("text", "dialect"),
    [("static_config: {}\n", "static_config"), ("inputs: {}\n", "inputs.proc")],
)
def test_where_an_agent_reads_both_dialects_the_file_decides(
    text: str, dialect: str, via: Via
) -> None:
    for agent in ("6.6.6", "6.6.7", "6.6.8"):
        assert load(text.encode(), "a.yaml", agent=agent, via=via).dialect == dialect


def test_an_agent_or_server_that_is_not_emulated_is_refused() -> None:
    with pytest.raises(UsageError, match=r"agent 8\.1 is not known"):
        load(b"", "agent.yaml", agent="8.1")
    with pytest.raises(UsageError):
        defaults(agent="6.5\x1b[31m")
    with pytest.raises(UsageError, match=r"server 6\.5 does not know inputs\.proc"):
        load(b"inputs: {}\n", "agent.yaml", server="6.5")
    with pytest.raises(UsageError, match=r"server 9\.9\.9"):
        load(b"inputs: {}\n", "agent.yaml", server="9.9.9")


def test_a_place_in_a_message_is_in_the_users_text_also_behind_a_server() -> None:
    text = "# c\ninputs:\n  proc:\n    process_matcher:\n    - enabled_features: [x]\n"
    text += '      match_regex: "a\\x28"\n'

    for via in VIAS:
        assert str(refused(text, via).at) == "agent.yaml:6:22"


def test_the_places_of_a_matcher_are_in_the_users_text_also_behind_a_server() -> None:
    text = "inputs: {proc: {process_matcher: [\n {rewrite_name: b,\n  match_regex: 010}]}}\n"
    config = read(text, "server")
    (rule,) = config.rules

    assert rule.match_regex == "8"
    (changed,) = [note for note in config.notes if note.code == "server-changes-value"]
    assert (changed.fields["written"], changed.fields["sent"]) == ("010", "8")
    assert str(rule.at) == "agent.yaml:2:3"
    assert str(rule.places["match_regex"]) == "agent.yaml:3:16"


def test_what_the_server_would_not_save_is_a_note_and_does_not_change_the_answer() -> None:
    config = read("inputs: {proc: {enabled: true, sync_interval: 10s}}\n", "server")

    (note,) = [note for note in config.notes if note.code == "server-refuses"]
    assert note.fields["loaded"]
    assert config.sync_enabled


def test_what_the_server_can_not_load_goes_out_as_nothing() -> None:
    config = read("inputs: {proc: {enabled: false, enabled: false}}\n", "server")

    (note,) = [note for note in config.notes if note.code == "server-refuses"]
    assert not note.fields["loaded"]
    assert config.sync_enabled


def test_an_unmeasured_server_passes_the_text_on_with_a_note() -> None:
    config = load(b"inputs: {proc: {Enabled: TRUE}}\n", "a.yaml", agent="6.6.7")

    assert "server-unmeasured" in [note.code for note in config.notes]


@pytest.mark.parametrize("via", VIAS)
@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("os-proc-socket-min-lifetime: 10s", "1:30", "a whole number"),
        ("os-proc-socket-min-lifetime: '10'", "1:30", "in quotes"),
        ("os-proc-socket-min-lifetime: -5", "1:30", "from 0 to 4294967295, not -5"),
        ("os-proc-socket-min-lifetime: 4294967296", "1:30", "not 4294967296"),
        ("os-proc-socket-min-lifetime: [3]", "1:30", "not a list"),
        ("os-proc-sync-enabled: 'true'", "1:23", "true or false"),
        ("os-proc-sync-enabled: 1", "1:23", "true or false"),
        ("os-proc-sync-enabled: {}", "1:23", "not a mapping"),
        ("os-proc-root: [a]", "1:15", "must be text"),
        ("os-app-tag-exec: cat /tmp/x", "1:18", "must be a list"),
        ("os-app-tag-exec: [[a]]", "1:19", "an element of os-app-tag-exec"),
        ("os-proc-regex: .*", "1:16", "must be a list"),
        ("os-proc-regex:\n- match-regex: a\n- .*\n", "3:3", "rule 2 must be a mapping"),
        ("os-proc-regex:\n- {}\n-\n", "3:2", "rule 2 must be a mapping, not empty"),
        ("os-proc-regex:\n- match-regex: [a-z]\n", "2:16", "match-regex of rule 1"),
        ("os-proc-regex:\n- action: a\n  action: b\n", "3:3", "duplicate key action in rule 1"),
        ("os-proc-root: a\nos-proc-root: a\n", "2:1", "duplicate key os-proc-root"),
        ("? [a]\n: b\nos-proc-root: a\n", "1:3", "a key of"),
        ("os-proc-root: a\n---\nx: 1\n", "2:1", "document"),
        ("os-proc-root: a\n\tx: 1\n", "2:1", "not valid YAML"),
        ("os-proc-regex:\n- match-regex: *.py\n", "2:17", "not valid YAML"),
        ("os-proc-regex:\n- match-regex: [a-z]+\n", "2:21", "not valid YAML"),
        ('os-proc-regex:\n- match-regex: "\\d"\n', "2:17", "escape"),
        ('os-proc-regex:\n- match-regex: "a\\/b"\n', "2:18", "escape"),
        ("os-proc-root: 'a", "1:17", "not valid YAML"),
        ("os-proc-root: *nowhere", "1:15", "no anchor"),
        (" os-proc-root: a\nos-app-tag-exec: []\n", "2:1", ""),
        ("a: &a [x]\nos-proc-regex: &b [*b]\n", "2:20", "rule 1"),
    ],
)
def test_what_a_reader_refuses_is_an_error_with_its_place(
    text: str, place: str, what: str, via: Via
) -> None:
    error = refused(text, via)

    assert str(error.at) == f"agent.yaml:{place}"
    assert what in error.problem
    assert "\n" not in str(error)
    assert error.at is not None
    assert error.at.text == text.split("\n")[error.at.line - 1]


def test_an_error_says_who_refuses_and_what_to_write() -> None:
    by_server = refused("os-proc-socket-min-lifetime: '10'")
    by_agent = refused("os-proc-socket-min-lifetime: '10'", "file")
    on_the_way = refused("os-proc-socket-min-lifetime: -5")

    assert "the server refuses the configuration" in by_server.problem
    assert "rejects the whole configuration and keeps its previous one" in by_agent.problem
    assert "the server passes it on, and agent 6.5 rejects the whole" in on_the_way.problem
    assert by_server.hint == by_agent.hint == "write 10"
    assert refused("os-proc-sync-enabled: 'no'", "file").hint == "write false"
    assert (
        refused("os-proc-regex:\n- match-regex: [a-z]+\n").hint == "put the value in single quotes"
    )
    assert refused("static_config:\n\tos-proc-root: a\n").hint == (
        "YAML indents with spaces, not with tabs"
    )


@pytest.mark.parametrize(
    ("text", "alone", "through_server"),
    [
        ("os-proc-sync-enabled: yes", None, True),
        ("os-proc-sync-enabled: TRUE", None, True),
        ("os-proc-sync-enabled: true", True, True),
        ("os-proc-socket-min-lifetime: 010", None, 8),
        ("os-proc-socket-min-lifetime: 0o10", 8, 8),
        ("os-proc-socket-min-lifetime: 0x10", 16, 16),
        ("os-proc-socket-min-lifetime: 1_000", None, 1000),
        ("os-proc-socket-min-lifetime: 3.0", None, 3),
        ("os-proc-socket-min-lifetime: +5", 5, 5),
        ("os-proc-socket-min-lifetime: -0", 0, 0),
        ("os-proc-socket-min-lifetime: !!int '7'", 7, 7),
        ("os-proc-socket-min-lifetime: ~", None, 3),
        ("os-proc-root:", "~", "/proc"),
        ("os-proc-root: null", "null", "/proc"),
        ("os-proc-root: ''", "", ""),
        ("os-proc-root: 1.50", "1.50", "1.50"),
        ("os-proc-root: !!str", "", ""),
        ("os-app-tag-exec: [a, ~, 1]", ("a", "~", "1"), ("a", "1")),
        ("os-app-tag-exec: ~", None, ()),
    ],
)
def test_the_server_reads_values_otherwise_than_the_agent(
    text: str, alone: object, through_server: object
) -> None:
    def value(via: Via) -> object:
        key = text.split(":", maxsplit=1)[0]
        field = {
            "os-proc-sync-enabled": "sync_enabled",
            "os-proc-socket-min-lifetime": "min_lifetime_s",
            "os-proc-root": "proc_root",
            "os-app-tag-exec": "tag_exec",
        }[key]
        return getattr(read(text, via), field)

    assert value("server") == through_server
    if alone is None:
        refused(text, "file")
    else:
        assert value("file") == alone


def test_merge_keys_mean_something_to_the_server_alone() -> None:
    text = """\
x: &base {match-type: cmdline, action: drop}
y: &more {match-type: tag, rewrite-name: r}
os-proc-regex:
- <<: [*base, *more]
  match-regex: a
  action: accept
"""
    assert rules(read(text)) == [("cmdline", "a", "accept", "r")]
    assert rules(read(text, "file")) == [("process_name", "a", "accept", "")]


@pytest.mark.parametrize(
    "merge", ["<<: 5", "<<: [a]", "<<: ~", "<<: *r\n- &r {<<: *r}", "<<: {a: b, a: c}"]
)
def test_a_merge_of_what_is_no_mapping_is_refused_by_the_server(merge: str) -> None:
    refused(f"os-proc-regex:\n- {merge}\n")


@pytest.mark.parametrize("via", VIAS)
def test_aliases_stand_for_what_they_name(via: Via) -> None:
    text = """\
pattern: &p python3 (.*)\\.py
os-proc-regex:
- &r {match-regex: *p, action: drop}
- *r
- match-regex: &p other
- match-regex: *p
"""
    assert [rule.match_regex for rule in read(text, via).rules] == [
        "python3 (.*)\\.py",
        "python3 (.*)\\.py",
        "other",
        "other",
    ]


def test_a_rule_written_as_a_list_is_read_by_position_by_the_agent_alone() -> None:
    text = "os-proc-regex:\n- [nginx, cmdline, web, drop]\n"

    assert rules(read(text, "file")) == [("cmdline", "nginx", "drop", "web")]
    refused(text)
    refused("os-proc-regex:\n- [nginx, cmdline]\n", "file")
    refused("os-proc-regex:\n- [nginx, cmdline, web, drop, x]\n", "file")


@pytest.mark.parametrize("via", VIAS)
def test_only_known_keys_of_a_rule_may_not_stand_twice_unless_the_server_looks(via: Via) -> None:
    text = "os-proc-regex:\n- {match-regex: a, x: 1, x: 2}\n"
    if via == "server":
        refused(text, via)
    else:
        assert rules(read(text, via)) == [("process_name", "a", "accept", "")]


@pytest.mark.parametrize("via", VIAS)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_lines_may_end_in_crlf(ends: str, via: Via) -> None:
    text = "static_config:\n  os-proc-root: |\n    a\n    b\n  os-proc-regex:\n  - match-regex: (\n"
    config = read(text.replace("\n", ends), via)

    assert config.proc_root == "a\nb\n"
    assert config.rules[0].problem is not None
    assert str(config.rules[0].problem.at) == "agent.yaml:6:18"


def test_a_lone_cr_ends_no_line_for_the_agent() -> None:
    assert read("os-proc-root: a\rx: b\r").proc_root == "a"
    assert str(refused("os-proc-root: a\rx: b\n", "file").at) == "agent.yaml:1:16"


def test_a_byte_order_mark_is_nothing_to_the_server_and_a_letter_to_the_agent() -> None:
    text = "\ufeffos-proc-root: /x\nos-app-tag-exec-user: u\n"
    through, alone = read(text), read(text, "file")

    assert (through.proc_root, through.tag_exec_user) == ("/x", "u")
    assert (alone.proc_root, alone.tag_exec_user) == ("/proc", "u")
    assert [note.code for note in alone.notes] == ["lookalike-character"]
    assert str(refused("\ufeffos-proc-root: [x]").at) == "agent.yaml:1:15"


@pytest.mark.parametrize("char", ["\x01", "\x1b", "\x7f", "\x80", "\ufffe"])
def test_control_characters_are_refused_by_the_server_and_letters_to_the_agent(char: str) -> None:
    text = f"os-proc-root: a{char}b\n"

    assert str(refused(text).at) == "agent.yaml:1:16"
    assert read(text, "file").proc_root == f"a{char}b"


@pytest.mark.parametrize("char", ["\x85", "\u2028", "\u2029"])
def test_line_breaks_of_yaml_1_1_are_letters_to_the_agent_and_lost_by_the_server(
    char: str,
) -> None:
    assert read(f"os-proc-root: 'a{char}b'\n", "file").proc_root == f"a{char}b"
    refused('os-proc-root: "a\\N\\L\\Pb"\n')


def test_the_agent_reads_no_further_than_a_nul() -> None:
    config = read("os-proc-root: a\0b: [\n", "file")

    assert config.proc_root == "a"
    assert [note.code for note in config.notes] == ["text-after-nul"]
    refused("os-proc-root: a\0b\n")


def test_a_compressed_recording_in_place_of_a_configuration_is_recognised() -> None:
    with pytest.raises(ConfigError, match="not UTF-8") as caught:
        load(gzip.compress(b"{}"), "web-1.jsonl.gz")

    assert "a recording is given with -s" in str(caught.value)


@pytest.mark.parametrize("via", VIAS)
def test_bytes_that_are_no_utf8_are_an_error_at_their_place(via: Via) -> None:
    with pytest.raises(ConfigError, match="not UTF-8: byte 0xff") as caught:
        load("a: é\nos-proc-root: ".encode() + b"\xff\n", "agent.yaml", via=via)
    assert str(caught.value.at) == "agent.yaml:2:15"

    with pytest.raises(ConfigError) as caught:
        load("os-proc-root: a".encode("utf-16"), "agent.yaml", via=via)
    assert caught.value.hint == "save it as UTF-8"


def test_a_text_beyond_the_limit_is_refused() -> None:
    with pytest.raises(ConfigError, match="bytes are too many"):
        load(b"#" * (MAX_BYTES + 1), "agent.yaml")
    assert load(b"#" * MAX_BYTES, "agent.yaml").rules == ()


def test_a_hostile_file_name_does_not_reach_the_terminal() -> None:
    with pytest.raises(ConfigError) as caught:
        load(b"[", "a\x1b[31m.yaml")
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("via", VIAS)
def test_hostile_text_is_visible_in_messages(via: Via) -> None:
    words = ["static_config", "os-proc-socket-min-lifetime", "os-proc-sync-enabled"]
    for word in words:
        error = refused(f'{word}: "\\e[31m\\u202e"\n', via)
        assert error.problem.isprintable()


def test_the_vendors_typical_configuration() -> None:
    for via in VIAS:
        config = load((DATA / "vendor-typical.yaml").read_bytes(), "typical.yaml", via=via)

        assert config.sync_enabled
        assert config.notes == ()
        assert rules(config) == [
            ("process_name", "^(sleep|bash|sh|ssh|top|ps)$", "drop", ""),
            ("cmdline", r"python3 (.*)\.py", "accept", "$1-py-script"),
            ("parent_process_name", "nginx", "accept", ""),
            ("process_name", ".*", "drop", ""),
        ]
        assert [rule.at.line for rule in config.rules] == [4, 6, 10, 13]


def test_the_rules_of_the_vendors_comment() -> None:
    for via in VIAS:
        config = load((DATA / "vendor-comment.yaml").read_bytes(), "comment.yaml", via=via)

        assert config.notes == ()
        assert rules(config) == [
            ("cmdline", r"python3 (.*)\.py", "accept", "$1-py-script"),
            ("process_name", "(?P<PROC_NAME>nginx)", "accept", "${PROC_NAME}-%HOSTNAME%"),
            ("parent_process_name", "nginx", "accept", ""),
            ("process_name", ".*sleep.*", "drop", ""),
            ("tag", ".+", "accept", ""),
        ]


def test_the_vendors_commented_skeleton_matches_everything_through_the_server() -> None:
    """Its one rule has keys without values."""
    text = (DATA / "vendor-block.yaml").read_bytes()
    through, alone = load(text, "block.yaml"), load(text, "block.yaml", via="file")

    assert through.tag_exec == alone.tag_exec == ("cat", "/tmp/tag.yaml")
    assert rules(through) == [("process_name", "", "accept", "")]
    assert through.rules[0].problem is None
    assert [note.code for note in through.notes] == ["server-changes-value"]
    assert "matches every process" in words_of(through.notes[0])
    assert rules(alone) == [("~", "~", "~", "~")]
    assert alone.rules[0].problem is not None
    assert alone.rules[0].problem.code == "action"


def test_an_error_carries_its_fault() -> None:
    fault = refused("os-proc-socket-min-lifetime: '10'").fault

    assert fault is not None
    assert (fault.code, fault.by, fault.hint) == ("config-rejected", "server", "write 10")
    assert fault.consequence == "the server refuses the configuration"
    assert fault.consequence not in fault.problem


@pytest.mark.parametrize(
    ("text", "via", "codes"),
    [
        ("os-proc-regex: [", "server", ["yaml-syntax"]),
        ("a: \x01", "server", ["unreadable"]),
        ("a: 1\n---\nb: 2\n", "server", ["second-document"]),
        ("a: 1\n---\n[", "file", ["second-document"]),
        ("inputs: {proc: 5}\n", "server", ["config-rejected"]),
        (
            "os-proc-sync-enabled: maybe\nos-proc-socket-min-lifetime: x\n",
            "file",
            ["config-rejected", "config-rejected"],
        ),
    ],
)
def test_a_reading_has_all_faults_with_their_codes(text: str, via: Via, codes: list[str]) -> None:
    reading = loading.read(text.encode(), "a.yaml", via=via)

    assert [fault.code for fault in reading.faults] == codes
    assert reading.is_yaml == (codes[0] not in ("yaml-syntax", "unreadable"))
    with pytest.raises(ConfigError) as error:
        load(text.encode(), "a.yaml", via=via)
    assert error.value.fault == reading.faults[0]


@pytest.mark.parametrize("via", ["server", "file"])
def test_a_rule_with_a_duplicate_key_is_not_called_empty(via: Via) -> None:
    """The keys are refused, but they are there."""
    text = b"os-proc-regex:\n- match-regex: a\n  match-regex: b\n"

    problems = [fault.problem for fault in loading.read(text, "a.yaml", via=via).faults]

    assert problems == ["duplicate key match-regex in rule 1"]


@pytest.mark.parametrize("via", ["server", "file"])
@pytest.mark.parametrize(
    "beginning",
    [
        b'{"type":"header","format":"proccli-recording","version":2}\n{"type":"end"}\n',
        b'{"schema": "proccli/sync/v1", "snapshot": null}',
        b'{\n  "schema": "proccli/scan/v1"\n}',
        b'{"type":"header","format":"proccli-recording"}\n' + b"{}\n" * (1 << 20),
    ],
)
def test_what_proccli_wrote_is_no_configuration(beginning: bytes, via: Via) -> None:
    """As YAML, most of these would be a configuration with defaults."""
    with pytest.raises(ConfigError, match=r"written by proccli.*-s"):
        load(beginning, "web-1.jsonl", via=via)

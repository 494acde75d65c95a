"""An inputs.proc configuration does what the static_config does that it was written for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.agent.inputs import Inputs
from proccli.commands.diff.diff import changes_between
from proccli.commands.migrate.migrate import unannounced
from proccli.config.loading import read
from proccli.config.upgrading import Upgraded, upgrade
from proccli.model.process import Environment
from proccli.versions import DEFAULT_AGENT, DEFAULT_INPUTS_AGENT, agent_version
from tests.build import ListSource, host, process, tag_table
from tests.paths import ROOT

ENVIRONMENT = Environment(values={"HOSTNAME": "web-1"}, complete=True, origin="a test")
TAGS = tag_table({12: [("app", "shop")], 15: [("owner", "alice")]})
PROCESSES = [
    process(1, "/sbin/init", starttime_ticks=100, status_name="systemd"),
    process(2, ppid=0, starttime_ticks=100, status_name="kthreadd"),
    process(10, "nginx: master process /usr/sbin/nginx", ppid=1, status_name="nginx"),
    process(11, "nginx: worker process", ppid=10, status_name="nginx"),
    process(12, "/usr/bin/python3", "/opt/app.py", "--port", "80", ppid=1, status_name="python3"),
    process(13, "-bash", ppid=1, status_name="bash"),
    process(14, "sleep", "30", ppid=13, status_name="sleep"),
    process(15, "/opt/a-very-long-program-name", "x", ppid=13, status_name="a-very-long-pro"),
    process(16, "redis-server *:6379", ppid=1, status_name="redis-server"),
    process(17, "/usr/lib/jvm/bin/java", "-jar", "shop.jar", ppid=10, status_name="java"),
    process(18, "two words", "sleep", ppid=1, status_name="two words"),
]


def upgraded(text: str) -> tuple[Upgraded, Any]:
    reading = read(text.encode(), "old.yaml", agent=DEFAULT_AGENT)
    assert reading.config is not None
    assert not reading.faults
    return upgrade(reading, reading.config, agent_version(DEFAULT_INPUTS_AGENT)), reading.config


def inputs(config: Any) -> Inputs:
    return Inputs(
        config=config,
        source=ListSource(PROCESSES, at=host(kind="live", privileged=True)),
        environment=ENVIRONMENT,
        tags=TAGS,
        notes=(),
    )


def left(text: str) -> list[tuple[int, str]]:
    """The changes that no comment is about; the new text must be read without a fault."""
    new, old_config = upgraded(text)
    reading = read(new.text.encode(), "new.yaml", agent=DEFAULT_INPUTS_AGENT)
    assert reading.faults == ()
    assert reading.config is not None
    assert all(note.code != "server-refuses" for note in reading.config.notes)
    proof = changes_between(inputs(old_config), inputs(reading.config), "list")
    return [(change.pid, change.kind) for change in unannounced(proof, new)]


def matchers(text: str) -> list[str]:
    return [line.strip() for line in upgraded(text)[0].text.splitlines() if "match_regex" in line]


RULES = st.lists(
    st.fixed_dictionaries(
        {
            "match-regex": st.sampled_from(
                [
                    "nginx",
                    "^nginx: worker",
                    "^sleep$",
                    "^(bash|sleep)$",
                    r"python3 (.*)\.py",
                    "^-",
                    "java",
                    ".*",
                    "a",
                ]
            ),
            "match-type": st.sampled_from(
                ["process_name", "cmdline", "parent_process_name", "tag", "unknown"]
            ),
            "action": st.sampled_from(["accept", "drop"]),
            "rewrite-name": st.sampled_from(
                ["", "fixed", "$0-x", "$1-script", "%HOSTNAME%-$0", "$3-$x", "${2}a", "100%", "a$"]
            ),
        }
    ),
    max_size=5,
)


@given(RULES, st.booleans())
def test_all_differences_on_processes_have_a_comment(rules: Any, tagged_only: Any) -> None:
    text = json.dumps(
        {
            "os-proc-sync-enabled": True,
            "os-proc-sync-tagged-only": tagged_only,
            "os-proc-regex": rules,
        }
    )

    assert left(text) == []


@pytest.mark.parametrize("name", ["typical", "java-python", "allow-list", "yaml-comment"])
def test_the_sample_configurations_have_a_comment_at_each_difference(name: str) -> None:
    assert left((ROOT / "sample-configs" / f"{name}.yaml").read_text("utf-8")) == []


def test_the_first_rule_wins_by_an_ignore_matcher_behind_it() -> None:
    text = """\
os-proc-regex:
- {match-regex: app, match-type: cmdline, rewrite-name: one}
- {match-regex: python3, match-type: cmdline, rewrite-name: two}
"""
    new, _ = upgraded(text)

    assert new.origins == (None, 1, 1, 2, None)
    assert left(text) == []


def test_the_whole_command_line_is_rewritten() -> None:
    """FACTS B5: the new agent names a process by the rewritten match alone."""
    text = r"""
os-proc-regex:
- {match-regex: 'python3 (.*)\.py', match-type: cmdline, rewrite-name: '$1-$0-$$'}
"""

    found = matchers(text)[1]

    assert r"(?P<match>python3 (.*)\.py)" in found
    assert "rewrite_name: ${before}${3}-${match}-$$${after}" in upgraded(text)[0].text
    assert left(text) == []


@pytest.mark.parametrize(
    ("name", "template"),
    [
        ("$9-$x", "${before}-${after}"),
        ("$2", "${before}${after}"),
        ("a%HOSTNAME%", "${before}a%HOSTNAME%${after}"),
        ("$1_a", "${before}${after}"),
        ("100%", "100%"),
        ("cost$", "cost$"),
        ("${1", "${1"),
        ("$$", "${before}$$${after}"),
    ],
)
def test_a_template_means_the_same_between_two_others(name: str, template: str) -> None:
    text = json.dumps(
        {
            "os-proc-regex": [
                {"match-regex": r"(app)\.", "match-type": "cmdline", "rewrite-name": name}
            ]
        }
    )

    lines = [line.strip() for line in upgraded(text)[0].text.splitlines()]

    found = next(line for line in lines if line.startswith("rewrite_name: "))
    assert found.removeprefix("rewrite_name: ").strip("'") == template
    assert left(text) == []


def test_a_pattern_for_titles_is_compared_with_the_command_line() -> None:
    """No comm holds a colon (FACTS B4), but the title is in the arguments, too."""
    text = """\
os-proc-sync-enabled: true
os-proc-regex:
- {match-regex: '^nginx: (.*) process', match-type: process_name, rewrite-name: 'nginx-$1'}
- {match-regex: '^nginx$', match-type: process_name, rewrite-name: never}
"""
    new, old_config = upgraded(text)
    reading = read(new.text.encode(), "new.yaml", agent=DEFAULT_INPUTS_AGENT)

    proof = changes_between(inputs(old_config), inputs(reading.config), "list")

    renamed = {change.pid for change in proof.changes if change.kind != "rule"}
    assert 11 not in renamed
    assert 10 in renamed  # its last part is nginx, so the old agent applies the second rule
    assert "No comm" in new.text


def test_what_is_missing_has_the_old_default() -> None:
    text = upgraded("os-proc-root: /host/proc\n")[0].text

    for line in (
        "enabled: false",
        "socket_info_sync_interval: 10s",
        "min_lifetime: 3s",
        "process_blacklist: []",
        "proc_dir_path: /host/proc",
    ):
        assert f"    {line}\n" in text


def test_comments_stay_with_their_keys_and_rules() -> None:
    text = upgraded("""\
# the file
static_config:
  os-proc-sync-enabled: true # on
  # the rules
  os-proc-regex:
  - match-regex: "a # b" # first
    action: drop
  # second
  - match-regex: b
# the end
""")[0].text
    lines = [line.strip() for line in text.splitlines()]

    assert lines[0] == "# the file"
    assert lines[lines.index("enabled: true") - 1] == "# on"
    assert lines[lines.index("process_matcher:") - 1] == "# the rules"
    assert lines.index("# first") < lines.index("- match_regex: 'a # b'") < lines.index("# second")
    assert lines[-1] == "# the end"


def test_an_ignored_rule_and_a_parent_rule_are_comments() -> None:
    text = """\
os-proc-regex:
- match-regex: '(?=x)'
- {match-regex: ^nginx, match-type: parent_process_name}
- {match-regex: a, action: drop}
"""
    new, _ = upgraded(text)

    assert [difference.rule for difference in new.differences if difference.rule] == [1, 2, 3]
    assert "Rule 1 left out" in new.text.replace("\n      # ", " ")


def test_hostile_text_stays_in_its_comment() -> None:
    text = upgraded('os-proc-regex:\n- match-regex: "(\\n\\x1b[31m" # a\u202eb\n')[0].text

    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_difference_without_a_comment_is_found() -> None:
    """The children of nginx are dropped now, which only the comment about rule 1 announces."""
    text = """\
os-proc-sync-enabled: true
os-proc-regex:
- {match-regex: ^nginx, match-type: parent_process_name}
- {match-regex: java, action: drop, match-type: cmdline}
"""
    new, old_config = upgraded(text)
    config = read(new.text.encode(), "new.yaml", agent=DEFAULT_INPUTS_AGENT).config
    proof = changes_between(inputs(old_config), inputs(config), "list")

    silent = new._replace(differences=())

    assert [(change.pid, change.kind) for change in unannounced(proof, silent)] == [(17, "lost")]
    assert list(unannounced(proof, new)) == []

"""Rule tests: what passes, what fails, what is written anew."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from proccli.commands.inputs import InputOptions, open_inputs
from proccli.commands.test.evaluate import Overrides
from proccli.commands.test.run import Failure, RuleTestResult, run_suites
from proccli.commands.test.test_file import FIELDS, SuiteError, open_suites, read_suite
from proccli.commands.test.update import update_files
from proccli.commands.test.write import Draft, draft_suite
from proccli.errors import ConfigError, OutputError, UsageError
from proccli.terminal.warning_text import message as words_of
from tests.paths import ROOT

EXAMPLE = ROOT / "docs" / "example" / "web-1.jsonl"
SAMPLES = sorted((ROOT / "sample-configs").glob("*.yaml"))
SNAPSHOTS = ROOT / "tests" / "data" / "snapshots"

CONFIG = """\
static_config:
  os-proc-sync-enabled: true
  os-proc-regex:
    - match-regex: '^(sh|bash)$'
      action: drop
    - match-regex: '^python3 (\\w+)\\.py$'
      match-type: cmdline
      rewrite-name: $1
    - match-regex: '^owner:alice$'
      match-type: tag
    - match-regex: nginx
      match-type: parent_process_name
    - match-regex: ^batch
      rewrite-name: batch-%CLUSTER%
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with agent.yaml."""
    (tmp_path / "agent.yaml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


def write(folder: Path, text: str, name: str = "a.test.yaml") -> str:
    path = folder / name
    path.write_bytes(text.encode())
    return str(path)


def run(*paths: str, names: Sequence[str] = (), **overrides: Any) -> RuleTestResult:
    return run_suites(open_suites(paths), Overrides(**overrides), names)


def one(folder: Path, process: str, expect: str, head: str = "") -> list[Failure]:
    """The failures of a single test."""
    text = f"config: agent.yaml\n{head}tests:\n- name: one\n  {process}\n  expect: {expect}\n"
    (result,) = run(write(folder, text)).results
    assert result.passed == (not result.failures)
    return list(result.failures)


@pytest.mark.parametrize(
    ("process", "expect"),
    [
        ("{cmdline: [bash]}", "{status: dropped, reason: rule, rule: 1, action: drop}"),
        ("{cmdline: [bash]}", "{gprocess: null, tags: {}}"),
        ("{cmdline: [python3, shop.py]}", "{status: accepted, rule: 2, gprocess: shop}"),
        ("{cmdline: [python3, shop.py], parents: [[nginx]]}", "{rule: 2}"),
        ("{cmdline: [x], parents: [[sh, -c, nginx], [/usr/sbin/nginx, -g]]}", "{rule: 4}"),
        ("{cmdline: [x], parents: [[sh, -c, nginx]]}", "{rule: 0, reason: implicit-accept}"),
        ("{cmdline: [x], parents: [[], [nginx]]}", "{rule: 0, action: accept}"),
        ("{cmdline: [x], tags: {owner: [bob, alice]}}", "{rule: 3, tags: {owner: [alice, bob]}}"),
        ("{title: 'nginx: worker process'}", "{rule: 0, gprocess: 'nginx: worker process'}"),
        ("{cmdline: []}", "{status: skipped, reason: no-cmdline, rule: null, action: null}"),
        ("{cmdline: [x], uptime_s: 2}", "{reason: min-lifetime}"),
        ("{cmdline: [x], uptime_s: 3}", "{status: accepted}"),
        ("{cmdline: [x], uptime_s: -1}", "{reason: future-start}"),
        ("{cmdline: [batch]}", "{status: unknown, reason: env-unknown}"),
    ],
)
def test_made_up_processes_pass(folder: Path, process: str, expect: str) -> None:
    assert one(folder, f"process: {process}", expect) == []


def test_a_failure_has_the_expected_and_the_actual_value(folder: Path) -> None:
    failures = one(
        folder,
        "process: {cmdline: [python3, shop.py], tags: {owner: bob}}",
        "{rule: 4, gprocess: app, action: accept, tags: {owner: alice}}",
    )

    assert failures == [
        Failure(field="rule", expected=4, got=2),
        Failure(field="gprocess", expected="app", got="shop"),
        Failure(field="tags", expected=(("owner", "alice"),), got=(("owner", "bob"),)),
    ]


def test_more_tags_than_expected_are_a_failure(folder: Path) -> None:
    process = "process: {cmdline: [x], tags: {owner: bob, team: blue}}"

    assert [failure.field for failure in one(folder, process, "{tags: {owner: bob}}")] == ["tags"]


def test_an_unknown_outcome_passes_only_tests_that_expect_it(folder: Path) -> None:
    process = "process: {cmdline: [batch]}"

    (failure,) = one(folder, process, "{gprocess: null, rule: 5}")
    assert (failure.field, failure.got) == ("status", "unknown")
    assert one(folder, process, "{gprocess: null, status: unknown}") == []
    assert one(folder, process, "{gprocess: batch-}", 'env: {CLUSTER: ""}\n') == []
    assert one(folder, process, "{gprocess: batch-fra1}", "env: {CLUSTER: fra1}\n") == []


def test_variables_of_our_own_environment_are_not_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLUSTER", "ours")

    assert one(folder, "process: {cmdline: [batch]}", "{status: unknown}") == []


def test_a_test_that_fails_is_explained_and_one_that_passes_is_not(folder: Path) -> None:
    text = (
        "config: agent.yaml\ntests:\n"
        "- {name: good, process: {cmdline: [sh]}, expect: {rule: 1}}\n"
        "- {name: bad, process: {cmdline: [zsh]}, expect: {rule: 1}}\n"
    )
    good, bad = run(write(folder, text)).results

    assert good.explained is None
    assert bad.explained is not None
    (explanation,) = bad.explained.explanations
    assert [trace.outcome for trace in explanation.trace] == ["no-match"] * 5


def test_coverage_counts_the_tests_that_each_rule_decided(folder: Path) -> None:
    text = (
        "config: agent.yaml\ntests:\n"
        "- {name: a, process: {cmdline: [sh]}, expect: {rule: 1}}\n"
        "- {name: b, process: {cmdline: [bash]}, expect: {rule: 2}}\n"
        "- {name: c, process: {cmdline: [x]}, expect: {rule: 0}}\n"
    )
    a, b = write(folder, text), write(folder, text.replace("bash", "python3, a.py"), "b.test.yaml")
    result = run(a, b)

    assert [(row.rule.index, row.hits) for row in result.coverage] == [
        (1, 3),
        (2, 1),
        (3, 0),
        (4, 0),
        (5, 0),
    ]
    assert not result.partial
    assert run(a, b, names=["[ac]"]).partial


def test_a_file_that_is_named_twice_is_run_once(folder: Path) -> None:
    text = "config: agent.yaml\ntests:\n- {name: a, process: {title: x}, expect: {rule: 0}}\n"
    (folder / "below").mkdir()
    (folder / ".git").mkdir()
    inner = write(folder / "below", text.replace("agent", "../agent"), "b.test.yml")
    outer = write(folder, text)
    write(folder / ".git", "not: a test", "hidden.test.yaml")
    write(folder, "not: a test", "other.yaml")
    (folder / "link").symlink_to("below")

    result = run(str(folder), outer, inner)

    assert [
        Path(path).samefile(one.suite.file)
        for path, one in zip([outer, inner], result.results, strict=True)
    ] == [True, True]


def test_a_recorded_process_is_selected_by_pid_or_by_name(tmp_path: Path) -> None:
    text = (
        f"config: {ROOT}/sample-configs/typical.yaml\ntests:\n"
        f"- {{name: a, recording: {EXAMPLE}, pid: 16, expect: {{rule: 3}}}}\n"
        f"- {{name: b, recording: {EXAMPLE}, process_name: java, expect: {{rule: 4}}}}\n"
        f"- {{name: masked, recording: {EXAMPLE}, pid: 18, expect: {{rule: 2}}}}\n"
    )
    a, b, masked = run(write(tmp_path, text)).results

    assert (a.passed, b.passed) == (True, True)
    assert [(failure.field, failure.got) for failure in masked.failures] == [("status", "unknown")]


@pytest.mark.parametrize(
    ("test", "problem"),
    [
        ("recording: none.jsonl, pid: 1", ":3:24: recording: "),
        ("recording: a.test.yaml, pid: 1", ":3:24: recording: "),
        (f"recording: {EXAMPLE}, pid: 4242", "no process 4242 in the recording"),
        (f"recording: {EXAMPLE}, process_name: nobody", "no process is called nobody"),
        (
            f"recording: {EXAMPLE}, process_name: 'nginx: worker process'",
            "2 processes are named nginx: worker process; give a pid (pid: 16, 17)",
        ),
        ("recording: '-', pid: 1", ":3:24: recording: "),
    ],
)
def test_a_recording_that_cannot_be_used_is_an_error_with_its_place(
    folder: Path, test: str, problem: str
) -> None:
    text = f"config: agent.yaml\ntests:\n- {{name: a, {test}, expect: {{rule: 1}}}}\n"
    with pytest.raises(SuiteError) as caught:
        run(write(folder, text))

    assert problem in str(caught.value)
    assert f"{folder}/a.test.yaml:3:" in str(caught.value)


def test_a_configuration_that_cannot_be_used_is_an_error(folder: Path) -> None:
    test = "tests:\n- {name: a, process: {title: x}, expect: {rule: 0}}\n"
    with pytest.raises(SuiteError, match=r"a\.test\.yaml:1:9: config: .*none\.yaml: no such file"):
        run(write(folder, f"config: none.yaml\n{test}"))
    with pytest.raises(SuiteError, match="no configuration given"):
        run(write(folder, test))
    with pytest.raises(SuiteError, match=r"/-: no such file"):
        run(write(folder, f"config: '-'\n{test}"))
    write(folder, "static_config: [", "broken.yaml")
    with pytest.raises(ConfigError, match=r"broken\.yaml:1:"):
        run(write(folder, f"config: broken.yaml\n{test}"))
    assert run(write(folder, test), config=str(folder / "agent.yaml")).passed


def test_the_command_line_overrides_the_file(folder: Path) -> None:
    write(folder, CONFIG.replace("|bash", ""), "new.yaml")
    text = (
        "config: agent.yaml\nenv: {CLUSTER: a}\ntests:\n"
        "- {name: a, process: {cmdline: [bash]}, expect: {rule: 1}}\n"
        "- {name: b, process: {cmdline: [batch]}, expect: {gprocess: batch-b}}\n"
    )
    path = write(folder, text)

    assert [one.passed for one in run(path).results] == [True, False]
    assert [one.passed for one in run(path, env={"CLUSTER": "b"}).results] == [True, True]
    (other,) = run(path, names=["a"], config=str(folder / "new.yaml")).results
    assert not other.passed


def test_a_folder_that_cannot_be_read_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, "config: agent.yaml\ntests:\n- {name: a, process: {title: x}, expect: {rule: 0}}")
    below = folder / "below"
    below.mkdir()
    real = os.scandir

    def refused(path: Any) -> Any:
        if Path(path) == below:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refused)  # root may look everywhere
    with pytest.raises(SuiteError, match=f"cannot read the directory {below}: Permission denied"):
        open_suites([str(folder)])


def test_a_directory_laid_out_like_proc_can_replace_a_recording(folder: Path) -> None:
    root = folder / "proc"
    (root / "7").mkdir(parents=True)
    (root / "stat").write_text("btime 1767225600\n", encoding="utf-8")
    (root / "uptime").write_text("1000.00 1.00\n", encoding="utf-8")
    (root / "7" / "cmdline").write_bytes(b"bash\0")

    assert one(folder, "recording: proc\n  pid: 7", "{rule: 1}") == []


def test_unknown_tags_do_not_meet_an_expectation(folder: Path) -> None:
    write(folder, f"{CONFIG}  os-app-tag-exec: [tags]\n", "agent.yaml")
    recorded = f"recording: {EXAMPLE}\n  pid: 22"

    (failure,) = one(folder, recorded.replace("22", "21"), "{status: unknown, tags: {}}")
    assert (failure.field, failure.got) == ("tags", None)


def test_the_example_of_the_page_is_read() -> None:
    page = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    suite = read_suite(page.split("```yaml\n")[1].split("```")[0].encode(), "web.test.yaml")

    assert [case.at.line for case in suite.cases] == [4, 7]
    for name in FIELDS:
        assert f"| `{name}` | " in page


def test_a_pattern_that_matches_no_test_is_wrong_usage(folder: Path) -> None:
    text = "config: agent.yaml\ntests:\n- {name: a, process: {title: x}, expect: {rule: 0}}\n"
    with pytest.raises(UsageError, match="no test name matches b"):
        run(write(folder, text), names=["b"])


def test_warnings_of_a_configuration_are_reported_once(folder: Path) -> None:
    write(folder, CONFIG.replace("^(sh|bash)$", "(?!x)").replace("true", "false"), "agent.yaml")
    text = (
        "config: agent.yaml\ntests:\n- {name: a, process: {title: batch}, expect: {rule: 0}}\n"
        f"- {{name: b, recording: {EXAMPLE}, pid: 1, expect: {{rule: 0}}}}\n"
        "- {name: c, process: {title: batch}, expect: {rule: 0}}\n"
    )
    both = write(folder, text), write(folder, text, "b.test.yaml")
    notes = run(*both).notes

    assert [note.code for note in notes] == [
        "rule-thrown-away",
        "env-unknown",  # for made-up processes of a
        "env-unknown",  # for those of the recording
        "env-unknown",  # for made-up processes of b
        "sync-disabled",
    ]
    assert f"%CLUSTER% is not known: give it under env: in {both[0]}" == words_of(notes[1])
    assert len(set(notes)) == 5


# ---- --update ----------------------------------------------------------------------------------

LAYOUT = """\
# Our rules, and why.
config: agent.yaml   # beside this

tests:
- name: shop   # the most important one
  process: {cmdline: [python3, shop.py]}
  expect:
    gprocess: "web"   # was: app
    rule: 4
- {name: flow, process: {cmdline: [bash], tags: {a: 1}}, expect: {status: accepted, gprocess: sh}}
- name: tags
  process: {cmdline: [x], tags: {owner: alice, team: "a: b"}}
  expect:
    tags:
      owner: bob   # the boss
      team: 'blue'
    rule: 3

    # the last word
- name: other tags
  process: {cmdline: [x], tags: {owner: [a, b]}}
  expect:
    tags:
      team: x   # goes
    gprocess:
- name: unknown
  process: {cmdline: [batch]}
  expect: {gprocess: batch}
- name: right
  process: {cmdline: [sh]}
  expect:  {  rule:   1  }
# the end"""

UPDATED = [
    ('    gprocess: "web"   # was: app', '    gprocess: "shop"   # was: app'),
    ("    rule: 4", "    rule: 2"),
    ("{status: accepted, gprocess: sh}}", "{status: dropped, gprocess: null}}"),
    ("      owner: bob   # the boss", "      owner: alice   # the boss"),
    ("      team: 'blue'", "      team: 'a: b'"),
    ("      team: x   # goes", "      {owner: [a, b]}   # goes"),
    ("    gprocess:\n", "    gprocess: x\n"),
]


def update(path: str) -> RuleTestResult:
    suites = open_suites([path])
    update_files(suites, run_suites(suites, Overrides()))
    return run(path)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_an_update_changes_the_values_and_nothing_else(folder: Path, ends: str) -> None:
    wanted = LAYOUT
    for old, new in UPDATED:
        assert wanted.count(old) == 1
        wanted = wanted.replace(old, new)
    path = write(folder, "\ufeff" + LAYOUT.replace("\n", ends))
    Path(path).chmod(0o640)

    result = update(path)

    assert Path(path).read_bytes().decode() == "\ufeff" + wanted.replace("\n", ends)
    assert Path(path).stat().st_mode & 0o777 == 0o640
    assert [one.case.name for one in result.results if not one.passed] == ["unknown"]
    assert sorted(path.name for path in folder.iterdir()) == ["a.test.yaml", "agent.yaml"]


def test_after_a_change_of_a_rule_an_update_is_a_minimal_diff(folder: Path) -> None:
    path = write(folder, LAYOUT)
    update(path)
    before = Path(path).read_text(encoding="utf-8")
    write(folder, CONFIG.replace("rewrite-name: $1", "rewrite-name: py-$1"), "agent.yaml")

    result = update(path)

    after = Path(path).read_text(encoding="utf-8")
    changed = [
        line
        for line in difflib.ndiff(before.splitlines(), after.splitlines())
        if line.startswith(("+ ", "- "))
    ]
    assert changed == [
        '-     gprocess: "shop"   # was: app',
        '+     gprocess: "py-shop"   # was: app',
    ]
    assert [one.case.name for one in result.results if not one.passed] == ["unknown"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n    gprocess: |\n      old\n      lines\n    # c", "\n    gprocess: shop\n    # c"),
        ("\n    gprocess: >-\n      old", "\n    gprocess: shop"),
        ("\n    gprocess:\n      old\n      words # c", "\n    gprocess:\n      shop # c"),
        ("\n    ? gprocess\n    : old", "\n    ? gprocess\n    : shop"),
        ("\n    rule: 7\n    gprocess:   # c", "\n    rule: 2\n    gprocess: shop   # c"),
        (" {gprocess}", " {gprocess: shop}"),
        (" {gprocess, rule: 1}", " {gprocess: shop, rule: 2}"),
        (' {"gprocess":old}', ' {"gprocess":shop}'),
        (" { gprocess: old words\n     here , rule: ~ }", " { gprocess: shop , rule: 2 }"),
        (" {gprocess: 'it''s'}", " {gprocess: 'shop'}"),
        (' {gprocess: "a\\\n    b"}', ' {gprocess: "shop"}'),
        (" {tags: {owner: [a]}}", " {tags: {owner: bob}}"),
        (
            "\n    tags:\n      owner:\n      - a\n      - b # c",
            "\n    tags:\n      {owner: bob} # c",
        ),
        ("\n    tags: {}   # c", "\n    tags: {owner: bob}   # c"),
    ],
)
def test_a_value_is_changed_however_it_is_written(folder: Path, old: str, new: str) -> None:
    head = (
        "config: agent.yaml\ntests:\n- name: a\n"
        "  process: {cmdline: [python3, shop.py], tags: {owner: bob}}\n  expect:"
    )
    path = write(folder, f"{head}{old}\n# the end\n")

    assert update(path).passed
    assert Path(path).read_text(encoding="utf-8") == f"{head}{new}\n# the end\n"


def test_names_that_need_quotes_are_written_with_them(folder: Path) -> None:
    names = ["null", "~", "1", "a: b", "- x", "a #b", "\x1b[31m", "é\u202e", '"', "\\", "{x}", "'"]
    tests = "".join(
        f"- name: t{number}\n  process: {{cmdline: [{json.dumps(name)}]}}\n"
        "  expect: {gprocess: x}\n"
        for number, name in enumerate(names)
    )
    result = update(write(folder, f"config: agent.yaml\ntests:\n{tests}"))

    assert [one.failures for one in result.results] == [()] * len(names)
    assert [one.outcome.gprocess for one in result.results] == names


def test_a_shared_expectation_is_updated_if_that_is_right_for_all(folder: Path) -> None:
    text = (
        "config: agent.yaml\ntests:\n"
        "- {name: a, process: {cmdline: [sh]}, expect: &e {status: accepted}}\n"
        "- {name: b, process: {cmdline: [bash]}, expect: *e}\n"
    )
    assert update(write(folder, text)).passed
    path = write(folder, text.replace("cmdline: [bash]", "title: x"))
    with pytest.raises(SuiteError, match="'a' cannot be changed in place"):
        update(path)
    assert Path(path).read_text(encoding="utf-8") == text.replace("cmdline: [bash]", "title: x")


def test_a_value_shared_with_another_test_is_not_updated(folder: Path) -> None:
    text = (
        "config: agent.yaml\ntests:\n"
        "- {name: a, process: {title: x}, expect: {gprocess: &n y}}\n"
        "- {name: b, process: {title: *n}, expect: {rule: 0}}\n"
    )
    path = write(folder, text)
    with pytest.raises(SuiteError, match="cannot be changed in place"):
        update(path)
    assert Path(path).read_text(encoding="utf-8") == text


def test_an_alias_itself_is_replaced(folder: Path) -> None:
    text = (
        "config: agent.yaml\ntests:\n"
        "- {name: a, process: {title: &n y}, expect: {rule: 0}}\n"
        "- {name: b, process: {title: z}, expect: {gprocess: *n }}\n"
    )
    path = write(folder, text)

    assert update(path).passed
    assert Path(path).read_text(encoding="utf-8") == text.replace("*n", "z")


def test_several_files_are_updated_together_or_not_at_all(folder: Path) -> None:
    good = "config: agent.yaml\ntests:\n- {name: a, process: {title: x}, expect: {rule: 1}}\n"
    bad = (
        "config: agent.yaml\ntests:\n"
        "- {name: a, process: {cmdline: [sh]}, expect: &e {rule: 5}}\n"
        "- {name: b, process: {title: x}, expect: *e}\n"
    )
    first, second = write(folder, good), write(folder, bad, "b.test.yaml")
    suites = open_suites([first, second])
    with pytest.raises(SuiteError):
        update_files(suites, run_suites(suites, Overrides()))

    assert Path(first).read_text(encoding="utf-8") == good


def test_a_file_changed_in_the_meantime_is_not_overwritten(folder: Path) -> None:
    text = "config: agent.yaml\ntests:\n- {name: a, process: {title: x}, expect: {rule: 1}}\n"
    path = write(folder, text)
    suites = open_suites([path])
    result = run_suites(suites, Overrides())
    write(folder, f"# mine\n{text}")

    with pytest.raises(OutputError, match="was changed in the meantime"):
        update_files(suites, result)
    assert Path(path).read_text(encoding="utf-8") == f"# mine\n{text}"


# ---- init --------------------------------------------------------------------------------------


def draft(config: Path, snapshot: Path, file: Path, **more: Any) -> Draft:
    options = InputOptions(config=str(config), snapshot=str(snapshot), **more)
    made = draft_suite(open_inputs(options), options, str(file))
    file.write_text(made.text, encoding="utf-8")
    return made


@pytest.mark.parametrize("config", SAMPLES, ids=lambda path: path.name)
@pytest.mark.parametrize(
    "snapshot",
    [EXAMPLE, *sorted(path for path in SNAPSHOTS.iterdir() if ".jsonl" in path.name)],
    ids=lambda path: path.name,
)
def test_what_init_writes_passes(config: Path, snapshot: Path, tmp_path: Path) -> None:
    tags = write(tmp_path, "[{pid: 19, tags: [{key: owner, value: alice}]}]", "tags")
    file = tmp_path / "a.test.yaml"
    made = draft(config, snapshot, file, tags=tags, env={"CLUSTER": "fra1", "HOSTNAME": "x"})

    result = run(str(file))
    assert result.passed
    assert len(result.results) == made.tests


def test_without_known_outcomes_init_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"none of 11 processes has a known outcome .*--tags FILE"):
        draft(
            ROOT / "sample-configs" / "fleet-tags.yaml",
            EXAMPLE,
            tmp_path / "a.test.yaml",
            env={"CLUSTER": "fra1"},
        )


def test_init_writes_one_test_for_each_outcome_and_no_secret(tmp_path: Path) -> None:
    file = tmp_path / "a.test.yaml"
    made = draft(ROOT / "sample-configs" / "typical.yaml", EXAMPLE, file)

    result = run(str(file))
    assert [one.outcome.decided_by for one in result.results] == [4, 3, 2, 1]
    assert (made.tests, made.unknown, made.undescribed) == (4, 1, 0)
    assert "***" not in made.text
    assert "cmdline: ['-bash', '--norc', '-i']" in made.text  # the shortest that rule 4 drops


def test_a_process_that_cannot_be_described_refers_to_the_recording(folder: Path) -> None:
    write(folder, CONFIG.replace("^(sh|bash)$", "^java$"), "agent.yaml")
    file = folder / "a.test.yaml"
    draft(folder / "agent.yaml", EXAMPLE, file)

    by_rule = {one.outcome.decided_by: one for one in run(str(file)).results}
    assert f"  recording: {EXAMPLE}\n  pid: 20\n" in file.read_text(encoding="utf-8")
    assert by_rule[1].passed


def test_a_live_secret_is_not_written(folder: Path) -> None:
    """A directory has no masked spans, like a live machine."""
    proc = folder / "proc"
    (proc / "7").mkdir(parents=True)
    (proc / "stat").write_text("btime 1767225600\n", encoding="utf-8")
    (proc / "uptime").write_text("1000.00 1.00\n", encoding="utf-8")
    for pid, ppid, cmdline in (
        (7, 0, b"app\0--password=hunter2\0"),
        (8, 7, b"sh\0"),
        (9, 0, b"x\xff\0"),
    ):
        (proc / str(pid)).mkdir(exist_ok=True)
        (proc / str(pid) / "cmdline").write_bytes(cmdline)
        numbers = f"{ppid} " + "0 " * 17 + "100 " + "0 " * 30
        (proc / str(pid) / "stat").write_text(f"{pid} (x) S {numbers}\n", encoding="utf-8")
    made = draft(folder / "agent.yaml", proc, folder / "a.test.yaml")

    assert (made.tests, made.undescribed) == (1, 2)
    assert "hunter2" not in made.text
    assert "cmdline: [sh]" in made.text
    assert "parents: [[app]]" in made.text


def test_init_writes_the_environment_and_the_tags(folder: Path) -> None:
    write(
        folder, "[{pid: 19, tags: [{key: owner, value: alice}, {key: owner, value: bob}]}]", "tags"
    )
    write(folder, CONFIG.replace("^batch", "redis"), "agent.yaml")
    file = folder / "a.test.yaml"
    draft(
        folder / "agent.yaml",
        EXAMPLE,
        file,
        env={"CLUSTER": "a b"},
        tags=str(folder / "tags"),
        via="file",
    )
    text = file.read_text(encoding="utf-8")

    assert "env: {CLUSTER: a b}\n" in text
    assert "via: file\n" in text
    assert "tags: {owner: [alice, bob]}" in text
    result = run(str(file))
    assert result.passed
    assert {3, 5} <= {one.outcome.decided_by for one in result.results}


def test_a_tag_that_is_inherited_needs_the_recording_and_gets_no_test_without_it(
    folder: Path,
) -> None:
    """The recording itself was made without tags."""
    write(folder, "[{pid: 14, tags: [{key: owner, value: alice}]}]", "tags")
    made = draft(folder / "agent.yaml", EXAMPLE, folder / "a.test.yaml", tags=str(folder / "tags"))

    assert made.undescribed > 0
    assert run(str(folder / "a.test.yaml")).passed


def test_paths_are_relative_to_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "below").mkdir()
    monkeypatch.chdir(folder)
    (folder / "web.jsonl").write_bytes(EXAMPLE.read_bytes())
    draft(Path("agent.yaml"), Path("web.jsonl"), Path("below/a.test.yaml"))

    assert (folder / "below/a.test.yaml").read_text(encoding="utf-8").splitlines()[1] == (
        "config: '../agent.yaml'"
    )
    monkeypatch.chdir("/")
    assert run(str(folder / "below")).passed


@pytest.mark.parametrize("config", [None, "-"])
def test_init_needs_a_configuration_file(config: str | None) -> None:
    options = InputOptions(config=config, config_text=b"", snapshot=str(EXAMPLE))
    with pytest.raises(UsageError, match="need a configuration file"):
        draft_suite(open_inputs(options), options, None)

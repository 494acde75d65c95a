"""`proccli test` and `proccli test init`, as a user runs them."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from jsonschema import Draft202012Validator

from proccli.cli.help import Option
from proccli.commands.schema.command import schema_text
from proccli.commands.test.command import init
from proccli.commands.test.write import scalar
from tests.cli.runner import PROGRAM, call, environment, on_a_terminal, spawn
from tests.paths import ROOT
from tests.waiting import LONG_S

SAMPLES = ROOT / "sample-configs"
EXAMPLE = ROOT / "docs" / "example" / "web-1.jsonl"

TESTS = """\
config: agent.yaml
tests:
- name: a shell
  process: {cmdline: [sh]}
  expect: {status: dropped, rule: 1}
- name: the shop
  process: {cmdline: [python3, shop.py], tags: {owner: [a, b], team: c}}
  expect: {rule: 2, gprocess: app, tags: {owner: a}}
"""
CONFIG = """\
os-proc-sync-enabled: true
os-proc-regex:
- {match-regex: ^sh$, action: drop}
- {match-regex: 'python3 (.*)\\.py', match-type: cmdline, rewrite-name: $1}
- {match-regex: nginx}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a configuration and two tests, one of which fails."""
    (tmp_path / "agent.yaml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "a.test.yaml").write_text(TESTS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_samples_pass_and_hit_every_rule() -> None:
    ran = call("test", str(SAMPLES))

    assert (ran.code, ran.err) == (0, "")
    assert "29 tests: 29 passed\n" in ran.out
    assert "no hits" not in ran.out


def test_a_failure_shows_what_was_expected_and_the_trace(folder: Path) -> None:
    ran = call("test")

    assert ran.code == 1
    assert ran.out == (
        "a.test.yaml  agent.yaml · agent 6.5, via server\n"
        "  ok    a shell\n"
        "  FAIL  the shop  a.test.yaml:6\n"
        "        gprocess  expected app, got shop\n"
        "        tags      expected {owner: a}, got {owner: [a, b], team: c}\n"
        "\n"
        "        made up  python3  →  shop   accepted by rule 2    agent 6.5 (static_config)\n"
        "          ancestors   python3\n"
        "          command     python3 shop.py\n"
        "          tags        os.app.owner=a, os.app.owner=b, os.app.team=c\n"
        "\n"
        "         #1   no match           process_name ~ ^sh$    agent.yaml:3\n"
        '              "python3"\n'
        "         #2   MATCH → accept     cmdline ~ python3 (.*)\\.py    agent.yaml:4\n"
        '              "python3 shop.py"\n'
        "               ^^^^^^^^^^^^^^^\n"
        '              $1 = "shop"\n'
        "              rewrite      $1\n"
        '              replaces     "python3 shop.py" → "shop"\n'
        "              name         shop\n"
        "         Not reached; their results would be:\n"
        "         #3   would not match    process_name ~ nginx    agent.yaml:5\n"
        "\n"
        "2 tests: 1 passed, 1 failed\n"
        "agent.yaml: 2 of 3 rules hit; no hits: #3 (line 5)\n"
    )


def test_quiet_prints_only_what_failed(folder: Path) -> None:
    loud, quiet = call("test"), call("test", "--quiet")

    failed = [line for line in loud.out.splitlines() if "  FAIL  " in line]
    assert quiet.code == loud.code == 1
    assert [line for line in quiet.out.splitlines() if "  FAIL  " in line] == failed
    assert "  ok  " not in quiet.out
    assert quiet.out.splitlines()[-2:] == loud.out.splitlines()[-2:]


def test_quiet_success_prints_nothing() -> None:
    ran = call("test", "-q", str(SAMPLES))

    assert (ran.code, ran.out, ran.err) == (0, "", "")


@pytest.mark.parametrize("other", ["--json", "--coverage"])
def test_quiet_excludes_what_it_would_hide(other: str) -> None:
    assert call("test", "-q", other, str(SAMPLES)).code == 2


def test_lines_fit_a_terminal_and_have_colours(folder: Path) -> None:
    ran = on_a_terminal("test", "--coverage", columns=60)

    plain = re.sub(r"\x1b\[[0-9;]*m", "", ran.out)
    assert ran.code == 1
    assert "\x1b[" in ran.out
    trace = plain[plain.index("made up") : plain.index("TESTS  RULE")]
    assert max(map(len, trace.splitlines())) <= 60
    assert "    0  #3   agent.yaml:5  process_name ~ nginx\n" in plain


def test_selected_tests_print_no_coverage(folder: Path) -> None:
    ran = call("test", "--run", "a *")

    assert ran.code == 0
    assert ran.out.endswith("\n1 test: 1 passed\n")
    assert call("test", "--run", "zzz").code == 2


def test_json_is_valid_against_its_schema(folder: Path) -> None:
    ran = call("test", "--json")

    given = json.loads(ran.out)
    schema = json.loads(schema_text("test"))
    Draft202012Validator(schema).validate(given)
    assert list(given) == list(schema["properties"])
    assert ran.code == 1
    assert given["tests"][0] == {
        "file": "a.test.yaml",
        "line": 3,
        "name": "a shell",
        "passed": True,
        "failures": [],
    }
    assert given["tests"][1]["failures"] == [
        {"field": "gprocess", "expected": "app", "got": "shop"},
        {
            "field": "tags",
            "expected": {"owner": "a"},
            "got": {"owner": ["a", "b"], "team": "c"},
        },
    ]
    assert given["coverage"][2] == {"config": "agent.yaml", "rule": 3, "line": 5, "hits": 0}
    lines = call("test", "-o", "jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == given["tests"]


HOSTILE = "<&>]]>\"' \x00 \x1b[31m \x85 \u202e \ufffe \U0001f600"


def test_junit_has_the_elements_that_its_readers_expect(folder: Path) -> None:
    ran = call("test", "--junit", "report.xml")

    root = ElementTree.parse(folder / "report.xml").getroot()
    assert ran.code == 1
    assert root.tag == "testsuites"
    (suite,) = root
    for element in (root, suite):
        counts = [element.get(name) for name in ("tests", "failures", "errors", "skipped")]
        assert counts == ["2", "1", "0", "0"]
        assert float(element.get("time") or "x") >= 0
    passed, failed = suite
    assert (suite.get("name"), suite.tag) == ("a.test.yaml", "testsuite")
    assert [case.tag for case in suite] == ["testcase", "testcase"]
    assert passed.attrib.keys() == {"classname", "name", "file", "line", "time"}
    assert (passed.get("name"), len(passed)) == ("a shell", 0)
    (failure,) = failed
    assert failure.tag == "failure"
    assert (failure.get("message") or "").startswith("gprocess: expected app, got shop; tags: ")
    assert (failure.text or "").startswith("a.test.yaml:6:3\ngprocess: expected app")
    assert "#2   MATCH" in (failure.text or "")
    assert (folder / "report.xml").stat().st_mode & 0o777 == 0o644


def test_hostile_names_are_escaped_in_reports(folder: Path) -> None:
    name = HOSTILE.replace("\0", "\x01")
    quoted = scalar(name)
    text = (
        f"config: agent.yaml\ntests:\n- name: {quoted}\n  process: {{title: {quoted}}}\n"
        "  expect: {gprocess: x}\n"
    )
    (folder / "a.test.yaml").write_text(text, encoding="utf-8")
    ran = call("test", "--junit", "report.xml")

    (suite,) = ElementTree.parse(folder / "report.xml").getroot()
    (case,) = suite
    assert case.get("name") == ("<&>]]>\"' \\x01 \\x1b[31m \\x85 \\u202e \\ufffe \U0001f600")
    assert "\x1b" not in ran.out + ran.err
    assert json.loads(call("test", "--json").out)["tests"][0]["name"] == name


def test_a_report_replaces_the_previous_one_atomically(folder: Path) -> None:
    (folder / "report.xml").write_text("old", encoding="utf-8")
    call("test", "--junit", "report.xml")
    assert (folder / "report.xml").read_text(encoding="utf-8").startswith("<?xml")

    ran = call("test", "--junit", "none/report.xml")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("proccli: error: can't write none/report.xml: ")


def test_an_error_in_a_file_is_shown_with_a_caret(folder: Path) -> None:
    (folder / "a.test.yaml").write_text(TESTS.replace("gprocess", "g-process"), encoding="utf-8")
    ran = call("test")

    assert (ran.code, ran.out) == (3, "")
    assert ran.err == (
        "proccli: error: a.test.yaml:8:21: expect has no key g-process (did you mean gprocess?)\n"
        "      expect: {rule: 2, g-process: app, tags: {owner: a}}\n"
        "                        ^\n"
    )


def test_a_folder_without_tests_is_not_a_success(tmp_path: Path) -> None:
    ran = call("test", str(tmp_path))

    assert ran.code == 3
    assert "no test files (*.test.yaml) in " in ran.err


def test_tests_can_be_read_from_stdin(folder: Path) -> None:
    assert call("test", "-", "--run", "a shell", stdin=TESTS.encode()).code == 0
    assert call("test", "-c", "-", "a.test.yaml", stdin=CONFIG.encode()).code == 1
    assert call("test", "-c", "-", "-", stdin=b"").code == 2
    assert call("test", "--update", "-", stdin=TESTS.encode()).code == 2


def test_tests_can_be_read_from_a_pipe(folder: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{shlex.join(PROGRAM)} test <(cat a.test.yaml) --run 'a shell'"],
        env=environment(),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=LONG_S,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_option_overrides_the_configuration_of_the_file(folder: Path) -> None:
    (folder / "new.yaml").write_text(CONFIG.replace("^sh$", "^bash$"), encoding="utf-8")

    for ran in (
        call("test", "-c", "new.yaml", "--run", "a shell"),
        call("test", "--run", "a shell", env={"PROCCLI_CONFIG": "new.yaml"}),
    ):
        assert ran.code == 1
        assert ran.out.startswith("a.test.yaml  new.yaml · ")


def test_an_update_makes_the_tests_pass_and_reports_its_changes(folder: Path) -> None:
    ran = call("test", "--update")

    assert ran.code == 0
    assert ran.err == "proccli: a.test.yaml: updated 2 expected values in 1 test\n"
    assert (folder / "a.test.yaml").read_text(encoding="utf-8") == TESTS.replace(
        "{rule: 2, gprocess: app, tags: {owner: a}}",
        "{rule: 2, gprocess: shop, tags: {owner: [a, b], team: c}}",
    )
    again = call("test", "--update")
    assert (again.code, again.err) == (0, "")


def test_tests_that_were_not_selected_are_not_updated(folder: Path) -> None:
    assert call("test", "--update", "--run", "a shell").code == 0
    assert (folder / "a.test.yaml").read_text(encoding="utf-8") == TESTS


# ---- init --------------------------------------------------------------------------------------

TYPICAL = ("-c", str(SAMPLES / "typical.yaml"), "-s", str(EXAMPLE))


def test_init_then_test_passes(tmp_path: Path) -> None:
    file = str(tmp_path / "web.test.yaml")
    ran = call("test", "init", *TYPICAL, file)

    assert (ran.code, ran.out) == (0, "")
    assert ran.err == (
        f"proccli: 4 tests; without a test: 1 process with an unknown outcome, written to {file}\n"
    )
    assert call("test", file).code == 0
    assert Path(file).stat().st_mode & 0o777 == 0o644


def test_init_overwrites_a_file_only_with_force(tmp_path: Path) -> None:
    file = tmp_path / "web.test.yaml"
    file.write_text("mine", encoding="utf-8")

    assert call("test", "init", *TYPICAL, str(file)).code == 3
    assert file.read_text(encoding="utf-8") == "mine"
    assert call("test", "init", *TYPICAL, str(file), "--force").code == 0
    assert call("test", str(file)).code == 0


def test_init_without_a_file_prints(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    ran = call("test", "init", *TYPICAL)

    assert ran.out == call("test", "init", *TYPICAL, "-").out
    assert call("test", "-", stdin=ran.out.encode()).code == 0


def test_init_on_this_machine(folder: Path) -> None:
    """Whatever runs here: at least the interpreter of this test."""
    ran = call("test", "init", "-c", "agent.yaml", "live.test.yaml")

    assert ran.code == 0
    assert call("test", "live.test.yaml").code == 0


def test_a_file_named_init_needs_its_folder(folder: Path) -> None:
    (folder / "a.test.yaml").rename("init")

    assert call("test", "./init").code == 1
    assert call("test", "init").code in (2, 3)
    assert call("test", "--run", "a shell", "init").code == 0


def test_init_has_its_own_help() -> None:
    ran = call("test", "init", "--help")

    assert ran.code == 0
    assert ran.out.startswith("Create a test file from the current outcomes.")
    assert "Usage: proccli test init [OPTIONS] [FILE]" in ran.out
    for parameter in init.params:
        if isinstance(parameter, Option):
            assert (parameter.help or "").endswith("."), parameter.name


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("proccli test in", {"init"}),
        ("proccli test --co", {"--config", "--color", "--coverage"}),
        ("proccli test init --f", {"--force"}),
    ],
)
def test_the_shell_completes_it(line: str, expected: set[str]) -> None:
    ran = spawn(env={"_PROCCLI_COMPLETE": "bash_complete", "COMP_WORDS": line})
    found = {item.split("\t")[1] for item in ran.stdout.splitlines()}

    assert expected <= found

"""Diagnostics as text, JSON, SARIF and annotations."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from proccli.commands.check.check import CheckResult, FileReport
from proccli.commands.check.json import check_document, check_github, check_lines, check_sarif
from proccli.commands.check.text import check_text
from proccli.commands.schema.command import schema_text
from proccli.diagnostics.lint import lint
from proccli.terminal.lines import cells
from proccli.terminal.view import ASCII, View

TEXT = """\
static_config:
  os-proc-sync-enabled: true
  os-proc-regex:
    - match-regex: '^nginx(?!-debug)'
    - match-regex: '^.*python3 (\\S+)\\.py.*$'
      match-type: cmdline
      rewrite-name: $1_py
    - match-regex: '^a'
    - match-regex: '^ab'
      action: drop
"""


def result(*texts: tuple[str, str]) -> CheckResult:
    reports = []
    for name, text in texts or (("agent.yaml", TEXT),):
        found = lint(text.encode(), name)
        reports.append(
            FileReport(file=name, diagnostics=found.diagnostics, unreachable=found.unreachable)
        )
    return CheckResult(reports=tuple(reports))


def test_a_diagnostic_shows_place_line_caret_effect_and_help() -> None:
    shown = check_text(result(), View(width=100))

    assert (
        'error[rewrite-group]: rewrite-name refers to group "1_py", which does not exist'
        " ($1_py reads as\n"
        "  ${1_py})\n"
        " --> agent.yaml:7:21\n"
        "  |\n"
        "7 |       rewrite-name: $1_py\n"
        "  |                     ^^^^^\n"
        "  |\n"
        "  = effect: the reference becomes empty\n"
        "  = help: write ${1}_py\n"
    ) in shown
    assert shown.splitlines()[-1] == "Found 3 errors and 1 info in 1 file."


def test_a_clean_file_gets_one_line() -> None:
    clean = "os-proc-sync-enabled: true\nos-proc-regex: [{match-regex: .*}]"

    assert check_text(result(("a", clean)), View()) == "No problems found in 1 file.\n"


@pytest.mark.parametrize("width", [20, 40, 80])
def test_lines_fit_and_the_caret_stays_under_the_fault(width: int) -> None:
    padding = "x" * 150
    text = (
        f"os-proc-sync-enabled: true\nos-proc-regex:\n- match-regex: {padding}日本(?=y){padding}\n"
    )
    lines = check_text(result(("agent.yaml", text)), View(width=width, glyphs=ASCII)).splitlines()
    caret = next(line for line in lines if line.endswith("^^^"))
    excerpt = lines[lines.index(caret) - 1]

    # What is not broken at all: the mark of a continued line and one word.
    least = 36
    assert all(cells(((line, ""),)) <= max(width, least) for line in lines)
    before = excerpt.partition("(?=")[0]
    assert cells(((before, ""),)) == caret.index("^")


def test_colours_change_nothing_but_colours() -> None:
    import re

    plain = check_text(result(), View(width=80))
    coloured = check_text(result(), View(width=80, colour=True))

    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured).split() == plain.split()


def test_hostile_text_is_escaped() -> None:
    hostile = 'os-proc-regex:\n- match-regex: "\\e[31m(?=\\u202e"\n  rewrite-name: "\\e]0;x\\a$9"\n'
    name = "a\x1b[31m\u202e\n.yaml"
    made = result((name, hostile + "  [bold]x[/bold]: \u202e\n"))
    shown = [check_text(made, View()), check_github(made), check_sarif(made).decode()]

    for text in (*shown, check_document(made).decode()):
        assert not {"\x1b", "\u202e", "\a"} & set(text)


def test_the_document_is_valid_against_its_schema() -> None:
    given = json.loads(check_document(result()))
    schema = json.loads(schema_text("check"))

    Draft202012Validator(schema).validate(given)
    assert list(given) == ["schema", "diagnostics", "unreachable", "warnings"]
    for element, part in (
        (given["diagnostics"][0], "diagnostic"),
        (given["unreachable"][0], "unreachable"),
    ):
        assert list(element) == list(schema["$defs"][part]["properties"])
    assert given["diagnostics"][0] == {
        "severity": "error",
        "code": "regex-syntax",
        "message": "invalid match-regex: look-around, including look-ahead and look-behind,"
        " is not supported",
        "file": "agent.yaml",
        "line": 4,
        "column": 27,
        "end_line": 4,
        "end_column": 30,
        "rule": 1,
        "hint": given["diagnostics"][0]["hint"],
    }
    assert given["unreachable"] == [
        {"rule": 4, "by": [3], "proof": "proven", "reaches": None, "taken": "ab"}
    ]


def test_lines_are_the_diagnostics() -> None:
    made = result(("a.yaml", TEXT), ("b.yaml", TEXT))
    lines = [json.loads(line) for line in check_lines(made).splitlines()]

    assert lines == json.loads(check_document(made))["diagnostics"]
    assert [line["file"] for line in lines] == ["a.yaml"] * 4 + ["b.yaml"] * 4


def sarif(made: CheckResult) -> Any:
    return json.loads(check_sarif(made))


def test_sarif_has_a_result_for_each_and_a_rule_for_each_code() -> None:
    given = sarif(result())
    (run,) = given["runs"]
    rules = run["tool"]["driver"]["rules"]

    assert given["version"] == "2.1.0"
    assert run["columnKind"] == "unicodeCodePoints"
    assert [one["level"] for one in run["results"]] == ["error", "error", "error", "note"]
    for one in run["results"]:
        assert rules[one["ruleIndex"]]["id"] == one["ruleId"]
    assert run["results"][0]["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "agent.yaml"},
                "region": {"startLine": 4, "startColumn": 27, "endLine": 4, "endColumn": 30},
            }
        }
    ]
    assert "**Cause.**" in rules[0]["help"]["markdown"]


def test_sarif_has_file_uris_and_reports_unusable_files() -> None:
    made = result(("/etc/a b%é.yaml", TEXT))

    uri = sarif(made)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert uri["artifactLocation"]["uri"] == "file:///etc/a%20b%25%C3%A9.yaml"
    assert sarif(made)["runs"][0]["invocations"] == [{"executionSuccessful": True}]
    lost = CheckResult(reports=(FileReport(file="x", diagnostics=(), usable=False),))
    assert sarif(lost)["runs"][0]["invocations"] == [{"executionSuccessful": False}]


def test_annotations_escape_the_syntax_of_github() -> None:
    text = (
        'os-proc-sync-enabled: true\nos-proc-regex:\n- match-regex: ^a$\n  rewrite-name: "100%"\n'
    )
    lines = check_github(result(("a,b:c%.yaml", text))).splitlines()
    (line,) = [line for line in lines if "rewrite-percent" in line]

    assert line.startswith(
        "::warning file=a%2Cb%3Ac%25.yaml,line=4,endLine=4,col=21,endColumn=22,"
        "title=rewrite-percent::percent sign at the end%0Aeffect: it is removed%0Ahelp: "
    )
    assert "%25" in line.partition("help: ")[2]


def test_annotations_of_several_lines_have_no_columns() -> None:
    text = "os-proc-regex:\n- match-regex: >-\n    /usr\n    /bin\n"
    lines = check_github(result(("a", text))).splitlines()

    assert any("line=3,endLine=4,title=never-matches" in line for line in lines)

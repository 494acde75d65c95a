"""`proccli check` as a user runs it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from proccli.model.codes import DIAGNOSTICS
from proccli.model.process import FieldError
from proccli.sources.recording.writer import write_recording
from tests.build import ListSource, host, process
from tests.cli.runner import call, on_a_terminal, spawn

CLEAN = "os-proc-sync-enabled: true\nos-proc-regex:\n- match-regex: .*\n"
WARNS = CLEAN + "  match-typ: cmdline\n"
FAILS = CLEAN + "- match-regex: a(?=b)\n"
BROKEN = "a: [\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "agent.yaml"


@pytest.mark.parametrize(
    ("text", "fail_on", "code"),
    [
        (CLEAN, "warning", 0),
        (WARNS, "error", 0),
        (WARNS, "warning", 1),
        (FAILS, "error", 1),
        ("os-proc-socket-min-lifetime: -5\n", "error", 1),
        (BROKEN, "error", 3),
        ("inputs: {proc: 5}\n", "error", 1),
    ],
)
def test_the_exit_code_depends_on_the_severity(
    file: Path, text: str, fail_on: str, code: int
) -> None:
    file.write_text(text, encoding="utf-8")
    for form in ("table", "json", "jsonl", "sarif", "github"):
        ran = call("check", str(file), "--fail-on", fail_on, "-o", form)
        assert (ran.code, ran.err) == (code, "")


def test_the_worst_of_several_files_sets_the_exit_code_and_all_are_reported(tmp_path: Path) -> None:
    names = []
    for name, text in (("a.yaml", BROKEN), ("b.yaml", FAILS), ("c.yaml", CLEAN)):
        (tmp_path / name).write_text(text, encoding="utf-8")
        names.append(str(tmp_path / name))
    ran = call("check", *names)

    assert ran.code == 3
    assert ran.out.index("yaml-syntax") < ran.out.index("regex-syntax")
    assert ran.out.splitlines()[-1].endswith(" in 3 files.")


def test_a_missing_file_is_one_line_on_stderr_and_part_of_the_document(file: Path) -> None:
    ran = call("check", str(file), "--json")

    assert ran.code == 3
    assert ran.err == f"proccli: error: {file}: no such file\n"
    (found,) = json.loads(ran.out)["diagnostics"]
    assert (found["code"], found["file"], found["line"], found["column"]) == (
        "unreadable",
        str(file),
        1,
        1,
    )
    assert "unreadable" not in call("check", str(file)).out


def test_the_file_may_be_an_option_a_variable_or_standard_input(file: Path) -> None:
    file.write_text(FAILS, encoding="utf-8")
    variable = {"PROCCLI_CONFIG": str(file)}

    assert call("check", "-c", str(file)).code == 1
    assert call("check", env=variable).code == 1
    assert "<stdin>:4:" in call("check", "-", stdin=FAILS.encode()).out
    assert call("check", "-", stdin=CLEAN.encode(), env=variable).code == 0
    assert call("check", str(file), "-c", str(file)).out.endswith(" in 1 file.\n")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "no configuration given"),
        (["-", "-s", "-"], "can read standard input"),
        (["--explain", "rewrite-grup"], "did you mean rewrite-group"),
        (["--explain", "zzz"], "unknown diagnostic code 'zzz'"),
        (["x", "-o", "xml"], "'xml' is not one of"),
    ],
)
def test_wrong_usage(arguments: list[str], problem: str) -> None:
    ran = call("check", *arguments)

    assert (ran.code, ran.out) == (2, "")
    assert problem in ran.err


def test_a_page_explains_a_code(file: Path) -> None:
    ran = call("check", "--explain", "rewrite-group")

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("# rewrite-group: ")
    assert "**Fix.**" in ran.out


def test_without_a_code_all_codes_are_listed() -> None:
    ran = call("check", "--explain")

    assert ran.code == 0
    lines = [line.split(maxsplit=2) for line in ran.out.splitlines()]
    assert {code: severity for code, severity, _ in lines} == dict(DIAGNOSTICS)
    assert ["rewrite-group", "error", "reference to a missing group"] in lines
    assert call("check", "--explain=rewrite-group").out.startswith("# rewrite-group: ")


def test_via_and_env_change_the_diagnostics(file: Path) -> None:
    file.write_text(
        "os-proc-sync-enabled: yes\nos-proc-regex:\n- {match-regex: .*, rewrite-name: x-%ZONE%}\n",
        encoding="utf-8",
    )

    assert call("check", str(file)).code == 0
    assert call("check", str(file), "--via", "file").code == 1
    assert "rewrite-env" in call("check", str(file)).out
    assert "rewrite-env" not in call("check", str(file), "--env", "ZONE=b").out


def test_recordings_show_which_rules_no_process_reaches(
    shop: tuple[str, ...], file: Path, tmp_path: Path
) -> None:
    snapshot = Path(shop[shop.index("-s") + 1])
    other = tmp_path / "other"
    shutil.copytree(snapshot, other, symlinks=True)
    file.write_text(
        "os-proc-sync-enabled: true\nos-proc-regex:\n- match-regex: ^no-such-program$\n"
        "- match-regex: .*\n",
        encoding="utf-8",
    )
    twice = ("-s", str(snapshot), "-s", str(snapshot))
    ran = call("check", str(file), *twice, "-s", str(other), "--json")
    found = [
        one for one in json.loads(ran.out)["diagnostics"] if one["code"] == "rule-not-observed"
    ]

    assert [one["rule"] for one in found] == [1]
    assert "these 2 recordings" in found[0]["message"]


@pytest.mark.parametrize(
    ("host_fields", "process_fields"),
    [
        ({"sees_all": False}, {}),  # hidepid: others may be there
        ({}, {"cmdline": None, "errors": (FieldError("cmdline", "denied", "EACCES"),)}),
    ],
)
def test_what_its_reader_could_not_see_may_match_any_rule(
    host_fields: dict[str, Any], process_fields: dict[str, Any], file: Path, tmp_path: Path
) -> None:
    file.write_text(
        "os-proc-sync-enabled: true\nos-proc-regex:\n- match-regex: ^no-such-program$\n"
        "- match-regex: .*\n",
        encoding="utf-8",
    )
    source = ListSource(
        [process(10, "/bin/app"), process(11, "/bin/other", **process_fields)],
        at=host(privileged=False, **host_fields),
    )
    snapshot = tmp_path / "web-1.jsonl"
    with snapshot.open("wb") as out:
        write_recording(out, source)

    ran = call("check", str(file), "-s", str(snapshot), "--json")
    assert "rule-not-observed" not in [one["code"] for one in json.loads(ran.out)["diagnostics"]]


def test_on_a_terminal_there_are_colours_and_everything_fits(file: Path) -> None:
    file.write_text(FAILS.replace("a(?=b)", f"{'a' * 90}(?=b)"), encoding="utf-8")
    ran = on_a_terminal("check", str(file), columns=60)

    assert ran.code == 1
    assert "\x1b[1;31merror[regex-syntax]" in ran.out
    assert "…" in ran.out


def test_the_same_text_gives_the_same_output(file: Path) -> None:
    file.write_text(FAILS + WARNS.partition("\n")[2].partition("\n")[2], encoding="utf-8")

    runs = {spawn("check", str(file), env={"PYTHONHASHSEED": seed}).stdout for seed in "012"}
    assert len(runs) == 1


MATCHERS = """inputs:
  proc:
    enabled: true
    process_matcher:
    - match_regex: '^nginx'
      rewrite_name: web
      only_in_container: false
      enabled_features: [proc.gprocess_info]
"""


def test_an_upgrade_is_compared_alone(file: Path) -> None:
    file.write_text(MATCHERS, encoding="utf-8")
    ran = call("check", str(file), "--compare", "7.0.3,7.1.8", "--json")

    found = json.loads(ran.out)["diagnostics"]
    assert ran.code == 0
    assert {"upgrade-rule", "upgrade-setting"} <= {one["code"] for one in found}
    assert "sockets-off" not in {one["code"] for one in found}
    assert [one["line"] for one in found if one["code"] == "upgrade-rule"] == [5]


def test_an_upgrade_that_loses_every_rule_fails(file: Path) -> None:
    file.write_text(CLEAN, encoding="utf-8")

    assert call("check", str(file), "--compare", "6.5,7.1.8").code == 1


@pytest.mark.parametrize(
    "wrong",
    [("7.1.8",), ("7.1.8,",), ("6.5,7.1.8,main",), ("6.5,9.9",), ("6.5,7.1", "--agent", "6.5")],
)
def test_compare_takes_two_versions_and_no_other_agent(file: Path, wrong: tuple[str, ...]) -> None:
    file.write_text(CLEAN, encoding="utf-8")

    assert call("check", str(file), "--compare", *wrong).code == 2

"""The job behind `proccli check`: files, recordings, exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from proccli.commands.check.check import (
    CheckOptions,
    CheckResult,
    FileReport,
    RuleHits,
    check,
    unreached_rules,
)
from proccli.diagnostics.lint import lint
from proccli.errors import SourceError
from proccli.model.config import Diagnostic
from proccli.model.process import Host
from tests.build import ListSource, host, process

RULES = (
    "os-proc-sync-enabled: true\n"
    "os-proc-regex:\n"
    "- match-regex: ^(nginx|java)\n"
    "- match-regex: ^java -jar\n"
    "  match-type: cmdline\n"
    "  action: drop\n"
    "- match-regex: ^redis\n"
    "- match-regex: .*\n"
    "  action: drop\n"
)


def observed(text: str, *sources: ListSource) -> dict[int | None, Diagnostic]:
    found = lint(text.encode(), "agent.yaml")
    assert found.config is not None
    assert found.context is not None
    seen = RuleHits()
    for source in sources:
        seen.add(found.config, source, {})
    return {one.rule: one for one in unreached_rules(found.context, seen, [])}


def test_a_rule_hidden_by_earlier_rules_is_reported_with_their_numbers() -> None:
    source = ListSource([process(1, "java", "-jar", "a"), process(2, "bash")])
    found = observed(RULES, source)

    assert sorted(found, key=str) == [2, 3]
    assert found[2].effect == "it matches 1 process, all decided by rule 1"
    assert found[2].message == "no process of this recording reaches rule 2"
    assert found[3].message == "no process of this recording matches rule 3"
    assert {one.severity for one in found.values()} == {"info"}


def test_a_process_in_any_recording_is_enough() -> None:
    found = observed(
        RULES, ListSource([process(1, "bash")]), ListSource([process(1, "redis-server")])
    )

    assert sorted(found, key=str) == [1, 2]
    assert "these 2 recordings" in found[1].message


def test_a_process_skipped_before_the_rules_matches_none() -> None:
    young = process(1, "nginx", starttime_ticks=9_744_400)
    assert 1 in observed(RULES, ListSource([young]))


def test_an_undetermined_match_is_not_reported() -> None:
    masked = process(1, "redis-server", masked_spans=((0, 5),))
    found = observed(RULES, ListSource([masked], at=redacted()))

    assert found == {}


def redacted() -> Host:
    return host(redacted=True)


def test_the_worst_exit_code_wins() -> None:
    fine = FileReport(file="a", diagnostics=())
    place = lint(b"", "a").diagnostics[0]
    warned = FileReport(file="b", diagnostics=(place,))
    failed = FileReport(file="c", diagnostics=lint(b"a: [", "c").diagnostics)
    lost = FileReport(file="d", diagnostics=(), usable=False)

    assert place.severity == "warning"
    assert CheckResult(reports=(fine,)).exit_code("warning") == 0
    assert CheckResult(reports=(fine, warned)).exit_code("error") == 0
    assert CheckResult(reports=(warned, fine)).exit_code("warning") == 1
    assert CheckResult(reports=(warned, failed)).exit_code("error") == 1
    assert CheckResult(reports=(lost, failed)).exit_code("error") == 3


def test_an_unreadable_file_does_not_stop_the_check_of_others(tmp_path: Path) -> None:
    good = tmp_path / "good.yaml"
    good.write_text(RULES, encoding="utf-8")
    result = check(CheckOptions(files=(str(tmp_path / "none.yaml"), str(tmp_path), str(good))))

    assert [report.usable for report in result.reports] == [False, False, True]
    assert [one.message for one in result.diagnostics if one.code == "unreadable"] == [
        "no such file",
        "is a directory: name a file in it",
    ]
    assert [one.severity for one in result.reports[2].diagnostics] == []


def test_a_missing_tag_command_is_reported_and_none_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "was-run"
    script = tmp_path / "tags"
    script.write_text(f"#!/bin/sh\ntouch {mark}\n", encoding="utf-8")
    script.chmod(0o755)
    file = tmp_path / "agent.yaml"
    file.write_text(
        f"{RULES}os-app-tag-exec: [{script}]\nos-app-tag-exec-user: no-such-user-here\n",
        encoding="utf-8",
    )
    found = [one.code for one in check(CheckOptions(files=(str(file),))).diagnostics]

    assert found == ["tag-exec-no-timeout", "tag-user-missing"]
    script.unlink()
    assert "tag-exec-missing" in [
        one.code for one in check(CheckOptions(files=(str(file),))).diagnostics
    ]
    assert not mark.exists()


def test_an_invalid_recording_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "agent.yaml"
    file.write_text(RULES, encoding="utf-8")

    with pytest.raises(SourceError):
        check(CheckOptions(files=(str(file),), snapshots=(str(file),)))

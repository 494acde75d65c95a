"""What is proposed for hosts, and how it is proven."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import pytest

from proccli.agent.pipeline import Pipeline
from proccli.commands.check.check import CheckOptions, check
from proccli.commands.inputs import InputOptions, open_inputs
from proccli.commands.suggest.suggest import SuggestResult
from proccli.errors import ConfigError, UsageError
from tests.commands.suggest.hosts import names, recording, running, suggested
from tests.paths import ROOT
from tests.steps import growth

SHOP = (
    running(10, "/usr/bin/python3", "/opt/shop/worker.py", "--queue", "mail"),
    running(11, "/usr/bin/python3", "/opt/shop/report.py"),
    running(12, "java", "-Xmx1g", "-jar", "/opt/pay/pay-1.4.jar"),
    running(13, "nginx: master process /usr/sbin/nginx -g daemon off;"),
    running(14, "nginx: worker process"),
    running(15, "/usr/sbin/mysqld"),
    running(16, "sleep", "60"),
    running(17, "sleep", "30"),
    running(18, "-bash"),
)


def outcomes(result: SuggestResult, path: str, text: str | None = None) -> dict[int, str | None]:
    """The names under a text, `-` for what is not sent."""
    options = InputOptions(
        config="x",
        config_text=(text or result.text).encode(),
        agent=result.config.agent,
        snapshot=path,
    )
    inputs = open_inputs(options)
    found = Pipeline(inputs).outcomes(inputs.source.pids())
    return {
        outcome.process.pid: outcome.gprocess if outcome.status == "accepted" else "-"
        for outcome in found
    }


def errors(result: SuggestResult) -> list[str]:
    """The errors that `check` finds in the proposed text."""
    with NamedTemporaryFile(suffix=".yaml") as file:
        file.write(result.text.encode())
        file.flush()
        found = check(CheckOptions(files=(file.name,), agent=result.config.agent))
    return [d.code for d in found.diagnostics if d.severity == "error"]


@pytest.fixture
def shop(tmp_path: Path) -> str:
    return recording(tmp_path / "web-1.jsonl", SHOP)


def test_each_program_gets_its_name_and_noise_is_dropped_by_count(shop: str) -> None:
    result = suggested(shop)

    assert outcomes(result, shop) == {
        10: "worker",
        11: "report",
        12: "pay",
        13: "nginx",
        14: "nginx",
        15: "mysqld",
        16: "-",
        17: "-",
        18: "-",
    }
    assert result.counts.unclear_before == 5
    assert result.counts.unclear_after == 0
    assert result.counts.dropped == 3
    assert "# Dropped, 2 processes: sleep 2" in result.text
    assert errors(result) == []


def test_noise_stays_where_it_is_wanted(shop: str) -> None:
    result = suggested(shop, drops=False)

    assert "-" not in outcomes(result, shop).values()


@pytest.mark.parametrize(
    "agent",
    ["6.2.0", "6.2.6", "6.5", "6.6.6", "6.6.9", "7.0.9", "7.1"],
)
def test_the_proposal_is_for_the_chosen_agent(agent: str, shop: str) -> None:
    result = suggested(shop, agent=agent)

    named = outcomes(result, shop)
    assert {pid: named[pid] for pid in (10, 11, 12)} == {10: "worker", 11: "report", 12: "pay"}
    assert result.config.agent == agent
    assert result.counts.unclear_after == 0
    assert errors(result) == []


def test_an_agent_that_applies_no_rules_gets_none(shop: str) -> None:
    with pytest.raises(UsageError, match=r"6\.6\.5 does not apply rules"):
        suggested(shop, agent="6.6.5")


def test_programs_of_the_same_name_on_several_hosts_are_told_apart(tmp_path: Path) -> None:
    one = recording(
        tmp_path / "a.jsonl", [running(1, "python3", "/srv/orders-1.2/worker.py")], name="a"
    )
    other = recording(
        tmp_path / "b.jsonl",
        [
            running(1, "python3", "/srv/orders-1.3/worker.py"),
            running(2, "python3", "/srv/mail/worker.py"),
        ],
        name="b",
    )

    result = suggested(one, other)

    assert names(result) == ["mail-worker", "orders-worker"]
    assert outcomes(result, other) == {1: "orders-worker", 2: "mail-worker"}
    assert "a 1 python3" in result.text


# ---- existing rules ---------------------------------------------------------------------------

CONFIG = """\
# ours
group: g-1
static_config:
  os-proc-sync-enabled: true # on
  os-proc-regex:
  # mail is theirs
  - match-regex: 'queue mail'
    match-type: cmdline
    action: drop

  # all java
  - match-regex: '^java$'
  - match-regex: '^nginx: worker.*$'
    match-type: cmdline
    rewrite-name: web
  # the rest
  - match-regex: .*
    action: drop
max_cpus: 1
"""


def test_only_what_rules_leave_unclear_is_named_and_in_the_right_place(shop: str) -> None:
    result = suggested(shop, config=CONFIG)

    before = outcomes(result, shop, CONFIG)
    assert outcomes(result, shop) == {**before, 12: "pay"}
    assert names(result) == ["pay"]
    lines, old = result.text.splitlines(), CONFIG.splitlines()
    start, added = old.index("  # all java"), len(lines) - len(old)
    assert lines[start].startswith("  # java -jar")
    assert lines[:start] + lines[start + added :] == old


def test_a_name_that_a_rule_gives_to_several_programs_is_split(shop: str) -> None:
    config = (
        "static_config:\n  os-proc-regex:\n"
        "  - match-regex: '^.*python3.*$'\n    match-type: cmdline\n    rewrite-name: py\n"
        "  - match-regex: '^(nginx|mysqld).*$'\n    match-type: cmdline\n    rewrite-name: base\n"
    )

    result = suggested(shop, config=config)

    named = outcomes(result, shop)
    assert (named[10], named[11]) == ("worker", "report")


def test_a_group_that_a_rule_makes_of_other_programs_stays(tmp_path: Path) -> None:
    path = recording(
        tmp_path / "a.jsonl", [running(1, "nginx: worker process"), running(2, "redis-server *:1")]
    )
    config = (
        "static_config:\n  os-proc-regex:\n"
        "  - match-regex: '^(nginx|redis).*$'\n    match-type: cmdline\n    rewrite-name: x\n"
    )

    result = suggested(path, config=config)

    assert result.rules == ()
    assert result.text == config


@pytest.mark.parametrize(
    "config",
    [
        "static_config:\n",
        "static_config:\n  os-proc-sync-enabled: true\n",
        "static_config:\n  os-proc-regex: []\n  os-proc-sync-enabled: true\n",
        "os-proc-sync-enabled: true\nos-proc-regex:\n- match-regex: ^x$\n  action: drop",
        "static_config:\r\n  os-proc-regex:\r\n  - match-regex: ^x$\r\n    action: drop\r\n",
        "os-proc-regex:\n-\n  match-regex: ^x$\n  rewrite-name: |-\n    y\n",
    ],
)
def test_rules_are_added_to_any_list_written_line_by_line(config: str, shop: str) -> None:
    result = suggested(shop, config=config)

    assert outcomes(result, shop)[12] == "pay"
    assert "\r" not in result.text.replace("\r\n", "")
    assert ("\r\n" in config) == ("\r\n" in result.text)


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ("static_config: {os-proc-regex: [{match-regex: x}]}\n", "write the mapping as a block"),
        ("static_config:\n  os-proc-regex: [{match-regex: x}]\n", "in brackets"),
        ("a: &a\n- match-regex: x\nstatic_config:\n  os-proc-regex: *a\n", "alias"),
        ("inputs:\n  proc:\n    enabled: true\n   x: 1\n", "the server can't load this: not valid"),
    ],
)
def test_a_list_that_can_not_be_extended_is_an_error_with_its_place(
    config: str, problem: str, shop: str
) -> None:
    with pytest.raises(ConfigError, match=problem) as raised:
        suggested(shop, config=config)
    assert raised.value.at is not None


MATCHERS = """\
inputs:
  proc:
    enabled: true
    process_matcher:
      - match_regex: report
        match_type: cmdline_with_args
        ignore: true
        only_in_container: false
        enabled_features: [proc.gprocess_info]
      - match_regex: .*
        only_in_container: false
        enabled_features: [proc.gprocess_info]
      - match_regex: '^java '
        match_type: cmdline_with_args
        rewrite_name: billing
        only_in_container: false
        enabled_features: [proc.gprocess_info]
"""


def test_matchers_keep_what_others_ignore_or_name(shop: str) -> None:
    result = suggested(shop, config=MATCHERS)

    named = outcomes(result, shop)
    assert (named[10], named[11], named[12]) == ("worker", "-", "billing")
    assert "proc.socket_list" not in result.text
    assert errors(result) == []


def test_the_agents_own_matchers_are_written_out_before_others_are_added(tmp_path: Path) -> None:
    container = f"0::/docker/{'a' * 64}\n"
    path = recording(
        tmp_path / "a.jsonl",
        [
            running(1, "nginx: worker process", comm="ngx"),
            running(2, "ruby", "/srv/x.rb", cgroup=container),
        ],
    )
    config = "inputs:\n  proc:\n    enabled: true\n"

    result = suggested(path, config=config, agent="7.1")

    assert names(result) == ["x"]
    assert outcomes(result, path) == {1: "-", 2: "x"}
    assert outcomes(result, path, config)[2] == "ruby"
    assert result.text.count("match_regex") == 8


# ---- supervisors, masks, hostile text ---------------------------------------------------------


def test_what_a_supervisor_starts_is_no_noise(tmp_path: Path) -> None:
    path = recording(
        tmp_path / "a.jsonl",
        [
            running(5, "runsvdir", "/etc/service"),
            running(6, "sh", "-c", "while true; do poll; done", ppid=5),
            running(7, "sh", "-c", "date"),
        ],
    )

    result = suggested(path)

    assert outcomes(result, path) == {5: "runsvdir", 6: "sh", 7: "-"}
    assert "parent_process_name" in result.text
    newer = suggested(path, agent="7.0.9")
    assert outcomes(newer, path)[6] == "sh"
    assert "parent_process_name" not in newer.text


def test_no_rule_and_no_comment_contains_what_is_masked(tmp_path: Path) -> None:
    secret = "s3cr3t-Xk29fLq8Zw"
    processes = [
        running(
            1,
            "java",
            "-Dspring.application.name=orders",
            f"-Ddb.password={secret}",
            "-jar",
            "a.jar",
        ),
        running(2, "java", f"-Ddb.password={secret}", "-jar", "/opt/pay/pay-1.0.jar"),
        running(3, "python3", f"--token={secret}"),
    ]
    for masked in (True, False):
        path = recording(tmp_path / f"{masked}.jsonl", processes, masked=masked)

        result = suggested(path)

        assert secret not in result.text
        assert secret not in json.dumps([rule.pattern for _, rule in result.rules])
        assert names(result) == ["orders", "pay"]
        assert (result.counts.renamed, result.counts.unproven) == ((0, 2) if masked else (2, 0))
        assert result.counts.unclear_after == (3 if masked else 1)


HOSTILE = (
    "x\n    - match-regex: .*\n      action: drop",
    "\x1b[31mred\x07 \u2028 \u202e \x85 # - ' \" {}",
    "a: b\r\nc: [d",
    "%PATH% $1 ${x} \\n",
    "\ufeff\u200b\U000e0041",
)


def test_hostile_arguments_stay_on_their_line_of_a_comment(tmp_path: Path) -> None:
    processes = [
        running(pid, "python3", f"/opt/{word}/w{pid}.py", text)
        for pid, (word, text) in enumerate(zip("abcde", HOSTILE, strict=True), start=1)
    ]
    path = recording(tmp_path / "a.jsonl", processes)

    result = suggested(path)

    assert outcomes(result, path) == {pid: f"w{pid}" for pid in range(1, 6)}
    assert len(result.config.rules) == len(result.rules)
    assert result.text.isprintable() or set(result.text) - {"\n"} <= set(
        filter(str.isprintable, result.text)
    )


def test_a_name_with_control_characters_is_not_proposed(tmp_path: Path) -> None:
    path = recording(
        tmp_path / "a.jsonl",
        [running(1, "python3", "/opt/a\x1b[31m.py"), running(2, "java", "-jar", "x\ny.jar")],
    )

    result = suggested(path)

    assert result.rules == ()
    assert {left.reason for left in result.left} == {"no-program"}


def test_processes_that_a_general_rule_would_also_change_get_the_rules_of_their_own(
    tmp_path: Path,
) -> None:
    """The second line looks like a title, and is a program with a file of that name."""
    path = recording(
        tmp_path / "a.jsonl",
        [
            running(1, "nginx: worker process"),
            running(2, "postgres: checkpointer"),
            running(3, "keep: me", "x"),
        ],
    )
    config = (
        "static_config:\n  os-proc-regex:\n"
        "  - match-regex: '^keep: me x$'\n    match-type: cmdline\n    rewrite-name: kept\n"
    )

    result = suggested(path, config=config)

    assert outcomes(result, path) == {1: "nginx", 2: "postgres", 3: "kept"}


def test_interpreters_whose_arguments_name_no_program_are_counted(tmp_path: Path) -> None:
    path = recording(
        tmp_path / "a.jsonl",
        [
            running(1, "python3", "-c", "import x"),
            running(2, "node", "-e", "1"),
            running(3, "php-fpm8.2", "--nodaemonize"),
        ],
    )

    result = suggested(path)

    assert {left.outcome.process.pid: left.reason for left in result.left} == {
        1: "no-program",
        2: "no-program",
    }
    assert (result.counts.unclear_before, result.counts.unclear_after) == (2, 2)
    assert result.rules == ()


def test_one_rule_serves_a_program_in_all_its_releases(tmp_path: Path) -> None:
    path = recording(
        tmp_path / "a.jsonl",
        [
            running(1, "python3.10", "/opt/shop-1.2/app.py"),
            running(2, "/usr/bin/python3.11", "/opt/shop-1.3/app.py", "--port", "80"),
        ],
    )

    result = suggested(path)

    assert [rule.names for _, rule in result.rules] == [("shop",)]
    assert outcomes(result, path) == {1: "shop", 2: "shop"}


def test_the_work_grows_with_the_processes(tmp_path: Path) -> None:
    def call(size: int) -> None:
        processes = [
            running(pid, "python3", f"/opt/service-{pid}/run.py", "--port", str(pid))
            for pid in range(2, size)
        ]
        suggested(recording(tmp_path / f"{size}.jsonl", processes))

    call(20)
    assert growth(call, 60) < 3


# ---- the command ------------------------------------------------------------------------------


def run(*arguments: str, code: int = 0, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(
        [sys.executable, "-m", "proccli", *arguments],
        cwd=ROOT,
        input=given,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == code, done.stderr.decode()
    return done


def test_the_output_is_the_configuration_alone_and_its_tests_pass(
    shop: str, tmp_path: Path
) -> None:
    new, tests = tmp_path / "new.yaml", tmp_path / "new.test.yaml"

    done = run("suggest", "--out", str(new), "--tests", str(tests), shop)

    assert done.stdout == b""
    assert b"5 before, 0 with these rules" in done.stderr
    assert run("suggest", shop).stdout == new.read_bytes()
    report = json.loads(run("test", "--json", str(tests)).stdout)
    assert {test["name"] for test in report["tests"]} >= {"pay is named", "sleep is dropped"}
    assert all(test["passed"] for test in report["tests"])
    assert all(rule["hits"] for rule in report["coverage"])
    before = new.read_bytes()
    assert b"exists" in run("suggest", "--out", str(new), shop, code=3).stderr
    assert new.read_bytes() == before
    other = tmp_path / "other.yaml"
    run("suggest", "--out", str(other), "--tests", str(tests), shop, code=3)
    assert not other.exists()


def test_without_a_rule_there_is_no_file_of_tests(tmp_path: Path) -> None:
    path = recording(tmp_path / "db.jsonl", [running(1, "/usr/sbin/mysqld")])
    new, tests = tmp_path / "new.yaml", tmp_path / "new.test.yaml"

    done = run("suggest", "--out", str(new), "--tests", str(tests), path)

    assert new.exists()
    assert not tests.exists()
    assert f"no tests, so there is no {tests}\n".encode() in done.stderr


def test_the_document_says_which_rule_is_for_which_process(shop: str) -> None:
    from jsonschema import Draft202012Validator

    from proccli.commands.schema.command import schema_text

    document: Any = json.loads(run("suggest", "--json", shop).stdout)

    Draft202012Validator(json.loads(schema_text("suggest"))).validate(document)
    (pay,) = [rule for rule in document["rules"] if rule["names"] == ["pay"]]
    assert [process["pid"] for process in pay["processes"]] == [12]
    assert document["summary"]["unclear_after"] == 0
    rows = run("suggest", "-o", "jsonl", str(Path(shop).parent)).stdout.splitlines()
    assert [json.loads(row) for row in rows] == document["rules"]


def test_wrong_usage_and_inputs(shop: str, tmp_path: Path) -> None:
    run("suggest", "-c", "-", "-", code=2)
    run("suggest", "--tests", "-", shop, code=2)
    run("suggest", str(tmp_path / "none.jsonl"), code=3)
    run("suggest", "-c", str(tmp_path / "none.yaml"), shop, code=3)
    assert b"\n" not in run("suggest", "-c", "-", shop, given=b"a: [", code=3).stdout


def test_the_live_machine_is_a_source(tmp_path: Path) -> None:
    script = tmp_path / "proccli-test-live-service.py"
    script.write_text("input()")
    child = subprocess.Popen([sys.executable, str(script)], stdin=subprocess.PIPE)
    config = tmp_path / "agent.yaml"
    config.write_text("static_config:\n  os-proc-socket-min-lifetime: 0\n")
    try:
        document: Any = json.loads(run("suggest", "--json", "-c", str(config)).stdout)
    finally:
        child.communicate(b"\n", timeout=60)
    named = {p["pid"]: p["name"] for rule in document["rules"] for p in rule["processes"]}
    assert named[child.pid] == "proccli-test-live-service"

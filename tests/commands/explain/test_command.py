"""`proccli explain`: real processes, made-up ones, and names."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from proccli.commands.schema.command import schema_text
from tests.cli.machine import write_config, write_machine
from tests.cli.runner import call, on_a_terminal

SCHEMA = json.loads(schema_text("explain"))
Shop = tuple[str, ...]


def explained(*arguments: str) -> Any:
    """The document, which must be valid."""
    ran = call("explain", "--json", *arguments)
    assert ran.code == 0, ran.err
    given = json.loads(ran.out)
    Draft202012Validator(SCHEMA).validate(given)
    return given


def test_the_outcome_comes_first_and_then_the_rules(shop: Shop) -> None:
    lines = call("explain", *shop, "904").out.splitlines()

    assert lines[0].startswith("pid 904  java  →  DROPPED by rule 3")
    rules = [line.split()[0] for line in lines if line.startswith(" #")]
    assert rules == ["#1", "#2", "#3", "#4"]
    assert lines.index("Not reached; their results would be:".rjust(37)) > 0


def test_a_process_is_the_one_that_scan_shows(shop: Shop) -> None:
    (process,) = explained(*shop, "900")["processes"]
    scanned = json.loads(call("scan", *shop, "--json").out)["processes"]

    assert process.pop("ancestors") == [{"pid": 1, "process_name": "init"}]
    assert [trace["outcome"] for trace in process.pop("trace")] == ["hit", *["not-reached"] * 3]
    assert process.pop("features") == []
    assert process in scanned


def test_several_come_in_the_order_asked_for(shop: Shop) -> None:
    given = explained(*shop, "903", "init", "900")
    assert [process["pid"] for process in given["processes"]] == [903, 1, 900]


def test_lines_are_the_elements_of_the_list(shop: Shop) -> None:
    lines = call("explain", *shop, "900", "903", "-o", "jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == explained(*shop, "900", "903")["processes"]


def test_rules_behind_an_undecided_one_say_what_they_would_have_said(tmp_path: Path) -> None:
    config = tmp_path / "agent.yaml"
    config.write_text(
        "os-proc-regex:\n- {match-regex: x, match-type: tag}\n- {match-regex: init}\n"
        "- {match-regex: other}\nos-app-tag-exec: [/bin/true]\n",
        encoding="utf-8",
    )
    folder = str(write_machine(tmp_path / "proc"))

    lines = call("explain", "-c", str(config), "-s", folder, "1").out.splitlines()

    at = lines.index(" It is unknown whether the other rules are reached; their results would be:")
    assert lines[at - 2].startswith(" #1   unknown ")
    assert [line[6:21] for line in lines[at + 1 :]] == ["would match    ", "would not match"]


@pytest.mark.parametrize("digits", ["9" * 20, "9" * 300])
def test_digits_are_a_pid_however_many(shop: Shop, digits: str) -> None:
    ran = call("explain", *shop, digits)

    assert ran.code == 3
    assert f"no process {digits} in" in ran.err


def test_plain_is_a_line_for_grep(shop: Shop) -> None:
    ran = call("explain", *shop, "--plain", "903", "900", "1", "2")

    assert ran.out.splitlines() == [
        f"{shop[1]}:10:drop\t903\tsleep",
        f"{shop[1]}:5:accept\t900\t/usr/bin//opt/shop/app-py-script --port 80",
        "-:implicit-accept\t1\tinit",
        "-:no-cmdline\t2\tkthreadd",
    ]


def test_a_name_stands_for_all_processes_that_have_it(shop: Shop) -> None:
    given = json.loads(call("explain", *shop, "--json", "python3").out)
    assert [one["pid"] for one in given["processes"]] == [900, 915]
    plain = call("explain", *shop, "--plain", "--name", "python3").out
    assert [line.split("\t")[1] for line in plain.splitlines()] == ["900", "915"]


def test_people_get_one_process_of_each_outcome(shop: Shop, tmp_path: Path) -> None:
    root = tmp_path / "proc"
    for pid in range(1, 31):
        (root / str(pid)).mkdir(parents=True)
        script = "app.py" if pid % 3 else "\x1b[2J[bold]"
        (root / str(pid) / "cmdline").write_bytes(f"python3\0{script}\0".encode())
    ran = call("explain", *shop[:2], "-s", str(root), "python3")

    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0] == "30 processes python3:"
    assert lines[2].split()[:3] == ["20", "accepted", "#1"]
    assert lines[2].endswith("pid 1, 2, 4, 5, 7 and 15 more")
    assert lines[3].split()[:2] == ["10", "accepted"]
    assert [line.split()[1] for line in lines if line.startswith("pid ")] == ["1", "3"]
    assert "\x1b" not in ran.out


def test_a_pattern_finds_names(shop: Shop) -> None:
    given = json.loads(call("explain", *shop, "--json", "pyth*3").out)
    assert {one["process_name"] for one in given["processes"]} == {"python3"}
    assert {900, 915} <= {one["pid"] for one in given["processes"]}
    given = json.loads(call("explain", *shop, "--json", "[i]nit", "2").out)
    assert [one["pid"] for one in given["processes"]] == [1, 2]


@pytest.mark.parametrize("form", [(), ("--json",), ("--plain",)])
def test_a_name_that_does_not_exist_gets_similar_ones(shop: Shop, form: tuple[str, ...]) -> None:
    ran = call("explain", *shop, "pyton3", *form)
    assert (ran.code, ran.out) == (3, "")
    hint = "did you mean python3 or python3.11?; to list all, run"
    assert f"no process is called pyton3 ({hint}" in ran.err
    assert "did you mean" not in call("explain", *shop, "zzzzzzzz", *form).err


def test_a_recording_in_place_of_a_name_gets_a_hint(shop: Shop) -> None:
    ran = call("explain", *shop, "python3", SOURCES[1])
    assert (ran.code, ran.out) == (3, "")
    assert (
        f"no process is called {SOURCES[1]} (a recording is given with -s: -s {SOURCES[1]})"
        in ran.err
    )


SOURCES = ("-s", "docs/example/shop-app-1.jsonl", "-s", "docs/example/shop-web-1.jsonl")


def test_several_hosts_are_explained_together() -> None:
    common = ("-c", "docs/example/shop.yaml", *SOURCES)
    given = json.loads(call("explain", *common, "python*", "1", "--json").out)
    Draft202012Validator(json.loads(schema_text("explain"))).validate(given)
    assert [one["host"] for one in given["snapshots"]] == ["app-1", "web-1"]
    each = [
        json.loads(call("explain", *common[:2], *pair, "python*", "1", "--json").out)["processes"]
        for pair in (SOURCES[:2], SOURCES[2:])
    ]
    assert given["processes"] == [*each[0], *each[1]]
    out = call("explain", *common, "python*").out
    total = len(given["processes"]) - 2
    assert f"{total} processes python* on app-1 and web-1:" in out
    plain = call("explain", *common, "1", "--plain").out.splitlines()
    assert [line.split("\t")[0] for line in plain] == ["app-1", "web-1"]


@pytest.mark.parametrize("target", ["pyton3", "999999"])
def test_what_is_on_no_host_is_an_error_after_a_whole_document(target: str) -> None:
    ran = call("explain", "-c", "docs/example/shop.yaml", *SOURCES, target, "--json")
    assert ran.code == 3
    assert json.loads(ran.out)["processes"] == []
    assert target in ran.err


def test_a_made_up_process_takes_one_source() -> None:
    ran = call("explain", *SOURCES, "--argv", "x")
    assert (ran.code, ran.out) == (2, "")


def test_the_command_for_the_sockets_is_about_the_same_machine(tmp_path: Path) -> None:
    config = tmp_path / "my agent.yaml"
    config.write_text("static_config:\n  os-proc-sync-enabled: true\n", encoding="utf-8")
    given = ("-c", str(config), "-s", "docs/example/web-1.jsonl", "--via", "file")
    shown = call("explain", *given, "19").out

    (line,) = (line for line in shown.splitlines() if line.startswith("  sockets"))
    written = line[line.index("proccli") :]
    program, *arguments = shlex.split(written)
    assert (program, arguments) == ("proccli", ["sockets", *given, "--pid", "19"])
    assert call(*arguments).code == 0


@pytest.mark.parametrize("option", ["--argv", "--cmdline", "--title"])
def test_a_made_up_process_needs_no_proc_root(tmp_path: Path, option: str) -> None:
    """The configuration may be one for containers, which mount the host's /proc elsewhere."""
    config = write_config(tmp_path, "static_config:\n  os-proc-root: /host/proc\n")
    ran = call("explain", "-c", config, option, "nginx")

    assert ran.code == 0, ran.err
    assert ran.out.startswith("made up  nginx")


def test_digits_are_a_pid_unless_they_are_called_a_name(shop: Shop) -> None:
    assert call("explain", *shop, "30").code == 3
    ran = call("explain", *shop, "--name", "30")

    assert ran.code == 3
    assert "30" in ran.err
    assert "²" in call("explain", *shop, "²").err


@pytest.mark.parametrize("target", ["9" * 19, "9" * 5000, "no-such", "\x1b[2J"])
def test_what_is_not_there_is_exit_code_3(shop: Shop, target: str) -> None:
    ran = call("explain", *shop, target)

    assert (ran.code, ran.out) == (3, "")
    assert ran.err.count("\n") == 1
    assert "\x1b" not in ran.err


@pytest.mark.parametrize(
    "question",
    [
        ["--argv", "/usr/bin/python3", "--argv", "/opt/my shop.py"],
        ["--cmdline", "/usr/bin/python3 '/opt/my shop.py'"],
    ],
)
def test_a_made_up_process_is_explained(shop: Shop, question: list[str]) -> None:
    (process,) = explained(*shop[:2], *question, "--parent", "init", "--user", "me")["processes"]

    assert process["argv"] == ["/usr/bin/python3", "/opt/my shop.py"]
    assert process["gprocess"] == "/usr/bin//opt/my shop-py-script"
    assert process["user"] == "me"
    assert [ancestor["process_name"] for ancestor in process["ancestors"]] == ["init"]


def test_a_made_up_title_is_one_piece(shop: Shop) -> None:
    title = "nginx: master process /usr/sbin/nginx -g daemon off;"
    (process,) = explained(*shop[:2], "--title", title, "--env", "ROLE=web")["processes"]

    assert process["process_name"] == "nginx -g daemon off;"
    assert process["gprocess"] == "nginx-web"


@pytest.mark.parametrize(
    "question",
    [
        ["--cmdline", "nginx: worker process"],
        ["--argv", "nginx:", "--argv", "worker", "--argv", "process"],
    ],
)
def test_a_title_that_is_given_as_arguments_is_not_silently_split(
    shop: Shop, question: list[str]
) -> None:
    document = explained(*shop[:2], *question)

    assert document["processes"][0]["process_name"] == "nginx:"
    (warning,) = (one for one in document["warnings"] if one["code"] == "title-as-arguments")
    assert "use --title 'nginx: worker process'" in warning["message"]


@pytest.mark.parametrize(
    "question", [["--cmdline", "nginx -g 'daemon: off'"], ["--argv", "nginx: worker process"]]
)
def test_other_arguments_are_no_title(shop: Shop, question: list[str]) -> None:
    assert "title-as-arguments" not in str(explained(*shop[:2], *question)["warnings"])


def test_a_made_up_process_may_be_too_young(shop: Shop) -> None:
    (process,) = explained(*shop[:2], "--argv", "x", "--uptime", "1")["processes"]
    assert (process["status"], process["reason"]) == ("skipped", "min-lifetime")


def test_a_made_up_process_needs_no_proc_mount(tmp_path: Path) -> None:
    """A configuration for hosts with another mount is explained on a machine without it."""
    config = tmp_path / "agent.yaml"
    config.write_text("os-proc-root: /no/such/mount\nos-proc-regex:\n- {match-regex: sh$}\n")

    (process,) = explained("-c", str(config), "--cmdline", "/bin/sh -c true")["processes"]

    assert process["rule"]["index"] == 1


def test_made_up_tags_are_its_own(shop: Shop) -> None:
    (process,) = explained(*shop[:2], "--argv", "x", "--tag", "app=a=b")["processes"]
    assert [(tag["key"], tag["value"]) for tag in process["tags"]] == [("app", "a=b")]


def test_a_terminal_underlines_and_a_file_gets_carets(shop: Shop) -> None:
    shown = on_a_terminal("explain", *shop, "903", columns=100)

    assert shown.code == 0
    assert "\x1b[4;32mbash\x1b[0m" in shown.out
    assert "^^^^" not in shown.out
    assert "        ^^^^\n" in call("explain", *shop, "903").out


def test_a_terminal_gets_a_command_that_can_be_copied(tmp_path: Path) -> None:
    """A line break of ours inside it would end the command when it is pasted."""
    config = tmp_path / f"{'long-' * 20}agent.yaml"
    config.write_text("static_config:\n  os-proc-sync-enabled: true\n", encoding="utf-8")
    given = ("-c", str(config), "-s", "docs/example/web-1.jsonl")

    for settings in ({"NO_COLOR": "1"}, {"PROCCLI_COLOR": "always"}):
        shown = on_a_terminal("explain", *given, "19", columns=80, env=settings)
        assert shlex.join(("proccli", "sockets", *given, "--pid", "19")) in shown.out


def test_a_terminal_gets_a_few_lines_of_a_very_long_name(shop: Shop) -> None:
    name = "x" * 100_000
    shown = on_a_terminal("explain", *shop[:2], "--argv", name, columns=80)
    assert len(shown.out.splitlines()) < 60
    assert name in call("explain", *shop[:2], "--argv", name).out

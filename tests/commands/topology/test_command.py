"""`proccli topology` on the command line: which sources, in which networks, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.runner import Ran, call, spawn
from tests.server.recordings import config, pairs, recorded

SHOP = "docs/example/shop.yaml"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With three recordings under short names, as the current directory."""
    monkeypatch.chdir(tmp_path)
    for path, name in zip(pairs(tmp_path, 3), "abc", strict=True):
        Path(path).rename(tmp_path / name)
    (tmp_path / "-s").write_bytes((tmp_path / "a").read_bytes())
    return tmp_path


def run(folder: Path, *arguments: str, **how: str) -> Ran:
    return call("topology", "-c", config(folder), "--json", *arguments, env=how)


def networks(ran: Ran) -> str:
    """`a:blue b:` for a source in the network blue, and one in none."""
    assert ran.code == 0, ran.err
    return " ".join(f"{host['source']}:{host['network']}" for host in json.loads(ran.out)["hosts"])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("a b", "a: b:"),
        ("-s a b --snapshot c", "a: c: b:"),
        ("-sa --snapshot=b", "a: b:"),
        ("--network blue a b", "a:blue b:blue"),
        ("a --network blue b", "a:blue b:blue"),
        ("a b --network=blue", "a:blue b:blue"),
        ("a blue=b red=c", "a: b:blue c:red"),
        ("-s blue=a -sred=b --snapshot=blue=c", "a:blue b:red c:blue"),
        ("--network blue a red=b", "a:blue b:red"),
        ("--network blue --host web-1 a --port 80 red=b", "a:blue b:red"),
        ("--network blue --group-by host -- a b", "a:blue b:blue"),
        ("A_z.0-9=a -- -=b", "a:A_z.0-9 b:-"),
        ("--network= a", "a:"),
        ("--network -x a", "a:-x"),
        ("--network a a", "a:a"),
        ("b -s a", "a: b:"),
        ("-- -s", "-s:"),
        ("-s -s", "-s:"),
        ("--network --network a", "a:--network"),
        ("--host a b", "b:"),
        ("--certainty client-end a -o json b", "a: b:"),
    ],
)
def test_a_source_has_its_own_network_or_that_of_the_whole_call(
    arguments: str, expected: str, folder: Path
) -> None:
    assert networks(run(folder, *arguments.split(" "))) == expected


@pytest.mark.parametrize("network", ["", " ", "日本", "\x1b[31m", "[bold]x", "a=b", "x" * 5_000])
def test_a_network_may_have_any_name(network: str, folder: Path) -> None:
    assert networks(run(folder, "--network", network, "a")) == f"a:{network}"
    assert networks(run(folder, f"--network={network}", "a")) == f"a:{network}"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (
            "--network blue --network red a",
            "--network applies to all sources and can be given only",
        ),
        ("a --network", "'--network' requires an argument"),
        ("--live=yes a", "'--live' does not take a value"),
        ("- -", "only one of the sources, -c and --tags can read standard input"),
        ("-s - -", "only one of the sources"),
        ("--tags - -", "only one of the sources"),
        ("-c - -", "-c / --config can be given only once"),
        ("--tags x a b", "--tags is the output of one host's command"),
        ("--zzz a", "no such option --zzz"),
        ("--network blue --zzz", "no such option --zzz"),
        ("--port 65536 a", "65536 is not in the range"),
        ("--group-by os.app. a", "'os.app.' is none of"),
        ("--tag =x a", "'=x' is not KEY[=GLOB]"),
    ],
)
def test_wrong_usage_is_one_line(arguments: str, problem: str, folder: Path) -> None:
    ran = run(folder, *arguments.split())

    assert (ran.code, ran.out) == (2, "")
    assert problem in ran.err
    assert ran.err.count("\n") == 1


def test_a_file_of_the_whole_name_is_no_network(folder: Path) -> None:
    (folder / "blue=a").write_bytes((folder / "b").read_bytes())

    assert networks(run(folder, "-s", "blue=a", "red=a")) == "blue=a: a:red"


@pytest.mark.parametrize("path", ["bl ue=a", "=a", "日本=a", "./blue=a"])
def test_what_is_no_name_of_a_network_is_part_of_the_path(path: str, folder: Path) -> None:
    ran = run(folder, path)

    assert (ran.code, ran.out) == (3, "")
    assert f"can't read {path}: No such file" in ran.err


def test_where_a_network_is_given_twice_the_help_of_the_command_is_named(folder: Path) -> None:
    ran = run(folder, "--network", "blue", "--network", "red")

    assert "(see proccli topology --help)" in ran.err


def test_help_comes_before_anything_that_is_wrong(folder: Path) -> None:
    ran = run(folder, "--network", "blue", "--network", "red", "--help")

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("Show which processes")


def test_a_variable_names_a_source_where_none_is_given(folder: Path) -> None:
    assert networks(run(folder, PROCCLI_SNAPSHOT="b")) == "b:"
    assert networks(run(folder, "a", PROCCLI_SNAPSHOT="b")) == "a:"
    assert networks(run(folder, "-s", "a", PROCCLI_SNAPSHOT="b")) == "a:"


def test_a_variable_names_one_source_whatever_its_name(folder: Path) -> None:
    (folder / "a b").write_bytes((folder / "a").read_bytes())

    assert networks(run(folder, PROCCLI_SNAPSHOT="a b")) == "a b:"


def test_a_network_holds_for_a_variable(folder: Path) -> None:
    assert networks(run(folder, "--network", "blue", PROCCLI_SNAPSHOT="b")) == "b:blue"
    assert networks(run(folder, PROCCLI_SNAPSHOT="red=b")) == "b:red"


def test_standard_input_is_a_source_among_others(folder: Path) -> None:
    text = (folder / "b").read_bytes()

    ran = call("topology", "-c", config(folder), "--json", "a", "-", "c", stdin=text)

    assert networks(ran) == "a: <stdin>: c:"
    assert json.loads(ran.out)["summary"]["connections"] == 3


def test_a_closed_standard_input_is_an_error(folder: Path) -> None:
    ran = spawn("topology", "-c", config(folder), "a", "-", stdin=None, preexec_fn=_close_stdin)

    assert (ran.returncode, ran.stdout) == (3, "")
    assert ran.stderr == "proccli: error: standard input is closed\n"


def _close_stdin() -> None:
    import os

    os.close(0)


def test_the_live_machine_stands_beside_recordings(folder: Path) -> None:
    ran = run(folder, "a", "--live", "--no-wait", "far=b")

    assert networks(ran) == "a: b:far live:"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("proccli topology ", "file"),
        ("proccli topology a ", "file"),
        ("proccli topology --network blue ", "file"),
        ("proccli topology --network blue -s ", "file"),
        ("proccli topology --network blue --certainty cl", "plain\tclient-end"),
        ("proccli topology --group-by os", "plain\tos.app."),
    ],
)
def test_arguments_are_completed(line: str, expected: str) -> None:
    """A source, whatever network is still without one."""
    ran = spawn(env={"_PROCCLI_COMPLETE": "bash_complete", "COMP_WORDS": line})

    assert (ran.stdout.strip(), ran.stderr) == (expected, "")


def test_damage_is_told_with_its_place(folder: Path) -> None:
    (folder / "b").write_bytes((folder / "b").read_bytes()[:600])

    ran = run(folder, "a", "b", "c")

    assert ran.code == 3
    assert ran.err.startswith("proccli: error: b:2:")
    assert [host["source"] for host in json.loads(ran.out)["hosts"]] == ["a", "c"]


def test_an_incomplete_view_is_an_exit_code_if_that_is_asked(folder: Path) -> None:
    young = recorded(folder, "young", {"app": ["10.9.0.1:1 10.9.0.2:2"]}, age_s=0)

    assert run(folder, "a", "--strict").code == 0
    assert run(folder, "a", young).code == 0
    assert run(folder, "a", young, "--strict").code == 4


def test_tags_are_those_that_arrive_at_the_server(tmp_path: Path) -> None:
    tags = tmp_path / "tags.yaml"
    tags.write_text('- {pid: 9, tags: [{key: team, value: "shop, and url:http://x"}]}\n')
    how = ("-c", SHOP, "--tags", str(tags), "docs/example/shop-app-1.jsonl")

    def tagged(*more: str) -> list[tuple[list[int], list[tuple[str, str]]]]:
        document = json.loads(call("topology", "--json", *how, *more).out)
        return [
            (node["pids"], [(tag["key"], tag["value"]) for tag in node["tags"]])
            for node in document["nodes"]
            if node["tags"]
        ]

    old = [([9], [("team", "shop"), ("and url", "http://x")])]
    assert tagged("--tag", "team=shop") == tagged("--tag", "and url") == old
    assert tagged("--tag", "team=shop,*") == []
    assert tagged("--tag", "team", "--server", "7.1") == [([9], [("team", "shop")])]


def test_tags_that_are_not_known_are_null_and_the_view_is_incomplete(tmp_path: Path) -> None:
    tagging = tmp_path / "agent.yaml"
    tagging.write_text("os-proc-sync-enabled: true\nos-app-tag-exec: [/bin/true]\n")
    ran = call(
        *("topology", "-c", str(tagging), "--json", "--strict", "docs/example/shop-app-1.jsonl")
    )

    assert ran.code == 4
    document = json.loads(ran.out)
    assert {node["tags"] for node in document["nodes"]} == {None}
    assert [warning["code"] for warning in document["warnings"]] == ["tags-unknown"]


@pytest.mark.parametrize("output", ["table", "json", "jsonl", "dot", "mermaid", "svg", "html"])
def test_names_that_nobody_should_trust_reach_no_terminal(output: str, folder: Path) -> None:
    evil = {
        "\x1b[31mred\x07</script>": ["10.0.0.1:1 10.0.0.2:80"],
        "": ["10.0.0.1:2 10.0.0.2:80"],
        "[bold]" + "b" * 10_000: ["10.0.0.1:3 10.0.0.2:80"],
    }
    path = recorded(folder, "w\x1b]0;x\x07[bold]" + "h" * 10_000, evil, "10.0.0.1", file="evil")

    ran = call(
        *("topology", "-c", config(folder), "-o", output, "--network", "\x1b[31mn", path),
        f"n={path}",
    )

    assert ran.code == 0
    assert not {"\x1b", "\x07"}.intersection(ran.out + ran.err)


def test_a_configuration_that_no_source_uses_is_a_warning(tmp_path: Path) -> None:
    """Outputs of sync were made with the configuration of their host."""
    (source, other), given = pairs(tmp_path, 2), config(tmp_path)
    printed = call("sync", "--once", "--no-state", "--json", "-c", given, "-s", source)
    synced = tmp_path / "sync.json"
    synced.write_text(printed.out, encoding="utf-8")

    unused = call("topology", "--json", "-c", given, str(synced))
    used = call("topology", "--json", "-c", given, str(synced), other)
    none = call("topology", "--json", str(synced))

    codes = [
        [warning["code"] for warning in json.loads(ran.out)["warnings"]]
        for ran in (unused, used, none)
    ]
    assert ["config-unused" in found for found in codes] == [True, False, False]
    assert f"{given} is not used" in unused.err

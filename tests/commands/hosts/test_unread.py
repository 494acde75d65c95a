"""One broken source of several: it is named, the others are answered, and the rest is open."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from proccli.sources.recording.reader import Recording, read_recording
from tests.cli.runner import Ran, call, on_a_terminal
from tests.server.recordings import config, pairs

APP, DB, WEB = (f"docs/example/shop-{name}-1.jsonl" for name in ("app", "db", "web"))
CONFIG, OTHER = "docs/example/shop.yaml", "docs/example/typical-fixed.yaml"
FLOWS = "docs/example/shop-conn.log"
COMMANDS = {
    "topology": ("-c", CONFIG),
    "label": ("-c", CONFIG, FLOWS),
    "diff": (CONFIG, OTHER),
    "scan": ("--compare", "6.5,7.0.3"),
    "check": (OTHER,),
    "suggest": (),
}
EACH = pytest.mark.parametrize("command", list(COMMANDS))


def run(command: str, *sources: str, more: tuple[str, ...] = ()) -> Ran:
    given = [part for source in sources for part in ("-s", source)]
    return call(command, *COMMANDS[command], *given, *more)


@pytest.fixture
def broken(tmp_path: Path) -> tuple[str, str]:
    """A recording that is cut short, and one that does not exist."""
    cut = tmp_path / "cut.jsonl"
    cut.write_bytes(Path(WEB).read_bytes()[:-500])
    return str(cut), str(tmp_path / "missing.jsonl")


def errors(ran: Ran) -> list[str]:
    return [line for line in ran.err.splitlines() if line.startswith("proccli: error: ")]


@EACH
def test_broken_sources_are_named_and_the_others_are_answered(
    command: str, broken: tuple[str, str]
) -> None:
    cut, missing = broken
    json_output = () if command == "label" else ("--json",)

    whole = run(command, APP, DB, more=json_output)
    partial = run(command, cut, APP, missing, DB, more=json_output)

    assert partial.code == 3
    assert [cut in errors(partial)[0], missing in errors(partial)[1]] == [True, True]
    assert len(errors(partial)) == 2
    if command == "label":
        assert partial.out == whole.out
        return
    given, expected = json.loads(partial.out), json.loads(whole.out)
    unread = [one for one in given["warnings"] if one["code"] == "source-unreadable"]
    assert [cut in unread[0]["message"], missing in unread[1]["message"]] == [True, True]
    for document in (given, expected):
        document["warnings"] = []
    if command == "check":
        for one in (*given["diagnostics"], *expected["diagnostics"]):
            del one["message"]
    assert given == expected


@EACH
def test_of_many_broken_sources_the_first_few_are_named(command: str, tmp_path: Path) -> None:
    ran = run(command, APP, *(str(tmp_path / f"none-{number}") for number in range(9)))
    assert ran.code == 3
    assert len(errors(ran)) == 6
    assert errors(ran)[-1] == "proccli: error: 4 more sources not read"
    assert ran.out


@EACH
def test_if_no_source_can_be_read_there_is_no_answer(command: str, broken: tuple[str, str]) -> None:
    several, one = run(command, *broken), run(command, broken[0])
    assert (several.code, several.out, len(errors(several))) == (3, "", 2)
    assert (one.code, one.out, len(errors(one))) == (3, "", 1)


def test_check_does_not_claim_that_no_process_matches(broken: tuple[str, str]) -> None:
    ran = run("check", APP, broken[0], DB)
    assert "no process of 2 of 3 recordings (the others can't be read) matches rule" in ran.out
    assert "these" not in ran.out


def test_diff_says_what_it_has_not_compared(broken: tuple[str, str]) -> None:
    unread = "1 snapshot not read: what changes there is unknown"
    for more in ((), ("-o", "markdown")):
        ran = run("diff", APP, broken[0], DB, more=more)
        assert "processes compared on 2 snapshots" in ran.out
        assert unread in ran.out
    # No change on the others proves nothing about this one, not even with --exit-code.
    same = call("diff", CONFIG, CONFIG, "-s", APP, "-s", broken[0], "--exit-code")
    assert (same.code, unread in same.out) == (3, True)


def test_suggest_proves_nothing_on_what_it_cannot_read(broken: tuple[str, str]) -> None:
    ran = run("suggest", APP, DB, broken[0])
    assert "on 2 hosts (1 source not read, and nothing proven there)" in ran.err


@pytest.mark.parametrize("output", ["table", "html"])
def test_a_topology_says_that_sources_are_missing(output: str, broken: tuple[str, str]) -> None:
    ran = run("topology", APP, broken[0], DB, more=("-o", output))
    assert ("2 hosts (1 source not read)" if output == "table" else broken[0]) in ran.out


def test_an_agent_of_an_unread_source_is_no_mistake(broken: tuple[str, str]) -> None:
    """Its host may be that of the broken recording."""
    given = ("label", "-c", CONFIG, "--agent-id", "3=web-1", "tests/data/captures/v2.pcap")

    whole = call(*given, "-s", APP, "-s", DB)
    partial = call(*given, "-s", APP, "-s", broken[0])

    assert (whole.code, whole.out) == (2, "")
    assert "no source is of the host 'web-1'" in whole.err
    assert partial.code == 3
    assert "label_0" in partial.out


@pytest.mark.parametrize(
    ("command", "keeper"),
    [
        ("check", "proccli.commands.check.check._Observed"),
        ("suggest", "proccli.commands.suggest.suggest._Source"),
    ],
)
def test_who_keeps_all_recordings_keeps_no_sockets(
    command: str, keeper: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They take nine tenths of the memory, and thousands of hosts are kept at once."""
    module, _, name = keeper.rpartition(".")
    kept: list[Recording] = []

    def spying(made: Any) -> Any:
        def make(*given: Any, **named: Any) -> Any:
            value = made(*given, **named)
            sources = value.sources if command == "check" else [value.inputs.source]
            kept.extend(sources)
            return value

        return make

    monkeypatch.setattr(keeper, spying(getattr(import_module(module), name)))
    run(command, APP, DB)

    assert len(kept) == 2
    assert all(source.processes and not source.sockets for source in kept)
    assert not any(source.net_tables_by_number for source in kept)
    assert read_recording(APP).sockets


@pytest.mark.parametrize("cpus", [1, 3], ids=["one by one", "in parallel"])
def test_hosts_keep_their_connections_beside_unread_ones(
    cpus: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in networks of which another source is the first that can be read."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: set(range(cpus)))
    paths = pairs(tmp_path, 30)
    for number in (0, 7, 8, 29):
        Path(paths[number]).write_bytes(b"")
    sources = [f"{'ab'[number % 2]}={path}" for number, path in enumerate(paths)]
    whole = [source for source in sources if Path(source[2:]).stat().st_size]

    partial, expected = (
        call("topology", "--json", "-c", config(tmp_path), *some) for some in (sources, whole)
    )

    documents = [json.loads(ran.out) for ran in (partial, expected)]
    assert (partial.code, expected.code) == (3, 0)
    assert len(documents[0]["hosts"]) == len(whole)
    for document in documents:
        document["warnings"] = []
    assert documents[0] == documents[1]


@pytest.mark.parametrize(("command", "output"), [("topology", "html"), ("diff", "markdown")])
def test_what_outlives_the_terminal_names_a_few_broken_sources(
    command: str, output: str, tmp_path: Path
) -> None:
    missing = [str(tmp_path / f"none-{number:03}") for number in range(40)]
    ran = run(command, APP, *missing, more=("-o", output))
    assert ran.out.count("No such file") == 5
    assert "35 more warnings of this kind" in ran.out


@EACH
def test_progress_over_many_sources_is_shown_on_a_terminal(command: str, tmp_path: Path) -> None:
    paths = [str(tmp_path / f"{number}.jsonl") for number in range(20)]
    for path in paths:
        Path(path).write_bytes(Path(APP).read_bytes())
    given = [part for path in paths for part in ("-s", path)]
    ran = on_a_terminal(command, *COMMANDS[command], *given)
    assert "20/20" in ran.out

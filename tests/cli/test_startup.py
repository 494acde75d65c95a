"""The modules that a start loads: a command must not load what it does not use."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.cli.runner import environment
from tests.paths import ROOT

CONFIG = str(ROOT / "sample-configs" / "typical.yaml")
RECORDING = str(ROOT / "tests" / "data" / "snapshots" / "titles.jsonl")

LIST_MODULES = """
import sys
from proccli.__main__ import exit_code
sys.argv[0] = "proccli"
code = exit_code()
print(*sorted(sys.modules), file=sys.stderr)
sys.exit(code)
"""

SCAN = ("scan", "-c", CONFIG, "-s", RECORDING)
EXPLAIN = ("explain", "-c", CONFIG, "--cmdline", "python3 -u app.py")

FOLDERS = {
    "agent",
    "cli",
    "commands",
    "config",
    "local",
    "model",
    "rustregex",
    "sources",
    "terminal",
}
"""The folders that `scan` and `explain` of processes may load from."""

NOT_FOR_A_TABLE = {
    "asyncio",
    "dataclasses",
    "fnmatch",
    "gzip",
    "hashlib",
    "ipaddress",
    "pathlib",
    "psutil",
    "proccli.agent.every_matcher",
    "proccli.agent.report",
    "proccli.config.inputs_proc",
    "proccli.config.pushing",
    "proccli.config.tag_output",
    "proccli.config.warning_words",
    "proccli.config.yaml.agent_yaml",
    "proccli.model.codes",
    "proccli.rustregex.automata",
    "proccli.rustregex.parse.release_1_6",
    "proccli.sources.procfs",
    "proccli.sources.recording.masking",
    "proccli.sources.recording.sync_document",
    "proccli.sources.recording.writer",
    "proccli.sources.secrets",
    "proccli.terminal.document",
    "proccli.terminal.warning_text",
    "rich",
    "shutil",
    "socket",
    "subprocess",
    "tempfile",
    "traceback",
    "urllib.parse",
    "zlib",
}
"""What neither of them uses when it prints a table of ASCII text, by rules of `static_config`, and
has no warning."""

MOST_MODULES: dict[tuple[str, ...], int] = {SCAN: 97, EXPLAIN: 91}
"""How many of our own modules each may load at most. Lower the numbers; do not raise them."""


def loaded(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", LIST_MODULES, *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(done.stderr.splitlines()[-1].split())


@cache
def loaded_for_help() -> set[str]:
    """What click loads is not ours to choose: with Python 3.10, `subprocess` is among it."""
    return loaded("--help")


def own(modules: set[str]) -> set[str]:
    return {name for name in modules if name.partition(".")[0] == "proccli"}


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_loads_nothing_but_the_entry_point(option: str) -> None:
    modules = loaded(option)

    assert own(modules) == {"proccli", "proccli.__main__"}
    assert "click" not in modules


def test_help_loads_no_command() -> None:
    modules = loaded("--help")

    assert not {name for name in modules if name.startswith("proccli.commands")}
    unused = {"dataclasses", "difflib", "json", "pathlib", "traceback", "rich", "yaml", "regex"}
    assert not modules & unused
    assert not modules & {"proccli.cli.guesses", "proccli.cli.shells"}


@pytest.mark.parametrize("arguments", [SCAN, EXPLAIN], ids=["scan", "explain"])
def test_a_command_loads_what_it_uses(arguments: tuple[str, ...]) -> None:
    modules = loaded(*arguments)
    ours = own(modules)

    assert {name.split(".")[1] for name in ours if name.count(".") > 1} <= FOLDERS
    assert not (modules - loaded_for_help()) & NOT_FOR_A_TABLE
    assert len(ours) <= MOST_MODULES[arguments]


def test_explaining_a_made_up_process_reads_no_recording() -> None:
    ours = own(loaded(*EXPLAIN))

    assert "proccli.sources.made_up" in ours
    assert not {name for name in ours if name.startswith("proccli.commands.explain.json")}


def test_explaining_a_made_up_process_reads_neither_proc_nor_sockets() -> None:
    modules = loaded(*EXPLAIN)

    assert "json" not in modules
    assert not {name for name in modules if name.startswith("proccli.agent.sockets")}


def test_explaining_a_process_makes_up_none_and_reads_no_status_of_it() -> None:
    ours = own(loaded("explain", "-c", CONFIG, str(os.getpid())))

    assert "proccli.sources.procfs.live" in ours
    assert not ours & {"proccli.sources.made_up", "proccli.sources.procfs.status"}


def test_word_characters_in_a_rule_need_no_json_and_no_pathlib(tmp_path: Path) -> None:
    config = tmp_path / "agent.yaml"
    rule = r"{match-type: cmdline, match-regex: '\bpython\d .*\b(\w+)\.py', rewrite-name: $1}"
    config.write_text(
        f"static_config:\n  os-proc-sync-enabled: true\n  os-proc-regex:\n  - {rule}\n",
        encoding="utf-8",
    )

    modules = loaded("explain", "-c", str(config), "--cmdline", "python3 -u app.py")

    assert "proccli.rustregex.tree.perl" in modules
    assert not (modules - loaded_for_help()) & {*NOT_FOR_A_TABLE, "json"}


def test_scanning_a_recording_makes_up_no_process_and_explains_none() -> None:
    assert not own(loaded(*SCAN)) & {"proccli.sources.made_up", "proccli.model.explanation"}


def test_sync_without_a_state_loads_none_of_it_and_no_text() -> None:
    modules = loaded("sync", "--once", "--json", "-c", CONFIG, "-s", RECORDING)

    assert not modules & {"dataclasses", "ipaddress", "pathlib"}
    assert not own(modules) & {
        "proccli.commands.scan.text",
        "proccli.commands.sync.state.file",
        "proccli.commands.sync.state.place",
        "proccli.commands.sync.text",
    }


@pytest.mark.parametrize(("rewrite", "looks"), [("web", False), ("web-%ZONE%", True)])
def test_check_looks_for_the_agent_only_if_a_rule_mentions_a_variable(
    tmp_path: Path, rewrite: str, looks: bool
) -> None:
    config = tmp_path / "agent.yaml"
    config.write_text(
        "static_config:\n  os-proc-sync-enabled: true\n  os-proc-regex:\n"
        f"  - {{match-regex: ^nginx, rewrite-name: {rewrite}}}\n",
        encoding="utf-8",
    )

    assert ("psutil" in loaded("check", str(config))) == looks

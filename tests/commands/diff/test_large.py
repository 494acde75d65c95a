"""`proccli diff` over many snapshots: counts and examples, and Markdown."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from proccli.commands.diff.command import command
from tests.cli.runner import call, on_a_terminal
from tests.paths import ROOT

SNAPSHOTS = 12
NAMES = ["plain", "a|b", "`tick`", "``two`` `", "[bold]x", "@someone", "\x1b[31m", "<b>&amp;"]
OLD = "static_config: {os-proc-regex: [{match-regex: nothing}]}\n"
NEW = "static_config: {os-proc-regex: [{match-regex: '.*', rewrite-name: 'new-$0'}]}\n"


@pytest.fixture
def inputs(tmp_path: Path) -> tuple[str, str, str]:
    """Two configurations and a folder of recordings with names that are hostile to Markdown."""
    proc = tmp_path / "proc"
    for pid, name in enumerate(NAMES + [f"worker-{number}" for number in range(30)], start=1):
        (proc / str(pid)).mkdir(parents=True)
        (proc / str(pid) / "cmdline").write_bytes(f"{name}\0".encode())
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    first = recordings / "host-00.jsonl"
    assert call("record", "-s", str(proc), str(first)).code == 0
    for number in range(1, SNAPSHOTS):
        (recordings / f"host-{number:02}.jsonl").write_bytes(first.read_bytes())
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(OLD)
    new.write_text(NEW)
    return str(old), str(new), str(recordings)


def test_equal_changes_are_counted_over_all_snapshots(inputs: tuple[str, str, str]) -> None:
    old, new, recordings = inputs
    processes = len(NAMES) + 30
    ran = call("diff", "-s", recordings, old, new)
    assert f"{SNAPSHOTS * processes:,} processes renamed" in ran.out
    assert f"{SNAPSHOTS} snapshots, e.g. pid " in ran.out
    assert ran.out.count("host-") <= processes
    assert "more processes (--all lists all)" in ran.out
    everything = call("diff", "-s", recordings, "--all", old, new).out
    assert "--all lists all" not in everything
    assert all(f"worker-{number}" in everything for number in range(30))
    given = json.loads(call("diff", "-s", recordings, "--json", old, new).out)
    assert len(given["changes"]) == SNAPSHOTS * processes


def test_markdown_shows_names_as_code(inputs: tuple[str, str, str]) -> None:
    old, new, recordings = inputs
    out = call("diff", "-s", recordings, "-o", "markdown", "--all", old, new).out
    rows = [line for line in out.splitlines() if line.startswith("| ")]
    for row in rows:
        columns = len(re.findall(r"(?<!\\)\|", row)) - 1
        assert columns in (4, 5), row
    assert "\x1b" not in out
    spans = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
    for name in ("@someone", "[bold]", "<b>", "tick"):
        lines = [line for line in out.splitlines() if name in line and not line.startswith("| ")]
        assert lines
        assert all(name not in spans.sub("", line) for line in lines), name
    assert out.startswith("### proccli diff `")
    assert out.count("<details>") == out.count("</details>") >= 1


def test_markdown_fits_into_a_comment(inputs: tuple[str, str, str]) -> None:
    """GitHub accepts 65,536 characters."""
    old, new, recordings = inputs
    config = "static_config: {os-proc-regex: ["
    config += ", ".join(f"{{match-regex: 'worker-{number}$'}}" for number in range(30))
    Path(new).write_text(config + ", {match-regex: x, rewrite-name: y}]}\n")
    out = call("diff", "-s", recordings, "-o", "markdown", old, new).out
    assert len(out) < 65_536
    assert "more rows (`--all` shows them)" in out


def test_the_workflow_in_the_docs_is_valid() -> None:
    text = (ROOT / "docs" / "diff.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    steps = yaml.safe_load(block)["jobs"]["diff"]["steps"]
    (line,) = [step["run"] for step in steps if step.get("run", "").startswith("proccli diff")]
    words = shlex.split(line)
    known = {flag for parameter in command.params for flag in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= known


def test_equal_tags_do_not_split_a_change(tmp_path: Path) -> None:
    """Each host has tags of its own, and the change has nothing to do with them."""
    (tmp_path / "proc" / "7").mkdir(parents=True)
    (tmp_path / "proc" / "7" / "cmdline").write_bytes(b"app\0")
    tagged = "static_config: {os-app-tag-exec: [cat], os-app-tag-exec-user: nobody}\n"
    (tmp_path / "tagged.yaml").write_text(tagged)
    paths = []
    for number in range(6):
        tags, path = tmp_path / f"{number}.yaml", str(tmp_path / f"{number}.jsonl")
        tags.write_text(f"- {{pid: 7, tags: [{{key: owner, value: team-{number}}}]}}\n")
        made = ("record", "-c", str(tmp_path / "tagged.yaml"), "--tags", str(tags))
        assert call(*made, "-s", str(tmp_path / "proc"), path).code == 0
        paths += ["-s", path]
    old, renaming, dropping = (tmp_path / f"{name}.yaml" for name in ("old", "new", "drop"))
    old.write_text(OLD)
    renaming.write_text(NEW)
    dropping.write_text("static_config: {os-proc-regex: [{match-regex: app, action: drop}]}\n")

    for path_of_new, change in (
        (renaming, '"app" → "new-app" by rule 1'),
        (dropping, '"app" → dropped'),
    ):
        for output in ("table", "markdown"):
            out = call("diff", *paths, str(old), str(path_of_new), "-o", output).out
            assert "6 snapshots, e.g. pid 7 in" in out
            assert change in out.replace("`", "")
            assert "team-" not in out
    listed = call("scan", "--json", "-c", str(old), *paths[:2]).out
    assert "team-0" in listed


def test_lines_fit_a_narrow_terminal(inputs: tuple[str, str, str]) -> None:
    old, new, recordings = inputs
    pattern = "(?:" + "|".join(f"worker-{number}" for number in range(30)) + ")"
    Path(new).write_text(
        f"static_config: {{os-proc-regex: [{{match-regex: '{pattern}', rewrite-name: w}}]}}\n"
    )
    ran = on_a_terminal("diff", "-s", recordings, old, new, columns=80)
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", ran.out).splitlines()
    assert any("host-00.jsonl" in line for line in lines)
    assert any(line.startswith("  360 renamed: the implicit accept → #1") for line in lines)
    assert [line for line in lines if len(line) > 80 and "worker" in line] == []

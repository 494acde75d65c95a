"""What proccli says without root's rights: live, under hidepid, and of a recording made so."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from proccli.commands.schema.command import schema_text
from tests.cli.runner import Ran, call
from tests.otheruser import import_from, import_standard_modules, readable_copy
from tests.sources.procfs.processes import (
    as_nobody,
    become_nobody,
    in_child,
    mount_proc,
    public_directory,
    root_only,
)

ON = "static_config:\n  os-proc-sync-enabled: true\n  os-proc-socket-min-lifetime: 0\n"
STRICT: Mapping[str, tuple[str, ...]] = {
    "scan": ("scan", "--strict"),
    "sockets": ("sockets", "--no-wait", "--strict"),
    "topology": ("topology", "--no-wait", "--strict"),
    "sync": ("sync", "--once", "--no-state", "--no-wait", "--strict", "--json"),
    "tags": ("tags", "--strict"),
}
"""Each command about all processes, with the options that require a complete view."""


def hidden(option: str, work: Callable[[], dict[str, Ran]]) -> dict[str, Ran]:
    """What `work` returns as a user without rights, to whom the mount of /proc shows its own
    processes alone."""
    copy = readable_copy()
    import_standard_modules()

    def mount_and_work() -> dict[str, Ran]:
        mount_proc(Path("/proc"), f"hidepid={option}")
        import_from(copy)
        become_nobody()
        return work()

    return in_child(mount_and_work)


def config_in(folder: Path, text: str = ON) -> str:
    path = folder / "agent.yaml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)
    return str(path)


@root_only
@pytest.mark.parametrize("option", ["2", "4"])
def test_what_a_mount_hides_makes_every_view_incomplete(option: str) -> None:
    with public_directory() as folder:
        config = config_in(folder)

        def look() -> dict[str, Ran]:
            runs = {name: call(*arguments, "-c", config) for name, arguments in STRICT.items()}
            runs["scan json"] = call("scan", "-c", config, "--json")
            runs["doctor"] = call("doctor", "-c", config, "--no-wait", "--json")
            return runs

        runs = hidden(option, look)

    assert {name: runs[name].code for name in STRICT} == dict.fromkeys(STRICT, 4)
    assert all("hidepid" in run.err for run in runs.values())
    assert "at least" in runs["scan"].out
    assert json.loads(runs["scan json"].out)["summary"]["reported"] is None
    assert json.loads(runs["sync"].out)["digest"] is None
    document = json.loads(runs["doctor"].out)
    Draft202012Validator(json.loads(schema_text("doctor"))).validate(document)
    steps = {step["gate"]: step for step in document["gates"]}
    assert steps["proc-root"]["state"] == steps["readable"]["state"] == "unknown"
    assert f"run sudo proccli doctor -c {config}" in steps["readable"]["hint"]


@root_only
def test_hidden_processes_may_pass_what_the_visible_ones_do_not() -> None:
    """With all visible processes too young, the hidden ones may still be old enough."""
    with public_directory() as folder:
        config = config_in(folder, f"{ON}\n".replace("lifetime: 0", "lifetime: 100000000"))

        def look() -> dict[str, Ran]:
            return {
                "scan": call("scan", "-c", config),
                "disabled": call("scan"),
                "doctor": call("doctor", "-c", config, "--no-wait", "--json"),
            }

        runs = hidden("2", look)

    assert "With sync enabled, it would send at least" in runs["disabled"].out
    assert "It is unknown what the agent would send" in runs["scan"].out
    assert "would send nothing" not in runs["scan"].out
    document = json.loads(runs["doctor"].out)
    states = {step["gate"]: step["state"] for step in document["gates"]}
    assert states["min-lifetime"] == "unknown"
    assert document["summary"]["reported"] is None


@root_only
def test_a_recording_made_without_root_says_what_is_missing() -> None:
    with public_directory() as folder:
        config = config_in(folder)
        path = Path(tempfile.gettempdir(), f"proccli-rights-{os.getpid()}.jsonl")
        given = ("-c", config)

        def look() -> dict[str, Ran]:
            made = call("record", *given, "--strict", "--no-wait", "--force", str(path))
            return {
                "record": made,
                **{
                    name: call(*arguments, *given, *source_of(name, path))
                    for name, arguments in STRICT.items()
                },
                "doctor": call("doctor", *given, "-s", str(path), "--json"),
            }

        try:
            runs = as_nobody(look)
        finally:
            path.unlink(missing_ok=True)

    assert runs["record"].code == 4
    assert "sockets of" in runs["record"].err
    assert "network namespace of" in runs["record"].err
    complete = {"tags"}  # whose answer needs nothing that is missing
    assert {name: runs[name].code for name in STRICT if name not in complete} == (
        dict.fromkeys(STRICT.keys() - complete, 4)
    )
    for name in ("scan", "sockets", "topology"):
        assert "record as root" in runs[name].err, name
    (readable, *_) = (
        step for step in json.loads(runs["doctor"].out)["gates"] if step["gate"] == "readable"
    )
    assert readable["state"] == "unknown"
    assert f"record as root: sudo proccli record -c {config} FILE" in readable["hint"]


def source_of(command: str, path: Path) -> tuple[str, ...]:
    return (str(path),) if command == "topology" else ("-s", str(path))


@root_only
def test_a_recording_made_as_root_is_complete(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    path = str(tmp_path / "complete.jsonl")

    assert call("record", "-c", config, "--max-wait", "1", path).code == 0
    ran = call("scan", "-c", config, "-s", path)
    assert "record as root" not in ran.err

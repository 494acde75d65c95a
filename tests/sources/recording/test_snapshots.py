"""The recordings that other tests stand on tell the story that they are said to tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from proccli.model.process import Process
from proccli.sources.recording.reader import Recording, read_recording
from tests.paths import DATA

SNAPSHOTS = DATA / "snapshots"


def snapshot(name: str) -> Recording:
    return read_recording(str(SNAPSHOTS / name))


def everyone(recording: Recording) -> list[Process]:
    return [recording.read(pid) for pid in recording.pids()]


@pytest.mark.parametrize("path", sorted(SNAPSHOTS.glob("*.jsonl*")), ids=lambda path: path.name)
def test_every_snapshot_is_read_and_described(path: Path) -> None:
    assert snapshot(path.name).pids()[0] == 1
    assert f"`{path.name}`" in (SNAPSHOTS / "README.md").read_text()


def test_titles_are_single_arguments() -> None:
    recording = snapshot("titles.jsonl")
    titles = {process.cmdline for process in everyone(recording)}
    assert b"nginx: master process /usr/sbin/nginx -g daemon off;\0" in titles
    assert b"php-fpm: pool www\0" in titles
    workers = [one for one in everyone(recording) if one.cmdline == b"nginx: worker process\0"]
    assert len(workers) == 3
    masters = {recording.read(one.ppid or 0).comm for one in workers}
    assert masters == {"nginx: master p"}
    assert recording.users(workers[0]) == {0: "root", 1000: "shop"}


def test_secrets_are_masked_and_refusals_kept() -> None:
    recording = snapshot("unprivileged-and-masked.jsonl.gz")
    assert recording.host.redacted
    assert not recording.host.privileged
    assert (recording.masked_values, recording.masked_processes) == (4, 3)
    assert not any(b"hunter2" in (one.cmdline or b"") for one in everyone(recording))
    assert all(
        (error := one.error("root_inode")) is not None and error.problem == "denied"
        for one in everyone(recording)
    )
    assert {one.uid for one in everyone(recording)} == {0, 1000}


def test_odd_arguments_are_kept_to_the_byte() -> None:
    recording = snapshot("odd-arguments.jsonl")
    cmdlines = [one.cmdline for one in everyone(recording)]
    assert b"\x0030\0" in cmdlines
    assert b"caf\xe9\x0030\0" in cmdlines
    assert b"sh\0\0a\0\0\0" in cmdlines
    assert b"/opt/tool/\x0030\0" in cmdlines
    zombie = next(one for one in everyone(recording) if one.cmdline == b"")
    assert (zombie.exe, zombie.netns) == (None, None)
    # The format of this recording had no such field.
    assert [(error.field, error.problem) for error in zombie.errors] == [("status", "not-recorded")]
    assert any(one.comm == "a) R 1 (b" for one in everyone(recording))

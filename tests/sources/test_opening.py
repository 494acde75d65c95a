"""Which source an option names."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from proccli.errors import RecordingError, SourceError
from proccli.sources.opening import NamedSource, open_source, sources_of
from proccli.sources.procfs.directory import DirectorySource
from proccli.sources.procfs.live import LiveSource
from proccli.sources.recording.reader import Recording
from proccli.sources.recording.writer import write_recording
from tests.build import ListSource, process


def recording() -> bytes:
    out = io.BytesIO()
    write_recording(out, ListSource([process(1, "x")]), compress=True)
    return out.getvalue()


def test_without_a_name_the_machine_is_read() -> None:
    assert isinstance(open_source(None), LiveSource)


def test_other_proc_mount_is_read() -> None:
    source = open_source(None, "/proc/self/root/proc")
    assert isinstance(source, LiveSource)
    assert source.host.proc_root == "/proc/self/root/proc"


def test_directory_is_read_as_a_tree(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    assert isinstance(open_source(str(tmp_path)), DirectorySource)


def test_file_is_a_recording(tmp_path: Path) -> None:
    (tmp_path / "rec").write_bytes(recording())
    assert isinstance(open_source(str(tmp_path / "rec")), Recording)


def test_dash_is_a_recording_on_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-").mkdir()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(recording())))
    assert isinstance(open_source("-"), Recording)


def test_each_file_of_several_sources_counts_once(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").touch()
    (tmp_path / "b.jsonl").symlink_to("a.jsonl")
    (tmp_path / "c.jsonl").touch()
    folder, first = str(tmp_path), str(tmp_path / "a.jsonl")
    given = [(folder, ""), (first, ""), (first, "blue"), (None, ""), ("-", ""), ("-", "")]

    found = sources_of(NamedSource(*one) for one in given)

    assert [(one.path, one.network) for one in found] == [
        (first, ""),
        (str(tmp_path / "c.jsonl"), ""),
        (first, "blue"),
        (None, ""),
        ("-", ""),
        ("-", ""),
    ]


def test_where_one_source_is_needed_a_folder_of_recordings_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").touch()

    with pytest.raises(SourceError, match="is a folder of recordings"):
        open_source(str(tmp_path))


def test_a_missing_source_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file or directory"):
        open_source(str(tmp_path / "none"))
    with pytest.raises(SourceError, match="No such file or directory"):
        open_source(None, str(tmp_path / "none"))
    (tmp_path / "text").write_text("hello\n")
    with pytest.raises(RecordingError, match=r"text:1:1: not a proccli recording"):
        open_source(str(tmp_path / "text"))

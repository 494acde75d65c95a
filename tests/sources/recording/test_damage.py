"""A recording is valid as a whole, or an error names the line."""

from __future__ import annotations

import gzip
import io
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.errors import RecordingError, SourceError
from proccli.model.process import FieldError, TagTable
from proccli.sources.recording import lines
from proccli.sources.recording.reader import Recording, parse_recording, read_recording
from proccli.sources.recording.writer import write_recording
from tests.build import ListSource, host, process
from tests.cli.runner import call

NAME = "web-1.jsonl"


def small_recording() -> bytes:
    hidden = process(2, "x", "--token=***", root_inode=7)._replace(masked_spans=((10, 13),))
    refused = process(3, "y", errors=(FieldError(field="exe", problem="denied", detail="EACCES"),))
    out = io.BytesIO()
    write_recording(
        out,
        ListSource([process(1, "init", root_inode=7), hidden, refused], users={0: "root"}),
        tags=TagTable(entries={1: (("k", "v"),)}, known=True, origin="t"),
    )
    return out.getvalue()


WHOLE = small_recording()
PACKED = gzip.compress(WHOLE, mtime=0)


def parse(raw: bytes) -> Recording:
    return parse_recording(io.BytesIO(raw), NAME)


def error_of(raw: bytes) -> str:
    with pytest.raises(RecordingError) as caught:
        parse(raw)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 3
    return str(caught.value)


def read_or_told(raw: bytes) -> Recording | str:
    try:
        return parse(raw)
    except RecordingError as error:
        return str(error)


def edited(number: int, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The recording with one line (from 1) changed."""
    documents = [json.loads(line) for line in WHOLE.splitlines()]
    change(documents[number - 1])
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def line_of(kind: str, pid: int | None = None) -> int:
    for number, line in enumerate(WHOLE.splitlines(), start=1):
        document = json.loads(line)
        if document["type"] == kind and document.get("pid") == pid:
            return number
    raise AssertionError(kind)


def test_whole_one_is_read() -> None:
    assert parse(WHOLE).pids() == parse(PACKED).pids() == (1, 2, 3)


def test_recording_cut_short_anywhere_is_an_error() -> None:
    for length in range(len(WHOLE) - 1):
        message = error_of(WHOLE[:length])
        assert message.startswith(f"{NAME}:")
    # Only the newline of the last line is not missed.
    assert parse(WHOLE[:-1]).pids() == (1, 2, 3)


def test_gzip_cut_short_anywhere_is_an_error() -> None:
    for length in range(len(PACKED)):
        error_of(PACKED[:length])


@given(st.integers(0, len(PACKED) - 1), st.integers(1, 255))
def test_damaged_gzip_is_an_error_or_no_damage(position: int, flip: int) -> None:
    """Some bits of a gzip header, as its time and system, mean nothing to the content."""
    damaged = bytearray(PACKED)
    damaged[position] ^= flip
    outcome = read_or_told(bytes(damaged))
    assert outcome == parse(WHOLE) or str(outcome).startswith(f"{NAME}:")


@given(st.integers(0, len(WHOLE) - 1), st.binary(max_size=4))
def test_damaged_text_never_ends_in_another_error(position: int, replacement: bytes) -> None:
    damaged = WHOLE[:position] + replacement + WHOLE[position + 1 :]
    outcome = read_or_told(damaged)
    assert isinstance(outcome, Recording) or outcome.startswith(f"{NAME}:")


@given(st.binary(max_size=200))
def test_rubbish_is_no_recording(rubbish: bytes) -> None:
    with pytest.raises(RecordingError):
        parse(rubbish)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", f"{NAME}:1:1: empty: not a recording"),
        (b"\n", f"{NAME}:1:1: not a proccli recording: not JSON: Expecting value"),
        (b"root:x:0:0\n", f"{NAME}:1:1: not a proccli recording: not JSON: Expecting value"),
        (b"{}\n", f"{NAME}:1:1: not a proccli recording: its first line is not a header"),
        (b"[]\n", f"{NAME}:1:1: not a proccli recording: not a JSON object"),
        (b"\x7fELF\x02\x01\xff", f"{NAME}:1:1: not a proccli recording: not UTF-8 text"),
        (b"\x1f\x8b", f"{NAME}:1:1: unexpected end of gzip data"),
        (b"\xef\xbb\xbf" + WHOLE, f"{NAME}:1:1: not a proccli recording: not JSON"),
        (b'{"type":"header","format":"x"}\n', f"{NAME}:1:1: not a proccli recording"),
    ],
)
def test_a_file_that_is_not_a_recording_is_rejected(raw: bytes, message: str) -> None:
    assert error_of(raw).startswith(message)


@pytest.mark.parametrize("raw", [b"", b"{}\n", b"root:x:0:0\n"])
def test_the_error_for_another_file_names_the_command_that_records(raw: bytes) -> None:
    assert error_of(raw).endswith(" (write one with proccli record FILE)")


def test_a_configuration_in_place_of_a_recording_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "agent.yaml"
    path.write_text("static_config:\n  os-proc-sync-enabled: true\n")

    ran = call("scan", str(path))

    assert (ran.code, ran.out) == (3, "")
    assert ran.err.endswith(f"(if {path} is a configuration, give it with -c)\n")


def test_the_error_for_a_truncated_line_has_its_column() -> None:
    cut = WHOLE[: WHOLE.index(b"\n") + 20]
    assert error_of(cut).startswith(f"{NAME}:2:")
    assert "cut short in the middle of a line" in error_of(cut)


def test_a_missing_end_is_an_error() -> None:
    lines_but_last = WHOLE[: WHOLE.rstrip(b"\n").rindex(b"\n") + 1]
    number = WHOLE.count(b"\n")
    assert error_of(lines_but_last) == f"{NAME}:{number}:1: cut short: the last line is missing"


def test_a_lost_line_is_found_by_the_counts() -> None:
    kept = WHOLE.splitlines(keepends=True)
    del kept[line_of("process", 3) - 1]
    assert "states 3 processes, but the recording has 2" in error_of(b"".join(kept))


def test_a_lost_table_is_an_error() -> None:
    kept = WHOLE.splitlines(keepends=True)
    del kept[line_of("users") - 1]
    raw = b"".join(kept).replace(b'"users":1', b'"users":0')
    assert "the table of users of process 1 is missing" in error_of(raw)


def test_a_line_after_the_end_is_an_error() -> None:
    number = WHOLE.count(b"\n") + 1
    assert error_of(WHOLE + WHOLE).startswith(f"{NAME}:{number}:1: the line: follows the end line")


def test_newer_version_asks_for_a_newer_proccli() -> None:
    raw = edited(1, lambda header: header.update(version=3, something="new"))
    assert error_of(raw) == (
        f"{NAME}:1:1: written in version 3 of the format, and this proccli reads 2"
        " (a newer proccli reads it)"
    )


@pytest.mark.parametrize("version", [0, -1, "1", 1.0, True, None, [1]])
def test_odd_version_is_an_error(version: object) -> None:
    assert f"{NAME}:1:1" in error_of(edited(1, lambda header: header.update(version=version)))


PROCESS = line_of("process", 2)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pid", "2"),
        ("pid", 2.0),
        ("pid", True),
        ("pid", 0),
        ("pid", -1),
        ("pid", 2**31),
        ("pid", None),
        ("pid", 1),
        ("ppid", "0"),
        ("ppid", -1),
        ("uid", 2**32),
        ("starttime_ticks", 2**64),
        ("starttime_ticks", 1.5),
        ("netns", "net:[1]"),
        ("root_inode", -1),
        ("comm", 5),
        ("comm", "\ud800"),
        ("exe", ["x"]),
        ("cgroup", {"x": 1}),
        ("cmdline", "x"),
        ("cmdline", [1]),
        ("cmdline", [None]),
        ("cmdline", ["a\0b"]),
        ("cmdline", ["\udcff"]),
        ("cmdline", [{"base64": "%%%"}]),
        ("cmdline", [{"base64": "AA=="}]),
        ("cmdline", [{"base64": 1}]),
        ("cmdline", [{"base64": "YQ==", "x": 1}]),
        ("cmdline", [{}]),
        ("holes", None),
        ("holes", [[0]]),
        ("holes", [[0, 0]]),
        ("holes", [[3, 2]]),
        ("holes", [[-1, 2]]),
        ("holes", [[0, 99]]),
        ("holes", [[True, 2]]),
        ("holes", [[0, 3], [2, 4]]),
        ("holes", [[4, 5], [0, 1]]),
        ("holes", [["0", "1"]]),
        ("errors", None),
        ("errors", [{}]),
        ("errors", [1]),
        ("errors", [{"field": "x", "problem": "gone", "detail": ""}]),
        ("errors", [{"field": "exe", "problem": "x", "detail": ""}]),
        ("errors", [{"field": "exe", "problem": "gone", "detail": 1}]),
        ("errors", [{"field": "exe", "problem": "gone", "detail": "", "more": 1}]),
        ("users", None),
        ("users", 1),
        ("type", "thread"),
        ("type", None),
        ("unheard-of", 1),
    ],
)
def test_the_error_for_an_invalid_value_has_its_line(key: str, value: object) -> None:
    raw = edited(PROCESS, lambda line: line.update({key: value}))
    assert error_of(raw).startswith(f"{NAME}:{PROCESS}:1: ")


@pytest.mark.parametrize("number", range(1, WHOLE.count(b"\n") + 1))
def test_every_key_is_needed(number: int) -> None:
    for key in json.loads(WHOLE.splitlines()[number - 1]):
        remaining = [json.loads(line) for line in WHOLE.splitlines()]
        del remaining[number - 1][key]
        raw = b"".join(json.dumps(document).encode() + b"\n" for document in remaining)
        assert error_of(raw).startswith(f"{NAME}:{number}:1: ")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("taken_at", "2026-01-02T03:04:05Z"),
        ("taken_at", "2026-13-02T03:04:05.000000000Z"),
        ("taken_at", 5),
        ("boot_time_s", -1),
        ("boot_time_s", "0"),
        ("ticks_per_s", 0),
        ("ticks_per_s", 10**9),
        ("privileged", 1),
        ("host", 7),
        ("proc_root", None),
        ("notices", [{"code": "x"}]),
        ("environment", {"origin": "x"}),
        ("environment", {"origin": "x", "values": {"A": 1}}),
        ("environment", {"origin": "x", "values": []}),
        ("tags", {"origin": "x", "known": True, "entries": [{"pid": 1}]}),
        (
            "tags",
            {"origin": "x", "known": True, "entries": [{"pid": 1, "tags": []}] * 2},
        ),
        ("tags", {"origin": "x", "known": "yes", "entries": []}),
        ("more", 1),
    ],
)
def test_an_invalid_header_is_an_error(key: str, value: object) -> None:
    raw = edited(1, lambda line: line.update({key: value}))
    assert error_of(raw).startswith(f"{NAME}:1:1: ")


@pytest.mark.parametrize("uid", ["x", "-1", "1_0", "4294967296", "", "٣", " 1", "9" * 5000])
def test_an_invalid_user_id_is_an_error(uid: str) -> None:
    number = line_of("users")
    raw = edited(number, lambda line: line.update(names={uid: "root"}))
    assert error_of(raw).startswith(f"{NAME}:{number}:1: ")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'{"type":"users","type":"users"}\n', "duplicate key in an object"),
        (b'{"pid":' + b"9" * 10_000 + b"}\n", "not JSON of a recording"),
        (b'{"pid":NaN}\n', "no type"),
        (b"{'type': 'process'}\n", "not JSON"),
        (b'"text"\n', "not a JSON object"),
        (b'{"type":"pro\xff"}\n', "not UTF-8 text"),
    ],
)
def test_a_hostile_line_is_an_error(line: bytes, message: str) -> None:
    header = WHOLE[: WHOLE.index(b"\n") + 1]
    assert error_of(header + line).startswith(f"{NAME}:2:")
    assert message in error_of(header + line)


def test_line_without_an_end_is_given_up() -> None:
    """Sixty-four kilobytes that unpack to sixty-five megabytes of one line."""
    bomb = gzip.compress(WHOLE[: WHOLE.index(b"\n") + 1] + b" " * (65 << 20))
    assert len(bomb) < 1 << 17
    assert error_of(bomb) == f"{NAME}:2:1: line exceeds 64 MiB"


def test_text_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_RECORDING_BYTES", len(WHOLE) - 1)
    assert "MiB of text" in error_of(WHOLE)
    monkeypatch.setattr(lines, "MAX_RECORDING_BYTES", len(WHOLE))
    assert parse(WHOLE).pids() == (1, 2, 3)


@pytest.mark.parametrize("tail", [b"\0" * 10, b"rubbish", b"\x1f\x8b\x08"])
def test_bytes_after_the_gzip_data(tail: bytes) -> None:
    """Zeros are padding, as tapes leave it; anything else is damage."""
    if tail.strip(b"\0"):
        error_of(PACKED + tail)
    else:
        assert parse(PACKED + tail).pids() == (1, 2, 3)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"can't read .*none: No such file or directory"):
        read_recording(str(tmp_path / "none"))


def test_directory_is_no_recording_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="Is a directory"):
        read_recording(str(tmp_path))


def test_device_without_an_end_is_given_up() -> None:
    with pytest.raises(RecordingError):
        read_recording("/dev/zero")


def test_stdin_is_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"{}\n")))
    with pytest.raises(RecordingError, match=r"^<stdin>:1:1: "):
        read_recording("-")
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(SourceError, match="stdin is closed"):
        read_recording("-")


def test_pipe_that_hands_out_single_bytes_is_read(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    def drip() -> None:
        with fifo.open("wb", buffering=0) as out:
            for position in range(len(PACKED)):
                out.write(PACKED[position : position + 1])

    writer = threading.Thread(target=drip)
    writer.start()
    try:
        assert read_recording(str(fifo)).pids() == (1, 2, 3)
    finally:
        writer.join()


def test_host_of_an_empty_machine_is_a_recording() -> None:
    out = io.BytesIO()
    write_recording(out, ListSource([], at=host(name="empty")))
    assert parse(out.getvalue()).host.name == "empty"

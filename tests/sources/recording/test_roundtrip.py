"""What is written comes back, whatever it was."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.errors import OutputError
from proccli.model.note import Note
from proccli.model.process import (
    NO_TAGS,
    PROCESS_FIELDS,
    Environment,
    FieldError,
    Problem,
    Process,
    SourceKind,
    TagTable,
)
from proccli.model.sockets import TABLES, NetTable, NetTables
from proccli.sources.procfs.files import MAX_FILE_BYTES, RawProcess, Unreadable
from proccli.sources.procfs.live import LiveSource
from proccli.sources.procfs.net import parse_table
from proccli.sources.procfs.process import parse_process
from proccli.sources.procfs.sockets import read_socket_fds
from proccli.sources.recording import writer
from proccli.sources.recording.lines import has_more_elements
from proccli.sources.recording.reader import Recording, parse_recording, read_recording
from proccli.sources.recording.writer import write_recording
from tests.build import ListSource, host, process

PROBLEMS: tuple[Problem, ...] = ("gone", "denied", "missing", "malformed", "failed")


def written(source: ListSource | LiveSource, **facts: object) -> bytes:
    out = io.BytesIO()
    write_recording(out, source, **facts)  # type: ignore[arg-type]  # passed on as given
    return out.getvalue()


def again(source: ListSource | LiveSource, **facts: object) -> Recording:
    return parse_recording(io.BytesIO(written(source, **facts)), "rec")


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
cmdlines = st.lists(st.one_of(texts.map(str.encode), st.binary(max_size=12)), max_size=6).map(
    b"\0".join
)
u64 = st.integers(0, 2**64 - 1)
field_errors = st.builds(
    FieldError,
    field=st.sampled_from(PROCESS_FIELDS),
    problem=st.sampled_from(PROBLEMS),
    detail=texts,
)


@st.composite
def processes(draw: st.DrawFn) -> Process:
    cmdline = draw(st.none() | cmdlines)
    ends = draw(st.lists(st.integers(0, len(cmdline or b"")), max_size=6, unique=True))
    edges = sorted(ends[: len(ends) // 2 * 2])
    return Process(
        pid=draw(st.integers(1, 2**22)),
        cmdline=cmdline,
        masked_spans=tuple(zip(edges[::2], edges[1::2], strict=True)),
        comm=draw(st.none() | texts),
        ppid=draw(st.none() | st.integers(0, 2**22)),
        starttime_ticks=draw(st.none() | u64),
        exe=draw(st.none() | texts),
        uid=draw(st.none() | st.integers(0, 2**32 - 1)),
        netns=draw(st.none() | u64),
        cgroup=draw(st.none() | texts),
        root_inode=draw(st.none() | u64),
        errors=tuple(draw(st.lists(field_errors, max_size=3))),
    )


@given(st.lists(processes(), max_size=4, unique_by=lambda one: one.pid))
def test_any_process_is_read_back_unchanged(given_processes: list[Process]) -> None:
    source = ListSource(given_processes, users={0: "root"})
    recording = again(source)
    assert [recording.read(pid) for pid in recording.pids()] == [
        source.read(pid) for pid in source.pids()
    ]


@pytest.mark.parametrize(
    "cmdline",
    [
        b"",
        b"\0",
        b"\0\0\0",
        b"a",
        b"a\0",
        b"a\0\0b\0\0",
        b"\0a",
        b"nginx: worker process\0\0\0\0\0\0",
        b"\xff\0ok\0",
        "数据库\0".encode(),
        b'"\\\x1b[31m\x7f\xc2\x85\xe2\x80\xae',
        b"\xed\xa0\x80\0",
    ],
)
def test_command_line_keeps_every_byte(cmdline: bytes) -> None:
    source = ListSource([process(1)._replace(cmdline=cmdline)])
    assert again(source).read(1).cmdline == cmdline


def test_the_live_machine_is_read_back_unchanged() -> None:
    source = LiveSource()
    recording = again(source)

    assert recording.pids() == source.pids()
    for pid in source.pids():
        assert recording.read(pid) == source.read(pid)
        assert recording.users(recording.read(pid)) == source.users(source.read(pid))
    assert recording.host == source.host._replace(kind="recording")


@pytest.mark.parametrize("kind", ["live", "directory", "recording"])
@pytest.mark.parametrize("boot_time_s", [None, 0, 1_767_225_600])
@pytest.mark.parametrize(
    "taken_at_ns", [0, 1, 1_767_322_845_123_456_789, 253_402_300_799_999_999_999]
)
def test_host_is_kept_to_the_nanosecond(
    kind: SourceKind, boot_time_s: int | None, taken_at_ns: int
) -> None:
    seen = host(
        kind=kind,
        name=None if boot_time_s is None else "web-1",
        taken_at_ns=taken_at_ns,
        boot_time_s=boot_time_s,
        ticks_per_s=250,
        proc_root="/host/proc",
        redacted=True,
        privileged=False,
        sees_all=False,
    )
    assert again(ListSource([], at=seen)).host == seen._replace(kind="recording")


def test_notices_are_kept() -> None:
    source = ListSource([])
    source.notes = (Note(code="hidepid", text="some are hidden"),)
    assert tuple(again(source).notes) == source.notes


def test_environment_keeps_only_the_names_that_are_asked_for() -> None:
    environment = Environment(
        values={"HOSTNAME": "web-1", "TOKEN": "secret"}, complete=True, origin="deepflow-agent"
    )
    raw = written(ListSource([]), environment=environment, names=["HOSTNAME", "REGION"])
    kept = parse_recording(io.BytesIO(raw), "rec").environment

    assert b"secret" not in raw
    assert kept is not None
    assert kept.values == {"HOSTNAME": "web-1"}
    assert kept.origin == "deepflow-agent"
    assert not kept.complete
    assert kept.knows("HOSTNAME")
    assert kept.knows("REGION")
    assert not kept.knows("TOKEN")


def test_environment_that_was_not_readable_knows_nothing() -> None:
    environment = Environment(values={}, complete=False, origin="deepflow-agent (pid 7)")
    kept = again(ListSource([]), environment=environment, names=["HOSTNAME"]).environment
    assert kept is not None
    assert not kept.knows("HOSTNAME")


@pytest.mark.parametrize(
    "tags",
    [
        None,
        NO_TAGS,
        TagTable(entries={}, known=False, origin="os-app-tag-exec, not run"),
        TagTable(
            entries={9: (("b", "2"), ("a", "1"), ("a", "")), 3: (), 2**40: (("k", "数"),)},
            known=True,
            origin="tags.yaml",
        ),
    ],
)
def test_tags_keep_their_order_and_what_is_not_known(tags: TagTable | None) -> None:
    kept = again(ListSource([]), tags=tags).tags
    assert kept == tags
    if kept is not None and tags is not None:
        assert list(kept.entries) == list(tags.entries)


def test_user_table_is_written_once_for_all_that_share_it() -> None:
    shared = [process(pid, "x", root_inode=7, uid=0) for pid in (1, 2, 3)]
    apart = process(4, "x", root_inode=None, uid=0)
    raw = written(ListSource([*shared, apart], users={0: "root", 1000: "shop"}))
    recording = parse_recording(io.BytesIO(raw), "rec")

    assert raw.count(b'"type":"users"') == 1
    assert recording.users(recording.read(2)) == {0: "root", 1000: "shop"}
    assert recording.users(recording.read(4)) is None


def test_process_that_had_no_table_has_none_again() -> None:
    """Two roots may share an inode number, and only one of them hold a passwd file."""

    class Half(ListSource):
        def users(self, process: Process) -> dict[int, str] | None:
            return {0: "root"} if process.pid == 1 else None

    pair = [process(pid, "x", root_inode=7, uid=0) for pid in (1, 2)]
    recording = again(Half(pair))
    assert recording.users(recording.read(1)) == {0: "root"}
    assert recording.users(recording.read(2)) is None


def test_text_is_plain_ascii_of_one_object_a_line() -> None:
    hostile = process(1, "\x1b[31m", "\u202e", "\x9b1m", "[red]", comm="\x1b]0;x\x07")
    raw = written(ListSource([hostile], users={0: "\x1b[2J"}))
    assert all(byte == 0x0A or 0x20 <= byte < 0x7F for byte in raw)
    types = [json.loads(line)["type"] for line in raw.splitlines()]
    assert (types[0], types[-1]) == ("header", "end")


def test_compressed_recording_is_recognised_by_its_bytes(tmp_path: Path) -> None:
    source = ListSource([process(1, "x")])
    path = tmp_path / "named-anyhow"
    with path.open("wb") as out:
        write_recording(out, source, compress=True)
    assert path.read_bytes()[:2] == b"\x1f\x8b"
    assert read_recording(str(path)).read(1) == source.read(1)


def test_gzip_in_several_members_is_read(tmp_path: Path) -> None:
    """As `cat a.gz b.gz` or a parallel gzip leave it."""
    lines = written(ListSource([process(1, "x")])).splitlines(keepends=True)
    path = tmp_path / "rec.gz"
    path.write_bytes(b"".join(gzip.compress(line) for line in lines))
    assert read_recording(str(path)).pids() == (1,)


@pytest.mark.parametrize("compress", [False, True])
def test_a_recording_is_read_from_a_pipe(compress: bool) -> None:
    out = io.BytesIO()
    write_recording(out, ListSource([process(1, "x")]), compress=compress)
    reader, writer = os.pipe()
    with open(writer, "wb") as end:  # noqa: PTH123 - a descriptor
        end.write(out.getvalue())
    try:
        assert read_recording(f"/dev/fd/{reader}").pids() == (1,)
    finally:
        os.close(reader)


def test_jq_reads_it() -> None:
    if shutil.which("jq") is None:
        pytest.skip("no jq here")
    raw = written(ListSource([process(1, "python3", "app.py"), process(2, "nginx")]))
    query = 'select(.type == "process") | .cmdline | join(" ")'
    done = subprocess.run(["jq", "-r", query], input=raw, capture_output=True, check=True)
    assert done.stdout == b"python3 app.py \nnginx \n"


def test_recording_of_a_recording_is_the_same() -> None:
    hidden = process(1, "x", "--password=***")._replace(masked_spans=((13, 16),))
    first = again(ListSource([hidden], at=host(kind="recording", redacted=True)))
    out = io.BytesIO()
    write_recording(out, first)
    second = parse_recording(io.BytesIO(out.getvalue()), "rec")
    assert second == first
    assert (second.masked_values, second.masked_processes) == (1, 1)


# ---- whatever /proc holds ---------------------------------------------------------------------

_numbers = st.sampled_from([0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**64 - 1, 2**64, 10**20 - 1])
_stats = st.builds(
    lambda comm, ppid, ticks: b"7 (%s) S %d " % (comm, ppid) + b"0 " * 17 + b"%d 0\n" % ticks,
    comm=st.binary(max_size=12),
    ppid=_numbers,
    ticks=_numbers,
)
_links = st.builds(lambda number: b"net:[%d]" % number, _numbers)
_raw = st.builds(
    RawProcess,
    pid=st.integers(1, 999_999_999),
    uid=st.integers(0, 2**32 - 1),
    stat=_stats | st.binary(max_size=12),
    status=st.sampled_from([b"Name:\tx\nUid:\t0\n", b""]) | st.binary(max_size=40),
    cmdline=st.binary(max_size=20),
    exe=st.binary(max_size=12),
    netns=_links | st.binary(max_size=12),
    cgroup=st.binary(max_size=12),
    root_inode=st.integers(0, 2**64 - 1),
)


@given(_raw, st.text(max_size=12), st.text(max_size=12))
def test_whatever_the_parsers_take_from_proc_is_read_again(
    raw: RawProcess, name: str, root: str
) -> None:
    seen = parse_process(raw)
    source = ListSource([seen], at=host(name=name, proc_root=root))
    recording = again(source)

    assert recording.read(seen.pid) == seen
    assert recording.host.name == name.encode(errors="backslashreplace").decode()


@given(_numbers, _numbers, st.binary(max_size=12))
def test_whatever_sockets_proc_shows_are_read_again(fd: int, inode: int, other: bytes) -> None:
    row = b"   0: 0100007F:1F90 0200000A:C001 01 0:0 0:0 0 1000 0 %d 1\n" % inode
    tables: NetTables = ()
    for name in TABLES:
        try:
            rows = tuple(parse_table([b"heading\n", row, other], name))
            tables = (*tables, NetTable(name=name, rows=rows))
        except Unreadable:
            tables = (*tables, NetTable(name=name))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / str(fd)).symlink_to(f"socket:[{inode}]")
        directory = os.open(folder, os.O_RDONLY)
        held = read_socket_fds(directory, "fd-ctime")
        os.close(directory)
    source = ListSource([process(7, "x", netns=5)], sockets={7: held}, nets={5: tables})

    assert again(source).socket_fds(7) == held
    assert again(source).net_tables(7) == tables


@pytest.mark.parametrize("piece", [b"\0", b"a\0", b"\xff\0", b"\x01", b'"', b"\\,[{\0", b"ab,"])
def test_the_largest_command_line_is_read_again(piece: bytes) -> None:
    cmdline = piece * (MAX_FILE_BYTES // len(piece))
    assert again(ListSource([process(1)._replace(cmdline=cmdline)])).read(1).cmdline == cmdline


def test_what_no_reader_takes_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MAX_RECORDING_BYTES", 1000)
    with pytest.raises(OutputError, match="more than a recording may hold"):
        written(ListSource([process(1, "x" * 1000)]))
    monkeypatch.undo()
    monkeypatch.setattr(writer, "MAX_LINE_BYTES", 1000)
    with pytest.raises(OutputError, match="more than a recording may hold"):
        written(ListSource([process(1, "x" * 1000)]))


@given(
    st.recursive(
        st.none() | st.text('a,[{"\\'),
        lambda inner: st.lists(inner) | st.dictionaries(st.text('a,"'), inner),
    )
)
def test_values_are_counted_as_json_has_them(value: object) -> None:
    """An empty list or object counts as one more, the outermost value not at all."""
    text = json.dumps(value).encode()
    count = _inner_values(value)
    assert not has_more_elements(text, count)
    assert not count or has_more_elements(text, count - 1)


def _inner_values(value: object) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return max(len(value), 1) + sum(map(_inner_values, value))
    return 0

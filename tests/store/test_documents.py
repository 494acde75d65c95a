"""Reading documents: what is loaded, and what is refused and why."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.errors import RecordingError, StoreError
from proccli.model.flows import int_to_ip
from proccli.sources.recording.sync_document import parse_sync_output
from proccli.store.documents import _document, files_of, read_documents
from proccli.store.loadable import Document, Refused
from proccli.store.schema import PROTOCOLS, ROLES, STAGED
from tests.store.documents import NOW_S, Link, document, lines, loadable, process
from tests.store.rowbinary import decoded

LINK = Link("tcp", "client", 7, ("10.0.0.1", 4000), ("10.0.0.2", 80))
WEB = document("web-1", [process(7, "app")], [LINK])


def read(folder: Path, content: bytes, name: str = "x.jsonl") -> list[Document | Refused]:
    path = folder / name
    path.write_bytes(content)
    return list(read_documents(str(path), "blue"))


def row(found: Document | Refused) -> dict[str, Any]:
    assert isinstance(found, Document), found
    return decoded(found.row, STAGED)


def test_a_document_has_its_host_time_and_counts(tmp_path: Path) -> None:
    (found,) = read(tmp_path, lines(WEB))

    assert isinstance(found, Document)
    assert found.key == ("blue", "web-1", NOW_S)
    assert (found.processes, found.sockets) == (1, 1)
    assert found.source.endswith("x.jsonl:1")
    assert row(found)["e.gprocess"] == ["app"]


@pytest.mark.parametrize(
    "layout",
    [
        lines,
        lambda one: gzip.compress(lines(one)),
        lambda one: json.dumps(one, indent=2).encode(),
        lambda one: json.dumps(one).replace(', "snap', ',\n "snap').encode() + b"\n",
        lambda one: b"\n\n" + lines(one) + b"\n",
    ],
    ids=["line", "gzip", "indented", "proccli", "blank lines"],
)
def test_the_layout_changes_nothing(layout: Callable[[Any], bytes], tmp_path: Path) -> None:
    (plain,) = read(tmp_path, lines(WEB))
    found = read(tmp_path, layout(WEB))

    assert len(found) == 1
    assert isinstance(found[0], Document)
    assert isinstance(plain, Document)
    assert found[0].content == plain.content


def test_several_documents_in_a_file(tmp_path: Path) -> None:
    """A loop of `sync -o jsonl` writes a line per cycle."""
    later = document("web-1", [], at_s=NOW_S + 10)

    found = read(tmp_path, lines(WEB) + json.dumps(later, indent=1).encode() + b"\n" + lines(WEB))

    assert [row(one)["taken_at"] for one in found] == [NOW_S, NOW_S + 10, NOW_S]


def test_new_keys_are_kept_and_unknown_in_older_documents(tmp_path: Path) -> None:
    new = document(
        "web-1",
        [process(7, "app", rule=3), process(8, "db", rule=0)],
        snapshot={
            "host_id": "4c4c",
            "boot_time": "2026-01-01T00:00:00Z",
            "addresses": ["10.0.0.1", "fe80::1"],
        },
        config={"sha256": "ab" * 32},
        proccli="1.2.3",
        left_out={"min-lifetime": 4},
    )

    known = row(read(tmp_path, lines(new))[0])
    unknown = row(read(tmp_path, lines(WEB))[0])

    assert known["p.rule"] == [3, 0]
    assert known["addresses"] == [0x0A000001]
    assert known["boot_time"] == 1_767_225_600
    assert (known["left_out_known"], known["left_out_reasons"]) == (1, ["min-lifetime"])
    assert (known["host_id"], known["proccli"], known["config_sha256"][:2]) == (
        "4c4c",
        "1.2.3",
        "ab",
    )
    assert unknown["p.rule"] == [-1]
    assert (unknown["left_out_known"], unknown["boot_time"], unknown["host_id"]) == (0, 0, "")


BROKEN: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "ip": (lambda one: one["sockets"][0].update(ip_0="10.0.0"), "ip_0"),
    "port": (lambda one: one["sockets"][0].update(port_1=70_000), "port_1"),
    "role": (lambda one: one["sockets"][0].update(role="peer"), "role"),
    "no port": (lambda one: one["sockets"][0].pop("port_1"), "port_1"),
    "pid": (lambda one: one["processes"][0].update(pid=0), "pid"),
    "pid is true": (lambda one: one["processes"][0].update(pid=True), "pid"),
    "pid of nobody": (lambda one: one["sockets"][0].update(pid_0=8), "pid 8"),
    "pid again": (lambda one: one["processes"].append(one["processes"][0]), "same pid"),
    "name": (lambda one: one["processes"][0].update(name=None), "name"),
    "tags": (lambda one: one["processes"][0].update(os_app_tags=[{"key": "a"}]), "value"),
    "no host": (lambda one: one["snapshot"].update(host=None), "no name"),
    "time": (lambda one: one["snapshot"].update(taken_at="yesterday"), "taken_at"),
    "time too late": (lambda one: one["snapshot"].update(taken_at="2999-01-01T00:00:00Z"), "2106"),
    "host": (lambda one: one["snapshot"].update(host="web-\udcff"), "surrogate"),
    "command": (lambda one: one["processes"][0].update(cmdline="\ud800"), "surrogate"),
    "no lists": (lambda one: one.update(sockets={}), "sockets"),
    "rule": (lambda one: one["processes"][0].update(rule="2"), "processes[0].rule"),
    "left_out": (lambda one: one.update(left_out={"ipv6": -1}), "ipv6 is not between 0"),
    "snapshot": (lambda one: one.update(snapshot=None), "snapshot"),
    "schema": (lambda one: one.update(schema="proccli/sync/v2"), "schema"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_wrong_value_refuses_this_document_only(what: str, tmp_path: Path) -> None:
    change, words = BROKEN[what]
    broken = json.loads(lines(WEB))
    change(broken)

    first, refused, last = read(tmp_path, lines(WEB, broken, WEB))

    assert isinstance(first, Document)
    assert isinstance(last, Document)
    assert isinstance(refused, Refused)
    assert words in refused.problem
    assert refused.source.rpartition("x.jsonl:")[2].startswith("2")


VALUES: st.SearchStrategy[Any] = st.sampled_from(
    (None, True, -1, 0, 1, 1.0, 1.5, 2**16, 2**32, 2**70, "", "x", "tcp", "10.0.0.1", "1", [], {})
)


def _places(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if at:
        yield at
    if isinstance(value, dict | list):
        for key, below in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _places(below, (*at, key))


FULL = document(
    "web-1",
    [process(7, "app", rule=1, os_app_tags=[{"key": "a", "value": "b"}]), process(8, "db")],
    [LINK, Link("udp", "server", 8, ("10.0.0.9", 53), ("10.0.0.1", 53))],
    left_out={"ipv6": 1},
)


@given(st.sampled_from([*_places(FULL)]), VALUES, st.booleans())
def test_what_the_careful_reader_refuses_is_not_loaded(
    place: tuple[str | int, ...], value: Any, remove: bool
) -> None:
    """Any one value replaced or removed; then it reads what was not refused."""
    changed = json.loads(json.dumps(FULL))
    parent = changed
    for step in place[:-1]:
        parent = parent[step]
    if remove:
        del parent[place[-1]]
    else:
        parent[place[-1]] = value
    text = json.dumps(changed).encode()

    with suppress(RecordingError):
        found = _document(text, "x", 1, "")
        try:
            same = parse_sync_output(text, "x")
        except RecordingError as error:
            pytest.fail(f"loaded in spite of: {error}")
        written, sockets = row(found), same.sockets
        assert (found.processes, found.sockets) == (len(same.processes), len(sockets.pids))
        assert written["p.pid"] == [one.pid for one in same.processes]
        assert written["e.pid"] == [*sockets.pids]
        assert [ROLES[role] for role in written["e.role"]] == [*sockets.roles]
        assert [PROTOCOLS[number] for number in written["e.protocol"]] == [*sockets.protocols]
        for side, ips, ports in (
            ("client", sockets.client_ips, sockets.client_ports),
            ("server", sockets.server_ips, sockets.server_ports),
        ):
            assert [int_to_ip(ip) for ip in written[f"e.{side}_ip"]] == [*ips]
            assert written[f"e.{side}_port"] == [*ports]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"via"', b'"\xff": 1, "via"'),
        (b'"via"', b'"x": "\\ud800", "via"'),
        (b'"via"', b'"x": 01, "via"'),
        (b'"via"', b'"x": NaN, "via"'),
        (b'{"schema"', b'{"schema": {}, "schema"'),
    ],
)
def test_a_document_is_checked_also_where_nothing_is_used(
    old: bytes, new: bytes, tmp_path: Path
) -> None:
    (found,) = read(tmp_path, lines(WEB).replace(old, new, 1))

    assert isinstance(found, Refused)


def test_a_document_that_is_cut_short_is_refused_after_the_whole_ones(tmp_path: Path) -> None:
    whole = lines(WEB)

    found = read(tmp_path, whole + whole[: len(whole) // 2])

    assert [type(one) for one in found] == [Document, Refused]
    assert "cut short" in str(found[1])


def test_gzip_data_that_end_early(tmp_path: Path) -> None:
    packed = gzip.compress(lines(WEB) * 3)

    found = read(tmp_path, packed[:-12])

    assert isinstance(found[-1], Refused)
    assert "unexpected end of gzip data" in found[-1].problem


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"root:x:0:0\n", "not the output of proccli sync"),
        (b'{"type": "header"}\n', "not the output of proccli sync"),
        (b"\xff\xfe\x00", "not the output"),
        (b'{"schema": "proccli/sync/v1", "snapshot": ' + b"[" * 100_000, "not JSON"),
        (b'{"schema": "proccli/sync/v1"}\n', "snapshot"),
        (b'{"schema": "proccli/scan/v1"}\n', "schema"),
        (b"\x1f\x8b\x08garbage", "gzip"),
    ],
)
def test_other_files_are_refused(content: bytes, words: str, tmp_path: Path) -> None:
    (found,) = read(tmp_path, content)

    assert isinstance(found, Refused)
    assert words in found.problem


def test_without_the_parser_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, not for each file."""
    monkeypatch.setattr("proccli.store.documents.find_spec", lambda _: None)

    with pytest.raises(StoreError, match="requires clickhouse-connect, chDB and msgspec"):
        read(tmp_path, lines(WEB))


def test_a_file_that_does_not_exist_is_refused() -> None:
    (found,) = read_documents("/does/not/exist.jsonl", "")

    assert found == Refused(
        "/does/not/exist.jsonl", "can't read /does/not/exist.jsonl: No such file or directory"
    )


def test_a_file_name_that_is_not_utf_8_is_shown(tmp_path: Path) -> None:
    found = read(tmp_path, lines(WEB), os.fsdecode(b"\xff.jsonl"))

    assert row(found[0])["source"].endswith("\\udcff.jsonl:1")


def test_a_directory_stands_for_its_documents(tmp_path: Path) -> None:
    for name in ("b.jsonl.gz", "a.jsonl", "c.json", "notes.txt", ".hidden.jsonl", "d.json.gz"):
        (tmp_path / name).touch()

    found = [Path(path).name for path in files_of([str(tmp_path), "-"])]

    assert found == ["a.jsonl", "b.jsonl.gz", "c.json", "d.json.gz", "-"]


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from((0, 100, 200))), max_size=6))
def test_namespaces_stay_apart_and_keep_their_inode(pairs: list[tuple[int, int]]) -> None:
    """Two of the agent's numbers never become one, nor one number two."""
    spaces = dict(pairs)  # the inode of each number
    links = [
        Link("tcp", "client", number, ("127.0.0.1", 4000), ("127.0.0.1", 80), number)
        for number in spaces
    ]
    processes = [process(number, "app", netns_id=inode) for number, inode in spaces.items()]

    found = row(loadable(document("a", processes, links)))["e.netns"]

    assert len(set(found)) == len(spaces)
    inodes = list(spaces.values())
    for inode, netns in zip(inodes, found, strict=True):
        assert (netns == inode) is (inode != 0 and inodes.count(inode) == 1)


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail(data: bytes) -> None:
    """Whatever comes after the right beginning."""
    import io

    from proccli.errors import RecordingError
    from proccli.store import documents

    begun = b'{"schema": "proccli/sync/v1", ' + data
    try:
        texts = list(documents._texts(io.BytesIO(begun), "x"))
        for line, text in texts:
            documents._document(text, "x", line, "")
    except RecordingError:
        pass

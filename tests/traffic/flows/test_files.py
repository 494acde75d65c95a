"""Files as they come: packed, cut short, on stdin, of all kinds that are none of ours."""

from __future__ import annotations

import gzip
import io
import os
import re
import shutil
import subprocess
import sys
from collections import deque
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import pytest

from proccli.errors import FlowsError, SourceError
from proccli.traffic.flows import lines
from proccli.traffic.flows.detect import FlowFormat
from proccli.traffic.flows.fields import parse_fields
from proccli.traffic.flows.stream import open_flows
from tests.traffic.flows.labelling import SAMPLES, label, label_file
from tests.waiting import LONG_S

JSON = b'{"ip_0":"10.0.0.5","client_port":1,"ip_1":"10.0.0.9","server_port":2,"protocol":6}\n'
CSV = b"ip_0,client_port,ip_1,server_port\n10.0.0.5,1,10.0.0.9,2\n"
ZEEK = (SAMPLES / "conn.log").read_bytes()


@pytest.mark.parametrize("data", [JSON, CSV, ZEEK], ids=["ndjson", "csv", "zeek"])
def test_packed_files_are_unpacked(data: bytes) -> None:
    plain = label(data).out

    assert label(gzip.compress(data)).out == plain
    # As gzip itself does: files that were packed one by one, and put together.
    half = data.index(b"\n") + 1
    assert label(gzip.compress(data[:half]) + gzip.compress(data[half:])).out == plain


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.99])
def test_packed_data_that_end_too_early_are_an_error_with_the_line(kept: float) -> None:
    packed = gzip.compress(os.urandom(1000).hex().encode() + b"\n" + JSON * 3)

    with pytest.raises(FlowsError, match=r":\d+:1: unexpected end of gzip data"):
        label(packed[: int(len(packed) * kept)], form="ndjson")


def test_damaged_packed_data_are_an_error() -> None:
    packed = bytearray(gzip.compress(JSON * 1000))
    packed[-8] ^= 0xFF

    with pytest.raises(FlowsError, match="damaged gzip data: CRC check failed"):
        label(bytes(packed))


def test_records_before_the_damage_have_gone_out() -> None:
    stream = iter(open_flows("-"))
    with on_stdin(gzip.compress(JSON * 50_000)[:-100]):
        seen = sum(1 for _ in range(40_000) if next(stream))
        with pytest.raises(FlowsError, match=r"<stdin>:\d{5}:1: unexpected end of gzip data"):
            deque(stream, maxlen=0)

    assert seen == 40_000


def test_a_dash_is_stdin() -> None:
    with on_stdin(JSON):
        ran = label_file("-")

    assert ran.out == label(JSON).out


def test_a_closed_stdin_is_an_error() -> None:
    with patch.object(sys, "stdin", None), pytest.raises(SourceError, match="stdin is closed"):
        label_file("-")


def on_stdin(data: bytes) -> AbstractContextManager[object]:
    return patch.object(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))


@pytest.mark.parametrize("name", ["missing", "."])
def test_what_cannot_be_read_is_an_error_with_its_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=f"can't read {tmp_path}"):
        label_file(str(tmp_path / name))


def test_an_error_of_writing_is_not_taken_for_one_of_reading(tmp_path: Path) -> None:
    path = tmp_path / "flows"
    path.write_bytes(JSON * 3)

    def write() -> None:
        for _ in open_flows(str(path)):
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        write()


@pytest.mark.parametrize("data", [b"", b"\n", b" \r\n\t\n", gzip.compress(b"", mtime=0)])
@pytest.mark.parametrize("form", [None, "ndjson", "csv", "tsv", "zeek"])
def test_a_file_without_records_has_none(data: bytes, form: FlowFormat | None) -> None:
    ran = label(data, form=form)

    assert (ran.flows, ran.notes) == ([], ())
    assert ran.out == (b"" if data.startswith(b"\x1f") else data)


@pytest.mark.parametrize("data", [JSON[:-2] + b"   }\n", CSV, b"#fields\t" + b"x" * 64])
def test_a_line_that_is_too_long_is_an_error_with_its_number(data: bytes) -> None:
    with (
        patch.object(lines, "MAX_LINE_BYTES", 1 << 20),
        pytest.raises(FlowsError, match=r":\d+:1: line exceeds 1 MiB"),
    ):
        label(data + b"x" * (1 << 20) + b"yz\n" + data)


def test_a_line_of_just_the_limit_is_none_too_long() -> None:
    line = b'{"a":"' + b"x" * ((1 << 20) - 9) + b'"}\n'
    with patch.object(lines, "MAX_LINE_BYTES", 1 << 20):
        assert len(line) == 1 << 20
        assert len(label(line).flows) == 1


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"\xd4\xc3\xb2\xa1\x02\0\4\0", "not flow records but a packet capture"),
        (b"\xa1\xb2\x3c\x4d\x00\x02\x00\x04", "not flow records but a packet capture"),
        (b"\x0a\x0d\x0d\x0a\x1c\0\0\0", "not flow records but a packet capture"),
        (b"\x28\xb5\x2f\xfd\x04", "not flow records but zstd-compressed data"),
        (b"PK\x03\x04", "not flow records but a zip archive"),
        (b"PAR1\x15\x04", "not flow records but a Parquet file"),
        ("{}\n".encode("utf-16"), "not flow records but UTF-16 text"),
        (
            b"[" + JSON.strip() + b"]\n",
            "JSON, but not one object per line (convert an array with jq -c '.[]'",
        ),
        (b"[\n" + JSON.strip() + b",\n" + JSON + b"]\n", "JSON, but not one object per line"),
        (b'{\n"meta": [],\n"data":\n[\n' + JSON + b"]\n}\n", "JSON, but not one object per line"),
        (b'["10.0.0.5", 1]\n["10.0.0.6", 2]\n', "JSON, but not one object per line"),
        (
            b'{"OPT_STATUS":"SUCCESS","result":{"columns":[],"values":[]}}',
            "a response of DeepFlow's",
        ),
        (
            Path("docs/example/web-1.jsonl").read_bytes(),
            "not flow records but a recording of proccli (give each source with its own -s",
        ),
        (
            b'{"schema": "proccli/sync/v1", "processes": []}\n',
            "not flow records but output of proccli (give each source with its own -s",
        ),
        (
            b'{"schema": "proccli/sync/v1",\n "processes": []}\n',
            "not flow records but output of proccli (give each source with its own -s",
        ),
        (b"hello\nworld\n", "unknown format of flow records (supported formats: NDJSON, CSV"),
        (b"a,b\n1,2\n", "unknown format of flow records"),
        (b"\0" * 100, "unknown format of flow records"),
        (b"\x7fELF\x02\x01\x01" + os.urandom(100), "unknown format of flow records"),
        (b"<xml/>", "unknown format of flow records"),
        (b"# a comment\n", "unknown format of flow records"),
    ],
)
def test_what_is_none_of_ours_is_refused_in_one_line(data: bytes, problem: str) -> None:
    with pytest.raises(FlowsError) as raised:
        label(data)

    said = str(raised.value)
    assert f":1:1: {problem}" in said
    assert said.isprintable()


def test_a_broken_first_line_does_not_hide_the_format() -> None:
    banner = b"exporting flows ...\n\n"

    assert label(banner + JSON).codes == ["flows-not-json"]
    assert label(JSON[10:] + JSON).codes == ["flows-not-json"]
    assert label(b'{"cut": \n' + JSON).codes == ["flows-not-json"]
    assert label(b"# made by hand\n" + ZEEK).notes == ()


def test_a_format_that_is_named_is_not_looked_for() -> None:
    ran = label(b"# no header\nx\n", form="zeek")
    assert (ran.out, ran.codes) == (b"# no header\nx\n", ["flows-no-fields"])

    assert label(b"hello\n", form="ndjson").codes == ["flows-not-json"]


def test_the_users_names_make_a_known_header() -> None:
    fields = parse_fields("ip_0=src,port_0=sport,ip_1=dst,port_1=dport")

    assert (
        label(b"src\tsport\tdst\tdport\n10.0.0.5\t1\t10.0.0.9\t2\n", fields=fields).flows[0].problem
        is None
    )


@pytest.mark.parametrize("data", [JSON, CSV.splitlines(keepends=True)[0], ZEEK[:16]])
def test_the_format_is_known_before_the_next_line_comes(data: bytes) -> None:
    waiting = Waiting(data)
    with patch.object(sys, "stdin", SimpleNamespace(buffer=waiting)):
        stream = iter(open_flows("-"))
        if data != CSV.splitlines(keepends=True)[0]:
            next(stream)

    assert not waiting.asked_again


class Waiting(io.BytesIO):
    """A pipe that has one line so far."""

    asked_again = False

    def read(self, size: int | None = -1) -> bytes:
        return self._noted(super().read(size))

    def read1(self, size: int | None = -1) -> bytes:
        return self._noted(super().read1(size))

    def _noted(self, data: bytes) -> bytes:
        self.asked_again = self.asked_again or not data
        return data


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not here")
def test_following_the_hints_helps() -> None:
    row = JSON.decode().strip()
    table = '{"columns":["ip_0","client_port","ip_1","server_port"],"values":[%s,%s]}'
    values = '["10.0.0.5",1,"10.0.0.9",2]'
    answers = {
        f"[{row}, {row}]": ".[]",
        f'{{\n"meta": [],\n"data": [\n{row},\n{row}\n]\n}}': ".data[]",
        f'{{"OPT_STATUS":"SUCCESS","result":{table % (values, values)}}}': ".result",
    }
    for answer, begin in answers.items():
        with pytest.raises(FlowsError) as raised:
            label(answer.encode())
        programs = re.findall(r"jq -c '([^']*)'", str(raised.value))
        (shown,) = (program for program in programs if program.startswith(begin))
        done = subprocess.run(
            ["jq", "-c", shown],
            input=answer.encode(),
            capture_output=True,
            check=True,
            timeout=LONG_S,
        )
        assert [flow.problem for flow in label(done.stdout).flows] == [None, None]

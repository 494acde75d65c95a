"""`proccli tot`."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from scapy.layers.inet import TCP

from proccli.commands.schema.command import schema_text
from tests.cli.runner import PROGRAM, TERMINAL, Ran, call, environment, on_a_terminal, spawn
from tests.commands.goldens import content
from tests.paths import ROOT
from tests.traffic.captures.frames import FRAMES, ether, pcap, tcp, v4
from tests.traffic.captures.frames import Frame as AFrame
from tests.traffic.captures.witness import DATA
from tests.traffic.tot.segments import v1
from tests.waiting import LONG_S

MASQUERADED = str(DATA / "v1-16-masqueraded-any.pcap")
V2 = str(DATA / "v2.pcap")


def run(*arguments: str, code: int = 0, stdin: bytes = b"") -> Ran:
    ran = call("tot", *arguments, stdin=stdin)
    assert ran.code == code, ran.err
    return ran


def document(*arguments: str, code: int = 0, stdin: bytes = b"") -> Any:
    given = json.loads(run(*arguments, "--json", code=code, stdin=stdin).out)
    SCHEMA.validate(given)
    return given


SCHEMA = Draft202012Validator(json.loads(schema_text("tot")))


@pytest.mark.parametrize("name", ["tot.json", "tot-unique.json"])
def test_documents_are_valid_and_in_the_order_of_their_schema(name: str) -> None:
    given, known = json.loads(content(name)), json.loads(schema_text("tot"))

    SCHEMA.validate(given)
    assert list(given) == list(known["properties"])
    assert list(given["options"][0]) == list(known["$defs"]["option"]["properties"])
    assert list(given["summary"]) == list(known["$defs"]["summary"]["properties"])


def test_the_keys_that_scripts_rely_on_are_there() -> None:
    (first, *_) = document(V2)["options"]

    assert (
        first.items()
        >= {
            "time": "2026-11-27T12:43:03.138141Z",
            "src": {"ip": "10.0.0.5", "port": 41000},
            "dst": {"ip": "192.0.2.9", "port": 8080},
            "version": 2,
            "pid": 12618,
            "address": None,
            "seq": None,
            "agent_id": 7,
            "ambiguous": False,
        }.items()
    )


def test_json_has_each_option_and_the_table_each_speaker() -> None:
    given = document(MASQUERADED)
    table = run(MASQUERADED).out.splitlines()

    assert len(given["options"]) == given["summary"]["options"] == 32
    assert len(table) == 1 + 14 + 3
    assert "10.0.0.5:41000 → 192.0.2.9:8080" in table[1]


def test_both_can_be_had_the_other_way_round() -> None:
    assert len(document("--unique", MASQUERADED)["options"]) == 14
    assert sum(each["count"] for each in document("--unique", MASQUERADED)["options"]) == 32
    assert len(run("--every", MASQUERADED).out.splitlines()) == 1 + 32 + 3


def test_a_translated_sender_is_named() -> None:
    (line,) = run("--unique", "--ip", "192.0.2.1", "--port", "41001", MASQUERADED).out.splitlines()[
        1:2
    ]

    assert line.endswith("192.0.2.1:41001 → 192.0.2.9:9  v1, from 10.0.0.5")


def test_json_lines_are_those_of_the_document() -> None:
    lines = run("-o", "jsonl", MASQUERADED).out.splitlines()

    assert [json.loads(line) for line in lines] == document(MASQUERADED)["options"]


@pytest.mark.parametrize("how", [["--unique"], ["--limit", "3"], ["--unique", "--limit", "3"]])
def test_json_lines_can_be_folded_and_limited(how: list[str]) -> None:
    lines = run("-o", "jsonl", *how, MASQUERADED).out.splitlines()

    assert [json.loads(line) for line in lines] == document(*how, MASQUERADED)["options"]


def test_a_capture_comes_from_a_pipe_too() -> None:
    raw = Path(V2).read_bytes()

    for stdin in (raw, gzip.compress(raw)):
        given = document("-", stdin=stdin)
        assert {each["capture"] for each in given["options"]} == {"<stdin>"}
        assert len(given["options"]) == 5


def test_several_captures_are_one_answer() -> None:
    given = document(V2, MASQUERADED)

    assert {each["capture"] for each in given["options"]} == {V2, MASQUERADED}
    assert given["summary"]["packets"] == 12 + 72
    assert (given["summary"]["v1"], given["summary"]["v2"]) == (32, 5)


def test_a_table_has_a_limit_that_can_be_lifted(tmp_path: Path) -> None:
    path = tmp_path / "many.pcap"
    frames = [
        AFrame(1, bytes(ether() / v4() / tcp(options=v1(number)))) for number in range(1, 1_102)
    ]
    path.write_bytes(pcap(*frames))

    limited, all_of_them = run(str(path)), run("--limit", "0", str(path))

    assert len(limited.out.splitlines()) == 1 + 1_000 + 3
    assert "\n1,000 of 1,101 shown. 1,101 TOT options: " in limited.out
    assert limited.err == (
        "proccli: warning: 101 options are not listed: there are more than 1,000 lines (--limit)\n"
    )
    assert len(all_of_them.out.splitlines()) == 1 + 1_101 + 3
    assert all_of_them.err == ""


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (["--pid", "12618"], "3 of 5 shown. 5 TOT options: 5 of version 2\n"),
        (["--pid", "1"], "0 of 5 shown. 5 TOT options: 5 of version 2\n"),
        (["--port", "8080"], "\n5 TOT options: 5 of version 2\n"),
    ],
)
def test_what_was_not_asked_for_is_counted(chosen: list[str], said: str) -> None:
    ran = run(*chosen, V2)

    assert ran.out.endswith(said)
    assert ran.err == ""


def test_one_option_that_is_not_listed_is_one() -> None:
    assert run("--every", "--limit", "4", V2).err == (
        "proccli: warning: 1 option is not listed: there are more than 4 lines (--limit)\n"
    )


def test_a_capture_without_options_says_so(tmp_path: Path) -> None:
    syn, data = (ether() / v4() / TCP(sport=1, dport=2, flags=flags) for flags in ("S", "PA"))
    path = tmp_path / "x.pcap"

    path.write_bytes(pcap(AFrame(1, bytes(syn))))
    ran = run(str(path))
    assert ran.out.splitlines()[-1] == "No TOT options found."
    assert "proccli label finds processes by their sockets" in ran.err
    path.write_bytes(pcap(AFrame(1, bytes(data))))
    ran = run(str(path))
    assert ran.out.splitlines()[-1] == "No TOT options found."
    assert "no SYN segments" in ran.err
    path.write_bytes(pcap(AFrame(1, bytes(ether() / v4() / tcp(options=b"\xfd\x04\xf9\x89")))))
    assert run(str(path)).out.splitlines()[-1] == (
        "No TOT options found, but 1 other option of kind 253."
    )
    path.write_bytes(pcap())
    ran = run(str(path))
    assert ran.out == "0 packets, 0 TCP segments\nNo TOT options found.\n"
    assert ran.err == ""


def test_a_damaged_capture_is_shown_up_to_there(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(Path(V2).read_bytes()[:-10])

    ran = run(str(path))

    assert "12618" in ran.out
    assert ran.err == (
        f"proccli: warning: {path}: cut short in the packet at byte 1,038; only the part"
        " before it was read\n"
    )
    assert run("--strict", str(path), code=4).out == ran.out
    assert run("--strict", "-o", "jsonl", str(path), code=4).err == ran.err
    assert [each["code"] for each in document(str(path))["warnings"]] == ["capture-damaged"]


@pytest.mark.parametrize("output", ["table", "json", "jsonl"])
def test_what_is_no_capture_ends_in_one_line(output: str, tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("ip_0,ip_1\n", encoding="utf-8")

    for name, problem in (
        (str(path), f"{path}: not a capture: not a pcap or pcapng file"),
        (str(tmp_path / "none"), f"can't read {tmp_path}/none: No such file or directory"),
        (str(tmp_path), f"can't read {tmp_path}: Is a directory"),
    ):
        ran = run("-o", output, name, code=3)
        assert (ran.out, ran.err) == ("", f"proccli: error: {problem}\n")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "missing argument 'CAPTURE...'"),
        (["-", "-"], "only one CAPTURE can read standard input"),
        (["--ip", "10.0.0", V2], "does not appear to be an IPv4 or IPv6 address"),
        (["--pid", "-1", V2], "is not in the range"),
        (["--port", "65536", V2], "is not in the range"),
    ],
)
def test_wrong_usage_is_an_error(arguments: list[str], problem: str) -> None:
    ran = run(*arguments, code=2)

    assert problem in ran.err
    assert ran.err.count("\n") == 1


def test_an_address_may_be_written_in_any_way() -> None:
    given = document("--ip", "FD00:000A:0::5", str(DATA / "v1-16-ipv6.pcap"))

    assert len(given["options"]) == 5


def test_no_line_is_wider_than_the_terminal() -> None:
    for columns in (30, 60, 100):
        ran = on_a_terminal("tot", "--color", "never", MASQUERADED, columns=columns)
        assert ran.code == 0
        assert max(map(len, ran.out.splitlines())) <= columns


def test_a_closed_pipe_ends_it_quietly(tmp_path: Path) -> None:
    path = tmp_path / "large.pcap"
    raw = Path(MASQUERADED).read_bytes()
    path.write_bytes(raw[:24] + raw[24:] * 200)
    reading, writing = os.pipe()
    os.close(reading)

    with os.fdopen(writing, "wb") as gone:
        done = spawn("tot", "-o", "jsonl", str(path), stdout=gone)

    assert (done.returncode, done.stderr) == (0, "")


def test_a_running_tcpdump_can_be_followed() -> None:
    """Lines come while the pipe is still open."""
    raw = Path(V2).read_bytes()
    started = subprocess.Popen(
        [*PROGRAM, "tot", "-o", "jsonl", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(**TERMINAL),
    )
    assert started.stdin is not None
    assert started.stdout is not None
    try:
        started.stdin.write(raw[:200])
        started.stdin.flush()
        first = json.loads(started.stdout.readline())
        started.stdin.write(raw[200:])
        rest, err = started.communicate(timeout=LONG_S)
    finally:
        started.kill()

    assert first["pid"] == 12618
    assert len(rest.splitlines()) == 4
    assert (started.returncode, err) == (0, b"")


def test_an_interrupt_ends_it_in_one_piece() -> None:
    started = subprocess.Popen(
        [*PROGRAM, "tot", "-o", "jsonl", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(**TERMINAL),
    )
    assert started.stdin is not None
    assert started.stdout is not None
    started.stdin.write(Path(V2).read_bytes()[:200])
    started.stdin.flush()
    started.stdout.readline()
    started.send_signal(signal.SIGINT)

    _, err = started.communicate(timeout=LONG_S)

    assert (started.returncode, err.strip()) == (130, b"")


def test_a_hostile_name_acts_on_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x\x1b[31m[bold]\n.pcap"
    path.write_bytes(pcap(FRAMES["ethernet"], snaplen=60))

    table = run(str(path), V2)
    given = document(str(path))

    assert "\x1b" not in table.out + table.err
    assert len(table.err.splitlines()) == 1
    assert given["summary"]["unreadable"]["cut"] == 1


def test_the_page_shows_what_is_printed() -> None:
    page = (ROOT / "docs" / "tot.md").read_text(encoding="utf-8")
    command, _, shown = page.split("```console\n$ ")[1].split("```")[0].partition("\n")
    name, *arguments = command.split()[1:]

    assert (name, arguments[-1]) == ("tot", "capture.pcap")
    assert run(*arguments[:-1], MASQUERADED).out == shown


def test_the_page_names_every_count() -> None:
    page = (ROOT / "docs" / "tot.md").read_text(encoding="utf-8")
    summary = document(MASQUERADED)["summary"]

    for name in (*summary["unreadable"], "other_253", "decapsulated", "fragments"):
        assert f"`{name}`" in page

"""`proccli label` on the command line: how it begins, and how it ends."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.build import NOW_S
from tests.cli.runner import PROGRAM, TERMINAL, environment, on_a_terminal, spawn
from tests.commands.label.flowfiles import FORMS, syns
from tests.commands.label.labelling import (
    flow,
    label,
    labels,
    ndjson,
    objects,
    two_connections,
    two_hosts,
)
from tests.traffic.captures.witness import DATA
from tests.waiting import LONG_S

CAPTURE = DATA / "v2.pcap"


@pytest.mark.parametrize("piped", [False, True], ids=["file", "pipe"])
@pytest.mark.parametrize("records", [1, 3, 5_000])
def test_what_comes_before_a_damage_is_printed(
    records: int, tmp_path: Path, *, piped: bool
) -> None:
    """However little of it there is, and although it was packed."""
    path = tmp_path / "flows.gz"
    packed = gzip.compress(ndjson(*(flow(n=n) for n in range(records))))
    path.write_bytes(packed[:-8])
    hosts = two_hosts(tmp_path)

    ran = label(*hosts, *([] if piped else [str(path)]), stdin=path.read_bytes(), code=3)

    found = objects(ran)
    assert [record["n"] for record in found] == [*range(records)]
    assert {labels(record) for record in found} == {("socket", "socket")}
    where = "<stdin>" if piped else path
    assert ran.err == (f"proccli: error: {where}:{records + 1}:1: unexpected end of gzip data\n")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--within", "-1"], "-1.0 is not in the range"),
        (["--within", "nan"], "nan is not a number of seconds"),
        (["--within", "soon"], "'soon' is not a valid float"),
        (["--format", "xml"], "'xml' is not one of 'ndjson', 'csv', 'tsv', 'blanks', 'zeek', "),
        (["--fields", "ip_0"], "'ip_0' is not PART=NAME"),
        (["--fields", ""], "'' is not PART=NAME"),
        (["--fields", "ip_0=a,ip_0=b"], "duplicate key 'ip_0'"),
        (["--fields", "ip_2=a"], "unknown key 'ip_2'"),
        (["--fields", "zone=Mars"], "'Mars' is not a time zone"),
        (["--server", "9"], "server 9 is not known"),
        (["--agent-id", "7"], "'7' is not ID=HOST"),
        (["--agent-id", "=a"], "'=a' is not ID=HOST"),
        (["--agent-id", "x=a"], "'x' is not an agent id"),
        (["--agent-id", "-1=a"], "'-1' is not an agent id"),
        (["--agent-id", "\u0667=a"], "is not an agent id"),
        (
            ["--agent-id", "4294967296=a"],
            "'4294967296' is not an agent id (a number up to 4294967295",
        ),
        (["--agent-id", "9" * 5_000 + "=a"], "is not an agent id"),
        (["--agent-id", "7=a", "--agent-id", "07=b"], "agent 7 is given with two different hosts"),
        (["--agent-id", "7=nobody"], "no source is of the host 'nobody' of --agent-id (a, b)"),
        (["--agent-id", "7="], "no source is of the host '' of --agent-id (a, b)"),
        (["--in-network", "blue"], "no source is in the network 'blue' of --in-network"),
        (["--network", "a", "--network", "b"], "--network applies to all sources and can be"),
        (["--tags", "x"], "--tags is the output of one host's command"),
        (["-s", "-"], "only one of the sources, FLOWS, -c and --tags can read standard input"),
        (["-c", "-"], "-c / --config can be given only once"),
        (["-", "-"], "unexpected extra argument"),
        (["--nope"], "no such option"),
    ],
)
def test_wrong_usage_is_one_line(arguments: list[str], problem: str, tmp_path: Path) -> None:
    ran = label(*two_hosts(tmp_path), *arguments, stdin=ndjson(flow()), code=2)

    assert problem in ran.err
    assert (ran.out, ran.err.count("\n")) == ("", 1)


def test_an_agent_may_be_named_again(tmp_path: Path) -> None:
    again = ("--agent-id", "7=a", "--agent-id", "07=a", "--agent-id", "4294967295=a")

    assert len(objects(label(*two_hosts(tmp_path), *again, str(CAPTURE)))) > 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--fields", "ip_0=a"], "--fields requires flow records"),
        (["--format", "ndjson"], "--format ndjson requires flow records"),
        (["--format", "zeek"], "--format zeek requires flow records"),
    ],
)
def test_what_is_for_flow_records_is_not_for_captures(
    arguments: list[str], problem: str, tmp_path: Path
) -> None:
    ran = label(*two_hosts(tmp_path), *arguments, str(CAPTURE), code=2)

    assert problem in ran.err
    assert f"{CAPTURE} is a capture" in ran.err
    assert ran.out == ""


def test_what_is_for_captures_is_not_for_flow_records(tmp_path: Path) -> None:
    how = (*two_hosts(tmp_path), "--agent-id", "7=a")
    ran = label(*how, stdin=ndjson(flow()), code=2)

    assert "--agent-id requires a capture, but <stdin> is not one" in ran.err
    assert ran.out == ""


def test_an_input_that_is_missing_is_told_before_sources_are_read(tmp_path: Path) -> None:
    missing, worse = tmp_path / "missing", tmp_path / "worse.jsonl"
    worse.write_text("no recording", encoding="utf-8")

    ran = label(*two_hosts(tmp_path), "-s", str(worse), str(missing), code=3)

    assert ran.err == f"proccli: error: can't read {missing}: No such file or directory\n"


def test_help_comes_before_anything_that_is_wrong() -> None:
    ran = label("--network", "blue", "--within", "-1", "--help")

    assert ran.err == ""
    assert ran.out.startswith("Label flow records")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"no flow records\n", ":1:1: unknown format of flow records (supported formats: NDJSON, "),
        (b"[1]\n", ":1:1: JSON, but not one object per line"),
        (b'{\n  "ip_0": 1\n}\n', ":1:1: JSON, but not one object per line"),
        (b"\x28\xb5\x2f\xfd", ":1:1: not flow records but zstd-compressed data"),
        (b"\x1f\x8b\x08", ":1:1: unexpected end of gzip data"),
        (b"\x1f\x8bxxxxxxxxxxxxxxx", ":1:1: damaged gzip data: "),
        (b"\xd4\xc3\xb2\xa1", ": a damaged capture: "),
        (b"\x0a\x0d\x0d\x0a", ": a damaged capture: "),
        (gzip.compress(b"\xd4\xc3\xb2\xa1", mtime=0), ": a damaged capture: "),
    ],
)
def test_what_can_not_be_read_is_one_line(content: bytes, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "flows"
    path.write_bytes(content)
    hosts = two_hosts(tmp_path)

    for name, ran in (
        (str(path), label(*hosts, str(path), code=3)),
        ("<stdin>", label(*hosts, stdin=content, code=3)),
    ):
        assert ran.err.startswith(f"proccli: error: {name}{problem}")
        assert (ran.out, ran.err.count("\n")) == ("", 1)


@pytest.mark.parametrize(
    ("name", "problem"),
    [("none", "No such file or directory"), ("", "Is a directory"), ("x/y", "Not a directory")],
)
def test_a_file_that_can_not_be_opened_is_one_line(name: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    path = f"{tmp_path}/{name}"

    for given in ([path], ["--format", "csv", path], ["--format", "capture", path]):
        ran = label(*two_hosts(tmp_path), *given, code=3)
        assert (ran.out, ran.err) == ("", f"proccli: error: can't read {path}: {problem}\n")


def test_a_source_that_can_not_be_read_is_one_line(tmp_path: Path) -> None:
    ran = label("-s", str(tmp_path / "none"), stdin=ndjson(flow()), code=3)

    assert ran.err.endswith(f"can't read {tmp_path}/none: No such file or directory\n")


def test_no_records_are_no_error(tmp_path: Path) -> None:
    for content in (b"", b"\n", gzip.compress(b"")):
        ran = label(*two_hosts(tmp_path), stdin=content)
        assert (ran.out, ran.err) == (content if content == b"\n" else "", "") or ran.out == "\n"


def test_strict_tells_what_is_open(tmp_path: Path) -> None:
    """A connection that is new to /proc may be too young for its agent to send it."""
    record = ndjson(flow())
    known = label(*two_hosts(tmp_path), "--strict", stdin=record)
    hosts = two_hosts(tmp_path, age_s=0)

    open_ = label(*hosts, "--strict", stdin=record, code=4)

    assert labels(objects(known)[0]) == ("socket", "socket")
    assert labels(objects(open_)[0]) == ("undecided", "socket")
    assert label(*hosts, stdin=record).out == open_.out


def test_strict_tells_that_a_capture_is_cut_short(tmp_path: Path) -> None:
    cut = syns(two_connections(), NOW_S)[:-1]

    ran = label(*two_hosts(tmp_path), "--strict", stdin=cut, code=4)

    assert len(objects(ran)) == 1
    assert ran.err.startswith("proccli: warning: <stdin>: cut short in the packet at byte ")
    assert label(*two_hosts(tmp_path), stdin=cut).out == ran.out


# ---- streams ----------------------------------------------------------------------------------


class Running:
    """The program, fed through a pipe."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [*PROGRAM, "label", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(**TERMINAL),
        )

    def write(self, content: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(content)
        self._process.stdin.flush()

    def read_line(self) -> bytes:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def interrupt(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def close_output(self) -> None:
        assert self._process.stdout is not None
        self._process.stdout.close()

    def end(self) -> tuple[int, bytes, bytes]:
        """Its exit code, and what was left to read."""
        try:
            out, err = self._process.communicate(timeout=LONG_S)
        finally:
            self._process.kill()
        return self._process.returncode, out, err


@pytest.mark.parametrize(
    ("name", "option"),
    [*((name, False) for name in FORMS), ("semicolons", True), ("deepflow-tsv", True)],
)
def test_a_record_comes_out_before_the_next_is_written(
    name: str, tmp_path: Path, *, option: bool
) -> None:
    form = FORMS[name]
    lines = form.write(two_connections(), NOW_S).splitlines(keepends=True)
    records = {"zeek": 3, "zeek-json": 2, "deepflow-ndjson": 2}.get(name, 2)
    head, first, rest = lines[:-records], lines[-records], lines[1 - records :]
    running = Running(*two_hosts(tmp_path), *(["--format", form.option] if option else []), "-")

    running.write(b"".join(head))
    for _ in head:
        running.read_line()
    running.write(first)
    shown = running.read_line()
    running.write(b"".join(rest))

    assert b"socket" in shown
    code, out, err = running.end()
    assert (code, len(out.splitlines()), err) == (0, len(rest), b"")


def test_a_connection_comes_out_when_it_has_ended(tmp_path: Path) -> None:
    """While the capture goes on: as soon as another one begins at its ends."""
    one, other = two_connections()
    capture = syns([one], NOW_S)
    again = syns([one, other], NOW_S + 1).replace(b"\x00\x00\x00\x01", b"\x00\x00\x00\x02")
    running = Running(*two_hosts(tmp_path), "-")

    running.write(capture)
    running.write(again[24:])
    shown = json.loads(running.read_line())
    code, out, err = running.end()

    assert (shown["start_time"], labels(shown)) == ("2026-01-02T03:04:05.000000Z", ("socket",) * 2)
    assert (code, len(out.splitlines())) == (0, 2)
    assert err.count(b"proccli: warning: ") == 1
    assert b"2 sides of captured connections are in no source" in err


def test_an_interrupt_is_quiet(tmp_path: Path) -> None:
    running = Running(*two_hosts(tmp_path), "-")
    running.write(ndjson(flow()))
    running.read_line()

    running.interrupt()

    code, out, err = running.end()
    assert (code, out, err.strip()) == (130, b"", b"")


@pytest.mark.parametrize("piped", [False, True], ids=["file", "pipe"])
def test_a_reader_who_leaves_ends_it_quietly(tmp_path: Path, *, piped: bool) -> None:
    path = tmp_path / "flows"
    path.write_bytes(ndjson(*[flow(), {"x": 1}] * 5_000))
    hosts = " ".join(two_hosts(tmp_path))
    given = (
        f"cat {path} | {' '.join(PROGRAM)} label {hosts} -"
        if piped
        else (f"{' '.join(PROGRAM)} label {hosts} {path}")
    )

    done = subprocess.run(
        ["bash", "-c", f"{given} | head -1; echo ${{PIPESTATUS[@]}}"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG_S,
    )

    first, codes = done.stdout.splitlines()
    assert labels(json.loads(first)) == ("socket", "socket")
    assert codes.split()[-2:] == ["0", "0"]
    assert done.stderr == ""


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "flows"
    path.write_bytes(ndjson(*[flow()] * 10_000))
    for given in ([str(path)], ["--format", "ndjson", str(path)]):
        with Path("/dev/full").open("wb") as full:
            done = spawn("label", *two_hosts(tmp_path), *given, stdout=full)

        assert (done.returncode, done.stderr) == (
            3,
            "proccli: error: cannot write to standard output: No space left on device\n",
        )


@pytest.mark.parametrize("redirection", ["<&-", ">&-", "2>&-"])
def test_a_stream_that_is_closed_is_told_if_it_is_needed(redirection: str, tmp_path: Path) -> None:
    path = tmp_path / "flows"
    path.write_bytes(ndjson(flow()))

    def run(*given: str) -> subprocess.CompletedProcess[str]:
        words = [*PROGRAM, "label", *two_hosts(tmp_path), *given]
        return subprocess.run(
            ["/bin/sh", "-c", f'"$@" {redirection}', "sh", *words],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=LONG_S,
        )

    needed = {"<&-": "-", ">&-": str(path)}.get(redirection)
    if needed is not None:
        done = run(needed)
        which = "input" if redirection == "<&-" else "output"
        assert done.returncode == 3
        assert done.stderr == f"proccli: error: standard {which} is closed\n"
    if redirection != ">&-":
        assert run(str(path)).returncode == 0


# ---- terminals --------------------------------------------------------------------------------

SUMMARY = (
    "proccli: 2 records: 1 labelled at both ends, 0 at one end, 1 not labelled (2 no-connection)"
)


@pytest.mark.parametrize("columns", [20, 80, 200])
def test_a_terminal_shows_the_totals(columns: int, tmp_path: Path) -> None:
    path = tmp_path / "flows"
    path.write_bytes(ndjson(flow(start_time=NOW_S), flow(server_port=81)))

    shown = on_a_terminal("label", *two_hosts(tmp_path), str(path), columns=columns)

    *records, last = shown.out.splitlines()
    assert [labels(json.loads(line))[0] for line in records] == ["socket", "no-connection"]
    assert (shown.code, last) == (0, SUMMARY)


def test_without_a_terminal_there_is_nothing_to_say(tmp_path: Path) -> None:
    ran = label(*two_hosts(tmp_path), stdin=ndjson(flow(start_time=NOW_S), flow(server_port=81)))

    assert ran.err == ""


def test_colours_follow_the_terminal_the_option_and_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "flows"
    path.write_bytes(b"no record\n" + ndjson(flow(start_time=NOW_S)))
    hosts = two_hosts(tmp_path)

    def shown(*options: str, **env: str) -> str:
        return on_a_terminal("label", *hosts, *options, str(path), env=env).out

    coloured = "proccli: \x1b[33m\x1b[1mwarning:\x1b[0m"
    plain = "proccli: warning: "
    assert coloured in shown() or "\x1b[" in shown()
    for text in (shown(NO_COLOR="1"), shown("--color", "never"), shown(TERM="dumb")):
        assert plain in text
        assert "\x1b" not in text
    assert "\x1b[" in shown("--color", "always", NO_COLOR="1")


def test_a_label_of_a_disabled_agent_is_said_to_be_none(tmp_path: Path) -> None:
    disabled = tmp_path / "agent.yaml"
    hosts = two_hosts(tmp_path)
    disabled.write_text(disabled.read_text().replace("enabled: true", "enabled: false"))

    ran = label(*hosts, stdin=ndjson(flow()))

    assert "os-proc-sync-enabled is false: the agent sends none of this" in ran.err

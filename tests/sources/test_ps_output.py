"""The output of ps as a source: what it tells is exact, and the rest is not recorded."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from proccli.agent.process import Texts, agent_process
from proccli.commands.schema.command import schema_text
from proccli.errors import RecordingError
from proccli.model.process import Process
from proccli.sources.ps_output import PsOutput, looks_like_ps, parse_ps
from proccli.versions import behaviour_of
from tests.cli.runner import call
from tests.waiting import eventually

BEST = "    PID    PPID USER     COMMAND         COMMAND\n"
AUX = "USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n"
LSTART = "    PID                  STARTED CMD\n"
EF = "UID          PID    PPID  C STIME TTY          TIME CMD\n"


def parsed(text: str) -> PsOutput:
    assert looks_like_ps(text.encode())
    return parse_ps(text.encode(), "ps.txt", 0)


def only(text: str) -> Process:
    (process,) = parsed(text).processes.values()
    return process


def texts(process: Process, agent: str = "6.5") -> Texts | None:
    host = parsed(f"{BEST}      1       0 root     init            /sbin/init\n").host
    behaviour = behaviour_of(agent, "static_config" if agent < "7" else "inputs.proc")
    return agent_process(process, host, behaviour).texts


@pytest.mark.parametrize(
    ("text", "ppid", "comm"),
    [
        (f"{BEST}     12       1 shop     python3         /usr/bin/python3 -m app\n", 1, "python3"),
        (
            f"{AUX}shop         12 0.0  0.1  10  20 ?  Ss  Nov29   0:01 /usr/bin/python3 -m app\n",
            None,
            None,
        ),
        (f"{EF}shop 12       1  0 Nov29 ?        00:00:01 /usr/bin/python3 -m app\n", 1, None),
        ("     12 /usr/bin/python3 -m app\n", None, None),
        ("     12       1 /usr/bin/python3 -m app\r\n", 1, None),
        (
            f"{LSTART}     12 Mon Nov 30 03:13:19 2026 /usr/bin/python3 -m app\n",
            None,
            None,
        ),
    ],
)
def test_usual_formats(text: str, ppid: int | None, comm: str | None) -> None:
    process = only(text)
    assert (process.pid, process.ppid, process.comm) == (12, ppid, comm)
    assert process.cmdline == b"/usr/bin/python3 -m app"
    found = texts(process)
    assert found is not None
    assert found.cmdline.text == "/usr/bin/python3 -m app"
    assert not found.cmdline.masked_spans


def test_a_blank_may_end_the_first_argument_or_not() -> None:
    """Redis sets one text as its title, and that is the file name that the agent sees."""
    process = only(f"{BEST}      7       1 redis    redis-server    /usr/bin/redis-server *:6379\n")
    found = texts(process)
    assert found is not None
    assert found.process_name.candidates == ("redis-server", "redis-server *:6379")
    assert found.process_name.masked_spans


def test_one_word_is_the_first_argument() -> None:
    found = texts(only(f"{BEST}      7       1 root     crond           /usr/sbin/crond\n"))
    assert found is not None
    assert found.process_name == ("crond", (), (), True)


def test_comm_with_blanks_and_a_wide_column_before_it() -> None:
    process = only(f"{BEST}      7       1 averylongusername Web Content     /usr/bin/firefox -x\n")
    assert process.comm == "Web Content"
    assert process.cmdline == b"/usr/bin/firefox -x"


def test_columns_that_overlap_hide_where_the_command_line_begins() -> None:
    rows = "      7       1 me       averyveryverylongcomm /usr/bin/app -x\n"
    rows += "      8       1 me       app             /usr/bin/app -x\n"
    process = parsed(BEST + rows).processes[7]
    assert process.cmdline is None
    assert process.comm is None


def test_squeezed_columns_are_read_where_that_is_certain() -> None:
    row = "shop 12 0.0 0.1 10 20 ? Ss Nov29 0:01 /usr/bin/python3 -m app\n"
    assert only(AUX + row).cmdline == b"/usr/bin/python3 -m app"
    rows = "7 1 me app /usr/bin/app -x\n      8       1 me       app             /usr/bin/app -x\n"
    assert parsed(BEST + rows).processes[7].cmdline is None
    with pytest.raises(RecordingError, match="keep the columns aligned"):
        parsed("PID PPID USER COMMAND COMMAND\n7 1 me Web Content /usr/bin/app -x\n")


def test_comm_is_read_as_the_agent_reads_status() -> None:
    process = only(f"{BEST}      7       1 me       tmux: server    /usr/bin/tmux\n")
    assert (process.comm, process.status_name) == ("tmux: server", "tmux")
    found = texts(process, "7.1")
    assert found is not None
    assert found.process_name.text == "tmux"
    assert found.exe is None


def test_without_comm_the_newer_agents_name_is_not_known() -> None:
    process = only(f"{EF}shop          12       1  0 Nov29 ?        00:00:01 /usr/bin/app -m\n")
    assert texts(process, "7.1") is None
    assert process.error("status") is not None


def test_extra_blanks_may_be_empty_arguments() -> None:
    process = only("     12 /bin/echo a  b \n")
    assert process.cmdline == b"/bin/echo a  b "
    assert process.masked_spans == ((12, 13), (14, 15))


@pytest.mark.parametrize(
    "command", ["/bin/echo what?", "/bin/a\tb", "{app} /bin/sh app", "/bin/a\udcff"]
)
def test_what_ps_may_have_replaced_is_not_known(command: str) -> None:
    content = f"{BEST}      1       0 root     init            {command}\n"
    content += "      2       1 root     init            /sbin/init\n"
    found = parse_ps(content.encode(errors="surrogateescape"), "ps.txt", 0)
    assert found.processes[1].cmdline is None
    error = found.processes[1].error("cmdline")
    assert error is not None
    assert error.problem == "not-recorded"


@pytest.mark.parametrize(
    ("row", "empty"),
    [
        ("      2       0 root     kthreadd        [kthreadd]", True),
        ("     90       2 root     kworker/0:1H-ev [kworker/0:1H-events_highpri]", True),
        ("     12       1 root     sleep           [sleep] <defunct>", True),
        ("     12       1 root     celery          [celery: worker]", False),
    ],
)
def test_brackets_are_a_short_name(row: str, empty: bool) -> None:
    assert (only(f"{BEST}{row}\n").cmdline == b"") is empty


def test_trees_are_read() -> None:
    rows = (
        "    PID    PPID COMMAND\n"
        "      1       0 /sbin/init\n"
        "     12       1  \\_ nginx: master process\n"
        "     13      12  |   \\_ nginx: worker process\n"
    )
    found = [process.cmdline for process in parsed(rows).processes.values()]
    assert found == [b"/sbin/init", b"nginx: master process", b"nginx: worker process"]


def test_cut_lines_are_warned_about_and_their_ends_not_known() -> None:
    rows = "     1 /bin/a --one two\n     2 /bin/b --two one\n     3 /bin/c\n"
    found = parsed(rows)
    assert [note.code for note in found.notes] == ["ps-source", "ps-truncated"]
    assert found.notes[1].fields == {"lines": 2, "width": 23}
    assert [process.masked_spans for process in found.processes.values()] == [
        ((15, 16),),
        ((15, 16),),
        (),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("    PID TTY          TIME CMD\n      1 ?        00:00:01 init\n", "not be the command"),
        (
            "    PID COMMAND\n      1 init\n      2 kworker/0:1H-events_highpri\n",
            "not be the command",
        ),
        (
            "    PID COMMAND                     COMMAND\n      1 /sbin/init  x  init\n",
            "not be the",
        ),
        ("1 0 root init /sbin/init\n2 0 root kthreadd [kthreadd]\n", "not be the command line"),
        ("    PID COMMAND         USER\n      1 init            root\n", "'USER', not the command"),
        (f"{BEST}", "no processes"),
        (f"{BEST}      1\n", "ps.txt:2:1: not a line of ps: it has no PPID"),
        (f"{BEST}  x 1 root init /sbin/init\n", "its PID is not a process id"),
        (f"{BEST}  99999999999 1 root init /sbin/init\n", "its PID is not a process id"),
        ("1 /sbin/init\n1 /sbin/other\n", "pid 1 is listed again"),
    ],
)
def test_what_is_no_list_of_command_lines_is_refused(text: str, problem: str) -> None:
    with pytest.raises(RecordingError) as caught:
        parsed(text)
    assert problem in str(caught.value)


PIECES = st.sampled_from(
    (
        *("\n", "\r\n", "\x00", "\t", "\udcff", " ", "  ", "?", "é", "漢", "1", "2", "0", "Mon"),
        *("PID", "PPID", "COMMAND", "STARTED", "root", "/bin/x", "[x]", " <defunct>", "\\_ ", "| "),
        *("{a}", BEST, AUX, EF, "     12       1 shop     python3         /usr/bin/python3 -m a\n"),
    )
)


@given(st.lists(PIECES, max_size=25).map("".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    content = text.encode(errors="surrogateescape")
    looks_like_ps(content)
    try:
        found = parse_ps(content, "x", 0)
    except RecordingError:
        return
    for process in found.processes.values():
        for agent in ("6.5", "7.1"):
            texts(process, agent)


# ---- real ps --------------------------------------------------------------------------------

needs_ps = pytest.mark.skipif(shutil.which("ps") is None, reason="this machine has no ps")

ARGUMENTS = [
    (b"/opt/shop/bin/app", b"--port", b"80"),
    (b"app", b"", b"two  blanks", b"x "),
    (b"", b"first is empty"),
    (b"  leading",),
    (b"nginx: master process /usr/sbin/nginx",),
    (b"/usr/bin/redis-server *:6379",),
    ("/usr/bin/caf\u00e9".encode(), "\u6f22".encode()),
    (b"/bin/not-utf8\xff\xfe", b"x"),
    (b"/bin/what?",),
    (b"/bin/tab\tx", b"\x1b[31m"),
    (b"[sleep]",),
    (b"[celery: worker]",),
    (b"/" + b"x" * 3000, b"y"),
]

FORMATS = [
    ["ps", "-ww", "-eo", "pid,ppid,user,comm,args"],
    ["ps", "-ww", "-eo", "pid,comm,user,args"],
    ["ps", "auxww"],
    ["ps", "-efww"],
    ["ps", "auxfww"],
    ["ps", "-ww", "-eo", "pid,lstart,args"],
    ["ps", "-ww", "-eo", "pid=,args="],
    ["ps", "-ww", "-eo", "pid=,ppid=,args="],
    ["ps", "-ef"],
]

RULES = """\
static_config:
  os-proc-sync-enabled: true
  os-proc-socket-min-lifetime: 1
  os-proc-regex:
  - match-type: cmdline
    match-regex: "^/opt/shop/bin/(app) --port ([0-9]+)$"
    rewrite-name: "$1-$2"
  - match-type: cmdline
    match-regex: "two blanks|first is empty"
    action: drop
  - match-type: process_name
    match-regex: "^(nginx|sleep|leading)"
    action: drop
  - match-type: parent_process_name
    match-regex: "no such parent"
    action: drop
  - match-type: cmdline
    match-regex: "(redis)-server"
    rewrite-name: "$1"
"""
MATCHERS = """\
inputs:
  proc:
    enabled: true
    min_lifetime: 1s
    process_matcher:
    - match_regex: "^/opt/shop/bin/(app) --port ([0-9]+)$"
      match_type: cmdline_with_args
      rewrite_name: "$1-$2"
      only_in_container: false
      enabled_features: [proc.gprocess_info]
    - match_regex: "^echo$"
      match_type: process_name
      only_in_container: false
      enabled_features: [proc.gprocess_info]
    - match_regex: "ech"
      match_type: cmdline
      only_in_container: false
      enabled_features: [proc.gprocess_info]
"""


@pytest.fixture(scope="module")
def pids() -> Iterator[tuple[int, ...]]:
    """Processes with odd arguments, which wait: /bin/echo can't write into a full pipe."""
    with ExitStack() as stack:
        read_end, write_end = os.pipe()
        stack.callback(os.close, read_end)
        stack.callback(os.close, write_end)
        os.set_blocking(write_end, False)
        for size in (65536, 1):
            with suppress(BlockingIOError):
                while True:
                    os.write(write_end, b"x" * size)
        os.set_blocking(write_end, True)
        found = []
        for arguments in ARGUMENTS:
            child = subprocess.Popen([*arguments], executable="/bin/echo", stdout=write_end)
            stack.callback(child.wait)
            stack.callback(child.kill)
            found.append(child.pid)
        yield tuple(found)


def scanned(*arguments: str, stdin: bytes = b"") -> dict[int, Any]:
    ran = call("scan", "--json", *arguments, stdin=stdin)
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    Draft202012Validator(json.loads(schema_text("scan"))).validate(document)
    return {process["pid"]: process for process in document["processes"]}


def scanned_once_old(pids: Sequence[int], *options: str) -> dict[int, Any] | None:
    """The live machine; None while one of the processes is too young."""
    live = scanned(*options)
    return None if any(live[pid]["reason"] == "min-lifetime" for pid in pids) else live


@needs_ps
@pytest.mark.parametrize(
    ("command", "locale"),
    [(command, ("C", "C.UTF-8")[place % 2]) for place, command in enumerate(FORMATS)],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_what_real_ps_tells_is_what_the_live_machine_tells(
    command: list[str],
    locale: str,
    pids: tuple[int, ...],
    tmp_path: Path,
) -> None:
    """Each outcome is the live one or unknown, and so is each text."""
    env = {**os.environ, "LC_ALL": locale}
    listed = subprocess.run(command, capture_output=True, check=True, env=env).stdout
    for content, agent in ((RULES, "6.5"), (MATCHERS, "7.1")):
        config = tmp_path / "agent.yaml"
        config.write_text(content)
        options = ("-c", str(config), "--agent", agent)
        live = eventually(partial(scanned_once_old, pids, *options)) or {}
        given = scanned(*options, "-s", "-", stdin=listed)
        first = given[pids[0]]
        known = agreed(pids, live, given)
        if agent == "6.5":
            assert known >= 1
            assert first["gprocess"] == "app-80"
        elif any("comm" in word for word in command):
            assert first["hits"] == [1, 2]


def agreed(pids: Sequence[int], live: Mapping[int, Any], given: Mapping[int, Any]) -> int:
    """How many processes have a known outcome, after checking all against the live one."""
    known = 0
    for pid in pids:
        real, ours = live[pid], given[pid]
        for key in ("comm", "ppid", "argv", "uid", "exe"):
            assert ours[key] in (real[key], None), key
        if ours["status"] != "unknown":
            known += 1
            assert set(ours["hits"]) <= set(real["hits"])
            same = ("status", "reason", "gprocess", "rule", "process_name")
            mine = {key: ours[key] for key in same}
            if mine["process_name"] is None:
                mine["process_name"] = real["process_name"]
            assert mine == {key: real[key] for key in same}
    return known


@needs_ps
def test_commands_that_need_sockets_or_arguments_refuse(tmp_path: Path) -> None:
    listed = tmp_path / "ps.txt"
    listed.write_bytes(subprocess.run(["ps", "-ef"], capture_output=True, check=True).stdout)
    for command in (["sockets"], ["sync", "--once"], ["record", str(tmp_path / "out")]):
        ran = call(*command, "-s", str(listed))
        assert ran.code == 3
        assert "the output of ps has no" in ran.err
    for command in (["suggest"], ["test", "--from", str(listed)], ["topology", "-s", str(listed)]):
        assert call(*command, *([str(listed)] if command == ["suggest"] else [])).code in (2, 3)


@needs_ps
def test_commands_about_processes_read_it(tmp_path: Path) -> None:
    config = tmp_path / "agent.yaml"
    config.write_text(RULES)
    listed = tmp_path / "ps.txt"
    listed.write_text(
        f"{BEST}      7       1 me       app             /opt/shop/bin/app --port 80\n"
    )
    common = ("-s", str(listed))
    assert call("explain", "-c", str(config), *common, "7").code == 0
    (explained,) = json.loads(call("explain", "-c", str(config), *common, "7", "--json").out)[
        "processes"
    ]
    assert explained["process_name"] is None
    assert [rule["subject"] for rule in explained["trace"]][2] is None
    assert call("tags", "-c", str(config), *common).code == 0
    assert call("check", str(config), *common).code in (0, 1)
    assert call("doctor", "-c", str(config), *common).code in (0, 1)
    assert call("diff", str(config), str(config), *common).code == 0
    ran = call("scan", "-c", str(config), *common, "--strict")
    assert ran.code == 4
    assert ran.err.count("the output of ps does not tell") == 1


def test_check_does_not_say_that_a_rule_matches_no_process_that_ps_hides(tmp_path: Path) -> None:
    config, listed = tmp_path / "agent.yaml", tmp_path / "ps.txt"
    config.write_text(RULES)
    listed.write_text(f"{BEST}      7       1 me       app             /opt/shop/bin/app\n")
    found = call("check", str(config), "-s", str(listed), "--json")
    unreached = [one["rule"] for one in json.loads(found.out)["diagnostics"]]
    assert 1 in unreached
    listed.write_text(f"{BEST}      7       1 me       app             /opt/shop/bin/app what?\n")
    found = call("check", str(config), "-s", str(listed), "--json")
    codes = [one["code"] for one in json.loads(found.out)["diagnostics"]]
    assert "rule-not-observed" not in codes


def test_rules_on_the_name_are_decided_where_all_candidates_agree(tmp_path: Path) -> None:
    config = tmp_path / "agent.yaml"
    config.write_text(
        "static_config:\n  os-proc-regex:\n"
        "  - {match-regex: redis, match-type: process_name, action: drop}\n"
        "  - {match-regex: ^sleep$, match-type: process_name, action: drop}\n"
        "  - {match-regex: ^top$, match-type: parent_process_name, action: drop}\n"
        "  - {match-regex: app, match-type: cmdline, rewrite-name: shop}\n"
    )
    rows = [
        "      1       0 root     top             /bin/top -b",
        "      2       0 root     init            /sbin/init",
        "      3       2 me       redis-server    /usr/bin/redis-server *:6379",
        "      4       2 me       sleep           sleep 5",
        "      5       2 me       app             /bin/app -x",
        "      6       1 me       app             /bin/app -x",
        "      7      99 me       app             /bin/app -x",
        "      8       2 me       other           /bin/other -x",
    ]
    listed = "\n".join((BEST.rstrip(), *rows)).encode()
    found = scanned("-c", str(config), "-s", "-", stdin=listed)
    outcomes = {pid: (one["status"], one["gprocess"]) for pid, one in found.items()}
    assert outcomes == {
        1: ("unknown", None),
        2: ("accepted", "init"),
        3: ("dropped", None),
        4: ("unknown", None),
        5: ("accepted", "/bin/shop -x"),
        6: ("unknown", None),
        7: ("unknown", None),
        8: ("unknown", None),
    }


def test_tags_are_not_inherited_from_an_ancestor_that_ps_does_not_show(tmp_path: Path) -> None:
    tags = tmp_path / "tags.yaml"
    tags.write_text("- {pid: 2, tags: [{key: owner, value: me}]}\n")
    rows = [
        "      2       0 root     init            /sbin/init",
        "      5       2 me       app             /bin/app",
        "      7      99 me       app             /bin/app",
    ]
    listed = "\n".join((BEST.rstrip(), *rows)).encode()
    found = scanned("--tags", str(tags), "-s", "-", stdin=listed)
    assert [tag["from_pid"] for tag in found[5]["tags"]] == [2]
    assert found[7]["tags"] is None
    without = b"    PID COMMAND\n      2 /sbin/init\n      5 /bin/app\n"
    assert scanned("--tags", str(tags), "-s", "-", stdin=without)[5]["tags"] is None


def test_a_text_that_is_neither_gets_a_hint(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("Dear reader\n")
    ran = call("scan", "-s", str(other))
    assert ran.code == 3
    assert "not a proccli recording" in ran.err
    assert "the output of ps -ww -eo pid,ppid,user,comm,args" in ran.err

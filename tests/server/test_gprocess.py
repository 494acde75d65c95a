"""Which processes the server takes for one gprocess."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proccli.server.gprocess import (
    Identity,
    NameUsage,
    ReportedProcess,
    group_by_name,
    identify_gprocesses,
)
from proccli.server.main_argument import main_argument
from proccli.versions import SERVERS, server_version

V65, V71 = SERVERS["6.5"], SERVERS["7.1"]
POD, OTHER_POD = "a" * 64, "b" * 64


def reported(pid: int, name: str, cmdline: str | None = None, **fields: Any) -> ReportedProcess:
    known = {"process_name": name, "cmdline": name if cmdline is None else cmdline}
    return ReportedProcess(pid=pid, name=name, **known | fields)


def python(pid: int, cmdline: str, **fields: Any) -> ReportedProcess:
    return reported(pid, "python3", cmdline, **fields)


def groups(*processes: ReportedProcess, version: str = "7.1") -> list[int]:
    return [identity.group for identity in identify_gprocesses(processes, SERVERS[version])]


def one(process: ReportedProcess, version: str = "7.1") -> Identity:
    (identity,) = identify_gprocesses([process], SERVERS[version])
    return identity


def uses(*processes: ReportedProcess, version: str = "7.1") -> list[tuple[str, int, int]]:
    found = group_by_name(identify_gprocesses(processes, SERVERS[version]))
    return [(use.name, use.at_least, use.at_most) for use in found]


# The command line of an interpreter


@pytest.mark.parametrize(
    ("cmdline", "expected"),
    [
        ("java -Xmx64m -jar /opt/pay.jar --port 80", "/opt/pay.jar"),
        ("/usr/lib/jvm/java-17-openjdk/bin/java -cp /a:/b com.shop.Main -jar", "/a:/b"),
        ("java -Xmx64m com.shop.Main --jar x", "com.shop.Main"),
        ("java --add-modules java.se com.shop.Main", "java.se"),
        ("python3 /opt/app.py --port 80", "/opt/app.py"),
        ("python3 -u -m http.server 8000", "http.server"),
        ("python3 --bind 10.0.0.1 -m http.server", "http.server"),
        ("python3 -W ignore /opt/app.py", "ignore"),
        ("python3 app.py -m debug", "debug"),
        ("/usr/bin/node --inspect dist/main.js", "dist/main.js"),
        ("node --max-old-space-size=4096 app.js", "app.js"),
        ("python3 -c import java; run() -jar x", "x"),
        ("python3 /opt/java-8/run.py -jar x.jar", "x.jar"),
        ("/opt/node/bin/python3 -m pip", "pip"),
        ("java -jar -jar x", "-jar"),
        ("python3", "python3"),
        ("python3 -u", "python3 -u"),
        ("java -jar", "java -jar"),
        ("python3 -", "python3 -"),
        ("", ""),
        ("   ", "   "),
    ],
)
def test_what_is_compared_of_an_interpreters_command_line(cmdline: str, expected: str) -> None:
    assert main_argument(cmdline) == expected


@pytest.mark.parametrize(
    "word", ["javac", "java_home", "xjava", "java8x", "1java", "Java", "pythonw", "node_modules"]
)
def test_a_name_within_a_word_is_no_program(word: str) -> None:
    assert main_argument(f"{word} -jar x.jar") == f"{word} -jar x.jar"


@pytest.mark.parametrize(
    "word", ["java", "java8", "java-11", "java1.8.0-x", "java.x", "éjava", "a/java", "java-"]
)
def test_a_name_between_word_boundaries_is_one(word: str) -> None:
    assert main_argument(f"{word} -jar x.jar") == "x.jar"


def test_only_the_last_blanks_may_end_a_line() -> None:
    assert main_argument("java -Da=b\n -jar x.jar") == "x.jar"
    assert main_argument("java -Da=b\n-Dc=d -jar x.jar") == "java -Da=b\n-Dc=d -jar x.jar"
    assert main_argument("java\n-Da=b Main") == "java\n-Da=b Main"
    assert main_argument("python3 -c\nimport os") == "import"


def test_only_five_characters_are_blanks() -> None:
    assert main_argument("java\t-jar\r\f x.jar") == "x.jar"
    assert main_argument("java\v-jar x.jar") == "x.jar"
    assert main_argument("python3 a\vb\u00a0c d") == "a\vb\u00a0c"


_BLANK, _NONE = "[\\t\\n\\f\\r ]", "[^\\t\\n\\f\\r ]"
PATTERNS = [
    re.compile(pattern.replace("_", _BLANK).replace("~", _NONE), re.ASCII)
    for pattern in (
        r"\bjava[\d.-]*\b.*?_+-jar_+(~+)",
        r"\bpython[\d.-]*\b.*?_+-m_+(~+)",
        r"\b(?:java|node|python)[\d.-]*\b.*?_+(?=[^-])(~+)",
    )
]
"""The server's reading once more, as patterns: Go's engine finds what a backtracking one does."""


def searched(cmdline: str) -> str:
    for pattern in PATTERNS:
        if found := pattern.search(cmdline):
            return str(found[1])
    return cmdline


PIECES = [
    "java",
    "python",
    "node",
    "-jar",
    "-m",
    " ",
    "\n",
    "\t",
    "\v",
    "-",
    "8",
    ".",
    "x",
    "é",
    "_",
]


@given(st.lists(st.sampled_from([*PIECES, " ", " "]), max_size=14).map("".join))
def test_words_tell_what_the_patterns_find(cmdline: str) -> None:
    assert main_argument(cmdline) == searched(cmdline)


@pytest.mark.parametrize(
    "cmdline",
    ["java " * 300_000, "java" + "1." * 400_000, "python3" + " " * 800_000, "java -x " * 100_000],
)
def test_a_hostile_command_line_is_walked_once(cmdline: str) -> None:
    """The patterns would go over it from each of its characters."""
    assert main_argument(cmdline + "\n \nx -jar") in (cmdline + "\n \nx -jar", "java", "x")


def with_holes(shown: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """`*` is what is masked."""
    return shown, tuple(found.span() for found in re.finditer(r"\*+", shown))


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("python3 /opt/app.py --password=***", "/opt/app.py"),
        ("java -Dpassword=*** -jar /opt/pay.jar --token ***", "/opt/pay.jar"),
        ("python3 -X *** -m shop.app", "shop.app"),
        ("java -Dpassword=*** com.shop.Main", None),  # "a b" would be an argument
        ("python3 *** app.py", None),
        ("python3 -m ***", None),
        ("java -jar /opt/***.jar", None),
        ("python3 --password=***", None),
        ("/opt/*** -m shop", None),
        ("/opt/*-java -jar x.jar", "x.jar"),
        ("/opt/*java -jar x.jar", None),
        ("/opt/java* -jar x.jar", None),
        ("java8* -jar x.jar", None),
        ("java*x -jar x.jar", None),
        ("java.x=* app", None),
        ("java -Dx=*-jar x.jar x", None),
        ("java *-jar x.jar", None),
        ("java -cp x -jar* x.jar", None),
        ("python3 app.py --mysql-password=***", "app.py"),
    ],
)
def test_a_mask_matters_where_it_could_change_the_answer(shown: str, expected: str | None) -> None:
    assert main_argument(*with_holes(shown)) == expected


def test_a_masked_span_over_blanks_belongs_to_the_word_after_it() -> None:
    assert main_argument("python3  app.py x", ((7, 8),)) is None
    assert main_argument("python3 app.py  x", ((14, 16),)) == "app.py"
    assert main_argument("python3 app.py x", ((0, 16),)) is None


SECRETS = ["", "x", "a b", "8", "-", "-x", ".", "/", "é", "two  words"]


@given(
    st.lists(st.sampled_from([*PIECES, " ", " ", "*"]), max_size=12).map("".join),
    st.lists(st.sampled_from(SECRETS), min_size=12, max_size=12),
)
def test_what_is_known_in_spite_of_masks_is_so_whatever_they_hold(
    shown: str, secrets: list[str]
) -> None:
    known = main_argument(*with_holes(shown))
    if known is not None:
        left = iter(secrets)
        assert main_argument(re.sub(r"\*+", lambda _: next(left), shown)) == known


# Groups


def test_6_5_gives_every_pid_its_own_gprocess() -> None:
    workers = [reported(pid, "nginx: worker process") for pid in (16, 17, 18)]
    assert groups(*workers, version="6.5") == [1, 2, 3]
    assert uses(*workers, version="6.5") == [("nginx: worker process", 3, 3)]
    found = one(workers[0], "6.5")
    assert (found.basis, found.cmdline, found.doubts) == ("pid", None, ())
    assert (found.after_restart, found.after_exec) == ("new", "same")


def test_7_1_merges_processes_of_the_same_name_and_command_line() -> None:
    workers = [reported(pid, "nginx: worker process") for pid in (16, 17)]
    assert groups(reported(14, "nginx: master"), *workers) == [1, 2, 2]
    found = one(workers[0])
    assert (found.basis, found.cmdline, found.doubts) == ("cmdline", "nginx: worker process", ())
    assert (found.after_restart, found.after_exec) == ("same", "new")


def test_the_same_name_may_be_two() -> None:
    shop = python(1, "python3 /opt/app.py --port 80")
    same = python(2, "/usr/bin/python3 -u /opt/app.py --port 81")
    jobs = python(3, "python3 /opt/jobs.py")
    assert groups(shop, same, jobs) == [1, 1, 2]
    assert uses(shop, same, jobs) == [("python3", 2, 2)]


def test_another_name_is_another_one() -> None:
    assert groups(reported(1, "a", "x"), reported(2, "b", "x")) == [1, 2]


def test_only_four_process_names_are_reduced() -> None:
    cmdlines = ("python3.11 app.py --port 80", "python3.11 app.py --port 81")
    assert groups(*(python(1, line, process_name="python3.11") for line in cmdlines)) == [1, 2]
    for name in ("java", "python", "python3", "node"):
        assert groups(*(python(1, line, process_name=name) for line in cmdlines)) == [1, 1]


def test_what_decides_is_the_process_name_and_not_the_gprocess() -> None:
    found = one(reported(1, "shop", "python3 app.py --port 80", process_name="python3"))
    assert (found.name, found.cmdline) == ("shop", "app.py")
    assert one(reported(1, "python3", "sh app.py", process_name="sh")).cmdline == "sh app.py"


def test_agents_share_nothing_but_pods() -> None:
    here, there = (reported(1, "cron", agent=agent) for agent in "ab")
    assert groups(here, there) == groups(here, there, version="6.5") == [1, 2]
    assert uses(here, there) == [("cron", 2, 2)]
    pods = [replace(item, container_id=POD + item.agent) for item in (here, there)]
    assert uses(*pods) == [("cron", 1, 2)]


def test_whether_a_container_is_a_pods_is_never_guessed() -> None:
    first = python(1, "python3 app.py", container_id=POD)
    found = one(first)
    assert (found.basis, found.doubts) == ("pod-or-cmdline", ("pod",))
    assert (found.after_restart, found.after_exec) == ("unknown", "unknown")
    second = replace(first, pid=2)
    assert groups(first, second) == [1, 1]  # one key or the other, it is the same for both
    for other in (
        replace(second, container_id=OTHER_POD),
        replace(second, cmdline="python3 jobs.py"),
        replace(second, container_id=""),
        replace(second, container_id=None),
    ):
        assert groups(first, other) == [1, 2]
        assert uses(first, other) == [("python3", 1, 2)]
    assert one(replace(first, container_id=None)).doubts == ("container-unknown",)


def test_another_command_line_in_a_container_is_certainly_another_gprocess() -> None:
    host, pod = python(1, "python3 a.py"), python(2, "python3 b.py", container_id=POD)
    assert uses(host, pod) == [("python3", 2, 2)]
    assert uses(host, pod, replace(pod, pid=3, cmdline="python3 c.py")) == [("python3", 2, 3)]


def test_a_masked_command_line_may_be_any() -> None:
    masked = reported(1, "mysqld", "mysqld -p***", masked_spans=((9, 12),))
    assert one(masked).doubts == ("masked",)
    assert one(masked).cmdline is None
    assert one(masked).after_restart == "same"
    assert groups(masked, replace(masked, pid=2)) == [1, 2]
    assert uses(masked, replace(masked, pid=2)) == [("mysqld", 1, 2)]
    known = replace(masked, pid=3, cmdline="mysqld", masked_spans=())
    assert uses(masked, known, replace(known, pid=4, cmdline="mysqld -v")) == [("mysqld", 2, 3)]
    assert uses(masked, replace(known, container_id=POD)) == [("mysqld", 1, 2)]
    assert uses(known, replace(masked, container_id=POD)) == [("mysqld", 1, 2)]
    assert one(masked, "6.5").doubts == ()


def test_a_masked_container_has_both_doubts() -> None:
    assert one(reported(1, "a", "a ***", masked_spans=((2, 5),), container_id=POD)).doubts == (
        "pod",
        "masked",
    )


def test_no_processes_give_no_gprocesses() -> None:
    assert identify_gprocesses([], V65) == identify_gprocesses([], V71) == ()
    assert group_by_name(()) == ()


def test_an_empty_name_is_a_name() -> None:
    assert groups(reported(1, "", "x"), reported(2, "", "x")) == [1, 1]


# What the tables make of it


@pytest.mark.parametrize("server", [V65, V71])
def test_a_long_name_is_cut_to_256_bytes(server: Any) -> None:
    (kept, cut) = identify_gprocesses(
        [reported(1, "x" * 256, ""), reported(2, "x" * 257, "")], server
    )
    assert (kept.name_cut, cut.name_cut) == (False, True)
    assert kept.name == cut.name == "x" * 256
    assert (kept.group == cut.group) == server.aggregates


def test_a_name_may_be_cut_within_a_character() -> None:
    found = one(reported(1, "注" * 86))
    assert found.name == "注" * 85 + "\udce6"
    assert found.refused == ("cut-inside",)
    assert one(reported(1, "x" + "注" * 85)).refused == ()
    assert one(reported(1, "a", process_name="注" * 86)).refused == ("cut-inside",)


@pytest.mark.parametrize(
    "process",
    [
        reported(1, "🚀"),
        reported(1, "a", "a 🚀"),
        reported(1, "a", user="🚀"),
        reported(1, "a", tags=(("k", "🚀"),)),
    ],
)
def test_characters_of_four_bytes_are_refused(process: ReportedProcess) -> None:
    assert one(process).refused == one(process, "6.5").refused == ("four-byte",)


def test_truncated_text_is_not_refused() -> None:
    assert one(reported(1, "x" * 256 + "🚀", "")).refused == ()


@pytest.mark.parametrize(
    ("taken", "refused"),
    [
        ({"cmdline": "x" * 65_535}, {"cmdline": "x" * 65_536}),
        ({"cmdline": "é" * 32_767}, {"cmdline": "é" * 32_768}),
        ({"user": "é" * 256}, {"user": "é" * 257}),
        ({"tags": (("k", "x" * 65_533),)}, {"tags": (("k", "x" * 65_534),)}),
    ],
)
def test_text_that_no_column_accepts_is_rejected(taken: Any, refused: Any) -> None:
    assert one(replace(reported(1, "a"), **taken)).refused == ()
    assert one(replace(reported(1, "a"), **refused)).refused == ("too-long",)


def test_a_lone_surrogate_is_no_crash() -> None:
    assert one(reported(1, "\ud800" * 100)).name_cut is True


def test_the_server_version_an_agent_is_of_its_version() -> None:
    assert server_version("6.5") is V65
    assert server_version("7.1") is V71


def test_thousands_of_workers_are_one() -> None:
    many = [python(pid, f"python3 app.py --worker {pid}") for pid in range(20_000)]
    assert uses(*many) == [("python3", 1, 1)]
    assert uses(*many, version="6.5") == [("python3", 20_000, 20_000)]


# The server's own way, written down a second time


def gids(processes: Sequence[ReportedProcess], pods: dict[str, str]) -> list[object]:
    """Its keys, once it is known which container is in which workload; nothing is masked."""
    return [
        (process.name, pods[process.container_id])
        if process.container_id in pods
        else (process.name, process.agent, searched(process.cmdline))
        for process in processes
    ]


@given(
    st.lists(
        st.builds(
            ReportedProcess,
            pid=st.just(1),
            name=st.sampled_from("ab"),
            process_name=st.just("python3"),
            cmdline=st.sampled_from(["python3 x", "python3 -u x", "python3 y"]),
            container_id=st.sampled_from(["", "", POD, OTHER_POD]),
            agent=st.sampled_from("12"),
        ),
        max_size=7,
    ),
    st.dictionaries(st.sampled_from([POD, OTHER_POD]), st.sampled_from(["shop", "pay"])),
)
def test_no_claim_is_wrong_whatever_the_pods_are(
    processes: list[ReportedProcess], pods: dict[str, str]
) -> None:
    each, keys = identify_gprocesses(processes, V71), gids(processes, pods)
    for left, right in combinations(range(len(processes)), 2):
        if each[left].group == each[right].group:
            assert keys[left] == keys[right]
        elif each[left].name != each[right].name or not (each[left].doubts or each[right].doubts):
            assert keys[left] != keys[right]
    use: NameUsage
    for use in group_by_name(each):
        assert use.at_least <= len({keys[place] for place in use.indices}) <= use.at_most


@pytest.mark.parametrize(
    ("number", "aggregates", "reduces", "colons", "ignore_case"),
    [
        ("6.2.0", False, False, False, True),
        ("6.5.8", False, False, False, True),
        ("6.5.9", False, False, True, True),
        ("6.5", False, False, True, True),
        ("6.6.9", False, False, True, True),
        ("6.6.9.2504", True, False, True, True),
        ("6.6", True, True, False, False),
        ("7.0.0", False, False, True, True),
        ("7.0.6", False, False, True, True),
        ("7.0.7", True, False, True, True),
        ("7.0.9", True, False, True, False),
        ("7.0", True, True, False, False),
        ("7.1.0", True, False, False, False),
        ("7.1.5.3", True, False, False, False),
        ("7.1.6", True, True, False, False),
        ("7.1", True, True, False, False),
        ("main", True, True, False, False),
    ],
)
def test_servers_differ_in_what_they_take_for_one_gprocess(
    number: str, aggregates: bool, reduces: bool, colons: bool, ignore_case: bool
) -> None:
    """Source: each release's recorder/cache/tool/data_set.go, utils.go, tagrecorder, init.sql."""
    server = server_version(number)

    assert server.number == number
    assert (server.aggregates, server.reduces_cmdline) == (aggregates, reduces)
    assert (server.tag_values_may_contain_colons, server.tag_keys_ignore_case) == (
        colons,
        ignore_case,
    )

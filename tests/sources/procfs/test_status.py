"""The name in /proc/PID/status, and which files an agent of `inputs.proc` can't parse."""

from __future__ import annotations

import contextlib
import os

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proccli.sources.procfs.files import Unreadable
from proccli.sources.procfs.live import LiveSource
from proccli.sources.procfs.status import parse_status_name
from tests.sources.procfs.processes import forked, root_only, set_comm
from tests.sources.procfs.status_file import status_of


@pytest.mark.parametrize(
    ("comm", "name"),
    [
        (b"shop", "shop"),
        (b"kworker/0:1-eve", "kworker/0"),
        (b":x", ""),
        (b" a b ", "a b"),
        (b"\xc2\xa0x\xe3\x80\x80", "x"),
        (b"\x1dx", "\x1dx"),
        (b"a\nb\\", r"a\nb\\"),
        (b"a) R 1 (b", "a) R 1 (b"),
    ],
)
def test_a_real_process_has_the_name_that_the_kernel_writes(comm: bytes, name: str) -> None:
    with forked(lambda: set_comm(comm)) as pid:
        process = LiveSource().read(pid)

    assert process.status_name == name
    assert process.error("status") is None


def test_a_character_cut_in_two_hides_a_real_process() -> None:
    with forked(lambda: set_comm("a订单服务中心".encode())) as pid:
        process = LiveSource().read(pid)

    error = process.error("status")
    assert process.status_name is None
    assert error is not None
    assert (error.problem, error.detail) == ("malformed", "not UTF-8")


@root_only
@pytest.mark.parametrize(
    ("group", "readable"), [(2**31 - 1, True), (2**31, False), (2**32 - 2, False)]
)
def test_a_supplementary_group_beyond_2_31_hides_a_real_process(
    group: int, *, readable: bool
) -> None:
    with forked(lambda: os.setgroups([4, group])) as pid:
        process = LiveSource().read(pid)

    assert (process.status_name is not None) == readable


def test_every_process_of_this_machine_has_a_readable_file() -> None:
    source = LiveSource()
    for process in source.read_many(source.pids(), frozenset({"stat", "status"})):
        if process.error("stat") is None and process.comm is not None:
            error = process.error("status")
            assert (
                error is None or error.problem == "gone" or error.detail in ("Groups", "not UTF-8")
            )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *((key, None) for key in ("State", "Tgid", "Pid", "PPid", "TracerPid", "Uid", "Gid")),
        *((key, None) for key in ("FDSize", "Groups", "Threads", "SigQ", "SigPnd", "CapEff")),
        ("Umask", "0999"),
        ("Groups", "4 2147483648"),
        ("Groups", "4294967294"),
        ("Uid", "0 0 0"),
        ("Uid", "0 0 0 4294967296"),
        ("VmPeak", ""),
        ("VmSwap", "x kB"),
        ("Cpus_allowed", "zz"),
        ("Cpus_allowed", "100000000"),
        ("Threads", "-1"),
        (
            "Threads",
            "1\N{NO-BREAK SPACE}2",
        ),
        ("SigQ", "0"),
        ("voluntary_ctxt_switches", "-1"),
        ("NoNewPrivs", "1_0"),
        ("Pid", "١"),
    ],
)
def test_a_line_that_the_agent_does_not_expect_costs_the_process(
    key: str, value: str | None
) -> None:
    with pytest.raises(Unreadable) as raised:
        parse_status_name(status_of("shop", changed={key: value}))
    assert raised.value.detail == key


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *((key, None) for key in ("Umask", "Ngid", "NSpid", "VmSwap", "NoNewPrivs", "Seccomp")),
        ("Groups", "-1"),
        ("Groups", "0 1000 2147483647"),
        ("NSpid", "1 2 3"),
        ("Cpus_allowed_list", "x"),
        ("Speculation_Store_Bypass", "x"),
        ("Threads", "+1"),
        ("x", "anything : at all"),
        ("State", ""),
    ],
)
def test_other_lines_may_be_odd(key: str, value: str | None) -> None:
    assert parse_status_name(status_of("shop", changed={key: value})) == "shop"


def test_a_line_without_a_colon_costs_the_process_and_an_empty_one_does_not() -> None:
    written = status_of("shop")
    assert parse_status_name(b"\n" + written + b"\r\n") == "shop"
    with pytest.raises(Unreadable):
        parse_status_name(written + b"what\n")
    for without in (b"what\n" + written[:-1], written + b"what", written + b"what\nFurther:\t1"):
        with pytest.raises(Unreadable, match="colon"):  # also where the last line has no end
            parse_status_name(without)


def test_the_last_line_of_a_key_counts() -> None:
    assert parse_status_name(status_of("shop") + b"Name:\tother\n") == "other"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=15))
@example("\x1c")
@example("\x85")
def test_the_name_is_the_comm_up_to_a_colon_without_white_space(comm: str) -> None:
    name = parse_status_name(status_of(comm))
    kept = comm.replace("\\", "\\\\").replace("\n", "\\n").partition(":")[0]
    assert name in kept
    assert ":" not in name
    assert set(kept.replace(name, "", 1)) <= set("\t\x0b\x0c\r \x85\xa0") | {
        character for character in kept if character.isspace()
    }


@given(st.binary(max_size=200))
def test_any_bytes_give_a_name_or_a_reason(content: bytes) -> None:
    with contextlib.suppress(Unreadable):
        assert isinstance(parse_status_name(content), str)

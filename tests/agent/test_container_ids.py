"""Container ids out of cgroup texts."""

from __future__ import annotations

import pytest

from proccli.agent.facts import container_id, container_id_ends_agent
from proccli.versions import ContainerIds

ID = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "text",
    [
        f"12:pids:/docker/{ID}\n",
        f"0::/system.slice/docker-{ID}.scope\n",
        f"3:cpu,cpuacct:/kubepods/burstable/pod1/{ID}\n0::/\n",
        f"5:name=systemd:/x\n4:memory:/kubepods.slice/cri-containerd-{ID}.scope\n",
        f"0::/a:b/{ID}\n",
    ],
)
def test_known_layouts_give_the_id(text: str) -> None:
    assert container_id(text, "scope-v2") == ID


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0::/\n",
        "0::/user.slice/user-1000.slice/session-1.scope\n",
        f"1:name=systemd:/docker/{ID}\n",
        f"0::/docker/{ID[:-1]}\n",
        f"0::/docker-{ID}.scop\n",
        f"9:pids:/docker/{ID}\nmalformed\n",
        f"9:pids:/docker/{ID}\n\n0::/\n",
        f"x:pids:/docker/{ID}\n",
        f"pids /docker/{ID}\n",
    ],
)
def test_others_give_none(text: str) -> None:
    assert container_id(text, "scope-v2") is None


def test_a_comment_is_passed_over() -> None:
    assert container_id(f"#9:pids:/\n8:memory:/docker/{ID}\n", "scope") == ID


def test_cgroup_v2_counts_for_some_agents_only() -> None:
    assert container_id(f"0::/docker/{ID}\n", "scope") is None
    assert container_id(f"0::/docker/{ID}\n", "scope-v2") == ID


def test_the_first_line_with_a_known_controller_decides() -> None:
    assert container_id(f"9:pids:/\n8:memory:/docker/{ID}\n", "scope-v2") is None


@pytest.mark.parametrize("odd", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\r"])
def test_only_a_newline_ends_a_line(odd: str) -> None:
    assert container_id(f"0::/a{odd}b/{ID}\n", "scope-v2") == ID


def test_the_id_is_any_64_bytes() -> None:
    assert container_id("0::/docker/" + "z" * 64, "scope-v2") == "z" * 64


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        (f"cri-containerd-{ID}.scope", {"cri", "scope", "scope-v2"}),
        (f"cri-containerd-{ID}", {"cri"}),
        (f"crio-{ID}.scope", {"scope", "scope-v2"}),
        (f"a-{ID}.slice", {"scope", "scope-v2"}),
        (ID, {"cri", "scope", "scope-v2"}),
    ],
)
def test_releases_know_different_names(name: str, ids: set[str]) -> None:
    """Source: the measured cases of kind `container`; FACTS A8."""
    every: tuple[ContainerIds, ...] = ("none", "cri", "scope", "scope-v2")
    text = f"1:pids:/kubepods/{name}\n"
    assert {one for one in every if container_id(text, one) == ID} == ids
    assert {one for one in every if container_id(f"0::/kubepods/{name}\n", one)} == (
        ids & {"scope-v2"}
    )


@pytest.mark.parametrize(
    "text",
    [
        f"# docker\n0::/docker/{ID}\n",
        f"0::/docker/{ID}\r\n",
        f"9:cpu:/docker/{ID}\r\n0::/\r\n",
        f"+9:cpu:/docker/{ID}\n",
        f"0::/docker/{ID}",
    ],
)
def test_comments_and_windows_line_ends_are_read(text: str) -> None:
    assert container_id(text, "scope-v2") == ID


@pytest.mark.parametrize(
    "behind", ["garbage\n", "\n", "4294967296:memory:/\n", "١:memory:/\n", "-1:x:/\n", "+:x:/"]
)
def test_a_malformed_line_behind_the_deciding_one_costs_the_id(behind: str) -> None:
    """The agent's reader parses all lines before the first is looked at."""
    assert container_id(f"0::/docker/{ID}\n{behind}", "scope-v2") is None


def test_a_carriage_return_at_the_end_of_the_text_is_part_of_the_path() -> None:
    assert container_id(f"0::/docker/{ID}\r", "scope-v2") is None


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("cri-containerd.service", {"cri"}),  # shorter than an id
        ("cri-containerd-0123", {"cri"}),
        (f"cri-containerd-{ID}", set()),
        ("x-" + "é" * 32 + ".scope", set()),  # cut between two characters
        ("x-0" + "é" * 33 + "123", {"scope", "scope-v2"}),
        ("cri-containerd-0" + "é" * 33 + "123", {"cri", "scope", "scope-v2"}),
        ("x-0" + "é" * 33 + "1234", set()),  # 71 bytes: no id is looked for
        ("0" + "é" * 33, set()),
    ],
)
def test_a_name_that_ends_the_agent_has_no_id(name: str, ids: set[str]) -> None:
    """Source: FACTS A0, A8: shorter in 6.3.0, within a character from 6.3.1 on; run."""
    every: tuple[ContainerIds, ...] = ("none", "cri", "scope", "scope-v2")
    text = f"1:pids:/system.slice/{name}\n"

    assert {one for one in every if container_id_ends_agent(text, one)} == ids
    assert not any(container_id(text, one) for one in every if one in ids)
